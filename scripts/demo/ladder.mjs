// SPDX-License-Identifier: GPL-2.0-or-later
// The demo's lines: "NN  what happened  evidence  ms". Plain ASCII; colours only on a terminal.

const tty = process.stdout.isTTY && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
const paint = (code) => (text) => (tty ? `\u001b[${code}m${text}\u001b[0m` : text);
export const bold = paint('1');
export const dim = paint('2');
export const green = paint('32');
export const red = paint('31');

const WHAT = 42;
const EVIDENCE = 76;

const ascii = (text) => String(text).replace(/[^\x20-\x7e]/g, '?');

// Breaks text at spaces into lines of at most width.
export function wrap(text, width) {
	const lines = [];
	let line = '';
	for (const word of ascii(text).split(/ +/)) {
		if (line && line.length + 1 + word.length > width) {
			lines.push(line);
			line = word;
		} else {
			line = line ? `${line} ${word}` : word;
		}
	}
	return [...lines, line];
}

export class Ladder {
	failed = [];

	title(text) {
		console.log(`\n${bold(ascii(text))}`);
	}

	head() {
		console.log(dim(`NN  ${'what happened'.padEnd(WHAT)}  ${'evidence'.padEnd(EVIDENCE)}  ${'ms'.padStart(6)}`));
	}

	// One step. ms: a number, or a text such as "<12". ok false: the evidence does not hold, and the
	// demo fails.
	step(mark, what, evidence, ms, ok = true) {
		const name = typeof mark === 'number' ? String(mark).padStart(2, '0') : mark.padEnd(2);
		const lines = wrap(evidence, EVIDENCE);
		const left = wrap(what, WHAT);
		for (let i = 0; i < Math.max(lines.length, left.length); i++) {
			const start = i === 0 ? (ok ? green : red)(name) : '  ';
			const time = i === 0 && ms !== undefined ? String(typeof ms === 'number' ? Math.round(ms) : ms).padStart(6) : '';
			console.log(`${start}  ${(left[i] ?? '').padEnd(WHAT)}  ${(lines[i] ?? '').padEnd(time ? EVIDENCE : 0)}  ${time}`.trimEnd());
		}
		if (!ok) {
			this.failed.push(`${name.trim()} ${what}`);
			console.log(red(`    ^ this does not hold`));
		}
		return ok;
	}

	note(text) {
		for (const line of wrap(text, WHAT + EVIDENCE)) console.log(`    ${line}`);
	}
}
