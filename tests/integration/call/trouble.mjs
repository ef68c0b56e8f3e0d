// SPDX-License-Identifier: GPL-2.0-or-later
// Calls during which a part of the network dies, comes back, or is changed.

import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { arCall } from './basic.mjs';
import { answered, ended, sceneHere, scenesAgree, soundFlows, standStill, until, walkAbout } from '../../ue/pair.mjs';

// asd runs and every P-CSCF has found it again.
async function asdBack(t, command = 'start') {
	await t.stack.sh(command, 'asd');
	for (const p of t.pcscfs) {
		await until(`the link of ${p}`, async () => (await t.stack.kamcmd(p, 'ims_ar.status')).some((i) => i.part === 'link' && i.state === 'up'));
	}
}

async function stillAr(t, a, b, contextId) {
	walkAbout(a, b);
	await soundFlows(a, b);
	standStill(a, b);
	await scenesAgree(t.stack, contextId, [a, b]);
}

// Updates pass from UE to UE, without anybody to ask for the scene.
async function stillAlive(a, b) {
	const before = [a, b].map((u) => u.last.ar.report().scene.patches);
	walkAbout(a, b);
	await until('updates to both', () => [a, b].every((u, i) => u.last.ar.report().scene.patches > before[i] + 30));
	standStill(a, b);
}

export async function asd_restarts_in_the_middle_of_a_call(t) {
	const [a, b] = await t.pair();
	const { contextId } = await arCall(t, a, b);
	await asdBack(t, 'restart');
	await stillAr(t, a, b, contextId);
	assert.ok(await t.stack.call('pcscf1', a.last.callId), 'asd knows the call again');
	a.last.hangup();
	await ended(b.last);
}

export async function asd_is_killed_and_the_call_ends_before_it_is_back(t) {
	const [a, b] = await t.pair();
	await arCall(t, a, b);
	await t.stack.sh('kill', 'asd');
	await soundFlows(a, b, 500);
	b.last.hangup();
	await ended(a.last);
	await asdBack(t);
}

export async function asd_is_away_when_the_call_begins(t) {
	const [a, b] = await t.pair();
	await t.stack.sh('stop', 'asd');
	try {
		b.expect();
		const call = a.call(b);
		await answered(call);
		await soundFlows(a, b);
		call.hangup();
		await ended(b.last);
	} finally {
		await asdBack(t);
	}
}

export async function mediad_is_away_when_the_call_begins(t) {
	const [a, b] = await t.pair();
	await t.stack.sh('stop', 'mediad');
	try {
		b.expect();
		const call = a.call(b);
		await answered(call);
		await soundFlows(a, b);
		call.hangup();
		await ended(b.last);
	} finally {
		await t.stack.sh('start', 'mediad');
	}
}

// Its workers go on, and the next parent adopts them: not even an update is lost for long.
export async function mediad_parent_is_killed_in_the_middle_of_a_call(t) {
	const [a, b] = await t.pair();
	const { contextId } = await arCall(t, a, b);
	await t.stack.sh('kill', 'mediad');
	await stillAlive(a, b);
	await t.stack.sh('start', 'mediad');
	await until('asd to find it', async () => (await t.stack.kamcmd('pcscf1', 'ims_ar.status')).some((i) => i.dcmf && i.state === 'ready'));
	await stillAr(t, a, b, contextId);
	assert.ok(await t.stack.call('pcscf1', a.last.callId), 'asd still has the call');
	a.last.hangup();
	await ended(b.last);
}

// What `systemctl reload mediad` does: the call stays in its worker, the next one gets a new one.
export async function mediad_is_upgraded_in_the_middle_of_a_call(t) {
	const [a, b] = await t.pair();
	const { contextId } = await arCall(t, a, b);
	const before = (await t.stack.mediad()).instance;
	process.kill(t.stack.pid('mediad'), 'SIGUSR2');
	const other = async () => (await t.stack.mediad().catch(() => null))?.instance ?? before;
	await until('the new mediad', async () => (await other()) !== before, 15000);
	await until('one that drains', async () => (await t.stack.mediad()).workersDraining === 1);
	await stillAr(t, a, b, contextId);
	await until('asd to have found it', async () => a.last.renegotiate().then(() => true, () => false), 10000);
	await stillAr(t, a, b, contextId);
	const [c, d] = await t.pair();
	const next = await arCall(t, c, d);
	const portOf = async (id) => (await t.stack.context(id)).terminations[0].medias[0].localMbEndpoint.portNumber;
	assert.notEqual(await portOf(next.contextId), await portOf(contextId), 'a new worker');
	a.last.hangup();
	await ended(b.last);
	await until('the old worker to end with its last call', async () => (await t.stack.mediad()).workersDraining === 0, 10000);
	await stillAr(t, c, d, next.contextId);
	c.last.hangup();
	await ended(d.last);
}

export async function mediad_is_back_for_the_next_call(t) {
	const [a, b] = await t.pair();
	await t.stack.sh('restart', 'mediad');
	await until('asd to find it', async () => (await t.stack.kamcmd('pcscf1', 'ims_ar.status')).some((i) => i.dcmf && i.state === 'ready'));
	const { contextId } = await arCall(t, a, b);
	await stillAr(t, a, b, contextId);
	a.last.hangup();
	await ended(b.last);
}

export async function a_media_worker_dies(t) {
	const [a, b] = await t.pair();
	const { contextId } = await arCall(t, a, b);
	const { worker } = (await t.stack.context(contextId))['x-ims-ar'];
	const pidOf = async () => (await t.stack.mediad()).worker.find((w) => w.worker === worker)?.pid;
	const pid = await pidOf();
	assert.ok(pid, 'the worker has a pid');
	process.kill(pid, 'SIGKILL');
	await until('another worker', async () => ((await pidOf()) ?? pid) !== pid);
	await until('no context', async () => !(await t.stack.contextOf(a.last.callId)));
	await soundFlows(a, b);
	a.last.hangup();
	await ended(b.last);
	const again = a.call(b);
	await answered(again);
	await Promise.all([sceneHere(a.last), sceneHere(b.last)]);
	again.hangup();
	await ended(b.last);
}

export async function the_policy_is_edited_in_the_middle_of_a_call(t) {
	const path = t.stack.policyPath();
	const [a, b] = await t.pair();
	const { contextId } = await arCall(t, a, b);
	copyFileSync(path, `${path}.shipped`);
	const shipped = readFileSync(path, 'utf8');
	try {
		const at = shipped.search(/^\s*:rule\(/m);
		const rule = `\t:rule('not today', m.caller '${a.name}', act.deny(403, 'not today'))\n`;
		writeFileSync(path, shipped.slice(0, at) + rule + shipped.slice(at));
		await t.stack.kamcmd('pcscf1', 'ims_ar.reload');
		await stillAr(t, a, b, contextId);
		a.last.hangup();
		await ended(b.last);
		const denied = a.call(b);
		await ended(denied);
		assert.deepEqual([denied.end.status, denied.end.reason], [403, 'not today']);
		writeFileSync(path, `${shipped}\nnot Lua\n`);
		await assert.rejects(t.stack.kamcmd('pcscf1', 'ims_ar.reload'), /policy\.lua:[0-9]+:/);
		const stillDenied = a.call(b);
		await ended(stillDenied);
		assert.equal(stillDenied.end.status, 403);
	} finally {
		copyFileSync(`${path}.shipped`, path);
		await t.stack.kamcmd('pcscf1', 'ims_ar.reload');
	}
	const again = a.call(b);
	await answered(again);
	await Promise.all([sceneHere(a.last), sceneHere(b.last)]);
	again.hangup();
	await ended(b.last);
}
