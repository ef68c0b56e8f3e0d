// SPDX-License-Identifier: GPL-2.0-or-later
// Two calls of two real WebRTC UEs each, in one scene by policy. Each exported function is a case.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { answered, ended, sceneHere, scenesAgree, soundFlows, until } from '../../ue/pair.mjs';
import { underPolicy } from './under.mjs';
import { walk } from '../../../webapp/src/trajectory.mjs';

const policy = (share) => `
local ar = require 'ar.policy'
local m, act = ar.match, ar.act
return ar.new 'share'
	:rule('no data channel', m.no(m.offers 'datachannel'), act.plain())
	:rule('together', m.any, act.accept { scene = 'tabletop', share = 'meeting', ${share} })
`;

const under = (t, share, fn) => underPolicy(t, policy(share), fn);

async function callOf(t, a, b) {
	b.expect();
	const call = a.call(b);
	await answered(call);
	await Promise.all([sceneHere(a.last), sceneHere(b.last)]);
	return (await until('the context', () => t.stack.contextOf(call.callId))).contextId;
}

// The node indices of the participants that are in the scene, by the users' URIs.
function users(doc) {
	return doc.scenes[0].nodes.map((i) => doc.nodes[i].extras).filter((x) => x?.participant).map((x) => x.user).sort();
}

const updates = (p) => p.last.ar.report().scene.patches;

export async function two_calls_in_one_scene(t) {
	await under(t, "limits = { max_participants = 4 }, full = 486", async () => {
		const [a, b] = await t.pair();
		const [c, d] = await t.pair();
		const first = await callOf(t, a, b), second = await callOf(t, c, d);
		const all = [a, b, c, d];
		assert.notEqual(first, second);
		all.forEach((p, i) => p.last.ar.startPoses((s) => walk(i, s), 30));
		await soundFlows(a, b);
		await soundFlows(c, d);
		// everybody is told of everybody, and of the same
		all.forEach((p) => p.last.ar.stopPoses());
		const scene = await scenesAgree(t.stack, first, all);
		assert.equal(users(scene).length, 4);
		await scenesAgree(t.stack, second, all);
		for (const p of all) assert.deepEqual([p.last.ar.report().scene.refused, p.last.ar.report().scene.resyncs], [0, 0], p.name);
		const shown = await t.stack.call('pcscf1', a.last.callId);
		assert.equal(shown.participants, '4');
		assert.deepEqual([...new Set(shown.inScene.map((p) => p.callid))].length, 2);

		// a third call finds no place, and its UE hears why
		const [e, f] = await t.pair();
		f.expect();
		const call = e.call(f);
		await ended(call);
		assert.equal(call.end.status, 486);

		// the first call ends; the other one does not notice but for who has gone
		a.last.hangup();
		await ended(b.last);
		await until('those two alone', () => [c, d].every((p) => users(p.last.ar.scene.doc).length === 2));
		const before = [c, d].map(updates);
		[c, d].forEach((p, i) => p.last.ar.startPoses((s) => walk(i, s), 30));
		await until('updates to both', () => [c, d].every((p, i) => updates(p) > before[i] + 20));
		[c, d].forEach((p) => p.last.ar.stopPoses());
		await scenesAgree(t.stack, second, [c, d]);
		for (const p of [c, d]) assert.deepEqual([p.last.ar.report().scene.refused, p.last.ar.report().scene.resyncs], [0, 0], p.name);
		c.last.hangup();
		await ended(d.last);
	});
}

export async function asd_restarts_under_a_shared_scene(t) {
	await under(t, '', async () => {
		const [a, b] = await t.pair();
		const first = await callOf(t, a, b);
		await t.stack.sh('restart', 'asd');
		for (const p of t.pcscfs)
			await until(`the link of ${p}`, async () => (await t.stack.kamcmd(p, 'ims_ar.status')).some((i) => i.part === 'link' && i.state === 'up'));
		await sleep(300);
		const [c, d] = await t.pair();
		await callOf(t, c, d);
		await scenesAgree(t.stack, first, [a, b, c, d]);
		assert.equal(users(c.last.ar.scene.doc).length, 4);
		a.last.hangup();
		c.last.hangup();
		await ended(b.last);
		await ended(d.last);
	});
}
