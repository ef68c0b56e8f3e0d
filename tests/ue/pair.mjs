// SPDX-License-Identifier: GPL-2.0-or-later
// Two UEs in Node that call each other through a network made by scripts/stack.sh, and what a call
// must show. For the integration tests.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { film, listen, look, tone } from './env.mjs';
import { eventually } from '../../scripts/demo/network.mjs';
import { canonical, differences } from '../../webapp/src/scene.mjs';
import { walk } from '../../webapp/src/trajectory.mjs';

const { Ue } = await import('../../webapp/src/ue.mjs');

let serial = 0;

export class Party {
	constructor(stack, name, { ws = stack.env.WS1, ...options } = {}) {
		// a name of its own for every test: nothing of the one before can be in the way
		this.name = `${name}${++serial}`;
		this.uri = stack.uri(this.name);
		this.ue = new Ue({ uri: this.uri, ws, ...options });
		this.problems = [];
		this.tones = [];
	}

	start() {
		return this.ue.start();
	}

	#watch(call) {
		call.on('problem', (p) => this.problems.push(p));
		call.on('track', (track) => {
			if (track.kind === 'audio') this.heard = listen(track);
			else this.seen = look(track);
		});
		this.last = call;
		return call;
	}

	media(frequency) {
		const t = tone(frequency);
		this.tones.push(t);
		return t.stream;
	}

	// Sound and a film.
	movie(frequency) {
		const stream = this.media(frequency), f = film();
		this.tones.push(f);
		stream.addTrack(f.track);
		return stream;
	}

	call(to, options = {}) {
		return this.#watch(this.ue.call(to.uri ?? to, { media: this.media(440), ...options }));
	}

	// Answers every incoming call after `ringMs`, or does with it what `act` says.
	expect(act = (call) => call.answer({ media: this.media(660) }), ringMs = 0) {
		this.ue.on('incoming', async (call) => {
			this.#watch(call);
			if (ringMs) await sleep(ringMs);
			act(call);
		});
	}

	stop() {
		for (const t of this.tones) t.stop();
		this.heard?.stop();
		this.seen?.stop();
		this.ue.stop();
	}
}

// How long to wait for what should come: nobody waits that long when it does, and a machine may be busy.
const PATIENCE_MS = 20000;

// A measurement in real time over its limit: cases.mjs takes it again, and says so.
export class TooSlow extends Error {}

export function inTime(what, ms, limitMs) {
	if (!(ms < limitMs)) throw new TooSlow(`${what} after ${ms} ms, ${limitMs} allowed`);
}

export const until = (what, test, ms = PATIENCE_MS) => eventually(what, test, ms);

export async function answered(call, ms = PATIENCE_MS) {
	await eventually('an answer', () => {
		if (call.state === 'failed') throw new Error(`${call.end.status} ${call.end.cause}`);
		return call.state === 'answered';
	}, ms);
}

export function ended(call, ms = PATIENCE_MS) {
	return eventually('the end of the call', () => call.state === 'ended' || call.state === 'failed', ms);
}

export function sceneHere(call, ms = PATIENCE_MS) {
	return eventually('the scene', () => call.ar?.scene.doc, ms);
}

// Sound in both directions for at least `ms`: packets that go on coming, nearly all that the other sends,
// and a tone in them. A busy machine sends fewer in that time, so it takes as long as it takes.
export async function soundFlows(a, b, ms = 1000) {
	const counts = async () => (await Promise.all([a.last.media(), b.last.media()])).map((m) => m.audio);
	// the one whose DTLS is done first sends what rtpengine cannot pass on yet
	await eventually('the first sound at both', async () => (await counts()).every((n) => n.packetsIn > 0), PATIENCE_MS);
	const before = await counts(), want = (ms / 20) * 0.6;
	let got, sent;
	for (const p of [a, b]) if (p.heard) p.heard.peak = 0;
	await sleep(ms);
	await eventually('sound', async () => {
		const now = await counts();
		got = now.map((n, i) => n.packetsIn - before[i].packetsIn);
		sent = now.map((n, i) => now[1 - i].packetsOut - before[1 - i].packetsOut);
		return got.every((n) => n >= want) && a.heard.peak > 1000 && b.heard.peak > 1000;
	}, PATIENCE_MS).catch((e) => {
		throw new Error(`${e.message}: packets ${got.join(', ')} of ${sent.join(', ')}, loudest samples ${a.heard?.peak}, ${b.heard?.peak}`);
	});
	assert.ok(got.every((n, i) => n >= 0.9 * sent[i] - 10), `packets ${got.join(', ')} of ${sent.join(', ')}`);
	return got;
}

export function walkAbout(a, b, hz = 60) {
	a.last.ar.startPoses((t) => walk(0, t), hz);
	b.last.ar.startPoses((t) => walk(Math.PI, t), hz);
}

export function standStill(a, b) {
	a.last.ar.stopPoses();
	b.last.ar.stopPoses();
}

// All copies become the server's, member for member.
export async function scenesAgree(stack, contextId, parties, ms = PATIENCE_MS) {
	let server;
	const compare = async () => {
		server = await stack.scene(contextId);
		return parties.every((p) => canonical(p.last.ar.scene.doc) === canonical(server));
	};
	await eventually('equal scenes', compare, ms).catch((e) => {
		const where = parties.map((p) => `${p.name}: ${differences(p.last.ar.scene.doc, server).join('; ') || 'equal'}`);
		throw new Error(`${e.message}\n${where.join('\n')}`);
	});
	return server;
}

// No call in asd, no call in any Kamailio's module, no context in mediad.
export async function nothingLeft(stack, pcscfs = ['pcscf1'], ms = PATIENCE_MS) {
	await eventually('no call left', async () => {
		for (const p of pcscfs) {
			const calls = await stack.kamcmd(p, 'ims_ar.calls');
			if (calls.length) throw new Error(`${p}: ${JSON.stringify(calls)}`);
		}
		return true;
	}, ms);
	await eventually('no context left', async () => {
		const list = await stack.contexts();
		const n = (list.contexts ?? list).length;
		if (n) throw new Error(JSON.stringify(list).slice(0, 300));
		return true;
	}, ms);
}
