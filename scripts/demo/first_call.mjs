// SPDX-License-Identifier: GPL-2.0-or-later
// The demo's main call: alice to bob, the 14 steps of the call flow with their evidence. What the
// second call has in common with it is exported: a demo object has ladder, stack, out, the two UEs
// alice (UE1) and bob (UE2), actions, walkMs, files (prefix of what is left in out) and pictures(when).

import { writeFileSync } from 'node:fs';
import { canonical, differences } from '../../webapp/src/scene.mjs';
import { soundOf } from './browser.mjs';
import { eventually } from './network.mjs';

const WALK_MS = 2500;
export const MEANS = 'not asked for in this call; see the second one';
const CAMERA_GOES_ON = 20; // pictures between two questions
const FIRST_UPDATE_LIMIT_MS = 3000;

const kib = (n) => (n < 10240 ? `${n} B` : `${(n / 1024).toFixed(1)} KiB`);
export const section = (list, kind) => list.find((s) => s.kind === kind) ?? { port: 0, candidates: [], address: '' };
export const at = (s) => `${s.candidates[0] ?? `${s.address}:${s.port}`}`;
const media = (context, i) => context.terminations[i].medias[0];
const live = (context, i) => media(context, i)['x-ims-ar'] ?? {};

// Waits for both pages to have the scene; what went wrong otherwise is in the page's state.
export async function established(alice, bob) {
	await bob.answer();
	for (const u of [alice, bob]) await u.wait('in the call with a scene', () => Boolean(window.arPage.call?.ar?.scene.doc));
}

async function steps1to5(demo, a, t0) {
	const { ladder, stack } = demo;
	const call = await stack.call('pcscf1', demo.callId);
	const context = await stack.context(demo.contextId);
	const x = context['x-ims-ar'];
	const made = Date.now() - x.ageMs - t0; // step 4, when mediad made the context
	const recognised = Number((await stack.counters('pcscf1')).recognised_ar ?? 0) - demo.recognised;
	const offered = a.local.map((s) => s.kind).join(' + ');
	const local = [0, 1].map((i) => media(context, i).localMbEndpoint);
	ladder.step(1, 'UE1 sends an INVITE to the P-CSCF', `Call-ID ${a.callId}, offers ${offered}, to ${stack.env.WS1}`, 0, section(a.local, 'data').port > 0);
	ladder.step(2, 'P-CSCF recognises an AR call and hands it to the AR IMS AS', `ims_ar.status: recognised_ar +${recognised}; ims_ar.call: call ${call.call}, rule "${call.rule}"`, `<${Math.ceil(made)}`, recognised === 1 && Boolean(call.rule));
	ladder.step(3, 'AR IMS AS asks the DCSF for resources', `asd: scene "${call.scene_name}", application "${call.application}", streams ${Object.keys(media(context, 0).dcMedia.streams).join(', ')}`, `<${Math.ceil(made)}`, call.ar === 'up');
	ladder.step(4, 'DCSF selects a DCMF, which allocates and starts the AR application', `${call.dcmf} made context ${demo.contextId} in worker ${x.worker}; runs "${x.application}"`, made, call.context === demo.contextId);
	ladder.step(5, 'DCMF confirms; the DCSF tells the AS', `towards UE1 ${endpoint(local[0])}, towards UE2 ${endpoint(local[1])}, fingerprint ${media(context, 0).dcMedia.localDcEndpoint.fingerprint.slice(8, 19)}...`, `<${Math.ceil(demo.arrived - t0)}`, Boolean(local[0] && local[1]));
	return local;
}

export async function steps1to7(demo, t0) {
	const { ladder, stack, alice, bob } = demo;
	const [a, b] = [await alice.report(), await bob.report()];
	demo.callId = a.callId;
	demo.contextId = (await eventually('the media context', () => stack.contextOf(a.callId))).contextId;
	demo.arrived = b.times.invite;
	const local = await steps1to5(demo, a, t0);
	const toB = section(b.remote, 'data');
	ladder.step(6, 'INVITE goes on to UE2 through the core', `UE2 was offered: data channel at the DCMF ${at(toB)}, voice at rtpengine ${at(section(b.remote, 'audio'))}`, b.times.invite - t0, toB.candidates.includes(endpoint(local[1])));
	const toA = section(a.remote, 'data');
	ladder.step(7, 'UE2 accepts, UE1 is told', `UE1's answer: data channel at the DCMF ${at(toA)}, voice at rtpengine ${at(section(a.remote, 'audio'))}`, a.times.answered - t0, toA.candidates.includes(endpoint(local[0])));
}

function endpoint(e) {
	return e ? `${e.ip?.ipv4Addr ?? e.ip?.ipv6Addr}:${e.portNumber}` : '?';
}

// How long a UE's handshakes took, from mediad's own clock.
function layer(context, i) {
	const { ice, dtls, sctp } = live(context, i).times;
	return `${(dtls - ice).toFixed(1)} ms, SCTP ${(sctp - dtls).toFixed(1)} ms`;
}

export async function step8(demo, t0) {
	const { ladder, stack, alice, bob } = demo;
	const [a, b] = [await alice.report(), await bob.report()];
	const context = await stack.context(demo.contextId);
	const scene = await alice.scene();
	const opened = (r) => r.ar.times.sceneChannel - t0;
	const states = [0, 1].map((i) => live(context, i).state);
	ladder.step(8, 'both UEs open the data channel and fetch the scene description entry point',
		`channel open after ${Math.round(opened(a))} and ${Math.round(opened(b))} ms; ${kib(a.ar.scene.bytes)}, ${scene.nodes.length} nodes; mediad: ${states.join(' and ')}, UEs at ${live(context, 0).selected} and ${live(context, 1).selected}; DTLS ${layer(context, 0)}; ${layer(context, 1)}`,
		Math.max(a.ar.times.scene, b.ar.times.scene) - t0, states.every((s) => s === 'connected') && scene.asset?.version === '2.0');
	demo.before = { alice: scene, bob: await bob.scene() };
	await demo.pictures('before');
	writeFileSync(`${demo.out}/${demo.files}scene-before.json`, JSON.stringify(scene, null, 1));
}

async function act(demo) {
	const done = [];
	for (const [who, action] of demo.actions) done.push(await demo[who].act(action));
	return done;
}

export async function steps9to11(demo, t0) {
	const { ladder, stack, alice, bob } = demo;
	await Promise.all([alice.walk(0.6), bob.walk(Math.PI + 0.2)]);
	const [acks, packets] = await Promise.all([act(demo), soundOf([alice, bob], demo.walkMs)]);
	demo.packets = packets;
	await Promise.all([alice.stand(), bob.stand()]);
	const { server, equal, why } = await agree(demo);
	const [a, b] = [await alice.report(), await bob.report()];
	const context = await stack.context(demo.contextId);
	const x = context['x-ims-ar'];
	// those that belong to pictures come after newer ones: the scene does not take them
	const free = (r) => r.ar.poses.sent - r.ar.poses.ofFrames;
	const rate = (r) => Math.round((1000 * free(r)) / (r.ar.poses.stoppedAt - r.ar.poses.startedAt));
	const sent = a.ar.poses.sent + b.ar.poses.sent;
	const ofFrames = a.ar.poses.ofFrames + b.ar.poses.ofFrames;
	ladder.step(9, 'UEs send poses and user actions',
		`${free(a)} + ${free(b)} poses at ${rate(a)} and ${rate(b)} Hz, about ${Math.round(a.ar.poses.bytes / a.ar.poses.sent)} B each${ofFrames ? `, and ${ofFrames} with a picture's RTP timestamp` : ''}; ${acks.length} actions, acknowledged after ${acks.map((k) => Math.round(k.ms)).join(', ')} ms; mediad counted ${x.poses} poses, ${x.actions} actions`,
		Math.min(a.ar.poses.startedAt, b.ar.poses.startedAt) - t0, x.poses >= (sent - ofFrames) * 0.95 && x.poses <= sent + (ofFrames && CAMERA_GOES_ON) && x.actions === acks.length);
	const moved = differences(demo.before.alice, server, 999).length;
	ladder.step(10, 'DCMF updates the scene description', `revision ${x.scene?.revision}, ${x.scene?.nodes} nodes, ${moved} values differ from the first scene`, undefined, moved > 0);
	const first = [a, b].map((r) => r.ar.times.firstUpdate - t0);
	ladder.step(11, 'DCMF sends scene updates to both',
		`${a.ar.scene.patches} and ${b.ar.scene.patches} JSON Patches, last ${a.ar.scene.lastPatchBytes} and ${b.ar.scene.lastPatchBytes} B; refused ${a.ar.scene.refused} and ${b.ar.scene.refused}; first at UE1 after ${Math.round(first[0])}, at UE2 after ${Math.round(first[1])} ms; both copies ${equal ? "equal the server's" : `DIFFER from the server's: ${why}`}`,
		first[1], equal && first.every((t) => t >= 0));
	demo.firstUpdate = first[1];
	await demo.pictures('after');
	writeFileSync(`${demo.out}/${demo.files}scene-after.json`, JSON.stringify(server, null, 1));
}

// Both copies and the server's scene, compared member for member once everything has arrived.
export async function agree({ stack, alice, bob, contextId }) {
	let server;
	let copies;
	const compare = async () => {
		server = await stack.scene(contextId);
		copies = [await alice.scene(), await bob.scene()];
		return copies.every((c) => canonical(c) === canonical(server));
	};
	try {
		await eventually('equal scenes', compare, 3000);
		return { server, equal: true };
	} catch {
		return { server, equal: false, why: copies.flatMap((c) => differences(c, server, 2)).join('; ') };
	}
}

export async function step14(demo, t0) {
	const { ladder, alice, bob } = demo;
	const got = demo.packets;
	const [a, b] = [await alice.report(), await bob.report()];
	ladder.step(14, 'other media flow end to end',
		`voice through rtpengine: ${got[0]} and ${got[1]} RTP packets in those ${demo.walkMs / 1000} s, ${a.media.audio.packetsIn} and ${b.media.audio.packetsIn} in all, sound level ${a.media.audio.level.toFixed(2)} and ${b.media.audio.level.toFixed(2)}`,
		a.times.answered - t0, got.every((n) => n >= demo.walkMs / 40) && a.media.audio.energy > 0 && b.media.audio.energy > 0);
}

export async function firstCall(demo) {
	const { ladder, stack, alice, bob, out } = demo;
	Object.assign(demo, {
		walkMs: WALK_MS,
		files: '',
		pictures: (when) => Promise.all([alice.picture(`${out}/alice-${when}.png`), bob.picture(`${out}/bob-${when}.png`)]),
	});
	ladder.title('The call: alice (UE1) to bob (UE2)');
	ladder.head();
	demo.recognised = Number((await stack.counters('pcscf1')).recognised_ar ?? 0);
	await alice.dial('bob');
	await established(alice, bob);
	const t0 = (await alice.report()).times.sent;
	await steps1to7(demo, t0);
	await step8(demo, t0);
	await steps9to11(demo, t0);
	ladder.step(12, 'a UE sends its media to an ARMF', MEANS);
	ladder.step(13, 'ARMF processes and shares the result', MEANS);
	await step14(demo, t0);
	writeFileSync(`${out}/reports.json`, JSON.stringify({ alice: await alice.report(), bob: await bob.report() }, null, 1));
	ladder.step('--', 'from INVITE to the first scene update at UE2', `under ${FIRST_UPDATE_LIMIT_MS} ms wanted`, demo.firstUpdate, demo.firstUpdate < FIRST_UPDATE_LIMIT_MS);
}
