// SPDX-License-Identifier: GPL-2.0-or-later
// From what was painted and what was seen to figures and verdicts; for both ways of getting a call.

import { boxError, expectedBox } from './truth.mjs';

export const FOV = 1; // radians, of the cameras' height
export const [WIDTH, HEIGHT] = [640, 360];

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const quantile = (list, q) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(q * list.length))] ?? NaN;
export const px = (v) => v.toFixed(2);

export function assert(ok, text) {
	if (!ok) throw new Error(text);
}

export async function until(what, check, ms = 10000) {
	const end = Date.now() + ms;
	for (;;) {
		const value = await check();
		if (value) return value;
		if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms`);
		await sleep(50);
	}
}

// On a machine that is too busy to paint and show pictures in time there is nothing to judge: the
// case is skipped, and says so.
export class TooBusy extends Error {}
const BUSY_MS = 250;

// A promise in real time was not kept: the case runs again, twice at most, and its line says so.
export class TooLate extends Error {}
const TRIES = ['', ' (second try)', ' (third try)'];

export async function tries(run) {
	for (const note of TRIES) {
		try {
			await run();
			return note;
		} catch (e) {
			if (!(e instanceof TooLate) || note === TRIES.at(-1)) throw e;
			console.log(`# ${e.message}`);
		}
	}
	return '';
}

function busy(ages) {
	const age = quantile(ages, 0.5);
	if (!(age < BUSY_MS)) throw new TooBusy(`pictures are ${Math.round(age)} ms old: too old to judge; a busy machine, or a fault`);
}

// Received pictures with what should be in them.
export function judged(seen, painted) {
	return seen
		.filter((s) => painted.has(s.number))
		.map((s) => {
			const { at, pose } = painted.get(s.number);
			const want = expectedBox(pose, s.width, s.height, FOV);
			// in pixels of the camera's 640 x 360, whatever the ARMF has made of it
			return { ...s, want, age: s.at - at, error: want && s.box ? (boxError(s.box, want) * WIDTH) / s.width : null };
		});
}

export const inside = (list) => list.filter((s) => s.want);

export const STILLS = [
	{ position: [0, 1.6, 2.4], yaw: 0, pitch: -0.15 },
	{ position: [0.6, 1.5, 2], yaw: 0.25, pitch: -0.1 },
	{ position: [-0.9, 1.7, 1.9], yaw: -0.5, pitch: -0.25 },
	{ position: [2, 1.3, 0.4], yaw: 1.4, pitch: 0 },
	{ position: [-1.6, 1.4, -1.2], yaw: -2.25, pitch: -0.05 },
	{ position: [0.1, 2.3, 1.6], yaw: 0.1, pitch: -0.6 },
	{ position: [0.5, 1.2, 3.2], yaw: 0, pitch: 0.05 },
];

/*
 * The three of a call: camera.move(move) resolves with when it began (this machine's clock, ms),
 * camera.painted() with number -> { at, pose }, screen.seen(since) with what was seen.
 */
export async function stills({ camera, screen }, name, limit = 2, list = STILLS) {
	let worst = 0;
	for (const still of list) {
		const at = await camera.move({ kind: 'still', ...still });
		// six pictures of this pose, not the first ones: an encoder gets sharp over some
		const pictures = async () => {
			const painted = await camera.painted();
			return judged(await screen.seen(at), painted).filter((s) => painted.get(s.number).at > at + 250);
		};
		await until('pictures of the pose', async () => (await pictures()).length > 6);
		const all = inside(await pictures());
		assert(all.length > 0, `no picture of ${JSON.stringify(still)}`);
		const missing = all.filter((s) => !s.box).length;
		assert(missing === 0, `the box is not drawn in ${missing} of ${all.length} pictures at ${JSON.stringify(still)}`);
		worst = Math.max(worst, ...all.map((s) => s.error));
	}
	console.log(`# ${name} stills=${list.length} worst_px=${px(worst)}`);
	assert(worst <= limit, `the box is ${px(worst)} px off its place, ${limit} allowed`);
}

export async function moving({ camera, screen }, name, move, { seconds = 6, limit = 3, drawn = 0.98, at95 = limit, save = () => {} } = {}) {
	const start = await camera.move(move);
	await sleep(seconds * 1000 + 400);
	const painted = await camera.painted();
	const all = inside(judged((await screen.seen(start + 400)).filter((s) => s.number >= 0), painted));
	const errors = all.filter((s) => s.box).map((s) => s.error);
	const worst = Math.max(...errors);
	console.log(`# ${name} pictures=${all.length} drawn=${(errors.length / all.length).toFixed(3)} p50_px=${px(quantile(errors, 0.5))} p95_px=${px(quantile(errors, 0.95))} max_px=${px(worst)} age_p50_ms=${Math.round(quantile(all.map((s) => s.age), 0.5))}`);
	const told = camera.told ? await camera.told() : new Map();
	save(name, { all, painted: [...painted], told: [...told] });
	if (all.length <= seconds * 4) busy(all.map((s) => s.age));
	assert(all.length > seconds * 4, `only ${all.length} pictures in ${seconds} s`);
	// a page that painted late, or told its poses late, unless it is so each time
	if (errors.length < drawn * all.length) throw new TooLate(`the box is missing in ${all.length - errors.length} of ${all.length} pictures`);
	if (worst > limit || quantile(errors, 0.95) > at95) throw new TooLate(`the box is up to ${px(worst)} px off (p95 ${px(quantile(errors, 0.95))}), ${limit} allowed`);
}

// Sound and picture of one person, as Chromium believes to play them; look() as watch.mjs's skewOf().
// Median of 20 looks, after it has had time to align them.
export async function skew(look, name) {
	await sleep(10000);
	const skews = [];
	for (let i = 0; i < 20; i++) {
		const s = await look();
		if (s !== null) skews.push(s);
		await sleep(200);
	}
	assert(skews.length >= 10, 'Chromium knows no playout times');
	const middle = quantile(skews, 0.5);
	console.log(`# ${name} skew_p50_ms=${middle.toFixed(1)} min_ms=${Math.min(...skews).toFixed(1)} max_ms=${Math.max(...skews).toFixed(1)}`);
	return middle;
}

// 45 ms, or little more than two browsers alone are apart: a page's own sources are not in step. When
// pictures come later and later nothing can keep sound in step with them.
export async function assertSkew({ camera, screen }, middle, alone, since) {
	const painted = await camera.painted();
	busy((await screen.seen(since)).filter((s) => painted.has(s.number)).map((s) => s.at - painted.get(s.number).at));
	const allowed = Math.max(45, Math.abs(alone) + 25);
	if (Math.abs(middle) > allowed) throw new TooLate(`sound and picture are ${middle.toFixed(1)} ms apart, ${alone.toFixed(1)} without us`);
}
