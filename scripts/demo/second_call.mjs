// SPDX-License-Identifier: GPL-2.0-or-later
// The demo's second call: carol's UE is AR-assisted, it cannot draw. It sends its camera and its pose,
// the policy puts the video through the ARMF, and bob sees carol's room with the scene in it: all 14
// steps of the call flow, with a picture of what the camera sent and of what bob saw.

import { writeFileSync } from 'node:fs';
import { at, established, section, step14, steps1to7, steps9to11, step8 } from './first_call.mjs';
import { eventually } from './network.mjs';

const WALK_MS = 1500;
const SETTLE_MS = 300; // carol stands: until bob shows that
// a pixel differs when a channel is this far off: more than two lossy codecs do to a smooth picture
const DIFFERS = 56;

const video = (context, i) => context.terminations[i]?.medias.find((m) => m.mediaResourceType === 'AR');
const armf = (context, i) => video(context, i)?.['x-ims-ar'].armf ?? {};
const endpoint = (m) => (m?.localMbEndpoint ? `${m.localMbEndpoint.ip.ipv4Addr ?? m.localMbEndpoint.ip.ipv6Addr}:${m.localMbEndpoint.portNumber}` : 'nowhere');

async function drawing(demo) {
	const { stack, bob } = demo;
	await eventually('drawn pictures from the ARMF', async () => (demo.context = await stack.context(demo.contextId)) && armf(demo.context, 0).drawn > 10, 8000);
	await bob.wait('shown the video', () => document.getElementById('far').videoWidth > 0 && !document.getElementById('far').hidden);
}

// What the camera of UE1 sends and what UE2 shows, at the same still pose, as PNG.
async function sentAndSeen({ alice, bob, out }) {
	const sent = await alice.eval(() => window.arPage.camera.canvas.toDataURL('image/png'));
	const seen = await bob.eval(async ({ png, differs }) => {
		const far = document.getElementById('far');
		const camera = new Image();
		camera.src = png;
		await camera.decode();
		const grab = (source) => {
			const g = Object.assign(document.createElement('canvas'), { width: far.videoWidth, height: far.videoHeight }).getContext('2d');
			g.drawImage(source, 0, 0, far.videoWidth, far.videoHeight);
			return g;
		};
		const [a, b] = [grab(camera), grab(far)];
		const [p, q] = [a, b].map((g) => g.getImageData(0, 0, far.videoWidth, far.videoHeight).data);
		let n = 0;
		for (let i = 0; i < p.length; i += 4) n += [0, 1, 2].some((k) => Math.abs(p[i + k] - q[i + k]) > differs);
		return { png: b.canvas.toDataURL('image/png'), width: far.videoWidth, height: far.videoHeight, changed: n / (p.length / 4) };
	}, { png: sent, differs: DIFFERS });
	const save = (path, url) => writeFileSync(path, Buffer.from(url.split(',')[1], 'base64'));
	save(`${out}/carol-camera.png`, sent);
	save(`${out}/bob-saw.png`, seen.png);
	return seen;
}

async function step12(demo, t0) {
	const { ladder, alice, context } = demo;
	const a = await alice.report();
	const m = video(context, 0);
	const x = m['x-ims-ar'];
	const answered = at(section(a.remote, 'video'));
	ladder.step(12, 'a UE sends its media to an ARMF',
		`policy: ${m.mediaProcessingUri}; UE1's answer: video at the ARMF ${answered}; ${x.state} by DTLS-SRTP, ${x.counters?.rxPackets} packets; ${armf(context, 0).codecIn} ${armf(context, 0).width}x${armf(context, 0).height} at ${Math.round(armf(context, 0).fps)} pictures a second; ${a.camera.matched} of ${a.camera.encoded} pictures had their pose sent along`,
		a.times.answered - t0, answered === endpoint(m) && x.state === 'connected' && armf(context, 0).frames > 0);
}

async function step13(demo) {
	const { ladder, bob, stack } = demo;
	await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
	const seen = await sentAndSeen(demo);
	demo.context = await stack.context(demo.contextId);
	const x = armf(demo.context, 0);
	demo.renderer = (await stack.mediad()).armf?.renderer?.replace(/[,(].*/, '').trim() ?? '?';
	const b = await bob.report();
	const total = ((x.decodeUs + x.drawUs + x.encodeUs) / 1000).toFixed(1);
	ladder.step(13, 'ARMF processes and shares the result',
		`${x.state} by ${demo.renderer}: the scene drawn into ${x.drawn} pictures, each at its own pose (${x.poseSource}); ${total} ms of CPU a picture (${x.decodeUs} us decode, ${x.drawUs} draw, ${x.encodeUs} encode); UE2 gets ${x.codecOut} ${seen.width}x${seen.height}, ${b.media.video?.packetsIn ?? 0} packets; ${(100 * seen.changed).toFixed(1)} % of what it shows is the scene`,
		undefined, x.state === 'processing' && x.drawn > 0 && seen.changed > 0.003 && seen.changed < 0.7);
	ladder.note(`what carol's camera sent: ${demo.out}/carol-camera.png; what bob saw: ${demo.out}/bob-saw.png`);
}

export async function secondCall(demo) {
	const { ladder, stack, alice, bob, out } = demo;
	ladder.title('The second call: carol (UE1) cannot draw, the network draws for her; to bob (UE2)');
	ladder.head();
	Object.assign(demo, { walkMs: WALK_MS, files: 'second-', pictures: async () => {} });
	demo.recognised = Number((await stack.counters('pcscf1')).recognised_ar ?? 0);
	await alice.dial('bob');
	await established(alice, bob);
	const t0 = (await alice.report()).times.sent;
	await steps1to7(demo, t0);
	await step8(demo, t0);
	await steps9to11(demo, t0);
	await drawing(demo);
	await step12(demo, t0);
	await step13(demo);
	await step14(demo, t0);
	writeFileSync(`${out}/second-reports.json`, JSON.stringify({ carol: await alice.report(), bob: await bob.report(), context: demo.context }, null, 1));
	await alice.hangup();
	await bob.gone();
}
