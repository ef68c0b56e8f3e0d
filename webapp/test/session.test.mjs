// SPDX-License-Identifier: GPL-2.0-or-later
import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { StandIn } from '../../tests/ue/standin.mjs';
import { ArSession } from '../src/ar_session.mjs';
import { canonical } from '../src/scene.mjs';
import { walk } from '../src/trajectory.mjs';
import { channelPair } from '../../tests/ue/fake_channel.mjs';

function connect() {
	const ar = new ArSession({ actionPrefix: 't-' });
	const [sd, sdNet] = channelPair(1000, 'mpeg-sd');
	const [meta, metaNet] = channelPair(1002, '3gpp-ar-metadata');
	const net = new StandIn({ sd: sdNet, meta: metaNet });
	ar.attach(sd);
	ar.attach(meta);
	const open = () => [meta, metaNet, sd, sdNet].forEach((c) => c.open());
	return { ar, net, sd, sdNet, meta, metaNet, open };
}

test('scene on opening, poses change it, both hold the same', async () => {
	const { ar, net, open } = connect();
	open();
	await sleep(5);
	assert.ok(ar.scene.doc);
	assert.ok(ar.times.scene >= ar.times.sceneChannel);
	const from = performance.now();
	let ticks = 0; // what a timer of 10 ms does on this machine
	const timer = setInterval(() => ticks++, 10);
	ar.startPoses((t) => walk(0, t), 100);
	await sleep(300);
	ar.stopPoses();
	clearInterval(timer);
	const most = (performance.now() - from) / 10 + 2;
	await sleep(5);
	assert.ok(ar.poses.sent >= 0.7 * ticks && ar.poses.sent <= most, `${ar.poses.sent} poses at 100 Hz, ${ticks} ticks, at most ${most}`);
	assert.equal(net.received.poses, ar.poses.sent);
	assert.equal(canonical(ar.scene.doc), canonical(net.scene));
	ar.close();
});

test('an action is repeated until acknowledged, and applied once', async () => {
	const { ar, net, meta, metaNet, open } = connect();
	meta.drop = (n) => n === 1; // the action is lost,
	metaNet.drop = (n) => n === 1; // then its acknowledgement
	open();
	const r = await ar.act({ name: 'tap' });
	assert.equal(r.repeats, 2);
	assert.deepEqual([net.received.actions, net.received.repeated], [1, 1]);
	assert.equal(ar.actions.pending, 0);
	ar.close();
});

test('actions of a call that ends are refused, not lost silently', async () => {
	const { ar, metaNet, open } = connect();
	metaNet.drop = () => true;
	open();
	const p = ar.act({ name: 'tap' });
	ar.close();
	await assert.rejects(p, /the call ended/);
});

test('too many actions at once are refused', async () => {
	const { ar, metaNet, open } = connect();
	metaNet.drop = () => true;
	open();
	const pending = Array.from({ length: 64 }, () => ar.act({ name: 'tap' }).catch((e) => e.message));
	await assert.rejects(ar.act({ name: 'tap' }), /too many/);
	ar.close();
	assert.equal((await Promise.all(pending)).length, 64);
});

test('a lost update is noticed and the whole scene fetched again', async () => {
	const { ar, net, sdNet, open } = connect();
	open();
	await sleep(5);
	const at = sdNet.count;
	sdNet.drop = (n) => n === at + 1;
	net.patch({ op: 'replace', path: '/nodes/0/translation', value: [1, 1, 1] });
	net.patch({ op: 'replace', path: '/nodes/0/translation', value: [2, 2, 2] });
	await sleep(10);
	assert.equal(net.received.resyncs, 1);
	assert.equal(canonical(ar.scene.doc), canonical(net.scene));
	ar.close();
});

test('poses are skipped while the channel is full, and before it is open', () => {
	const { ar, meta, net, open } = connect();
	ar.sendPose([0, 0, 0], [0, 0, 0, 1]);
	open();
	meta.bufferedAmount = 1 << 20;
	ar.sendPose([0, 0, 0], [0, 0, 0, 1]);
	assert.deepEqual([ar.poses.sent, ar.poses.skipped, net.received.poses], [0, 2, 0]);
	ar.close();
});

test('the network closing the channels ends the AR part once', async () => {
	const { ar, sdNet, metaNet, open } = connect();
	open();
	let closed = 0;
	ar.on('closed', () => closed++);
	ar.startPoses((t) => walk(0, t), 100);
	sdNet.close();
	metaNet.close();
	assert.equal(closed, 1);
	const { sent } = ar.poses;
	await sleep(30);
	assert.equal(ar.poses.sent, sent);
});

test('garbage on the metadata channel', async () => {
	const { ar, metaNet, open } = connect();
	open();
	const seen = [];
	ar.on('garbage', (t) => seen.push(t));
	ar.on('message', (m) => seen.push(m));
	for (const t of ['{', 'null', '{"ack":{"id":{}}}', '{"ack":{"id":"nobody"}}']) metaNet.send(t);
	await sleep(5);
	assert.deepEqual(seen, ['{', null, { ack: { id: {} } }]);
	ar.close();
});

test('the walk looks at the middle', () => {
	for (const s of [0, 1, 2.5, 20]) {
		const { position: p, orientation: [x, y, z, w] } = walk(1, s);
		assert.ok(Math.abs(Math.hypot(x, y, z, w) - 1) < 1e-9);
		// -Z turned by the quaternion, on the floor plan
		const f = [-2 * (x * z + w * y), -(1 - 2 * (x * x + y * y))];
		const len = Math.hypot(p[0], p[2]) * Math.hypot(...f);
		assert.ok((f[0] * -p[0] + f[1] * -p[2]) / len > 0.999, `at ${s} s`);
	}
});
