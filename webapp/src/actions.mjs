// SPDX-License-Identifier: GPL-2.0-or-later
// Actions towards the network: each has an id and is repeated until it is acknowledged, because
// the metadata channel loses messages; the network applies an id once.

import { acknowledgement, actionMessage } from './messages.mjs';

const REPEAT_MS = 100;
const REPEAT_MAX_MS = 1600;
const GIVE_UP_MS = 15000;
const MAX_PENDING = 64;

export class Actions {
	counts = { sent: 0, repeated: 0, acknowledged: 0, refused: 0, givenUp: 0 };
	#pending = new Map(); // id -> { message, timer, since, wait, resolve, reject }
	#next = 1;
	#seq = 1;
	#prefix;
	#send;
	#now;

	// send(object) gives a message to the channel; prefix makes ids unique over this UE's calls.
	constructor({ send, prefix = '', now = () => Date.now() }) {
		this.#send = send;
		this.#prefix = prefix;
		this.#now = now;
	}

	get pending() {
		return this.#pending.size;
	}

	// Resolves with { id, ms, repeats, ...acknowledgement }; rejects when refused or given up.
	act(action) {
		if (this.#pending.size >= MAX_PENDING) return Promise.reject(new Error('too many unacknowledged actions'));
		const id = `${this.#prefix}${this.#next++}`;
		return new Promise((resolve, reject) => {
			// the network applies them in this order, whatever the channel does
			const p = { message: actionMessage(id, { seq: this.#seq++, ...action }), since: this.#now(), wait: REPEAT_MS, repeats: 0, resolve, reject };
			this.#pending.set(id, p);
			this.counts.sent++;
			this.#send(p.message);
			this.#arm(id, p);
		});
	}

	// The metadata channel has opened anew: the network counts from 1 again.
	reopened() {
		this.#seq = 1;
		for (const p of this.#pending.values()) p.message.action.seq = this.#seq++;
	}

	#arm(id, p) {
		p.timer = setTimeout(() => this.#repeat(id, p), p.wait);
	}

	#repeat(id, p) {
		if (this.#now() - p.since >= GIVE_UP_MS) {
			this.#pending.delete(id);
			this.counts.givenUp++;
			p.reject(new Error(`action ${id}: no acknowledgement`));
			return;
		}
		p.repeats++;
		this.counts.repeated++;
		p.wait = Math.min(p.wait * 2, REPEAT_MAX_MS);
		this.#send(p.message);
		this.#arm(id, p);
	}

	// One message from the network; true when it was an acknowledgement of ours.
	input(message) {
		const ack = acknowledgement(message);
		if (!ack) return false;
		const p = this.#pending.get(String(ack.id));
		if (!p) return true; // the acknowledgement of a repetition
		clearTimeout(p.timer);
		this.#pending.delete(String(ack.id));
		const result = { ...ack, ms: this.#now() - p.since, repeats: p.repeats };
		if (ack.ok === false) {
			this.counts.refused++;
			p.reject(Object.assign(new Error(ack.reason ?? 'refused'), { result }));
		} else {
			this.counts.acknowledged++;
			p.resolve(result);
		}
		return true;
	}

	close() {
		for (const p of this.#pending.values()) {
			clearTimeout(p.timer);
			p.reject(new Error('the call ended'));
		}
		this.#pending.clear();
	}
}
