// SPDX-License-Identifier: GPL-2.0-or-later
// The cases of run.sh: node cases.mjs RUN one|two [NAME-PART...]. Every case ends with no call in
// the module, none in asd and no context in mediad.

import { Stack } from '../../../scripts/demo/stack.mjs';
import * as armf from './armf.mjs';
import * as basic from './basic.mjs';
import * as directions from './directions.mjs';
import * as policy from './policy.mjs';
import * as share from './share.mjs';
import * as trouble from './trouble.mjs';
import { nothingLeft, Party, TooSlow } from '../../ue/pair.mjs';

const [run, layout, ...parts] = process.argv.slice(2);
const stack = new Stack(run);
const pcscfs = layout === 'two' ? ['pcscf1', 'pcscf2'] : ['pcscf1'];
const LIMIT_MS = 120000;
const TRIES = ['', ' (second try)', ' (third try)']; // of a case that was too slow

const TOLD = new Set(['transport', 'inbound-rtp', 'outbound-rtp', 'remote-inbound-rtp']);

async function transports(pc) {
	if (!pc || pc.signalingState === 'closed') return []; // there are no statistics any more
	const all = [...(await pc.getStats()).values()];
	return all.filter((x) => TOLD.has(x.type)).map(({ id, timestamp, codecId, trackId, ...rest }) => rest);
}

// What a case gets: the network, and parties that are stopped when it is over.
class Scene {
	stack = stack;
	pcscfs = pcscfs;
	#parties = [];

	// a is at the first P-CSCF, b at the second one where there are two
	async party(name, options = {}) {
		const p = new Party(stack, name, { ws: name === 'b' ? stack.env.WS2 : stack.env.WS1, ...options });
		this.#parties.push(p);
		await p.start();
		return p;
	}

	async pair(optionsA = {}, optionsB = {}) {
		return Promise.all([this.party('a', optionsA), this.party('b', optionsB)]);
	}

	// What a party sees, and what mediad has: how far the case came.
	async state() {
		const lines = this.#parties.map((p) => `${p.name}: ${p.last?.state}, ${p.seen?.frames ?? 'no'} pictures of ${p.seen?.last?.width ?? '-'} x ${p.seen?.last?.height ?? '-'}`);
		const context = await this.stack.contextOf(this.#parties[0]?.last?.callId).catch((e) => e.message);
		const pcs = await Promise.all(this.#parties.map(async (p) => `${p.name}: ${JSON.stringify(await transports(p.last?.pc))}`));
		return [...lines, ...pcs, `mediad: ${JSON.stringify(context)}`];
	}

	problems() {
		return this.#parties.flatMap((p) => p.problems.map((text) => `${p.name}: ${text}`));
	}

	async end() {
		for (const p of this.#parties) p.stop();
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
}

function limited(promise) {
	let timer;
	const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(`not over within ${LIMIT_MS} ms`)), LIMIT_MS)));
	return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function runCase(name, fn, tries = 0) {
	const scene = new Scene();
	const at = Date.now();
	let error = null, note = '', state = [];
	try {
		note = (await limited(fn(scene))) ?? '';
		const problems = scene.problems();
		if (problems.length) throw new Error(problems.join('; '));
	} catch (e) {
		error = e;
		state = await scene.state().catch((why) => [`no state: ${why.message}`]);
	}
	await scene.end();
	try {
		await nothingLeft(stack, pcscfs);
	} catch (e) {
		error ??= e;
	}
	if (error instanceof TooSlow && tries + 1 < TRIES.length) {
		console.log(`# ${name}: ${error.message}`);
		return runCase(name, fn, tries + 1);
	}
	if (!error) {
		console.log(`ok call-${layout} ${name} (${Date.now() - at} ms)${TRIES[tries]}${note && ` ${note}`}`);
		return true;
	}
	for (const line of `${error.stack ?? error}`.split('\n').slice(0, 12)) console.log(`# ${line}`);
	for (const line of [...scene.problems(), ...state]) console.log(`# ${line}`);
	console.log(`not ok call-${layout} ${name} (${Date.now() - at} ms)`);
	return false;
}

process.on('unhandledRejection', (e) => console.log(`# unhandled: ${e?.message ?? e}`));

let failed = 0;
const cases = [basic, trouble, share, policy, armf, directions].flatMap((m) => Object.entries(m));
for (let n = 0; n < (Number(process.env.TIMES) || 1); n++) {
	for (const [key, fn] of cases) {
		const name = key.replace(/_/g, ' ');
		if (fn.helper) continue;
		if (parts.length && !parts.some((p) => name.includes(p))) continue;
		if (!(await runCase(name, fn))) failed++;
	}
}
process.exit(failed ? 1 : 0);
