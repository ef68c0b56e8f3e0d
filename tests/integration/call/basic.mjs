// SPDX-License-Identifier: GPL-2.0-or-later
// Calls in which nothing goes wrong. Each exported function is a case; its name is the test's.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { answered, ended, inTime, sceneHere, scenesAgree, soundFlows, standStill, until, walkAbout } from '../../ue/pair.mjs';
import { dataChannelSection } from '../../../webapp/src/sdp.mjs';

// A call from a to b with the scene at both; returns its context.
export async function arCall({ stack }, a, b) {
	b.expect();
	const call = a.call(b);
	await answered(call);
	await Promise.all([sceneHere(a.last), sceneHere(b.last)]);
	return until('the context', () => stack.contextOf(call.callId));
}

arCall.helper = true;

export async function an_AR_call_from_end_to_end(t) {
	const [a, b] = await t.pair();
	const { contextId } = await arCall(t, a, b);
	walkAbout(a, b);
	await soundFlows(a, b, 2000);
	for (const p of [a, b]) {
		const report = () => p.last.ar.report();
		await until('100 poses and 60 updates', () => report().poses.sent >= 100 && report().scene.patches >= 60);
	}
	standStill(a, b);
	for (const p of [a, b]) {
		const { scene } = p.last.ar.report();
		assert.deepEqual([scene.refused, scene.garbage, scene.resyncs], [0, 0, 0]);
	}
	await scenesAgree(t.stack, contextId, [a, b]);
	// ICE was done on both legs, not only something received: each UE has nominated (RFC 8445 8.1.1)
	for (const leg of (await t.stack.context(contextId)).terminations) {
		const { useCandidate, stunOk } = leg.medias[0]['x-ims-ar'].transport;
		assert.ok(useCandidate > 0 && stunOk >= useCandidate, `${leg.terminationId}: ${useCandidate} nominations in ${stunOk} checks`);
	}
	const sent = a.last.ar.poses.sent + b.last.ar.poses.sent;
	await until('nearly all poses at mediad', async () => {
		const live = (await t.stack.context(contextId))['x-ims-ar'];
		assert.ok(live.poses > 0.95 * sent && live.poses <= sent, `mediad counted ${live.poses} of ${sent}`);
		return true;
	});
	inTime('answered', a.last.times.answered - a.last.times.sent, 3000);
	inTime('first update at b', b.last.ar.times.firstUpdate - a.last.times.sent, 3000);
	a.last.hangup();
	await ended(b.last);
}

export async function the_callee_hangs_up(t) {
	const [a, b] = await t.pair();
	await arCall(t, a, b);
	b.last.hangup();
	await ended(a.last);
}

export async function the_data_channel_goes_to_the_DCMF_and_audio_to_rtpengine(t) {
	const [a, b] = await t.pair();
	const { contextId } = await arCall(t, a, b);
	const { terminations } = await t.stack.context(contextId);
	[a, b].forEach((p, i) => {
		const sdp = p.last.sdp.remote;
		const section = dataChannelSection(sdp);
		const at = terminations[i].medias[0].localMbEndpoint;
		assert.ok(section.includes(` ${at.ip.ipv4Addr} ${at.portNumber} typ host`), `candidate of mediad in ${section}`);
		const port = Number(/^m=audio ([0-9]+) /m.exec(sdp)[1]);
		const first = Number(t.stack.env.P_RTP);
		assert.ok(port >= first && port < first + 200, `audio port ${port}`);
		assert.ok(!/^a=group:BUNDLE/m.test(sdp), 'no group');
		assert.ok(/^a=ice-lite/m.test(sdp.split(/^m=/m)[0]), 'ice-lite at session level');
	});
	a.last.hangup();
	await ended(b.last);
}

export async function ringing_for_a_while_then_answered(t) {
	const [a, b] = await t.pair();
	b.expect(undefined, 1500);
	const call = a.call(b);
	await until('ringing', () => call.state === 'ringing');
	await answered(call);
	await Promise.all([sceneHere(a.last), sceneHere(b.last)]);
	await soundFlows(a, b);
	call.hangup();
	await ended(b.last);
}

export async function an_ordinary_call_has_nothing_to_do_with_us(t) {
	const [a, b] = await t.pair({ ar: false }, { ar: false });
	b.expect();
	const call = a.call(b);
	await answered(call);
	await soundFlows(a, b);
	assert.equal(await t.stack.contextOf(call.callId), undefined);
	const calls = (await Promise.all(t.pcscfs.map((p) => t.stack.kamcmd(p, 'ims_ar.calls')))).flat();
	assert.deepEqual(calls, []);
	call.hangup();
	await ended(b.last);
}

export async function the_callee_has_no_data_channel(t) {
	const [a, b] = await t.pair({}, { ar: false });
	b.expect();
	const call = a.call(b);
	await answered(call);
	await soundFlows(a, b);
	assert.equal(dataChannelSection(b.last.sdp.local), null);
	// the shipped policy makes an ordinary call of it for both
	assert.equal(dataChannelSection(a.last.sdp.remote), null, 'port 0 in the answer to a');
	call.hangup();
	await ended(b.last);
}

export async function the_caller_has_no_data_channel(t) {
	const [a, b] = await t.pair({ ar: false }, {});
	b.expect();
	const call = a.call(b);
	await answered(call);
	await soundFlows(a, b);
	assert.equal(dataChannelSection(b.last.sdp.remote), null);
	call.hangup();
	await ended(b.last);
}

export async function busy(t) {
	const [a, b] = await t.pair();
	b.expect((call) => call.reject(486));
	const call = a.call(b);
	const end = (await ended(call), call.end);
	assert.equal(end.status, 486);
}

export async function the_caller_gives_up_while_it_rings(t) {
	const [a, b] = await t.pair();
	b.expect(() => {});
	const call = a.call(b);
	await until('ringing', () => call.state === 'ringing');
	await until('a context', () => t.stack.contextOf(call.callId));
	call.hangup();
	await ended(b.last);
}

export async function nobody_of_that_name(t) {
	const a = await t.party('a');
	const call = a.call(t.stack.uri('nobody'));
	await ended(call);
	assert.ok(call.end.status >= 400 && call.end.status < 500, `${call.end.status}`);
}

export async function a_refresh_keeps_channel_and_scene(t) {
	const [a, b] = await t.pair();
	const { contextId } = await arCall(t, a, b);
	for (const p of [a, b]) {
		await p.last.renegotiate();
		await sleep(100);
		assert.ok(p.last.ar.isOpen('mpeg-sd') && p.last.ar.isOpen('3gpp-ar-metadata'), `channels after ${p.name}'s re-INVITE`);
	}
	walkAbout(a, b);
	await soundFlows(a, b);
	standStill(a, b);
	await scenesAgree(t.stack, contextId, [a, b]);
	assert.equal(a.last.ar.report().scene.scenes, 1);
	a.last.hangup();
	await ended(b.last);
}

// As after a change of network: new ICE credentials of the UE, and of mediad for it.
export async function ICE_restart_by_either_UE_keeps_channel_and_scene(t) {
	const [a, b] = await t.pair();
	const { contextId } = await arCall(t, a, b);
	const live = async (i) => (await t.stack.context(contextId)).terminations[i].medias[0]['x-ims-ar'];
	const ufrag = (sdp) => /^a=ice-ufrag:(.*)$/m.exec(dataChannelSection(sdp))[1].trim();
	for (const [i, p] of [a, b].entries()) {
		const before = await live(i), theirs = ufrag(p.last.sdp.local);
		const checks = before.transport.rxPackets;
		await p.last.renegotiate({ iceRestart: true });
		const after = await live(i);
		assert.notEqual(ufrag(p.last.sdp.local), theirs, `${p.name} offers new credentials`);
		assert.notEqual(after.ice.ufrag, before.ice.ufrag, `mediad answers ${p.name} with new ones`);
		assert.equal(ufrag(p.last.sdp.remote), after.ice.ufrag, `${p.name} has them`);
		await until(`checks of ${p.name}`, async () => (await live(i)).transport.rxPackets > checks + 2);
		assert.equal(after.times.dtls, before.times.dtls, 'on the connection that there is');
		assert.ok(p.last.ar.isOpen('mpeg-sd') && p.last.ar.isOpen('3gpp-ar-metadata'));
	}
	walkAbout(a, b);
	await soundFlows(a, b);
	standStill(a, b);
	await scenesAgree(t.stack, contextId, [a, b]);
	assert.equal(a.last.ar.report().scene.scenes, 1, 'the scene was not sent again');
	a.last.hangup();
	await ended(b.last);
}

export async function a_voice_call_becomes_an_AR_call(t) {
	const [a, b] = await t.pair();
	b.expect();
	const call = a.call(b, { ar: false });
	await answered(call);
	await soundFlows(a, b, 500);
	await call.upgrade();
	await Promise.all([sceneHere(a.last), sceneHere(b.last)]);
	const { contextId } = await until('the context', () => t.stack.contextOf(call.callId));
	walkAbout(a, b);
	await soundFlows(a, b);
	standStill(a, b);
	await scenesAgree(t.stack, contextId, [a, b]);
	call.hangup();
	await ended(b.last);
}

export async function a_voice_call_becomes_an_AR_call_by_the_callee(t) {
	const [a, b] = await t.pair();
	b.expect();
	const call = a.call(b, { ar: false });
	await answered(call);
	await soundFlows(a, b, 500);
	call.allowData();
	await b.last.upgrade();
	await Promise.all([sceneHere(a.last), sceneHere(b.last)]);
	const { contextId } = await until('the context', () => t.stack.contextOf(call.callId));
	await a.last.renegotiate();
	await b.last.renegotiate();
	walkAbout(a, b);
	await soundFlows(a, b);
	standStill(a, b);
	await scenesAgree(t.stack, contextId, [a, b]);
	b.last.hangup();
	await ended(a.last);
}

export async function two_calls_at_once_do_not_see_each_other(t) {
	const [a, b] = await t.pair();
	const [c, d] = await t.pair();
	const [one, two] = await Promise.all([arCall(t, a, b), arCall(t, c, d)]);
	assert.notEqual(one.contextId, two.contextId);
	walkAbout(a, b, 30);
	walkAbout(c, d, 30);
	await sleep(700);
	standStill(a, b);
	standStill(c, d);
	await scenesAgree(t.stack, one.contextId, [a, b]);
	await scenesAgree(t.stack, two.contextId, [c, d]);
	a.last.hangup();
	await ended(b.last);
	assert.ok(c.last.ar.isOpen('mpeg-sd'), "the other call's channel");
	d.last.hangup();
	await ended(c.last);
}
