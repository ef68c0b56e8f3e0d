// SPDX-License-Identifier: GPL-2.0-or-later
// The NAT of one UE, for tests: a relay, whose address the UE takes for mediad's.

import dgram from 'node:dgram';
import { once } from 'node:events';

// Passes datagrams of one UE on from a port of its own; another one from rebind() on.
export class Nat {
	async start() {
		this.inner = dgram.createSocket('udp4');
		this.inner.bind(0, '127.0.0.1');
		await once(this.inner, 'listening');
		this.inner.on('message', (d, from) => {
			this.ue = from;
			if (this.server) this.outer.send(d, this.server, '127.0.0.1');
		});
		await this.rebind();
		this.port = this.inner.address().port;
	}

	async rebind() {
		const fresh = dgram.createSocket('udp4');
		fresh.bind(0, '127.0.0.1');
		await once(fresh, 'listening');
		fresh.on('message', (d) => this.inner.send(d, this.ue.port, this.ue.address));
		this.outer?.close();
		this.outer = fresh;
		return fresh.address().port;
	}

	// Nothing passes any more; the UE is not told.
	cut() {
		this.inner.removeAllListeners('message');
		this.outer.removeAllListeners('message');
	}

	stop() {
		this.inner.close();
		this.outer.close();
	}
}

// mediad's description, as the UE behind the NAT is to see it.
export function through(nat, sdp) {
	nat.server = Number(/^m=application (\d+)/m.exec(sdp)[1]);
	return sdp.replaceAll(String(nat.server), String(nat.port));
}
