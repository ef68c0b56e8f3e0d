// SPDX-License-Identifier: GPL-2.0-or-later
// Gives Node the browser's globals that JsSIP and the UE core use: a WebSocket, a WebRTC stack and
// a source of sound. Import this before webapp/src/ue.mjs. Packages are the page's own
// (webapp/package.json), so that there is one lock file.

import { createRequire } from 'node:module';

const require = createRequire(new URL('../../webapp/package.json', import.meta.url));

export const wrtc = require('@roamhq/wrtc');

// How long a UE's answer is on its way while its media is there at once: it passes several proxies, packets none.
export const answers = { lateMs: 0 };

globalThis.WebSocket = class extends (globalThis.WebSocket ?? require('ws').WebSocket) {
	send(data) {
		const late = /^SIP\/2\.0 2[^]*^CSeq: *\d+ INVITE/m.test(data) ? answers.lateMs : 0;
		if (late) setTimeout(() => super.send(data), late);
		else super.send(data);
	}
};
globalThis.window ??= globalThis;
// of the UE's own kind where its configuration names one (handset.mjs)
globalThis.RTCPeerConnection = class {
	constructor({ Peer = wrtc.RTCPeerConnection, ...config } = {}) {
		return new Peer(config);
	}
};
globalThis.MediaStream = wrtc.MediaStream;
// JsSIP hands instances to setRemoteDescription: a plain pair suits every stack
globalThis.RTCSessionDescription = class {
	constructor(init) {
		this.type = init.type;
		this.sdp = init.sdp;
	}
};

const SAMPLE_RATE = 48000;
const FRAME = SAMPLE_RATE / 100;

// An endless tone as a MediaStream; stop() ends it.
export function tone(frequency = 440, amplitude = 8000) {
	const source = new wrtc.nonstandard.RTCAudioSource();
	const track = source.createTrack();
	let n = 0;
	const samples = new Int16Array(FRAME);
	const timer = setInterval(() => {
		for (let i = 0; i < FRAME; i++, n++) samples[i] = amplitude * Math.sin((2 * Math.PI * frequency * n) / SAMPLE_RATE);
		source.onData({ samples, sampleRate: SAMPLE_RATE, bitsPerSample: 16, channelCount: 1, numberOfFrames: FRAME });
	}, 10);
	return { stream: new wrtc.MediaStream([track]), stop: () => (clearInterval(timer), track.stop()) };
}

// Counts the loudest sample of a received track: proof that sound arrives, not only packets.
export function listen(track) {
	if (track.heard) return track.heard; // it keeps count itself
	const heard = { peak: 0, frames: 0 };
	const sink = new wrtc.nonstandard.RTCAudioSink(track);
	sink.ondata = ({ samples }) => {
		heard.frames++;
		for (const s of samples) if (Math.abs(s) > heard.peak) heard.peak = Math.abs(s);
	};
	heard.stop = () => sink.stop();
	return heard;
}

// A grey picture with a bar that moves, as a video track; stop() ends it.
export function film(width = 320, height = 180, fps = 15) {
	const source = new wrtc.nonstandard.RTCVideoSource();
	const track = source.createTrack();
	const data = new Uint8ClampedArray((width * height * 3) / 2).fill(128);
	let n = 0;
	const timer = setInterval(() => {
		data.fill(128, 0, width * 8);
		data.fill(220, (n++ % 8) * width, ((n % 8) + 1) * width);
		source.onFrame({ width, height, data });
	}, 1000 / fps);
	return { track, stop: () => (clearInterval(timer), track.stop()) };
}

// Counts the pictures of a received track, and keeps the last one (I420).
export function look(track) {
	const seen = { frames: 0, last: null };
	const sink = new wrtc.nonstandard.RTCVideoSink(track);
	sink.onframe = ({ frame }) => {
		seen.frames++;
		seen.last = { width: frame.width, height: frame.height, data: new Uint8Array(frame.data) };
	};
	seen.stop = () => sink.stop();
	return seen;
}
