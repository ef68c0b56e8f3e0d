// SPDX-License-Identifier: GPL-2.0-or-later
// Where the scene's magenta box must be in a picture taken at a pose, and where it is. The same in
// the page and in Node.

import { project, toCamera } from '../../../../webapp/src/room.mjs';

// box.gltf: half extents around its node's place
export const BOX = { at: [0, 1.2, 0], half: [0.25, 0.2, 0.15] };

export function corners({ at, half }, pose, width, height, fovY) {
	const out = [];
	for (const sx of [-1, 1]) {
		for (const sy of [-1, 1]) {
			for (const sz of [-1, 1]) {
				const point = [at[0] + sx * half[0], at[1] + sy * half[1], at[2] + sz * half[2]];
				out.push(project(toCamera(pose, point), width, height, fovY));
			}
		}
	}
	return out;
}

// { left, top, right, bottom } in pixels, edges not indices; null when not wholly in the picture.
export function expectedBox(pose, width, height, fovY, box = BOX) {
	const points = corners(box, pose, width, height, fovY);
	const [x, y] = [points.map((p) => p[0]), points.map((p) => p[1])];
	const b = { left: Math.min(...x), top: Math.min(...y), right: Math.max(...x), bottom: Math.max(...y) };
	const margin = 4;
	const behind = toCamera(pose, box.at)[2] > -0.5;
	if (behind || b.left < margin || b.top < height / 12 + margin || b.right > width - margin || b.bottom > height - margin) return null;
	return b;
}

const isMagenta = (data, i) => data[i] - data[i + 1] > 120 && data[i + 2] - data[i + 1] > 120;

// The bounding box of what is magenta, below the barcode; null for less than 20 pixels of it.
export function magentaBox({ data, width, height }) {
	const b = { left: width, top: height, right: 0, bottom: 0 };
	let n = 0;
	for (let y = Math.ceil(height / 12); y < height; y++) {
		for (let x = 0; x < width; x++) {
			if (!isMagenta(data, 4 * (y * width + x))) continue;
			n++;
			if (x < b.left) b.left = x;
			if (x >= b.right) b.right = x + 1;
			if (y < b.top) b.top = y;
			b.bottom = y + 1;
		}
	}
	return n < 20 ? null : b;
}

// The largest distance between two boxes' edges, pixels.
export function boxError(a, b) {
	return Math.max(...['left', 'top', 'right', 'bottom'].map((k) => Math.abs(a[k] - b[k])));
}
