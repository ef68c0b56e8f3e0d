// SPDX-License-Identifier: GPL-2.0-or-later
// The ARMF seen by real Chromium: node e2e.mjs BUILD FOLDER [CASE...]. One line a case and one
// `# name figure=...` line for what was measured. Truth is in the picture: every picture carries its
// number as a barcode, the page knows the pose that it was painted at, and so where the drawn box
// must be.

import { mkdirSync, writeFileSync } from 'node:fs';
import { Browser, connect, connectDirect, hourAhead, Mediad, sleep } from './lab.mjs';
import { motion } from './motion.mjs';
import { boxError, expectedBox } from './truth.mjs';
import { assert, assertSkew, FOV, HEIGHT, judged, moving, quantile, skew, STILLS, stills, TooBusy, TooLate, tries, until, WIDTH } from './judge.mjs';

const [build, folder, ...wanted] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const save = (name, figures) => writeFileSync(`${folder}/${name}.json`, JSON.stringify(figures));

// From a sudden pose to the first picture shown that has it: the wait for the camera's next picture,
// both encoders, the ARMF, the network, Chromium's buffer.
async function latency({ camera, screen }, name, n = 40) {
	const out = [];
	const since = await camera.move({ kind: 'still', position: [0, 1.6, 2.4], yaw: 0, pitch: -0.15 });
	for (let i = 0; i < n; i++) {
		const yaw = i % 2 ? 0.2 : -0.2;
		await sleep(150 + Math.random() * 40);
		const at = await camera.move({ kind: 'still', position: [0, 1.6, 2.4], yaw, pitch: -0.15 });
		const first = await until('the new pose', async () => {
			const painted = await camera.painted();
			return judged(await screen.seen(at), painted).find((s) => painted.get(s.number).at >= at && s.error !== null && s.error < 6);
		}, 3000);
		out.push(first.at - at);
	}
	const [p50, p95] = [quantile(out, 0.5), quantile(out, 0.95)];
	console.log(`# ${name} n=${n} p50_ms=${p50.toFixed(1)} p95_ms=${p95.toFixed(1)} min_ms=${Math.min(...out).toFixed(1)} ${await through({ camera, screen }, since)} ${await buffered(screen)}`);
	return { p50, p95 };
}

// How long Chromium kept pictures before showing them, ms; means since the page began.
async function buffered(screen) {
	const s = (await screen.eval(() => window.phone.stats()))['inbound-rtp'] ?? {};
	const mean = (sum, n) => ((1000 * sum) / Math.max(1, n)).toFixed(1);
	return `jitter_buffer_ms=${mean(s.jitterBufferDelay, s.jitterBufferEmittedCount)} min_ms=${mean(s.jitterBufferMinimumDelay, s.jitterBufferEmittedCount)} decode_ms=${mean(s.totalDecodeTime, s.framesDecoded)} processing_ms=${mean(s.totalProcessingDelay, s.framesDecoded)} assembly_ms=${mean(s.totalAssemblyTime, s.framesAssembledFromMultiplePackets)} freezes=${s.freezeCount} dropped=${s.framesDropped}`;
}

// Parity packets (ULPFEC) of all cases so far from Chromium, what they brought back, to it; of this case
// what it tells of them.
async function parity(lab, screen) {
	const [{ avFecReceived: up, avFecRecovered: back, avFecSent: sent }] = (await lab.mediad.status()).worker;
	const s = (await screen.eval(() => window.phone.stats()))['inbound-rtp'] ?? {};
	return `fec_up=${up} fec_recovered=${back} fec_down=${sent} fec_down_seen=${s.fecPacketsReceived ?? 0}`;
}

// From Chromium's encoder to the arrival of the picture's last packet at the other Chromium: one
// paced sending, the ARMF, another one.
async function through({ camera, screen }, since) {
	const sent = new Map(await camera.eval(() => window.phone.sent));
	const ms = (await screen.seen(since)).filter((s) => s.received && sent.has(s.rtp)).map((s) => s.received - sent.get(s.rtp));
	return `through_p50_ms=${quantile(ms, 0.5).toFixed(1)} through_p95_ms=${quantile(ms, 0.95).toFixed(1)}`;
}

async function leg(lab, id, t = 0) {
	const c = (await lab.mediad.mrm.get(id)).json;
	return c.terminations[t].medias.find((m) => m.mediaId === 'v0')['x-ims-ar'];
}

// A call of two phones over mediad; fn gets it, all of it goes afterwards.
async function call(lab, cameraOptions, fn, { screenOptions = {}, context = {}, browser = null, processed = 0 } = {}) {
	const camera = await (browser ?? lab.browser).phone({ role: 'camera', width: WIDTH, height: HEIGHT, fovY: FOV, ...cameraOptions });
	const screen = await lab.browser.phone({ role: 'screen', ...screenOptions });
	try {
		const id = await connect(lab.mediad, camera, screen, context);
		lab.id = id;
		await until('a picture', async () => (await screen.seen()).length > 20, 15000);
		// a processor that has just started fills its cache of shaders first
		await until('processing', async () => (await leg(lab, id, processed)).armf?.state === 'processing', 15000);
		await fn({ camera, screen, id });
		const problems = [...camera.problems, ...screen.problems, ...(await camera.eval(() => window.phone.problems)), ...(await screen.eval(() => window.phone.problems))];
		assert(problems.length === 0, problems.join('; '));
		await lab.mediad.mrm.delete(id);
	} finally {
		await Promise.all([camera.close(), screen.close()]);
	}
}

const BAD = { jitter: 30, loss: 0.05 };
const TURN = { kind: 'turn', speed: 60 };
const [ASIDE, UP] = [Math.atan((Math.tan(FOV / 2) * WIDTH) / HEIGHT), FOV / 2];
const VIEW = { angleLeft: -ASIDE, angleRight: ASIDE, angleUp: UP, angleDown: -UP };
const ORBIT = { kind: 'orbit', speed: 60 };
const TWO_WAY = { role: 'camera', both: true, fps: 15 };

// The measuring's own error: the page paints the box itself and no network touches it.
async function measuring(lab) {
	const camera = await lab.browser.phone({ role: 'camera', width: WIDTH, height: HEIGHT, fovY: FOV, drawn: true, data: false, tags: false });
	const screen = await lab.browser.phone({ role: 'screen' });
	try {
		await connectDirect(camera, screen);
		await until('a picture', async () => (await screen.seen()).length > 20);
		await stills({ camera, screen }, 'measuring');
		await moving({ camera, screen }, 'measuring-turning', TURN, { seconds: 3 });
		const { frames, exact } = await camera.eval(() => ({ frames: window.phone.camera.frames, exact: window.phone.camera.exact }));
		assert(exact && frames.matched >= 0.9 * frames.encoded, JSON.stringify(frames));
	} finally {
		await Promise.all([camera.close(), screen.close()]);
	}
}

// Gaps between pictures, and pictures that cannot be read.
function freezes(list, since) {
	const times = [since, ...list.map((s) => s.at)];
	const gaps = times.slice(1).map((t, i) => t - times[i]).slice(1);
	return { n: list.length, longest: Math.max(0, ...gaps), over: (ms) => gaps.filter((g) => g > ms).length, broken: list.filter((s) => s.number < 0).length };
}

// The line falls to 500 kbit/s under a picture that fills it. after: share of the link in the two
// seconds that follow the first two.
async function drop({ camera, screen }, line, name) {
	await camera.move(ORBIT);
	await sleep(9000);
	const before = line.bytes;
	await sleep(1000);
	const was = ((line.bytes - before) * 8) / 1000;
	const at = Date.now();
	line.how.kbps = 500;
	const queue = [];
	const watch = setInterval(() => queue.push([Date.now() - at, line.queued]), 50);
	await sleep(2000);
	const [bytes, lost] = [line.bytes, line.lost];
	await sleep(4000);
	clearInterval(watch);
	const after = ((line.bytes - bytes) * 8) / 4000 / 500;
	const late = queue.filter(([t]) => t > 2000).map(([, q]) => q);
	const list = await screen.seen(at);
	const f = freezes(list, at);
	const painted = await camera.painted();
	const age = quantile(list.filter((s) => s.at > at + 2000 && painted.has(s.number)).map((s) => s.at - painted.get(s.number).at), 0.5);
	console.log(`# ${name} before_kbps=${Math.round(was)} share_after_2s=${after.toFixed(2)} queue_after_2s_p50_ms=${Math.round(quantile(late, 0.5))} queue_after_2s_max_ms=${Math.round(Math.max(...late))} lost_in_2s=${lost} longest_gap_ms=${Math.round(f.longest)} age_p50_ms=${Math.round(age)} pictures=${f.n}`);
	return { after, longest: f.longest };
}

async function dropAlone(lab) {
	const camera = await lab.browser.phone({ role: 'camera', width: WIDTH, height: HEIGHT, fovY: FOV, data: false, tags: false, noise: true });
	const screen = await lab.browser.phone({ role: 'screen' });
	try {
		const relay = await connectDirect(camera, screen, { up: { kbps: 3000, delay: 10 }, down: { delay: 10 } });
		await until('a picture', async () => (await screen.seen()).length > 20);
		return await drop({ camera, screen }, relay.up, 'drop-peer-to-peer');
	} finally {
		await Promise.all([camera.close(), screen.close()]);
	}
}

// Chromium to Chromium, nothing in between.
async function lipSyncAlone(lab) {
	const camera = await lab.browser.phone({ role: 'camera', width: WIDTH, height: HEIGHT, fovY: FOV, data: false, tags: false, audio: true });
	const screen = await lab.browser.phone({ role: 'screen' });
	try {
		await connectDirect(camera, screen);
		await until('a picture', async () => (await screen.seen()).length > 20);
		return await skew(() => screen.eval(() => window.phone.skew()), 'lipsync-peer-to-peer');
	} finally {
		await Promise.all([camera.close(), screen.close()]);
	}
}

const CASES = {
	measuring,
	async stills(lab) {
		await call(lab, {}, async (c) => {
			await stills(c, 'stills');
			const x = await leg(lab, c.id);
			assert(x.armf?.state === 'processing', JSON.stringify(x.armf));
			await c.camera.save('camera', `${folder}/camera.png`);
			await c.screen.save('screen', `${folder}/screen.png`);
		});
	},
	async turning(lab) {
		await call(lab, BAD, async (c) => {
			await moving(c, 'turning', TURN, { save });
			await moving(c, 'orbiting', ORBIT, { save });
			assert((await leg(lab, c.id)).armf?.poseSource === 'pose-rtp', JSON.stringify((await leg(lab, c.id)).armf));
		});
	},
	// a UE that cannot name frames: by abs-capture-time, and by sender reports alone
	async 'capture-time'(lab) {
		await call(lab, { ...BAD, tags: false }, async (c) => {
			await sleep(3000);
			await moving(c, 'capture-time', TURN, { limit: 15, at95: 6 });
			assert((await leg(lab, c.id)).armf?.poseSource === 'abs-capture-time', JSON.stringify((await leg(lab, c.id)).armf));
		});
	},
	async reports(lab) {
		await call(lab, { ...BAD, tags: false, captureTime: false }, async (c) => {
			await sleep(3000);
			await moving(c, 'sender-reports', TURN, { limit: 15, at95: 6 });
			assert((await leg(lab, c.id)).armf?.poseSource === 'sender-report', JSON.stringify((await leg(lab, c.id)).armf));
		});
	},
	async latency(lab) {
		await call(lab, { fixed: true }, async (c) => {
			const { p50, p95 } = await latency(c, 'latency');
			console.log(`# towards the screen: ${JSON.stringify((await leg(lab, c.id, 1)).armf)}`);
			assert(p50 < 400 && p95 < 800, `p50 ${p50} p95 ${p95}`); // the 60 and 100 are for an idle machine: tests/bench
		});
	},
	async h264(lab) {
		await call(lab, { codec: 'h264' }, async (c) => {
			await stills(c, 'h264');
			await moving(c, 'h264-turning', TURN);
		}, { screenOptions: { codec: 'h264' } });
	},
	async across(lab) {
		await call(lab, { codec: 'h264' }, (c) => stills(c, 'h264-to-vp8'), { screenOptions: { codec: 'vp8' } });
		await call(lab, { codec: 'vp8' }, (c) => stills(c, 'vp8-to-h264'), { screenOptions: { codec: 'h264' } });
	},
	// the camera's browser changes its resolution in the call
	async resolution(lab) {
		for (const codec of ['vp8', 'h264']) {
			await call(lab, { codec }, async (c) => {
				for (const by of [2, 1.5, 1]) await resized(lab, c, codec, by);
			}, { screenOptions: { codec } });
		}
	},
	async snapshot(lab) {
		await call(lab, {}, async (c) => {
			const png = await lab.mediad.snapshot(c.id);
			assert(png.subarray(1, 4).toString() === 'PNG', `not a PNG: ${png.subarray(0, 200)}`);
			writeFileSync(`${folder}/snapshot.png`, png);
			assert(png.readUInt32BE(16) === WIDTH && png.readUInt32BE(20) === HEIGHT, 'its size');
		});
	},
	async lipsync(lab) {
		await call(lab, { audio: true }, (c) => lipSync(lab, c, 'lipsync'), { screenOptions: { audio: true } });
	},
	// a UE whose clock is an hour ahead: poses, sender reports and capture times all say so
	async hour(lab) {
		const browser = new Browser();
		await browser.start(hourAhead(folder));
		try {
			for (const tags of [true, false]) {
				await call(lab, { ...BAD, audio: true, tags }, async (c) => {
					await moving(c, tags ? 'hour-ahead' : 'hour-ahead-by-capture-time', TURN, tags ? { seconds: 4 } : { seconds: 4, limit: 15, at95: 6 });
					if (tags) await lipSync(lab, c, 'hour-ahead-lipsync');
				}, { browser, screenOptions: { audio: true } });
			}
		} finally {
			await browser.stop();
		}
	},
	// a UE that gets the scene rendered for its own pose
	async split(lab) {
		const context = { a: { operation: 'relay' }, b: { operation: 'split-render' } };
		await call(lab, { poses: false }, async (c) => {
			await splitStills(c);
			await splitTurning(c);
			assert((await leg(lab, c.id, 1)).armf?.state === 'processing', JSON.stringify((await leg(lab, c.id, 1)).armf));
			await c.screen.save('screen', `${folder}/split.png`);
			await splitToRelayAndBack(lab, c);
		}, { screenOptions: { viewer: VIEW }, context, processed: 1 });
	},
	// each sees the other one's video with the scene drawn at that one's pose
	async both(lab) {
		const context = { a: { operation: 'overlay' }, b: { operation: 'overlay' } };
		await call(lab, TWO_WAY, async ({ camera: a, screen: b, id }) => {
			const [there, back] = [STILLS.slice(1, 4), STILLS.slice(3, 6)];
			await until('processing both', async () => (await leg(lab, id, 1)).armf?.state === 'processing', 15000);
			await Promise.all([stills({ camera: a, screen: b }, 'both-a', 2, there), stills({ camera: b, screen: a }, 'both-b', 2, back)]);
			for (const t of [0, 1]) {
				// of one picture, whose pose may have been late
				const fine = ({ armf }) => armf.state === 'processing' && armf.drawn > 15 && armf.poseSource === 'pose-rtp';
				await until(`${t}: drawn at the poses of its pictures`, async () => fine(await leg(lab, id, t)), 10000);
			}
		}, { screenOptions: TWO_WAY, context });
	},
	// b is sent the scene from its own pose whatever is done to a's video, and its own video goes to a
	// as it is; without split rendering b sees a's with the scene drawn
	async 'overlay-and-split'(lab) {
		const context = { a: { operation: 'overlay' }, b: { operation: 'split-render' } };
		await call(lab, TWO_WAY, async ({ camera: a, screen: b, id }) => {
			await a.move({ kind: 'still', ...STILLS[3] });
			await until('a sees b', async () => (await a.seen()).length > 5, 15000);
			const since = Date.now();
			await splitStills({ screen: b }, 'overlay-and-split', STILLS.slice(0, 3));
			await until('more of b', async () => (await a.seen(since)).length > 15, 15000);
			const [seen, painted] = [await a.seen(since), await b.painted()];
			const plain = seen.filter((s) => painted.has(s.number) && !s.box && s.height === HEIGHT);
			assert(plain.length >= 0.9 * seen.length, `${seen.length - plain.length} of ${seen.length} pictures are not b's own`);
			await becomes(lab, id, 1, 'relay');
			await stills({ camera: a, screen: b }, 'overlay-after-split', 2, STILLS.slice(4, 6));
		}, { screenOptions: TWO_WAY, context, processed: 1 });
	},
	// 5 % loss and 100 ms there and back on either leg
	async loss(lab) {
		const line = { up: { loss: 0.05, delay: 50 }, down: { loss: 0.05, delay: 50 } };
		await call(lab, {}, async (c) => {
			await sleep(3000);
			const since = await c.camera.move(ORBIT);
			await sleep(10000);
			const f = freezes(await c.screen.seen(since), since);
			console.log(`# loss longest_gap_ms=${Math.round(f.longest)} over_300=${f.over(300)} broken=${f.broken} pictures=${f.n} ${await parity(lab, c.screen)} ${await buffered(c.screen)}`);
			assert(f.broken === 0, `${f.broken} broken pictures were shown`);
			assert(f.longest < 1000, `no picture for ${Math.round(f.longest)} ms`); // 300 on an idle machine
		}, { context: { lines: [line, line] } });
	},
	// the link to the screen falls from 3 Mbit/s to 500 kbit/s; beside it Chromium alone on such a link
	async drop(lab) {
		const alone = await dropAlone(lab);
		const context = { lines: [null, { down: { kbps: 3000, delay: 10 }, up: { delay: 10 } }] };
		await call(lab, { noise: true }, async (c) => {
			const ours = await drop(c, context.relays[0].down, 'drop');
			// the 0.9 and 500 ms are for an idle machine
			assert(ours.after <= 1, `${(100 * ours.after).toFixed(0)} % of the link are used 2 s after the drop`);
			assert(ours.longest < Math.max(3000, 2 * alone.longest), `no picture for ${Math.round(ours.longest)} ms, ${Math.round(alone.longest)} without us`);
		}, { context });
	},
	// the processor dies, then hangs: pictures go on, and the box comes back
	async killed(lab) {
		await call(lab, {}, (c) => broken(lab, c, 'killed', 'SIGKILL', 1500));
	},
	async hung(lab) {
		await call(lab, {}, (c) => broken(lab, c, 'hung', 'SIGSTOP', 4000));
	},
};

// What a UE gets that sees the scene alone, rendered for its own pose: the box where that pose puts it.
async function seenAlone({ screen }, since) {
	const list = (await screen.seen(since)).filter((s) => s.box);
	const error = (s, pose) => {
		const want = expectedBox(pose, s.width, s.height, FOV);
		return want && (boxError(s.box, want) * WIDTH) / s.width;
	};
	return { list, error };
}

async function splitStills(c, name = 'split-render', list = STILLS) {
	let worst = 0;
	const waits = [];
	for (const still of list) {
		const at = await c.screen.move({ kind: 'still', ...still });
		const pose = motion({ kind: 'still', ...still }, 0);
		const right = async () => {
			const { list: seen, error } = await seenAlone(c, at);
			return seen.find((s) => error(s, pose) < 4);
		};
		waits.push((await until(`the scene from ${JSON.stringify(still)}`, right, 5000)).at - at);
		const from = waits.at(-1) + at + 150; // an encoder gets sharp over some pictures
		await until('pictures of the pose', async () => (await seenAlone(c, from)).list.length > 6, 5000);
		const seen = await seenAlone(c, from);
		worst = Math.max(worst, ...seen.list.map((s) => seen.error(s, pose)));
	}
	console.log(`# ${name} stills=${list.length} worst_px=${worst.toFixed(2)} pose_to_picture_p50_ms=${Math.round(quantile(waits, 0.5))} max_ms=${Math.round(Math.max(...waits))}`);
	assert(worst <= 2, `the box is ${worst.toFixed(2)} px off its place, 2 allowed`);
}

// A turning head sees the scene late, and by how much is what the UE has to warp away; the picture
// itself must be right for some pose of the recent past, another one for each where a machine is busy.
async function splitTurning(c) {
	const start = await c.screen.move(TURN);
	await sleep(4400);
	const { list, error } = await seenAlone(c, start + 800);
	const lags = [];
	const errors = [];
	for (const s of list) {
		let best = Infinity;
		let lag = 0;
		for (let l = 0; l <= 600; l += 2) {
			const e = error(s, motion(TURN, (s.at - l - start) / 1000));
			if (e !== null && e < best - 0.1) [best, lag] = [e, l];
		}
		if (best < Infinity) errors.push(best);
		if (best < Infinity) lags.push(lag);
	}
	const [p50, p95] = [quantile(errors, 0.5), quantile(errors, 0.95)];
	const rate = list.length / ((list.at(-1).at - list[0].at) / 1000);
	console.log(`# split-render turning pictures=${errors.length} per_s=${rate.toFixed(1)} lag_p50_ms=${quantile(lags, 0.5)} lag_p95_ms=${quantile(lags, 0.95)} p50_px=${p50.toFixed(2)} p95_px=${p95.toFixed(2)}`);
	assert(errors.length > 20, `only ${errors.length} pictures`);
	assert(p95 < 2, `the box is ${p95.toFixed(2)} px off where any pose of the last 600 ms puts it`);
	if (quantile(lags, 0.5) > 300) throw new TooLate(`the scene is seen ${quantile(lags, 0.5)} ms late`);
}

async function becomes(lab, id, t, operation) {
	const video = (await lab.mediad.mrm.get(id)).json.terminations[t].medias.findIndex((m) => m.mediaId === 'v0');
	const r = await lab.mediad.mrm.patch(id, [{ op: 'replace', path: `/terminations/${t}/medias/${video}/mediaProcessingUri`, value: `urn:x-ims-ar:armf:${operation}` }]);
	assert(r.status === 200, `${operation}: ${r.status} ${r.text}`);
}

// Another operation in a running call: the same stream for the browser, other pictures.
async function splitToRelayAndBack(lab, c) {
	const become = async (operation, is) => {
		const at = await c.screen.eval(() => performance.timeOrigin + performance.now());
		await becomes(lab, c.id, 1, operation);
		const first = await until(operation, async () => (await c.screen.seen(at)).find(is), 5000);
		return Math.round(first.at - at);
	};
	await c.screen.move({ kind: 'still', ...STILLS[0] });
	for (let i = 0; i < 3; i++) {
		const there = await become('relay', (s) => s.number >= 0 && !s.box && s.height === HEIGHT);
		const back = await become('split-render', (s) => s.box);
		console.log(`# split-render to relay first_picture_ms=${there} and back first_picture_ms=${back}`);
		// a decoder that waits for what never comes gives up after 3 s
		if (Math.max(there, back) > 2500) throw new TooLate(`no picture for ${Math.max(there, back)} ms`);
		await sleep(300);
	}
}

async function resized(lab, { camera, screen, id }, codec, by) {
	const name = `resolution-${codec}-${by}`;
	const height = HEIGHT / by;
	const at = await camera.eval(() => performance.timeOrigin + performance.now());
	await camera.eval((x) => window.phone.scale(x), by);
	const limited = async () => (await camera.eval(() => window.phone.stats()))['outbound-rtp'].qualityLimitationReason;
	try {
		await until(`${height} lines`, async () => (await screen.seen(at)).some((s) => s.height === height), 10000);
	} catch (e) {
		// nor may Chromium send what it was told on a machine or line that it finds too slow
		if ((await limited()) !== 'none') throw new TooBusy(`${e.message}: Chromium is limited by ${await limited()}`);
		throw e;
	}
	await stills({ camera, screen }, name, 2 * by, [STILLS[by === 2 ? 1 : 3]]);
	const list = await screen.seen(at);
	const f = freezes(list, at);
	const { splice, state } = (await leg(lab, id)).armf;
	console.log(`# ${name} lines=${list.at(-1).height} longest_gap_ms=${Math.round(f.longest)} broken=${f.broken} splice=${splice}`);
	assert(state === 'processing' && f.broken === 0, `${state}, ${f.broken} broken pictures were shown`);
	if (f.longest > 1000) throw new TooLate(`no picture for ${Math.round(f.longest)} ms`);
}

async function lipSync(lab, c, name) {
	lab.alone ??= await lipSyncAlone(lab);
	const since = Date.now();
	await assertSkew(c, await skew(() => c.screen.eval(() => window.phone.skew()), name), lab.alone, since);
}

async function broken(lab, { camera, screen }, name, signal, limit) {
	await camera.move({ kind: 'still', ...STILLS[0] });
	await until('the box', async () => (await screen.seen()).at(-1)?.box);
	await sleep(500);
	const at = await camera.eval(() => performance.timeOrigin + performance.now());
	const pids = lab.mediad.processors();
	assert(pids.length > 0, 'no processor runs');
	for (const pid of pids) process.kill(pid, signal);
	const back = await until('the box again', async () => {
		const list = await screen.seen(at);
		const lost = list.findIndex((s) => !s.box);
		return list.slice(Math.max(0, lost)).find((s, i) => s.box && (lost >= 0 || s.at > at + 1500) && i >= 0);
	}, 20000);
	await sleep(1000);
	const list = await screen.seen(at - 500);
	const gaps = list.slice(1).map((s, i) => s.at - list[i].at);
	const gap = Math.max(...gaps);
	console.log(`# ${name} longest_gap_ms=${Math.round(gap)} drawn_again_ms=${Math.round(back.at - at)} unreadable=${list.filter((s) => s.number < 0).length}`);
	assert(gap < limit, `no picture for ${Math.round(gap)} ms, ${limit} allowed`);
	assert(list.filter((s) => s.number < 0).length <= 2, 'broken pictures were shown');
	const { armf } = await lab.mediad.status();
	console.log(`# ${name} status ${JSON.stringify(armf)}`);
}

const lab = { browser: new Browser(), mediad: new Mediad(folder, build) };
let bad = 0;
try {
	await lab.browser.start();
	const names = wanted.length ? wanted : Object.keys(CASES);
	if (names.some((n) => n !== 'measuring')) await lab.mediad.start();
	for (const name of names) {
		const at = Date.now();
		try {
			const note = await tries(async () => {
				if (lab.id) await lab.mediad.mrm.delete(lab.id).catch(() => {});
				await CASES[name](lab);
			});
			console.log(`ok armf ${name} (${((Date.now() - at) / 1000).toFixed(1)} s)${note}`);
		} catch (e) {
			if (e instanceof TooBusy) {
				console.log(`skip armf ${name}: ${e.message}`);
				if (lab.id) for (const t of [0, 1]) console.log(`# ${JSON.stringify((await leg(lab, lab.id, t)).armf)}`);
				if (lab.id) await lab.mediad.mrm.delete(lab.id).catch(() => {});
				lab.id = null;
				continue;
			}
			bad++;
			console.log(`not ok armf ${name}: ${e.message.split('\n')[0]}`);
			if (lab.id) for (const t of [0, 1]) console.log(`# ${JSON.stringify((await leg(lab, lab.id, t).catch(() => ({}))).armf ?? null)} ${JSON.stringify((await lab.mediad.status()).armf)}`);
			if (lab.id) await lab.mediad.mrm.delete(lab.id).catch(() => {});
		}
		lab.id = null;
	}
} finally {
	await lab.browser.stop();
	await lab.mediad.stop();
}
process.exit(bad ? 1 : 0);
