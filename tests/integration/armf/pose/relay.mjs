// SPDX-License-Identifier: GPL-2.0-or-later
// A bad line between a UE and mediad: UDP through here is lost, late, and queued for a slow link.

import { createSocket } from 'node:dgram';

const MAX_QUEUE_MS = 400; // a router's buffer; what does not fit is lost

function bind(host) {
	const s = createSocket('udp4');
	s.on('error', () => {});
	return new Promise((resolve) => s.bind(0, host, () => resolve(s)));
}

// One direction: when a packet of n bytes comes out, or null when it is lost.
class Line {
	bytes = 0;
	lost = 0;
	queued = 0; // ms of the last packet
	#free = 0;

	constructor(how) {
		this.how = how; // { loss, delay (ms), kbps }
	}

	pass(n, now) {
		const { loss = 0, delay = 0, kbps = 0 } = this.how;
		this.queued = kbps ? Math.max(0, this.#free - now) : 0;
		if (Math.random() < loss || this.queued > MAX_QUEUE_MS) {
			this.lost++;
			return null;
		}
		if (kbps) this.#free = Math.max(now, this.#free) + (n * 8) / kbps;
		this.bytes += n;
		return (kbps ? this.#free : now) + delay;
	}
}

// As a NAT: a UE that comes from two of its addresses is seen at two ports, and answered at each.
export class Relay {
	#ways = new Map(); // "address:port" of the UE -> socket towards mediad

	// target: { address, port } of mediad; up: from the UE, down: to it.
	static async make(target, { up = {}, down = {} }) {
		const r = new Relay();
		r.target = target;
		r.front = await bind('127.0.0.1');
		r.port = r.front.address().port;
		r.up = new Line(up);
		r.down = new Line(down);
		r.open = true;
		r.front.on('message', (data, ue) => {
			const back = r.#way(ue);
			r.#send(r.up, data, () => back.send(data, target.port, target.address));
		});
		return r;
	}

	#way(ue) {
		const name = `${ue.address}:${ue.port}`;
		if (!this.#ways.has(name)) {
			const back = createSocket('udp4');
			back.on('error', () => {});
			back.on('message', (data) => this.#send(this.down, data, () => this.front.send(data, ue.port, ue.address)));
			this.#ways.set(name, back);
		}
		return this.#ways.get(name);
	}

	#send(line, data, go) {
		const now = performance.now();
		const at = line.pass(data.length + 28, now);
		if (at === null) return;
		if (at - now < 0.5) go();
		else setTimeout(() => this.open && go(), at - now);
	}

	close() {
		this.open = false;
		this.front.close();
		for (const back of this.#ways.values()) back.close();
	}
}

// The section of that kind is reached through the relay.
export function through(sdp, kind, port) {
	return sdp.split(/^(?=m=)/m).map((s) => {
		if (!s.startsWith(`m=${kind} `)) return s;
		return s.replace(/^m=(\S+) \d+/, `m=$1 ${port}`).replace(/^(a=candidate:\S+ 1 udp \d+ )\S+ \d+/gim, `$1127.0.0.1 ${port}`);
	}).join('');
}
