// SPDX-License-Identifier: GPL-2.0-or-later
// This UE's copy of the scene (glTF 2.0 JSON with MPEG-I extensions), kept by what arrives on the
// mpeg-sd channel: an object is a whole scene, an array a JSON Patch (RFC 6902). Patches are
// applied by an independent library; their own `test` operations guard them. A patch that does
// not apply leaves the copy as it was and asks the network for the whole scene again.

import jsonpatch from 'fast-json-patch';
import { Emitter } from './emitter.mjs';

// A resync is asked for again when nothing came for this long.
const RESYNC_REPEAT_MS = 1000;

// JSON with sorted members: two equal documents give the same text (RFC 8785 in spirit; numbers
// are printed by the same engine on both sides of our comparisons).
export function canonical(value) {
	if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
	if (value && typeof value === 'object') {
		const members = Object.keys(value).sort().map((k) => `${JSON.stringify(k)}:${canonical(value[k])}`);
		return `{${members.join(',')}}`;
	}
	return JSON.stringify(value);
}

// Where two documents differ, as JSON Pointers; at most `max` of them.
export function differences(a, b, max = 8, path = '', out = []) {
	if (out.length >= max) return out;
	const container = (v) => v !== null && typeof v === 'object';
	if (!container(a) || !container(b) || Array.isArray(a) !== Array.isArray(b)) {
		if (canonical(a ?? null) !== canonical(b ?? null)) out.push(`${path || '/'}: ${JSON.stringify(a)} != ${JSON.stringify(b)}`);
		return out;
	}
	for (const k of new Set([...Object.keys(a), ...Object.keys(b)])) differences(a[k], b[k], max, `${path}/${k}`, out);
	return out;
}

export class SceneReplica extends Emitter {
	doc = null; // the scene, or null before the first one
	counts = { scenes: 0, patches: 0, checks: 0, refused: 0, garbage: 0, resyncs: 0, bytes: 0 };
	lastPatchBytes = 0;
	#asked = -Infinity;
	#askResync;
	#now;

	// askResync(reason): sends the request to the network; now(): milliseconds.
	constructor({ askResync = () => {}, now = () => Date.now() } = {}) {
		super();
		this.#askResync = askResync;
		this.#now = now;
	}

	// One message of the mpeg-sd channel, as text.
	input(text) {
		this.counts.bytes += text.length;
		let value;
		try {
			value = JSON.parse(text);
		} catch {
			this.counts.garbage++;
			return this.resync('not JSON');
		}
		if (Array.isArray(value)) return this.#patch(value, text.length);
		if (value && typeof value === 'object' && value.asset?.version) return this.#whole(value, text.length);
		this.counts.garbage++;
		this.emit('other', value);
	}

	#whole(doc, bytes) {
		this.doc = doc;
		this.counts.scenes++;
		this.#asked = -Infinity;
		this.emit('scene', doc, bytes);
	}

	#patch(ops, bytes) {
		if (!this.doc) return this.resync('a patch before any scene');
		let next;
		try {
			// not in place: a patch that fails half way must leave nothing behind
			next = jsonpatch.applyPatch(this.doc, ops, true, false).newDocument;
		} catch (e) {
			this.counts.refused++;
			return this.resync(`${e.name ?? 'error'} at operation ${e.index ?? '?'}`);
		}
		if (ops.every((o) => o.op === 'test')) {
			this.counts.checks++; // nothing new; shows that nothing was lost
			return;
		}
		this.doc = next;
		this.counts.patches++;
		this.lastPatchBytes = bytes;
		this.emit('update', next, ops, bytes);
	}

	// Asks for the whole scene; not again while an answer is on its way.
	resync(reason) {
		const now = this.#now();
		if (now - this.#asked < RESYNC_REPEAT_MS) return;
		this.#asked = now;
		this.counts.resyncs++;
		this.emit('resync', reason);
		this.#askResync(reason);
	}
}
