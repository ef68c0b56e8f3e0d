// SPDX-License-Identifier: GPL-2.0-or-later
// A UE with a real WebRTC stack on the data channels of mediad, without SIP, for tests.

import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { ArSession } from '../../../webapp/src/ar_session.mjs';
import { canonical } from '../../../webapp/src/scene.mjs';
import { answerSdp, termination } from './mrm.mjs';

const wrtc = createRequire(new URL('../../../webapp/package.json', import.meta.url))('@roamhq/wrtc');

const STREAMS = {
	0: { streamId: 0, subprotocol: 'http', order: true },
	1000: { streamId: 1000, subprotocol: 'mpeg-sd', order: true },
	1002: { streamId: 1002, subprotocol: '3gpp-ar-metadata', order: false, maxRetry: 0 },
};

export class RealUe {
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

export async function until(what, test, ms = 20000) {
	for (const end = Date.now() + ms; Date.now() < end; await sleep(5)) if (test()) return true;
	console.log(`    | waited ${ms} ms for ${what}`);
	return false;
}

// One context with all of them; sizes: their max-message-size, or undefined; change: of our answer.
export async function connect(mrm, ues, sizes, vendor = { scene: 'default' }, change = (sdp) => sdp) {
	const offers = await Promise.all(ues.map((u) => u.offer()));
	const started = Date.now();
	const made = await mrm.create({
		terminations: ues.map((u, i) => termination(u.name, `sip:${u.name}@ims`, offers[i], { streams: STREAMS, setup: 'PASSIVE', maxMessageSize: sizes[i] })),
		'x-ims-ar': { owner: 'test', callId: 'call@test', ...vendor },
	});
	if (made.status !== 201) throw new Error(made.text);
	for (const [i, u] of ues.entries()) {
		const sdp = change(answerSdp(made.json.terminations[i].medias[0], offers[i], 'passive'), i);
		await u.pc.setRemoteDescription({ type: 'answer', sdp });
	}
	return { id: made.json.contextId, started };
}

// ICE restart by a new offer of the UE and a patch; i: which termination.
export async function restartIce(mrm, id, ue, i) {
	ue.pc.restartIce();
	await ue.pc.setLocalDescription(await ue.pc.createOffer({ iceRestart: true }));
	const offer = ue.pc.localDescription.sdp;
	const x = termination(ue.name, '', offer, { streams: STREAMS, setup: 'PASSIVE' }).medias[0]['x-ims-ar'];
	const r = await mrm.patch(id, [{ op: 'replace', path: `/terminations/${i}/medias/0/x-ims-ar/remote/ice`, value: x.remote.ice }]);
	if (r.status !== 200) throw new Error(r.text);
	const medium = r.json.terminations[i].medias[0];
	await ue.pc.setRemoteDescription({ type: 'answer', sdp: answerSdp(medium, offer, 'passive') });
	return { theirs: x.remote.ice.ufrag, ours: medium['x-ims-ar'].ice.ufrag };
}

// The server's scene, when all of theirs are it, or after 20 s.
export async function settled(mrm, id, ues) {
	for (let i = 0; i < 400; i++) {
		const server = (await mrm.scene(id)).json;
		if (ues.every((u) => canonical(u.ar.scene.doc) === canonical(server))) return server;
		await sleep(50);
	}
	return (await mrm.scene(id)).json;
}
