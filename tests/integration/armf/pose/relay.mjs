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

export class Relay {
	// target: { address, port } of mediad; up: from the UE, down: to it.
	static async make(target, { up = {}, down = {} }) {
		const r = new Relay();
		[r.front, r.back] = await Promise.all([bind('127.0.0.1'), bind('127.0.0.1')]);
		r.port = r.front.address().port;
		r.up = new Line(up);
		r.down = new Line(down);
		let ue = null;
		const send = (line, data, go) => {
			const now = performance.now();
			const at = line.pass(data.length + 28, now);
			if (at === null) return;
			if (at - now < 0.5) go();
			else setTimeout(go, at - now);
		};
		r.front.on('message', (data, from) => {
			ue = from;
			send(r.up, data, () => r.open && r.back.send(data, target.port, target.address));
		});
		r.back.on('message', (data) => send(r.down, data, () => r.open && ue && r.front.send(data, ue.port, ue.address)));
		r.open = true;
		return r;
	}

	close() {
		this.open = false;
		this.front.close();
		this.back.close();
	}
}

// The section of that kind is reached through the relay.
export function through(sdp, kind, port) {
	return sdp.split(/^(?=m=)/m).map((s) => {
		if (!s.startsWith(`m=${kind} `)) return s;
		return s.replace(/^m=(\S+) \d+/, `m=$1 ${port}`).replace(/^(a=candidate:\S+ 1 udp \d+ )\S+ \d+/gim, `$1127.0.0.1 ${port}`);
	}).join('');
}
