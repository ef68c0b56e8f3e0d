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
	let error = null, note = '';
	try {
		note = (await limited(fn(scene))) ?? '';
		const problems = scene.problems();
		if (problems.length) throw new Error(problems.join('; '));
	} catch (e) {
		error = e;
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
	for (const p of scene.problems()) console.log(`# ${p}`);
	console.log(`not ok call-${layout} ${name} (${Date.now() - at} ms)`);
	return false;
}

process.on('unhandledRejection', (e) => console.log(`# unhandled: ${e?.message ?? e}`));

let failed = 0;
for (const [key, fn] of [...Object.entries(basic), ...Object.entries(trouble), ...Object.entries(share), ...Object.entries(policy), ...Object.entries(armf), ...Object.entries(directions)]) {
	const name = key.replace(/_/g, ' ');
	if (fn.helper) continue;
	if (parts.length && !parts.some((p) => name.includes(p))) continue;
	if (!(await runCase(name, fn))) failed++;
}
process.exit(failed ? 1 : 0);
