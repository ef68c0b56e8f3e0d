// SPDX-License-Identifier: GPL-2.0-or-later
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameMatch } from '../src/camera.mjs';
import { poseMessage } from '../src/messages.mjs';
import { project, toCamera } from '../src/room.mjs';
import { yawPitch } from '../src/trajectory.mjs';

let seed = 1;
const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;

// Pictures at 30 a second through an encoder; which of them does the match take each for?
function encode({ n = 600, start = 4294900000 - 20000, least = 4, jitter = 8, slow = () => 0, drop = () => false }) {
	const match = new FrameMatch();
	const events = [];
	for (let i = 0; i < n; i++) {
		const time = 1000 + i * 33.3 + random() * 4;
		events.push({ at: time, painted: { number: i, time } });
		if (drop(i)) continue;
		// Chromium: whole milliseconds, an offset that it filters
		const rtp = (Math.round(Math.floor(time + 0.3 * Math.sin(i / 50)) * 90) + start) % 2 ** 32;
		events.push({ at: time + least + jitter * random() + slow(i), number: i, rtp });
	}
	events.sort((a, b) => a.at - b.at);
	const out = { right: 0, wrong: 0, none: 0 };
	for (const e of events) {
		if (e.painted) {
			match.painted(e.painted);
			continue;
		}
		const got = match.encoded(e.rtp, e.at);
		if (!got) out.none++;
		else if (got.number === e.number) out.right++;
		else out.wrong++;
	}
	return out;
}

test('an encoded frame is matched with its picture, across the wrap of RTP time', () => {
	const { right, wrong, none } = encode({});
	assert.deepEqual({ wrong, none }, { wrong: 0, none: 2 });
	assert.equal(right, 598);
});

test('a slow start, a slow encoder and dropped pictures', () => {
	const slow = encode({ slow: (i) => (i < 4 ? 120 - 30 * i : 0) });
	assert.ok(slow.wrong <= 5 && slow.right > 590, JSON.stringify(slow));
	const busy = encode({ jitter: 60 });
	assert.ok(busy.wrong <= 20 && busy.right > 570, JSON.stringify(busy));
	const dropped = encode({ drop: () => random() < 0.3 });
	assert.equal(dropped.wrong, 0, JSON.stringify(dropped));
});

test('a pose message names its frame and lens only when told', () => {
	const pose = { position: [0, 1, 2], orientation: [0, 0, 0, 1], time: 5, wallClock: 6000 };
	const plain = poseMessage(pose);
	assert.equal(JSON.stringify(plain).includes('rtpTimestamp') || JSON.stringify(plain).includes('fov'), false);
	const fov = { angleLeft: -1, angleRight: 1, angleUp: 0.5, angleDown: -0.5 };
	const [info] = poseMessage({ ...pose, frame: { rtp: 4294967295, ssrc: 7 }, fov }).poseInfo;
	assert.equal(info.rtpTimestamp, 4294967295);
	assert.equal(info.ssrc, 7);
	assert.deepEqual(info.poses[0].fov, fov);
});

test('the room is seen as the pose and lens say', () => {
	// a quarter turn to the left looks along -X
	const camera = toCamera({ position: [1, 1.6, 0], orientation: yawPitch(Math.PI / 2, 0) }, [-1, 1.6, -0.5]);
	camera.forEach((v, i) => assert.ok(Math.abs(v - [0.5, 0, -2][i]) < 1e-9, camera.join()));
	const [x, y] = project(camera, 640, 360, 2 * Math.atan(0.5));
	assert.ok(Math.abs(x - (320 + 90)) < 1e-9 && Math.abs(y - 180) < 1e-9);
});
