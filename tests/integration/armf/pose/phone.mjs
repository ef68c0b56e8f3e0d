// SPDX-License-Identifier: GPL-2.0-or-later
// The UEs of the ARMF's tests, in a page: a camera whose every picture carries its number as a
// barcode, so that the truth is in the picture; a screen that reads the numbers and finds the drawn
// object in what arrives. The driver passes SDP; what crosses the network is Chromium's own.

import { ArSession } from '../../../../webapp/src/ar_session.mjs';
import { Camera } from '../../../../webapp/src/camera.mjs';
import { paintRoom } from '../../../../webapp/src/room.mjs';
import { AR_STREAMS, addDcmap, channelOptions } from '../../../../webapp/src/sdp.mjs';
import { paintNumber } from './barcode.mjs';
import { motion } from './motion.mjs';
import { BOX, corners } from './truth.mjs';
import { look, skewOf } from './watch.mjs';

const clock = () => performance.timeOrigin + performance.now();
const CAPTURE_TIME = 'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time';

const phone = {
	pc: null,
	ar: null,
	camera: null,
	move: { kind: 'still', position: [0, 1.6, 2.4], yaw: 0, pitch: -0.2 },
	moveStart: performance.now(),
	pictures: [], // { number, at, pose }: painted
	seen: [], // { number, box, at, rtp, width, height }: received
	sent: [], // [RTP timestamp, when it left the encoder, number that was told]
	problems: [],
};
window.phone = phone;
addEventListener('error', (e) => phone.problems.push(e.message));
addEventListener('unhandledrejection', (e) => phone.problems.push(String(e.reason)));

// Makes the pose channel a bad one, as the issue asks: late by up to jitter ms, some lost.
function spoil(channel, { jitter = 0, loss = 0 }) {
	const send = channel.send.bind(channel);
	channel.send = (data) => {
		if (Math.random() < loss) return;
		if (!jitter) return send(data);
		setTimeout(() => channel.readyState === 'open' && send(data), Math.random() * jitter);
	};
}

const FRONT = { position: [0, 1.6, 2.4], orientation: [-0.0749, 0, 0, 0.9972] };

// fixed: the room stands still whatever the pose, as if only the network's part moved
// Grain that no encoder can predict, as in a dark room: it takes what rate there is.
function grain() {
	const canvas = Object.assign(document.createElement('canvas'), { width: 800, height: 500 });
	const g = canvas.getContext('2d');
	const image = g.createImageData(800, 500);
	for (let i = 0; i < image.data.length; i += 4) image.data.set([0, 0, 0, Math.random() * 90], i);
	g.putImageData(image, 0, 0);
	return canvas;
}

function paint({ drawn, fixed, noise }) {
	const tile = noise && grain();
	return (g, camera, pose, number) => {
		paintRoom(g, camera, fixed ? FRONT : pose);
		if (tile) g.drawImage(tile, -160 * Math.random(), -140 * Math.random());
		// the measuring's own test: no network draws here
		if (drawn) paintBox(g, camera, pose);
		paintNumber(g, number);
	};
}

function paintBox(g, camera, pose) {
	const points = corners(BOX, pose, g.canvas.width, g.canvas.height, camera.fovY);
	g.fillStyle = '#f0f';
	for (const face of [[0, 1, 3, 2], [4, 5, 7, 6], [0, 1, 5, 4], [2, 3, 7, 6], [0, 2, 6, 4], [1, 3, 7, 5]]) {
		g.beginPath();
		for (const i of face) g.lineTo(...points[i]);
		g.fill();
	}
}

function openCamera(o) {
	phone.camera = new Camera({
		width: o.width ?? 640, height: o.height ?? 360, fps: o.fps ?? 30, fovY: o.fovY ?? 1,
		source: () => motion(phone.move, (performance.now() - phone.moveStart) / 1000),
		paint: paint(o),
	});
	let n = 0;
	phone.camera.on('frame', ({ number, time, pose }) => phone.pictures.push({ number, at: performance.timeOrigin + time, pose }));
	phone.camera.on('encoded', ({ number, time, pose }, frame, at) => {
		phone.sent.push([frame.rtp, at, number & 0xffff]);
		if (o.tags === false) return;
		phone.ar.sendPose(pose.position, pose.orientation, { time, frame, fov: n++ % 15 === 0 ? phone.camera.fov : null });
	});
	phone.camera.start();
}

function openChannels(o) {
	phone.ar = new ArSession({ now: clock });
	phone.ar.on('scene', () => (o.role === 'camera' || o.viewer) && o.poses !== false && startPoses(o));
	for (const s of AR_STREAMS) {
		const channel = phone.pc.createDataChannel(s.label, channelOptions(s));
		if (s.subprotocol === '3gpp-ar-metadata') spoil(channel, o);
		phone.ar.attach(channel, s.subprotocol);
	}
}

function startPoses(o) {
	phone.ar.startPoses(() => motion(phone.move, (performance.now() - phone.moveStart) / 1000), o.poseHz ?? 60);
	// without tags, or a camera, the lens still has to be told
	const lens = () => {
		const { position, orientation } = motion(phone.move, (performance.now() - phone.moveStart) / 1000);
		phone.ar?.sendPose(position, orientation, { fov: o.viewer ?? phone.camera.fov });
	};
	lens();
	phone.lensTimer ??= setInterval(lens, 500);
}

function preferCodec(transceiver, name) {
	const all = RTCRtpSender.getCapabilities('video').codecs;
	const first = all.filter((c) => c.mimeType.toLowerCase() === `video/${name}`);
	const extra = all.filter((c) => /\/(rtx)$/.test(c.mimeType));
	transceiver.setCodecPreferences([...first, ...extra]);
}

function addVideo(o) {
	const camera = o.role === 'camera';
	const t = phone.pc.addTransceiver(camera ? phone.camera.track : 'video', { direction: !camera ? 'recvonly' : o.both ? 'sendrecv' : 'sendonly', streams: camera ? [phone.stream ?? new MediaStream([phone.camera.track])] : [] });
	if (o.codec) preferCodec(t, o.codec);
	if (o.captureTime !== false) {
		const all = t.getHeaderExtensionsToNegotiate();
		t.setHeaderExtensionsToNegotiate(all.map((e) => (e.uri === CAPTURE_TIME ? { uri: e.uri, direction: 'sendrecv' } : e)));
	}
	if (camera) phone.camera.follow(t.sender);
	return t;
}

// A tone; on the other side it only has to be played.
function addAudio(o) {
	if (o.role !== 'camera') {
		phone.pc.addTransceiver('audio', { direction: 'recvonly' });
		return;
	}
	const context = new AudioContext();
	const tone = context.createOscillator();
	const out = context.createMediaStreamDestination();
	tone.connect(out);
	tone.start();
	const [track] = out.stream.getAudioTracks();
	phone.stream = new MediaStream([track, phone.camera.track]);
	phone.pc.addTransceiver(track, { direction: 'sendonly', streams: [phone.stream] });
}

phone.skew = () => skewOf(phone.pc);

// ---- what arrives ----

function show(track) {
	const video = document.getElementById('far');
	video.srcObject = new MediaStream([track]);
	video.play();
	phone.screen = look(video, phone.seen);
}

function listen(track) {
	phone.sound = Object.assign(new Audio(), { srcObject: new MediaStream([track]) });
	phone.sound.play();
}

phone.take = (track) => (track.kind === 'video' ? show(track) : listen(track));

phone.open = async (o) => {
	phone.options = o;
	phone.pc = new RTCPeerConnection();
	phone.pc.addEventListener('track', (e) => phone.take(e.track));
	if (o.role === 'camera') openCamera(o);
	if (o.audio) addAudio(o);
	addVideo(o);
	if (o.data !== false) openChannels(o);
	await phone.pc.setLocalDescription(await phone.pc.createOffer());
	await new Promise((resolve) => {
		const done = () => phone.pc.iceGatheringState === 'complete' && resolve();
		phone.pc.addEventListener('icegatheringstatechange', done);
		done();
		setTimeout(resolve, 500);
	});
	return addDcmap(phone.pc.localDescription.sdp, o.data === false ? [] : AR_STREAMS);
};

phone.answer = (sdp) => phone.pc.setRemoteDescription({ type: 'answer', sdp });

phone.moveTo = (move) => {
	phone.move = move;
	phone.moveStart = performance.now();
	return clock();
};

phone.stats = async () => {
	const out = {};
	for (const s of (await phone.pc.getStats()).values()) {
		if (s.kind === 'video' && ['inbound-rtp', 'outbound-rtp', 'remote-inbound-rtp'].includes(s.type)) out[s.type] = s;
	}
	return JSON.parse(JSON.stringify(out));
};

// The encoder's resolution from now on, as Chromium itself does when the line or the machine is slow.
phone.scale = (by) => {
	const sender = phone.pc.getSenders().find((x) => x.track?.kind === 'video');
	const p = sender.getParameters();
	p.encodings[0].scaleResolutionDownBy = by;
	return sender.setParameters(p);
};

phone.picture = (which) => (which === 'camera' ? phone.camera.canvas : phone.screen).toDataURL('image/png');
