// SPDX-License-Identifier: GPL-2.0-or-later
// A picture's number in the picture: 16 bits and 4 of a check sum, black and white cells along the
// top, large enough for any codec.

const BITS = 16;
const CHECK = 4;
const CELLS = BITS + CHECK;

function geometry(width, height) {
	return { cell: (0.75 * width) / CELLS, left: 0.125 * width, top: height / 45, high: height / 18 };
}

const check = (n) => (n ^ (n >> 4) ^ (n >> 8) ^ (n >> 12) ^ 5) & 15;

export function paintNumber(g, number) {
	const { width, height } = g.canvas;
	const { cell, left, top, high } = geometry(width, height);
	const n = number & 0xffff;
	const code = (n << CHECK) | check(n);
	g.fillStyle = '#808080';
	g.fillRect(left - cell, 0, cell * (CELLS + 2), top * 2 + high);
	for (let i = 0; i < CELLS; i++) {
		g.fillStyle = (code >> (CELLS - 1 - i)) & 1 ? '#fff' : '#000';
		g.fillRect(left + i * cell, top, cell, high);
	}
}

// The number, or -1: none that can be read.
export function readNumber({ data, width, height }) {
	const { cell, left, top, high } = geometry(width, height);
	const y = Math.round(top + high / 2);
	let code = 0;
	for (let i = 0; i < CELLS; i++) {
		let sum = 0;
		for (let k = -2; k <= 2; k++) sum += data[4 * (y * width + Math.round(left + (i + 0.5) * cell) + k) + 1];
		code = (code << 1) | (sum > 5 * 128 ? 1 : 0);
	}
	const n = code >> CHECK;
	return check(n) === (code & 15) ? n : -1;
}
