// SPDX-License-Identifier: GPL-2.0-or-later
// Drives dc_echo (dc_echo.c) over its standard input and output, and turns its facts into SDP.
import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export class Echo {
	static async start(program, args = []) {
		const e = new Echo();
		e.child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
		e.events = [];
		e.waiting = [];
		e.done = new Promise((resolve) => e.child.on('exit', (code, signal) => {
			e.exit = { code, signal };
			for (const w of e.waiting) w.reject(new Error(`dc_echo ended: ${code ?? signal}`));
			resolve(e.exit);
		}));
		createInterface({ input: e.child.stdout }).on('line', (l) => e.#on(JSON.parse(l)));
		e.ready = await e.wait((m) => m.ev === 'ready');
		return e;
	}

	#on(m) {
		const i = this.waiting.findIndex((w) => w.match(m));
		if (i < 0) { this.events.push(m); return; }
		const [w] = this.waiting.splice(i, 1);
		clearTimeout(w.timer);
		w.resolve(m);
	}

	// The first event, past or to come, that matches; it is taken out.
	wait(match, ms = 30000, what = '') {
		const i = this.events.findIndex(match);
		if (i >= 0) return Promise.resolve(this.events.splice(i, 1)[0]);
		return new Promise((resolve, reject) => {
			const w = { match, resolve, reject };
			w.timer = setTimeout(() => {
				this.waiting.splice(this.waiting.indexOf(w), 1);
				reject(new Error(`dc_echo: no ${what || match} in ${ms} ms`));
			}, ms);
			this.waiting.push(w);
		});
	}

	say(o) { this.child.stdin.write(JSON.stringify(o) + '\n'); }

	async ask(o, ev) {
		this.say(o);
		return this.wait((m) => m.ev === ev && (o.peer === undefined || m.peer === o.peer), 30000, ev);
	}

	// No waiting for more than a few seconds: a hung server is killed and reported.
	async stop() {
		this.child.stdin.end();
		const t = setTimeout(() => this.child.kill('SIGKILL'), 5000);
		const exit = await this.done;
		clearTimeout(t);
		return exit;
	}
}

// The NAT of one UE: what it sends to `port` reaches the server from a port of the NAT's, another one
// from rebind() on.
export class Nat {
	// tap(datagram): what the UE sends, before it goes on; false: not yet, it goes after the next one
	constructor(server, tap = () => true) {
		this.server = server;
		this.tap = tap;
	}

	async #socket(on) {
		const s = dgram.createSocket('udp4');
		s.bind(0, '127.0.0.1');
		await once(s, 'listening');
		return s.on('message', on);
	}

	async start() {
		this.inner = await this.#socket((d, from) => {
			this.ue = from;
			if (!this.tap(d)) { this.late = d; return; }
			this.outer.send(d, this.server, '127.0.0.1');
			if (this.late) this.outer.send(this.late, this.server, '127.0.0.1');
			this.late = undefined;
		});
		this.port = this.inner.address().port;
		await this.rebind();
		return this;
	}

	async rebind() {
		this.outer?.close();
		this.outer = await this.#socket((d) => this.inner.send(d, this.ue.port, this.ue.address));
		return this.outer.address().port;
	}

	stop() {
		this.inner.close();
		this.outer.close();
	}
}

const value = (section, name) => new RegExp(`^a=${name}:[ ]*(.*)$`, 'm').exec(section)?.[1]?.trim();

// What a description says about its data channel section, as dc_echo wants it.
export function remoteFacts(sdp) {
	const at = sdp.indexOf('m=application');
	const head = sdp.slice(0, sdp.indexOf('m='));
	const section = sdp.slice(at).split(/\r?\nm=/)[0];
	const get = (n) => value(section, n) ?? value(head, n);
	const lite = /^a=ice-lite/m.test(sdp);
	// no checks will come: the address counts (werift has it in its candidate only, and a=ice-lite in the section)
	const [, addr, port] = (lite && /^a=candidate:\S+ 1 udp \d+ (127\S+) (\d+)/im.exec(section)) || [];
	return {
		ufrag: get('ice-ufrag'), pwd: get('ice-pwd'), fingerprints: [get('fingerprint')],
		theirSetup: get('setup'), sctpPort: Number(get('sctp-port') ?? 5000),
		maxMessageSize: Number(get('max-message-size') ?? 65536),
		mid: get('mid') ?? '0', lite, ...(addr && { addr, port: Number(port) }),
	};
}

export function description(type, echo, facts, { setup, mid = '0', channels = [], port = echo.ready.port, size = 262144 }) {
	const { host } = echo.ready;
	const v6 = host.includes(':');
	return { type, sdp: [
		'v=0', 'o=- 4711 1 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=ice-lite',
		`m=application ${port} UDP/DTLS/SCTP webrtc-datachannel`,
		`c=IN ${v6 ? 'IP6' : 'IP4'} ${host}`,
		`a=mid:${mid}`, `a=ice-ufrag:${facts.ufrag}`, `a=ice-pwd:${facts.pwd}`,
		`a=candidate:1 1 udp 2130706431 ${host} ${port} typ host`, 'a=end-of-candidates',
		`a=fingerprint:${facts.fingerprint.replace(/^SHA/, 'sha')}`, `a=setup:${setup}`,
		'a=sctp-port:5000', `a=max-message-size:${size}`,
		...channels.map((c) => `a=dcmap:${c.id} subprotocol="${c.protocol}"`), '',
	].join('\r\n') };
}
