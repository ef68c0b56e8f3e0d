// SPDX-License-Identifier: GPL-2.0-or-later
// Two ends of a data channel without a network; drop(n, text) decides what is lost.

class End extends EventTarget {
	readyState = 'connecting';
	bufferedAmount = 0;

	constructor(id, protocol) {
		super();
		this.id = id;
		this.protocol = protocol;
	}

	send(text) {
		if (this.readyState !== 'open') throw new Error('not open');
		const n = (this.count = (this.count ?? 0) + 1);
		if (this.drop?.(n, text)) return;
		queueMicrotask(() => this.peer.dispatchEvent(Object.assign(new Event('message'), { data: text })));
	}

	open() {
		this.readyState = 'open';
		this.dispatchEvent(new Event('open'));
	}

	close() {
		if (this.readyState === 'closed') return;
		this.readyState = 'closed';
		this.dispatchEvent(new Event('close'));
		this.peer.close();
	}
}

export function channelPair(id, protocol) {
	const [a, b] = [new End(id, protocol), new End(id, protocol)];
	a.peer = b;
	b.peer = a;
	return [a, b];
}
