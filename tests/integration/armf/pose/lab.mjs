// SPDX-License-Identifier: GPL-2.0-or-later
// Chromium with the tests' page, and mediad with one scene: what the cases of e2e.mjs stand on.

import { execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { Mrm } from '../../mediad/mrm.mjs';
import { Relay, through } from './relay.mjs';
import { answer, termination } from './sdp.mjs';

const ROOT = new URL('../../../../', import.meta.url).pathname;
const require = createRequire(`${ROOT}webapp/package.json`);
const { chromium } = require('playwright-core');
const { buildSync } = require('esbuild');

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const FLAGS = [
	'--no-sandbox', '--disable-gpu', '--mute-audio', '--autoplay-policy=no-user-gesture-required',
	'--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', '--allow-loopback-in-peer-connection',
	'--disable-features=WebRtcHideLocalIpsWithMdns', '--disable-background-networking',
	// two pages, one of them always behind the other
	'--disable-background-timer-throttling', '--disable-backgrounding-occluded-windows', '--disable-renderer-backgrounding',
];

export class Browser {
	// ahead: its wall clock, ms (0 or an hour)
	async start({ env = {}, ahead = 0 } = {}) {
		this.ahead = ahead;
		const js = buildSync({ entryPoints: [new URL('phone.mjs', import.meta.url).pathname], bundle: true, format: 'iife', write: false, nodePaths: [`${ROOT}webapp/node_modules`] }).outputFiles[0].text;
		const html = '<!doctype html><meta charset="utf-8"><video id="far" muted playsinline></video><script src="phone.js"></script>';
		this.server = createServer((q, r) => {
			const script = q.url.endsWith('.js');
			r.writeHead(200, { 'content-type': script ? 'text/javascript' : 'text/html' }).end(script ? js : html);
		});
		await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
		this.chromium = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS, env: { ...process.env, ...env } });
	}

	async phone(options) {
		const context = await this.chromium.newContext({ viewport: { width: 660, height: 380 } });
		const page = await context.newPage();
		const p = new Phone(page, options, this.ahead);
		page.on('pageerror', (e) => p.problems.push(e.message));
		await page.goto(`http://127.0.0.1:${this.server.address().port}/`);
		return p;
	}

	async stop() {
		await this.chromium?.close();
		this.server?.close();
	}
}

// A library that sets the clock of whoever loads it an hour ahead.
export function hourAhead(folder) {
	const so = `${folder}/hour.so`;
	execFileSync('cc', ['-O2', '-shared', '-fPIC', '-o', so, new URL('hour.c', import.meta.url).pathname, '-ldl']);
	return { env: { LD_PRELOAD: so }, ahead: 3600000 };
}

export class Phone {
	problems = [];

	constructor(page, options, ahead) {
		this.page = page;
		this.ahead = ahead;
		this.options = options;
	}

	async open() {
		this.offer = await this.page.evaluate((o) => window.phone.open(o), this.options);
		return this.offer;
	}

	answer(sdp) {
		return this.page.evaluate((s) => window.phone.answer(s), sdp);
	}

	eval(fn, arg) {
		return this.page.evaluate(fn, arg);
	}

	// When it began, on this machine's clock.
	async move(m) {
		return (await this.eval((x) => window.phone.moveTo(x), m)) - this.ahead;
	}

	seen(since = 0) {
		return this.eval((t) => window.phone.seen.filter((s) => s.at >= t), since);
	}

	// number -> { at, pose } of every picture painted
	async painted() {
		const list = await this.eval(() => window.phone.pictures.map(({ number, at, pose }) => [number & 0xffff, { at, pose }]));
		return new Map(list.map(([number, p]) => [number, { ...p, at: p.at - this.ahead }]));
	}

	// RTP timestamp -> number of the picture that the page takes it for
	async told() {
		return new Map(await this.eval(() => window.phone.sent.map(([rtp, , number]) => [rtp, number])));
	}

	async save(which, path) {
		const url = await this.eval((w) => window.phone.picture(w), which);
		writeFileSync(path, Buffer.from(url.split(',')[1], 'base64'));
	}

	async close() {
		await this.page.context().close();
	}
}

async function freePort() {
	const s = createSocket('udp4');
	await new Promise((resolve) => s.bind(0, '127.0.0.1', resolve));
	const { port } = s.address();
	await new Promise((resolve) => s.close(resolve));
	return port;
}

export class Mediad {
	constructor(folder, build) {
		this.folder = folder;
		this.build = build;
	}

	async start(extra = {}) {
		const [control, media] = [await freePort(), await freePort()];
		mkdirSync(`${this.folder}/cache`, { recursive: true });
		const armf = { program: `${this.build}/mediad/mediad-armf`, platform: 'surfaceless', cache_dir: `${this.folder}/cache`, ...(process.env.SPLICE ? { splice: process.env.SPLICE } : {}), ...extra };
		writeFileSync(`${this.folder}/mediad.conf`, [
			'[mediad]', 'workers = 1', '[control]', `listen = 127.0.0.1:${control}`, '[media]', 'network = default/127.0.0.1', `port = ${media}`,
			'[application]', `scenes = ${ROOT}tests/integration/armf/pose/scenes`, `webapp = ${ROOT}tests/integration/armf/pose/scenes`, 'scene_default = box',
			'[armf]', ...Object.entries(armf).map(([k, v]) => `${k} = ${v}`), '',
		].filter((l) => !l.startsWith('scene_default')).join('\n'));
		this.log = `${this.folder}/mediad.log`;
		const fd = openSync(this.log, 'a');
		this.process = spawn(`${this.build}/mediad/mediad`, ['-c', `${this.folder}/mediad.conf`], { stdio: ['ignore', fd, fd] });
		this.exited = new Promise((resolve) => this.process.on('exit', resolve));
		this.base = `http://127.0.0.1:${control}`;
		for (let i = 0; i < 100; i++) {
			try {
				execFileSync('curl', ['-sf', '-m', '1', '--http2-prior-knowledge', `${this.base}/x-ims-ar/v1/status`], { stdio: 'ignore' });
				this.mrm = new Mrm(this.base);
				return;
			} catch {
				await sleep(100);
			}
		}
		throw new Error(`mediad does not answer: ${readFileSync(this.log, 'utf8').slice(-600)}`);
	}

	async status() {
		return (await this.mrm.request('GET', '/x-ims-ar/v1/status')).json;
	}

	// The processors (mediad-armf) below it.
	processors() {
		const below = (pid) => {
			const out = execFileSync('ps', ['-o', 'pid=,comm=', '--ppid', String(pid)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
			return out.trim().split('\n').filter(Boolean).map((l) => l.trim().split(/\s+/));
		};
		const found = [];
		const visit = (pid) => {
			let list = [];
			try {
				list = below(pid);
			} catch {
				// none below it
			}
			for (const [p, name] of list) {
				if (name.startsWith('mediad-armf')) found.push(Number(p));
				visit(p);
			}
		};
		visit(this.process.pid);
		return found;
	}

	async snapshot(id, t = 'a') {
		return execFileSync('curl', ['-s', '-m', '6', '--http2-prior-knowledge', '-D', `${this.folder}/head`, `${this.base}/x-ims-ar/v1/contexts/${id}/snapshot?termination=${t}&media=v0`], { maxBuffer: 1 << 24 });
	}

	async stop() {
		this.mrm?.close();
		if (!this.process) return;
		this.process.kill('SIGTERM');
		const timer = setTimeout(() => this.process.kill('SIGKILL'), 5000);
		await this.exited;
		clearTimeout(timer);
	}
}

// A call between two pages over mediad: camera sends, screen sees. Returns the context's id.
export async function connect(mediad, camera, screen, options = {}) {
	const offers = await Promise.all([camera.open(), screen.open()]);
	const body = {
		terminations: [termination('a', offers[0], { operation: 'overlay', ...options.a }), termination('b', offers[1], { operation: 'relay', ...options.b })],
		'x-ims-ar': { owner: 'test', callId: `e2e-${Date.now()}`, scene: 'box', leaseSeconds: 300 },
	};
	const made = await mediad.mrm.create(body);
	if (made.status !== 201) throw new Error(`context: ${made.status} ${made.text}`);
	const [a, b] = made.json.terminations;
	const answers = [answer(a, offers[0], b), answer(b, offers[1], a)];
	for (const [i, how] of (options.lines ?? []).entries()) if (how) answers[i] = await spoil(options, answers[i], made.json.terminations[i], how);
	await Promise.all([camera.answer(answers[0]), screen.answer(answers[1])]);
	return made.json.contextId;
}

// The video of one leg through a bad line; options.relays gets it.
async function spoil(options, sdp, t, how) {
	const { ip, portNumber } = t.medias.find((m) => m.mediaId === 'v0').localMbEndpoint;
	const relay = await Relay.make({ address: ip.ipv4Addr, port: portNumber }, how);
	(options.relays ??= []).push(relay);
	return through(sdp, 'video', relay.port);
}

const withoutCandidates = (sdp) => sdp.replace(/^a=candidate:.*\r\n/gm, '');

// The same without mediad: one page to the other, for the test of the measuring itself. how: a bad
// line for the video; resolves with its relay.
export async function connectDirect(camera, screen, how = null) {
	const offer = await camera.open();
	await screen.eval(() => {
		window.phone.pc = new RTCPeerConnection();
	});
	const back = await screen.eval(async (sdp) => {
		const { pc } = window.phone;
		pc.addEventListener('track', (e) => window.phone.take(e.track));
		await pc.setRemoteDescription({ type: 'offer', sdp });
		await pc.setLocalDescription(await pc.createAnswer());
		await new Promise((resolve) => setTimeout(resolve, 300));
		return pc.localDescription.sdp;
	}, how ? withoutCandidates(offer) : offer);
	if (!how) {
		await camera.answer(back);
		return null;
	}
	// the only way there is the relay
	const [line, port] = /^a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+).*\r\n/im.exec(back);
	const relay = await Relay.make({ address: '127.0.0.1', port: Number(port) }, how);
	await camera.answer(through(withoutCandidates(back).replace(/^a=ice-ufrag/m, () => `${line}a=ice-ufrag`), 'video', relay.port));
	return relay;
}

export { existsSync };
