// SPDX-License-Identifier: GPL-2.0-or-later
// What a telephone has in place of a browser's WebSocket and WebRTC: SIP over UDP for JsSIP, and a
// peer connection whose audio is plain RTP (G.711 A-law, RFC 3551) beside a real data channel.

import dgram from 'node:dgram';
import { wrtc } from './env.mjs';
import { isDataChannelSection, sections } from '../../webapp/src/sdp.mjs';

const RATE = 8000, PACKET = 160, PCMA = 8;

// ---- SIP: what JsSIP calls a socket (its WebSocketInterface)

export class UdpSocket {
	via_transport = 'UDP';

	// From an address of this machine to the P-CSCF's; ready when the promise is.
	static async open(address, to, port) {
		const s = new UdpSocket();
		s.udp = await bound(address);
		s.url = `udp://${to}:${port}`;
		s.sip_uri = `sip:${to}:${port}`;
		s.contact = `sip:ue@${address}:${s.udp.address().port}`;
		s.udp.on('message', (data) => data.length > 4 && s.ondata(data.toString('utf8')));
		s.to = [port, to];
		return s;
	}

	connect() {
		queueMicrotask(() => this.onconnect());
	}

	disconnect() {
		this.udp?.close();
		this.udp = null;
	}

	send(message) {
		this.udp?.send(message, ...this.to);
		return this.udp !== null;
	}
}

function bound(address) {
	const udp = dgram.createSocket('udp4');
	udp.on('error', () => {}); // ICMP, of a packet to a port that is closed by now
	return new Promise((resolve) => udp.bind(0, address, () => resolve(udp)));
}

// ---- G.711 A-law

const SEGMENT_END = [0x1f, 0x3f, 0x7f, 0xff, 0x1ff, 0x3ff, 0x7ff, 0xfff];

export function toAlaw(sample) {
	const negative = sample < 0;
	const s = negative ? -(sample >> 3) - 1 : sample >> 3;
	const segment = SEGMENT_END.findIndex((end) => s <= end);
	return ((segment << 4) | ((s >> Math.max(segment, 1)) & 15)) ^ (negative ? 0x55 : 0xd5);
}

export function fromAlaw(byte) {
	const a = byte ^ 0x55, segment = (a >> 4) & 7;
	const s = ((a & 15) << 4) + (segment ? 0x108 : 8);
	return (a & 0x80 ? 1 : -1) * (segment > 1 ? s << (segment - 1) : s);
}

// ---- RTP: sends what a track has, counts what comes

class Audio {
	heard = { peak: 0, frames: 0, stop: () => {} };
	in = 0;
	out = 0;
	from = new Set(); // ports
	to = null; // [port, address], when the other side has said it
	#samples = [];
	#sink = null;
	#seq = Math.floor(Math.random() * 0x8000);
	#ssrc = Math.floor(Math.random() * 0xffffffff);

	async open(address) {
		if (this.udp) return;
		this.udp = await bound(address);
		this.udp.on('message', (data, { port }) => this.#take(data, port));
	}

	play(track) {
		this.#sink = new wrtc.nonstandard.RTCAudioSink(track);
		this.#sink.ondata = ({ samples, sampleRate }) => {
			for (let i = 0; i < samples.length; i += sampleRate / RATE) this.#samples.push(samples[i]);
			while (this.#samples.length >= PACKET) this.#send(this.#samples.splice(0, PACKET));
		};
	}

	#send(samples) {
		if (!this.to || !this.udp) return;
		const data = Buffer.alloc(12 + PACKET);
		data[0] = 0x80;
		data[1] = PCMA | (this.out ? 0 : 0x80);
		data.writeUInt16BE((this.#seq + this.out) & 0xffff, 2);
		data.writeUInt32BE(this.out++ * PACKET, 4);
		data.writeUInt32BE(this.#ssrc, 8);
		samples.forEach((s, i) => (data[12 + i] = toAlaw(s)));
		this.udp.send(data, ...this.to);
	}

	#take(data, port) {
		if (data.length <= 12 || data[0] >> 6 !== 2 || (data[1] & 0x7f) !== PCMA) return;
		this.in++;
		this.from.add(port);
		for (const b of data.subarray(12)) this.heard.peak = Math.max(this.heard.peak, Math.abs(fromAlaw(b)));
	}

	close() {
		this.#sink?.stop();
		this.udp?.close();
		this.udp = this.#sink = null;
	}
}

// ---- the peer connection

// RTCPeerConnection as far as JsSIP and call.mjs use it. The connection inside has the data channel
// only; the audio's section is written and read here. Descriptions have one of each.
export class RtpPeer {
	audio = new Audio();
	#inner;
	#kinds = ['audio', 'application']; // of the sections, in the order of the first offer
	#address;

	constructor({ address = '127.0.0.1', ...config }) {
		this.#address = address;
		this.#inner = new wrtc.RTCPeerConnection(config);
		for (const name of ['addEventListener', 'removeEventListener', 'createDataChannel', 'restartIce']) {
			this[name] = (...args) => this.#inner[name](...args);
		}
		for (const name of ['iceConnectionState', 'iceGatheringState', 'signalingState', 'currentRemoteDescription']) {
			Object.defineProperty(this, name, { get: () => this.#inner[name] });
		}
	}

	getSenders() {
		return [];
	}

	getTransceivers() {
		return [];
	}

	addTrack(track) {
		this.audio.play(track);
		return { track };
	}

	get localDescription() {
		const d = this.#inner.localDescription;
		return d && { type: d.type, sdp: this.#outside(d.sdp) };
	}

	async #create(type, create) {
		await this.audio.open(this.#address);
		return { type, inside: await create() };
	}

	createOffer() {
		return this.#create('offer', () => this.#inner.createOffer());
	}

	createAnswer() {
		return this.#create('answer', () => this.#inner.createAnswer());
	}

	setLocalDescription({ inside }) {
		return this.#inner.setLocalDescription(inside);
	}

	// The session's lines and the data channel go inside.
	async setRemoteDescription({ type, sdp }) {
		const [session, ...media] = sections(sdp);
		if (type === 'offer') this.#kinds = media.map((s) => (isDataChannelSection(s) ? 'application' : /^m=(\S+)/.exec(s)[1]));
		const audio = media.find((s) => s.startsWith('m=audio '));
		const port = Number(/^m=audio ([0-9]+) /.exec(audio)[1]);
		const address = /^c=IN IP4 (\S+)/m.exec(audio) ?? /^c=IN IP4 (\S+)/m.exec(session);
		await this.#inner.setRemoteDescription({ type, sdp: session + media.filter(isDataChannelSection).join('') });
		this.audio.to = port ? [port, address[1]] : null;
		this.#inner.dispatchEvent({ type: 'track', track: { kind: 'audio', heard: this.audio.heard }, streams: [] });
	}

	// A description as it goes out: no group, since audio and data are no bundle.
	#outside(sdp) {
		const [session, ...media] = sections(sdp);
		const data = media.find(isDataChannelSection) ?? 'm=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n';
		const of = { audio: this.#audioSection(), application: data };
		return session.replace(/^a=(group|msid-semantic):.*\r\n/gm, '') + this.#kinds.map((k) => of[k] ?? `m=${k} 0 RTP/AVP 0\r\n`).join('');
	}

	#audioSection() {
		return `m=audio ${this.audio.udp?.address().port ?? 0} RTP/AVP ${PCMA}\r\nc=IN IP4 ${this.#address}\r\n` +
			`a=rtpmap:${PCMA} PCMA/${RATE}\r\na=ptime:20\r\na=sendrecv\r\n`;
	}

	async getStats() {
		const { in: packetsReceived, out: packetsSent } = this.audio;
		return new Map([...(await this.#inner.getStats()),
			['rtp-in', { type: 'inbound-rtp', kind: 'audio', packetsReceived }],
			['rtp-out', { type: 'outbound-rtp', kind: 'audio', packetsSent }]]);
	}

	close() {
		this.audio.close();
		this.#inner.close();
	}
}

// Options of a Ue that is such a telephone at this P-CSCF.
export async function handset(address, port) {
	return { socket: await UdpSocket.open(address, address, port), pcConfig: { iceServers: [], Peer: RtpPeer, address } };
}
