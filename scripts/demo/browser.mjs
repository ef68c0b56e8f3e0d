// SPDX-License-Identifier: GPL-2.0-or-later
// A UE of the demo: the page of webapp in headless Chromium, driven from outside. Chromium's own
// WebRTC stack and fake sound device; nothing is simulated between the page and the network.

import { createRequire } from 'node:module';
import { eventually } from './network.mjs';

const require = createRequire(new URL('../../webapp/package.json', import.meta.url));
const { chromium } = require('playwright-core');

const FLAGS = [
	'--use-fake-device-for-media-stream',
	'--use-fake-ui-for-media-stream',
	'--autoplay-policy=no-user-gesture-required',
	// host candidates with addresses instead of mDNS names: there is no mDNS on a server
	'--disable-features=WebRtcHideLocalIpsWithMdns',
	// three.js in software, also without a GPU; but only it: pages put together by SwiftShader cost
	// half a core each
	'--disable-gpu-compositing',
	'--disable-gpu-rasterization',
	'--use-gl=angle',
	'--use-angle=swiftshader',
	'--enable-unsafe-swiftshader',
];
const NAMES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export async function launch(executablePath = process.env.CHROMIUM ?? NAMES[0], env = {}) {
	const args = process.getuid?.() === 0 ? [...FLAGS, '--no-sandbox'] : FLAGS;
	return chromium.launch({ executablePath, args, env: { ...process.env, ...env }, handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false });
}

export class PageUe {
	problems = [];

	constructor(browser, name, url, size = { width: 900, height: 560 }) {
		this.name = name;
		this.browser = browser;
		this.url = url;
		this.size = size;
	}

	// Opens the page and registers. query: more of it, see webapp/src/page.mjs; null takes one out.
	async open(query = {}) {
		this.page = await (await this.browser.newContext({ viewport: this.size })).newPage();
		this.page.on('pageerror', (e) => this.problems.push(e.message));
		this.page.on('console', (m) => m.type() === 'error' && this.problems.push(m.text()));
		const all = { name: this.name, auto: 'register', fps: '8', hold: '1', ...query };
		const q = new URLSearchParams(Object.entries(all).filter(([, v]) => v !== null));
		await this.page.goto(`${this.url}?${q}`);
		await this.wait('registered', () => Boolean(window.arPage?.ue));
		return this;
	}

	eval(fn, arg) {
		return this.page.evaluate(fn, arg);
	}

	async wait(what, fn, ms = 10000, arg) {
		try {
			await this.page.waitForFunction(fn, arg, { timeout: ms, polling: 20 });
		} catch {
			const state = await this.page.evaluate(() => document.getElementById('problem')?.textContent || document.getElementById('state')?.textContent).catch(() => '');
			throw new Error(`${this.name}: not ${what} within ${ms} ms; the page says "${state}" ${this.problems.join('; ')}`);
		}
	}

	dial(peer) {
		return this.eval(async (to) => (await window.arPage.dial(to)).callId, peer);
	}

	async answer() {
		await this.wait('called', () => window.arPage.call?.originator === 'remote' && window.arPage.call.state === 'new' || window.arPage.call?.state === 'ringing');
		await this.eval(() => window.arPage.answer());
	}

	report() {
		return this.eval(() => window.arPage.report());
	}

	scene() {
		return this.eval(() => window.arPage.call.ar?.scene.doc ?? null);
	}

	walk(phase) {
		return this.eval((p) => window.arPage.startWalking(p), phase);
	}

	stand() {
		return this.eval(() => window.arPage.stand());
	}

	act(action) {
		return this.eval((a) => window.arPage.call.ar.act(a), action);
	}

	async hangup() {
		await this.eval(() => window.arPage.call?.hangup());
		await this.gone();
	}

	gone(ms = 5000) {
		return this.wait('free again', () => !window.arPage.call || ['ended', 'failed'].includes(window.arPage.call.state), ms);
	}

	// A picture of what this UE sees now; waits until the page has drawn.
	async picture(path) {
		await this.eval(() => window.arPage.view.settled());
		await this.page.screenshot({ path });
		return path;
	}

	// RTP audio packets received so far.
	async packets() {
		return (await this.eval(() => window.arPage.call.media())).audio.packetsIn;
	}
}

// Audio packets at both within ms; both keep counting also when the data channel is gone.
export async function soundOf(ues, ms) {
	const before = await Promise.all(ues.map((u) => u.packets()));
	await new Promise((resolve) => setTimeout(resolve, ms));
	const after = await Promise.all(ues.map((u) => u.packets()));
	return after.map((n, i) => n - before[i]);
}

export { eventually };
