// SPDX-License-Identifier: GPL-2.0-or-later
// What an operator asks next: a media worker dies in mid-call; the policy is edited in mid-call.

import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { soundOf } from './browser.mjs';
import { agree } from './first_call.mjs';
import { eventually } from './network.mjs';

const DENY_REASON = 'no AR calls for alice today';
const DENY_RULE = 'the demo says no';

// alice calls bob; ms until both have the scene.
export async function callAgain(demo) {
	const { alice, bob, stack } = demo;
	const at = Date.now();
	demo.callId = await alice.dial('bob');
	await bob.answer();
	for (const u of [alice, bob]) await u.wait('in the call with a scene', () => Boolean(window.arPage.call?.ar?.scene.doc));
	demo.contextId = (await stack.contextOf(demo.callId)).contextId;
	return Date.now() - at;
}

function workerPid(status, worker) {
	return status.worker.find((w) => w.worker === worker)?.pid;
}

export async function workerKill(demo) {
	const { ladder, stack, alice, bob } = demo;
	ladder.title('A media worker is killed in the middle of the call');
	const context = await stack.context(demo.contextId);
	const worker = context['x-ims-ar'].worker;
	const pid = workerPid(await stack.mediad(), worker);
	if (!ladder.step('k1', 'kill -9 of the worker that has this call', `worker ${worker}, pid ${pid}`, undefined, Boolean(pid))) return;
	const at = Date.now();
	process.kill(pid, 'SIGKILL');
	const gone = await eventually('the loss to be seen', async () => !(await stack.contextOf(demo.callId)));
	const backAt = await eventually('a new worker', async () => {
		const now = workerPid(await stack.mediad(), worker);
		return now && now !== pid && `pid ${now}`;
	});
	ladder.step('k2', 'mediad starts another, asd is told', `worker ${worker} is now ${backAt}; context gone: ${gone}`, Date.now() - at);
	const got = await soundOf([alice, bob], 1000);
	const states = await Promise.all([alice, bob].map(async (u) => (await u.report()).state));
	ladder.step('k3', 'the call goes on with its voice', `${states.join(', ')}; ${got[0]} and ${got[1]} RTP packets in the last second`, undefined, got.every((n) => n >= 30) && states.every((s) => s === 'answered'));
	await alice.hangup();
	await bob.gone();
	const ms = await callAgain(demo);
	const after = await stack.context(demo.contextId);
	ladder.step('k4', 'the next call is an AR call again', `context ${demo.contextId} in worker ${after['x-ims-ar'].worker}, both UEs have the scene`, ms);
}

// The shipped policy with a rule of the demo's own before all others.
function withRule(text, domain) {
	const rule = `\t:rule('${DENY_RULE}', m.caller 'alice@${domain}', act.deny(403, '${DENY_REASON}'))\n`;
	const at = text.search(/^\s*:rule\(/m);
	if (at < 0) throw new Error('the policy has no rule to put ours before');
	return text.slice(0, at) + rule + text.slice(at);
}

export async function policyEdit(demo) {
	const { ladder, stack, alice, bob } = demo;
	const path = stack.policyPath();
	const original = `${path}.shipped`;
	ladder.title('The policy is edited in the middle of the call');
	copyFileSync(path, original);
	try {
		await brokenPolicy(demo, path, original);
		writeFileSync(path, withRule(readFileSync(original, 'utf8'), stack.env.DOMAIN));
		const at = Date.now();
		const [said] = await stack.kamcmd('pcscf1', 'ims_ar.reload');
		ladder.step('p2', 'a rule is added: kamcmd ims_ar.reload', Object.entries(said ?? {}).map(([k, v]) => `${k} ${v}`).join(', '), Date.now() - at);
		await callGoesOn(demo);
		await alice.hangup();
		await bob.gone();
		await nextCallObeys(demo);
	} finally {
		copyFileSync(original, path);
		await stack.kamcmd('pcscf1', 'ims_ar.reload').catch(() => {});
	}
	const ms = await callAgain(demo);
	await alice.hangup();
	await bob.gone();
	ladder.step('p5', 'the rule is taken out again', 'alice calls bob: an AR call', ms);
}

async function brokenPolicy({ ladder, stack }, path, original) {
	writeFileSync(path, `${readFileSync(original, 'utf8')}\nthis is not Lua\n`);
	const said = await stack.kamcmd('pcscf1', 'ims_ar.reload').then(() => '', (e) => e.message);
	const line = readFileSync(path, 'utf8').split('\n').findIndex((l) => l === 'this is not Lua') + 1;
	ladder.step('p1', 'a broken policy is refused, the old one stays', /policy\.lua:.*/.exec(said)?.[0] ?? said, undefined, said.includes(`policy.lua:${line}`));
}

async function callGoesOn(demo) {
	const { ladder, alice, bob } = demo;
	const before = (await bob.report()).ar.scene.patches;
	await Promise.all([alice.walk(1.2), bob.walk(4)]);
	const got = await soundOf([alice, bob], 700);
	await Promise.all([alice.stand(), bob.stand()]);
	const { equal, why } = await agree(demo);
	const patches = (await bob.report()).ar.scene.patches - before;
	ladder.step('p3', 'the call goes on under its old rules', `${patches} scene updates and ${got[1]} RTP packets at UE2 since; scenes ${equal ? 'equal' : `differ: ${why}`}`, undefined, patches > 5 && equal && got.every((n) => n >= 15));
}

async function nextCallObeys({ ladder, alice }) {
	const at = Date.now();
	await alice.dial('bob');
	await alice.gone();
	const { end } = await alice.report();
	ladder.step('p4', 'the next call obeys the new rule', `alice calls bob: ${end.status} ${end.reason}`, Date.now() - at, end.status === 403 && end.reason === DENY_REASON);
}
