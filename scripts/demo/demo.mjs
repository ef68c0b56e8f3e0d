// SPDX-License-Identifier: GPL-2.0-or-later
// The demo's call and what comes after it: node demo.mjs RUN OUT [keep]. RUN is a folder of
// scripts/stack.sh, not started yet; pictures and reports go to OUT. Exit 0: all evidence held.

import { mkdirSync, writeFileSync } from 'node:fs';
import { launch, PageUe } from './browser.mjs';
import { bold, dim, green, Ladder, red } from './ladder.mjs';
import { firstCall } from './first_call.mjs';
import { secondCall } from './second_call.mjs';
import { callAgain, policyEdit, workerKill } from './show_off.mjs';
import { Stack } from './stack.mjs';

const [run, out, keep] = process.argv.slice(2);
const stack = new Stack(run);
const ladder = new Ladder();
const started = Date.now();
let browser = null;
let stopped = false;

// What the two do to the shipped scene (docs/messages.md).
const ACTIONS = [
	['alice', { name: 'set-color', target: 'cube', color: [0.95, 0.35, 0.2] }],
	['bob', { name: 'add', shape: 'ball', position: [0.5, 1.15, 0.35], color: [0.3, 0.8, 0.4] }],
	['alice', { name: 'move', target: 'cube', position: [-0.35, 1.2, 0.2] }],
	['bob', { name: 'select', target: 'cube' }],
];

// "name  what  seconds", as demo.sh prints the preparation
function prepared(name, what, since) {
	console.log(`${name.padEnd(10)}  ${what.padEnd(62)}  ${((Date.now() - since) / 1000).toFixed(1).padStart(6)} s`);
}

const SECOND_ACTIONS = [['alice', { name: 'set-color', target: 'cube', color: [0.2, 0.55, 0.95] }]];

async function ues() {
	const at = Date.now();
	const up = stack.sh('up').then(() => prepared('network', 'rtpengine, mediad, asd, home Kamailio, two P-CSCFs', at));
	// whichever fails, the other is over too then: what is still being started cannot be stopped
	const [launched, network] = await Promise.allSettled([launch(), up]);
	browser = launched.value;
	for (const { status, reason } of [launched, network]) if (status === 'rejected') throw reason;
	const made = ['alice', 'bob', 'carol'].map((name) => new PageUe(browser, name, stack.env.PAGE));
	const { WS1, WS2 } = stack.env;
	const more = [{ ws: WS1 }, { ws: WS2 }, { ws: WS1, mode: 'ar-assisted' }];
	await Promise.all(made.map((u, i) => u.open(more[i])));
	prepared('UEs', `alice, bob and carol, pages in Chromium ${browser.version()}`, at);
	return made;
}

async function nothingLeft() {
	const at = Date.now();
	let calls = -1;
	let contexts = -1;
	for (let i = 0; i < 100 && (calls !== 0 || contexts !== 0); i++) {
		if (i) await new Promise((resolve) => setTimeout(resolve, 30));
		const sides = stack.env.TWO === '1' ? ['pcscf1', 'pcscf2'] : ['pcscf1'];
		calls = (await Promise.all(sides.map((p) => stack.kamcmd(p, 'ims_ar.calls')))).flat().length;
		const list = await stack.contexts();
		contexts = (list.contexts ?? list).length;
	}
	ladder.step('--', 'everything that was reserved is released', `asd: ${calls} calls; mediad: ${contexts} contexts`, Date.now() - at, calls === 0 && contexts === 0);
}

function howToTakePart() {
	const { PAGE, ADDRESS } = stack.env;
	ladder.title('Take part yourself');
	console.log(`  ${bold(`${PAGE}?name=carol&peer=bob`)}`);
	console.log('  in a browser on this machine: press Register, then Call. bob answers and walks about.');
	console.log(`  With &mode=ar-assisted your page draws nothing: it sends a camera, and the network draws into it for bob.`);
	console.log(`  A second person opens ${PAGE}?name=dave and calls carol.`);
	if (/^127\./.test(ADDRESS)) console.log('  From another machine: stop this and run ./demo.sh --keep --address <address of this machine>.');
	console.log(`  Watch it: kamcmd -s unix:${run}/pcscf1.ctl ims_ar.calls`);
	console.log(`            curl --http2-prior-knowledge ${stack.env.MRM}/nmf-mrm/v1/contexts`);
	console.log(`  Change the rules: edit ${stack.policyPath()}, then kamcmd -s unix:${run}/pcscf1.ctl ims_ar.reload`);
	console.log('  Ctrl-C ends everything.');
}

async function stayOpen(alice, bob) {
	await alice.page.context().close();
	await bob.open({ auto: 'answer', hold: null, ws: stack.env.WS2 });
	await bob.eval(() => (window.arPage.walkPhase = 3.14));
	howToTakePart();
	await new Promise((resolve) => ['SIGINT', 'SIGTERM', 'SIGHUP'].forEach((s) => process.once(s, resolve)));
}

async function main() {
	mkdirSync(out, { recursive: true });
	const [alice, bob, carol] = await ues();
	const demo = { stack, ladder, out, alice, bob, actions: ACTIONS };
	await firstCall(demo);
	await alice.hangup();
	await bob.gone();
	await secondCall({ ...demo, alice: carol, actions: SECOND_ACTIONS });
	await carol.page.context().close();
	await callAgain(demo);
	await workerKill(demo);
	await policyEdit(demo);
	await nothingLeft();
	for (const u of [alice, bob, carol]) if (u.problems.length) ladder.note(`${u.name}'s page reported: ${[...new Set(u.problems)].slice(0, 3).join('; ')}`);
	writeFileSync(`${out}/failed.json`, JSON.stringify(ladder.failed));
	const seconds = ((Date.now() - started) / 1000).toFixed(1);
	if (ladder.failed.length) console.log(red(`\nDEMO FAILED after ${seconds} s: ${ladder.failed.join('; ')}`));
	else console.log(green(`\nAll evidence holds (${seconds} s for the calls). Pictures and scenes: ${out}`));
	if (keep === 'keep' && !ladder.failed.length) await stayOpen(alice, bob);
}

// What a signal interrupts must still take Chromium along.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
	process.on(signal, () => {
		stopped = true;
		if (keep !== 'keep') browser?.close().finally(() => process.exit(130)) ?? process.exit(130);
	});
}

try {
	await main();
	process.exitCode = ladder.failed.length ? 1 : 0;
} catch (e) {
	if (!stopped) console.log(red(`\nDEMO FAILED: ${e.message}`));
	if (!stopped) console.log(dim(`logs: ${out}/log`));
	process.exitCode = 1;
} finally {
	await browser?.close().catch(() => {});
}
process.exit();
