// SPDX-License-Identifier: GPL-2.0-or-later
// Video through the ARMF by policy, between real WebRTC UEs. Each exported function is a case.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { answers } from '../../ue/env.mjs';
import { answered, ended, sceneHere, soundFlows, standStill, until, walkAbout } from '../../ue/pair.mjs';
import { underPolicy } from './under.mjs';

const step = (party, op) => `act.process { party = '${party}', media = 'video', op = '${op}' }`;

// ops: of the caller's video, and of the callee's; when: of which offers
const policy = (ops, when = 'm.any') => `
local ar = require 'ar.policy'
local m, act = ar.match, ar.act
return ar.new 'armf'
	:rule('no data channel', m.no(m.offers 'datachannel'), act.plain())
	:rule('draw', ${when}, ${ops.map((op, i) => step(['caller', 'callee'][i], op)).join(', ')})
	:rule('ar', m.any, act.accept { scene = 'default' })
`;

const under = (t, ops, fn, when) => underPolicy(t, policy([ops].flat(), when), fn);

async function videoCall(t, a, b) {
	b.expect((call) => call.answer({ media: b.movie(660) }));
	const call = a.call(b, { media: a.movie(440) });
	await answered(call);
	await Promise.all([sceneHere(a.last), sceneHere(b.last)]);
	const { contextId } = await until('the context', () => t.stack.contextOf(call.callId));
	return { call, contextId };
}

const section = (sdp) => sdp.split(/^(?=m=)/m).find((s) => s.startsWith('m=video'));

async function media(t, contextId) {
	const { terminations } = await t.stack.context(contextId);
	return terminations.map((x) => x.medias.find((m) => m.mediaResourceType === 'AR'));
}

async function anchored(t, op, back = 'relay') {
	const [a, b] = await t.pair();
	const { call, contextId } = await videoCall(t, a, b);
	walkAbout(a, b);
	await until('pictures at both', () => a.seen?.frames > 15 && b.seen?.frames > 15);
	await soundFlows(a, b);
	for (const p of [a, b]) {
		const s = section(p.last.sdp.remote);
		assert.ok(/^a=x-ims-ar-armf/m.test(s) && !/^a=group:BUNDLE/m.test(p.last.sdp.remote), s);
	}
	const legs = await media(t, contextId);
	assert.deepEqual(legs.map((m) => m.mediaProcessingUri.split(':').pop()), [op, back]);
	standStill(a, b);
	return { a, b, call, contextId };
}

export async function video_is_relayed_by_the_ARMF(t) {
	await under(t, 'relay', async () => {
		const { call, b } = await anchored(t, 'relay');
		call.hangup();
		await ended(b.last);
	});
}

export async function the_scene_is_drawn_into_the_callers_video(t) {
	await under(t, 'overlay', async () => {
		const { a, b, call, contextId } = await anchored(t, 'overlay');
		walkAbout(a, b, 30);
		await until('frames that are drawn', async () => (await media(t, contextId))[0]['x-ims-ar'].armf.drawn > 5);
		const asd = (await t.stack.kamcmd('pcscf1', 'ims_ar.call', call.callId)).find((p) => p.media_of === 'a');
		assert.equal(asd.op, 'overlay');
		const shown = await t.stack.kamcmd('pcscf1', 'ims_ar.media', call.callId);
		assert.deepEqual(shown.map((p) => [p.ue, p.op, p.kind]), [['a', 'overlay', 'video'], ['b', 'relay', 'video']]);
		assert.ok(shown[0].state === 'processing' && shown[0].drawn > 5 && shown[0].width > 0 && shown[0].pose_source, shown[0]);
		const [shot] = await t.stack.kamcmd('pcscf1', 'ims_ar.media', call.callId, 'snapshot');
		assert.equal(shot.ue, 'a');
		assert.equal((await readFile(shot.file)).toString('latin1', 1, 4), 'PNG', shot.file);
		standStill(a, b);
		call.hangup();
		await ended(b.last);
	});
}

export async function video_goes_on_after_a_refresh(t) {
	await under(t, 'relay', async () => {
		const { a, b, call, contextId } = await anchored(t, 'relay');
		await a.last.renegotiate();
		await until('more pictures after a re-INVITE', ((n) => () => b.seen.frames > n + 10)(b.seen.frames));
		assert.ok(await media(t, contextId));
		call.hangup();
		await ended(b.last);
	});
}

const drawnOf = async (t, contextId) => (await media(t, contextId)).map((m) => m['x-ims-ar'].armf.drawn);

// The film of env.mjs is grey: how many pixels of what is seen are not.
function coloured({ seen: { last } }) {
	return last.data.subarray(last.width * last.height).filter((v) => Math.abs(v - 128) > 16).length;
}

export async function the_scene_is_drawn_into_both_videos(t) {
	await under(t, ['overlay', 'overlay'], async () => {
		const { a, b, call, contextId } = await anchored(t, 'overlay', 'overlay');
		walkAbout(a, b, 30);
		await until('frames of both that are drawn', async () => (await drawnOf(t, contextId)).every((n) => n > 5));
		await until('the scene at both', () => coloured(a) > 50 && coloured(b) > 50);
		standStill(a, b);
		call.hangup();
		await ended(b.last);
	});
}

export async function one_is_sent_the_scene_and_the_other_the_video(t) {
	await under(t, ['overlay', 'split-render'], async () => {
		const { a, b, call, contextId } = await anchored(t, 'overlay', 'split-render');
		walkAbout(a, b, 30);
		await until('rendered pictures', async () => (await drawnOf(t, contextId))[1] > 5);
		// what b is sent is no film of a's, and a sees b's as it is
		await until('the scene at b', () => b.seen.last.width > 320 && coloured(b) > 50);
		const n = a.seen.frames;
		await until('more pictures at a', () => a.seen.frames > n + 10);
		assert.equal(coloured(a), 0);
		standStill(a, b);
		call.hangup();
		await ended(b.last);
	});
}

// What flows goes on: pictures and sound at both, both ways.
async function goesOn(a, b, what) {
	const n = [a.seen.frames, b.seen.frames];
	await until(`more pictures ${what}`, () => a.seen.frames > n[0] + 15 && b.seen.frames > n[1] + 15);
	await soundFlows(a, b);
}

async function withVideo(t) {
	const [a, b] = await t.pair();
	const { call, contextId } = await videoCall(t, a, b);
	await until('pictures at both', () => a.seen?.frames > 15 && b.seen?.frames > 15);
	return { a, b, call, contextId };
}

export async function video_goes_to_the_ARMF_at_a_re_INVITE(t) {
	await under(t, 'overlay', async () => {
		const { a, b, call, contextId } = await withVideo(t);
		assert.ok((await media(t, contextId)).every((m) => !m));
		await a.last.renegotiate({ iceRestart: true }); // one that changes nothing is not asd's matter
		walkAbout(a, b, 30);
		await until('media at the ARMF', async () => (await media(t, contextId)).every((m) => m));
		await until('the scene at b', () => coloured(b) > 50);
		assert.equal(coloured(a), 0);
		await goesOn(a, b, 'through the ARMF');
		await b.last.renegotiate();
		await goesOn(a, b, 'after the callee\'s offer');
		standStill(a, b);
		call.hangup();
		await ended(b.last);
	}, 'm.change');
}

// The callee's DTLS is at rtpengine before its answer is (RFC 5763 5), and must be welcome.
export async function video_comes_back_from_the_ARMF_at_a_re_INVITE(t) {
	await under(t, 'overlay', async () => {
		const { a, b, call, contextId } = await withVideo(t);
		walkAbout(a, b, 30);
		await until('the scene at b', () => coloured(b) > 50);
		answers.lateMs = 500;
		await a.last.renegotiate({ iceRestart: true }).finally(() => (answers.lateMs = 0));
		await until('no media at the ARMF', async () => (await media(t, contextId)).every((m) => !m));
		await until('b without the scene', () => coloured(b) === 0);
		await goesOn(a, b, 'past the ARMF');
		const log = t.stack.log('rtpengine');
		assert.deepEqual(log.split('\n').filter((l) => l.includes(call.callId) && l.includes('DTLS error')), []);
		standStill(a, b);
		call.hangup();
		await ended(b.last);
	}, 'm.no(m.change)');
}
