// SPDX-License-Identifier: GPL-2.0-or-later
// Two UEs with a real WebRTC stack in one AR call of a running mediad: call.mjs BASE-URL FOLDER.
// The scene comes, poses at 60 Hz and actions change it, both UEs end with the server's scene, the
// time from create to the first update is printed. What was sent lies in FOLDER for validate.mjs.

import fs from 'node:fs';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { ArSession } from '../../../webapp/src/ar_session.mjs';
import { canonical, differences } from '../../../webapp/src/scene.mjs';
import { walk } from '../../../webapp/src/trajectory.mjs';
import { answerSdp, Mrm, termination } from './mrm.mjs';

const wrtc = createRequire(new URL('../../../webapp/package.json', import.meta.url))('@roamhq/wrtc');
const [base, folder] = process.argv.slice(2);
const mrm = new Mrm(base);
let failed = 0;

function check(name, ok, detail = '') {
	console.log(`${ok ? 'ok' : 'not ok'} ${name}${detail ? ` (${detail})` : ''}`);
	if (!ok) failed++;
}

const STREAMS = {
	0: { streamId: 0, subprotocol: 'http', order: true },
	1000: { streamId: 1000, subprotocol: 'mpeg-sd', order: true },
	1002: { streamId: 1002, subprotocol: '3gpp-ar-metadata', order: false, maxRetry: 0 },
};

class RealUe {
	longest = 0;
	messages = [];

	constructor(name) {
		this.name = name;
		this.pc = new wrtc.RTCPeerConnection({ iceServers: [] });
		this.ar = new ArSession({ actionPrefix: `${name}-` });
		this.http = this.pc.createDataChannel('local-bdc', { negotiated: true, id: 0, protocol: 'http' });
		this.http.binaryType = 'arraybuffer';
		this.sd = this.pc.createDataChannel('sd', { negotiated: true, id: 1000, protocol: 'mpeg-sd' });
		const meta = this.pc.createDataChannel('meta', { negotiated: true, id: 1002, protocol: '3gpp-ar-metadata', ordered: false, maxRetransmits: 0 });
		this.sd.addEventListener('message', (e) => {
			this.longest = Math.max(this.longest, e.data.length);
			if (e.data[0] === '{' || this.messages.length < 50) this.messages.push(e.data);
		});
		this.ar.attach(this.sd, 'mpeg-sd');
		this.ar.attach(meta, '3gpp-ar-metadata');
	}

	async offer() {
		await this.pc.setLocalDescription(await this.pc.createOffer());
		return this.pc.localDescription.sdp;
	}

	// The bootstrap channel as a byte stream: one request, its whole answer.
	async fetch(path) {
		let bytes = Buffer.alloc(0);
		this.http.onmessage = (e) => (bytes = Buffer.concat([bytes, Buffer.from(e.data)]));
		this.http.send(`GET ${path} HTTP/1.1\r\nHost: dcmf\r\n\r\n`);
		for (let i = 0; i < 200; i++) {
			await sleep(10);
			const head = bytes.indexOf('\r\n\r\n');
			const length = Number(/content-length: (\d+)/i.exec(bytes.toString('latin1'))?.[1] ?? -1);
			if (head > 0 && bytes.length >= head + 4 + length) return { status: Number(bytes.toString('latin1', 9, 12)), body: bytes.subarray(head + 4) };
		}
		return { status: 0, body: bytes };
	}
}

async function until(what, test, ms = 5000) {
	for (const end = Date.now() + ms; Date.now() < end; await sleep(5)) if (test()) return true;
	console.log(`    | waited ${ms} ms for ${what}`);
	return false;
}

async function connect(ues, sizes) {
	const offers = await Promise.all(ues.map((u) => u.offer()));
	const started = Date.now();
	const made = await mrm.create({
		terminations: ues.map((u, i) => termination(u.name, `sip:${u.name}@ims`, offers[i], { streams: STREAMS, setup: 'PASSIVE', maxMessageSize: sizes[i] })),
		'x-ims-ar': { owner: 'test', callId: 'call@test', scene: 'default' },
	});
	if (made.status !== 201) throw new Error(made.text);
	for (const [i, u] of ues.entries()) {
		const sdp = answerSdp(made.json.terminations[i].medias[0], offers[i], 'passive');
		await u.pc.setRemoteDescription({ type: 'answer', sdp });
	}
	return { id: made.json.contextId, started };
}

async function settled(id, ues) {
	for (let i = 0; i < 100; i++) {
		const server = (await mrm.scene(id)).json;
		if (ues.every((u) => canonical(u.ar.scene.doc) === canonical(server))) return server;
		await sleep(50);
	}
	return (await mrm.scene(id)).json;
}

async function oneCall(label, sizes) {
	const ues = [new RealUe('alice'), new RealUe('bob')];
	const { id, started } = await connect(ues, sizes);

	check(`${label}: both get the scene`, await until('scenes', () => ues.every((u) => u.ar.scene.doc?.nodes && u.ar.isOpen('3gpp-ar-metadata'))));
	ues.forEach((u, i) => u.ar.startPoses((t) => walk(i * Math.PI, t), 60));
	check(`${label}: both get updates`, await until('updates', () => ues.every((u) => u.ar.scene.counts.patches > 5)));
	const first = Math.max(...ues.map((u) => u.ar.times.firstUpdate)) - started;
	await sleep(1500);
	const acks = await Promise.allSettled([
		ues[0].ar.act({ name: 'move', target: 'cube', phase: 'grab' }).then(() => ues[0].ar.act({ name: 'move', target: 'cube', phase: 'release', position: [0.2, 1, 0.1] })),
		ues[1].ar.act({ name: 'add', shape: 'ball', color: [0.1, 0.9, 0.2], position: [0, 1.2, 0] }),
		ues[1].ar.act({ name: 'fly' }),
	]);
	check(`${label}: actions are acknowledged`, acks.map((a) => a.status).join() === 'fulfilled,fulfilled,rejected', acks.map((a) => a.value?.ms ?? a.reason?.message).join(', '));
	await sleep(500);
	const patches = ues.map((u) => u.ar.scene.counts.patches);
	for (const u of ues) u.ar.stopPoses();
	const server = await settled(id, ues);
	for (const u of ues) {
		const d = differences(u.ar.scene.doc, server);
		check(`${label}: ${u.name} holds the server's scene`, d.length === 0 && u.ar.scene.counts.refused === 0, d.join('; ') || `revision ${server.scenes[0].extras.rev}`);
	}
	check(`${label}: messages within the UE's size`, ues.every((u, i) => u.longest <= (sizes[i] ?? 262144)), ues.map((u) => u.longest).join(', '));
	const live = (await mrm.get(id)).json;
	const facts = live.terminations.map((t) => t.medias[0]['x-ims-ar']);
	check(`${label}: GET shows it`, facts.every((f) => f.state === 'connected' && f.channels.length === 3 && f.times.firstUpdate > 0 && /:\d+$/.test(f.selected)) && live['x-ims-ar'].poses > 100,
		`first update ${first} ms after create, ${patches.join('+')} patches, ${live['x-ims-ar'].poses} poses, rtt ${facts[0].rttMs} ms`);
	const page = await ues[0].fetch('/');
	check(`${label}: bootstrap answers`, page.status === 200 && page.body.length > 20 && (await ues[0].fetch('/none')).status === 404, `${page.body.length} bytes`);
	ues.forEach((u, i) => {
		u.messages.forEach((m, k) => m[0] === '{' && fs.writeFileSync(`${folder}/${label}-${u.name}-${k}.gltf`, m));
		fs.writeFileSync(`${folder}/${label}-${u.name}-end.gltf`, JSON.stringify(u.ar.scene.doc));
		fs.writeFileSync(`${folder}/${label}-${i}-server.gltf`, JSON.stringify(server));
	});
	check(`${label}: delete closes the channels`, (await mrm.delete(id)).status === 204 && (await until('close', () => ues.every((u) => u.sd.readyState === 'closed'))));
	for (const u of ues) {
		u.ar.close();
		u.pc.close();
	}
}

await oneCall('call', [undefined, undefined]);
await oneCall('small', [1024, 1200]);
mrm.close();
process.exit(failed ? 1 : 0);
