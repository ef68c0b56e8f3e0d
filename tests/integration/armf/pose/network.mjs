// SPDX-License-Identifier: GPL-2.0-or-later
// The same through the whole network: two pages of webapp in Chromium, SIP through Kamailio with the
// module, asd with the shipped policy, sound through rtpengine, video through the ARMF.
// node network.mjs RUN FOLDER [CASE...]; RUN: a network of scripts/stack.sh that is up.

import { createRequire } from 'node:module';
import { mkdirSync, writeFileSync } from 'node:fs';
import { launch, PageUe } from '../../../../scripts/demo/browser.mjs';
import { Stack } from '../../../../scripts/demo/stack.mjs';
import { assert, assertSkew, moving, skew, sleep, STILLS, stills, TooBusy, tries, until } from './judge.mjs';
import { hourAhead } from './lab.mjs';

const require = createRequire(new URL('../../../../webapp/package.json', import.meta.url));
const { buildSync } = require('esbuild');
const [run, folder, ...wanted] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const stack = new Stack(run);
const BAD = { jitter: 30, loss: 0.05 };
const TURN = { kind: 'turn', speed: 60 };
const probe = buildSync({ entryPoints: [new URL('probe.mjs', import.meta.url).pathname], bundle: true, format: 'iife', write: false }).outputFiles[0].text;

// A UE as judge.mjs wants it. ahead: of its clock, ms.
class Side {
	constructor(ue, ahead = 0) {
		Object.assign(this, { ue, ahead });
	}

	async move(m) {
		return (await this.ue.eval((x) => window.probe.move(x), m)) - this.ahead;
	}

	async painted() {
		const list = await this.ue.eval(() => window.probe.pictures);
		return new Map(list.map(([n, p]) => [n, { ...p, at: p.at - this.ahead }]));
	}

	seen(since = 0) {
		return this.ue.eval((t) => window.probe.seen.filter((s) => s.at >= t), since);
	}
}

async function armfOf(callId) {
	const c = await stack.contextOf(callId);
	return c?.terminations[0].medias.find((m) => m.mediaResourceType === 'AR')?.['x-ims-ar'].armf ?? {};
}

async function page(browser, name, query) {
	const ue = await new PageUe(browser, name, stack.env.PAGE).open(query);
	await ue.page.addScriptTag({ content: probe });
	return ue;
}

// carol calls bob; fn gets both sides while the call is up.
async function call({ browser, far, ahead = 0, spoil = null }, fn) {
	const carol = await page(browser, 'carol', { ws: stack.env.WS1, mode: 'ar-assisted' });
	const bob = await page(far, 'bob', { ws: stack.env.WS2, fps: '1' });
	try {
		if (spoil) await carol.eval((o) => window.probe.spoil(o), spoil);
		await carol.eval(() => window.probe.number());
		const callId = await carol.dial('bob');
		await bob.answer();
		for (const u of [carol, bob]) await u.wait('in the call with a scene', () => Boolean(window.arPage.call?.ar?.scene.doc), 15000);
		// untagged poses too, as a UE in use sends them
		await carol.eval(() => window.arPage.startWalking(0));
		await bob.wait('shown the video', () => document.getElementById('far').videoWidth > 0 && !document.getElementById('far').hidden, 15000);
		await bob.eval(() => window.probe.look());
		await until('processing', async () => (await armfOf(callId)).state === 'processing', 15000);
		await fn({ camera: new Side(carol, ahead), screen: new Side(bob), callId, carol, bob });
		const { poseSource, state } = await armfOf(callId);
		assert(state === 'processing' && poseSource === 'pose-rtp', `${state}, ${poseSource}`);
		const problems = [...carol.problems, ...bob.problems];
		assert(problems.length === 0, problems.join('; '));
		await carol.hangup();
		await bob.gone();
	} catch (e) {
		await carol.hangup().catch(() => {});
		throw e;
	} finally {
		await Promise.all([carol, bob].map((u) => u.page.context().close()));
	}
	await until('nothing reserved', async () => ((await stack.contexts()).contexts ?? []).length === 0);
}

async function sound(c, name) {
	const since = Date.now();
	await assertSkew(c, await skew(() => c.bob.eval(() => window.probe.skew()), name), 20, since);
}

const CASES = {
	async stills(lab) {
		await call(lab, async (c) => {
			await stills(c, 'network-stills', 2, STILLS.slice(0, 6));
			await sleep(200);
		});
	},
	async turning(lab) {
		await call({ ...lab, spoil: BAD }, (c) => moving(c, 'network-turning', TURN, { save: (name, f) => writeFileSync(`${folder}/${name}.json`, JSON.stringify(f)) }));
	},
	// voice by rtpengine, picture by the ARMF, one person
	async lipsync(lab) {
		await call(lab, async (c) => {
			const media = await c.bob.eval(() => window.arPage.call.pc.getReceivers().map((r) => r.track.kind));
			assert(media.includes('audio') && media.includes('video'), media.join());
			await sound(c, 'network-lipsync');
		});
	},
	async hour(lab) {
		const browser = await launch(undefined, hourAhead(folder).env);
		try {
			await call({ ...lab, browser, ahead: 3600000, spoil: BAD }, async (c) => {
				await moving(c, 'network-hour-ahead', TURN, { seconds: 4 });
				await sound(c, 'network-hour-lipsync');
			});
		} finally {
			await browser.close();
		}
	},
};

let bad = 0;
const browser = await launch();
try {
	for (const name of wanted.length ? wanted : Object.keys(CASES)) {
		const at = Date.now();
		try {
			const note = await tries(() => CASES[name]({ browser, far: browser }));
			console.log(`ok armf network ${name} (${((Date.now() - at) / 1000).toFixed(1)} s)${note}`);
		} catch (e) {
			if (e instanceof TooBusy) {
				console.log(`skip armf network ${name}: ${e.message}`);
				continue;
			}
			bad++;
			console.log(`not ok armf network ${name}: ${e.message.split('\n')[0]}`);
		}
	}
} finally {
	await browser.close();
}
process.exit(bad ? 1 : 0);
