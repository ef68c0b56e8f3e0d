// SPDX-License-Identifier: GPL-2.0-or-later
// The AR part of a call as this UE sees it: the two data channels, the scene, the poses and the
// actions. Knows nothing of SIP; the owner (call.mjs) gives it channels and closes it.

import { Actions } from './actions.mjs';
import { Emitter } from './emitter.mjs';
import { poseMessage, resyncMessage } from './messages.mjs';
import { SceneReplica } from './scene.mjs';
import { AR_METADATA, MPEG_SD } from './sdp.mjs';

// A pose that cannot leave at once is worth less than the next one.
const POSE_BUFFER_LIMIT = 16 * 1024;

export class ArSession extends Emitter {
	scene;
	actions;
	times = {}; // milliseconds since the epoch: sceneChannel, metaChannel, scene, firstUpdate, closed
	poses = { sent: 0, ofFrames: 0, skipped: 0, bytes: 0, startedAt: 0, stoppedAt: 0 };
	#channels = new Map(); // subprotocol -> RTCDataChannel
	#poseTimer = null;
	#now;

	constructor({ now = () => Date.now(), actionPrefix = '' } = {}) {
		super();
		this.#now = now;
		this.scene = new SceneReplica({ now, askResync: (reason) => this.#send(AR_METADATA, resyncMessage(reason)) });
		this.actions = new Actions({ now, prefix: actionPrefix, send: (m) => this.#send(AR_METADATA, m) });
		this.scene.on('scene', (doc, bytes) => this.#onScene(doc, bytes));
		this.scene.on('update', (doc, ops, bytes) => this.#onUpdate(doc, ops, bytes));
		this.scene.on('resync', (reason) => this.emit('resync', reason));
	}

	#mark(name) {
		if (this.times[name]) return false;
		this.times[name] = this.#now();
		return true;
	}

	#onScene(doc, bytes) {
		const first = this.#mark('scene');
		this.emit('scene', doc, { bytes, first });
	}

	#onUpdate(doc, ops, bytes) {
		const first = this.#mark('firstUpdate');
		this.emit('update', doc, { ops, bytes, first });
	}

	// The owner gives every data channel of the call, from the SDP or opened in-band.
	attach(channel, subprotocol = channel.protocol) {
		if (subprotocol !== MPEG_SD && subprotocol !== AR_METADATA) return;
		this.#channels.set(subprotocol, channel);
		channel.binaryType = 'arraybuffer';
		let once = false;
		const opened = () => {
			if (once) return;
			once = true;
			if (subprotocol === AR_METADATA) this.actions.reopened();
			if (this.#mark(subprotocol === MPEG_SD ? 'sceneChannel' : 'metaChannel')) this.emit('channel', subprotocol, channel.id);
		};
		channel.addEventListener('open', opened);
		channel.addEventListener('close', () => this.#closed(subprotocol, channel));
		channel.addEventListener('message', (e) => this.#message(subprotocol, e.data));
		if (channel.readyState === 'open') opened();
	}

	#closed(subprotocol, channel) {
		if (this.#channels.get(subprotocol) !== channel) return;
		this.#channels.delete(subprotocol);
		if (this.times.closed || this.#channels.size > 0) return;
		this.#mark('closed');
		this.stopPoses();
		this.emit('closed');
	}

	#message(subprotocol, data) {
		const text = typeof data === 'string' ? data : new TextDecoder().decode(data);
		if (subprotocol === MPEG_SD) return this.scene.input(text);
		let message;
		try {
			message = JSON.parse(text);
		} catch {
			return this.emit('garbage', text);
		}
		if (!this.actions.input(message)) this.emit('message', message);
	}

	isOpen(subprotocol) {
		return this.#channels.get(subprotocol)?.readyState === 'open';
	}

	// Node's WebRTC may report 'open' late or throw on a channel that has just closed.
	#send(subprotocol, object) {
		const channel = this.#channels.get(subprotocol);
		if (channel?.readyState !== 'open') return 0;
		const text = JSON.stringify(object);
		try {
			channel.send(text);
		} catch {
			return 0;
		}
		return text.length;
	}

	// time: of the pose, ms of performance.now(). frame and fov as in poseMessage().
	sendPose(position, orientation, { time = performance.now(), frame = null, fov = null } = {}) {
		const channel = this.#channels.get(AR_METADATA);
		if (channel?.readyState !== 'open' || channel.bufferedAmount > POSE_BUFFER_LIMIT) {
			this.poses.skipped++;
			return;
		}
		const wallClock = this.#now();
		const bytes = this.#send(AR_METADATA, poseMessage({ position, orientation, time, wallClock, frame, fov }));
		if (!bytes) return;
		this.poses.sent++;
		if (frame) this.poses.ofFrames++;
		this.poses.bytes += bytes;
	}

	// source(seconds) gives { position, orientation }. Poses that a late timer missed are not
	// made up for.
	startPoses(source, hz = 60) {
		this.stopPoses();
		const start = performance.now();
		const step = 1000 / hz;
		let due = start;
		this.poses.startedAt = this.#now();
		const tick = () => {
			const t = performance.now();
			const { position, orientation } = source((t - start) / 1000);
			this.sendPose(position, orientation);
			due = Math.max(due + step, t - step);
			this.#poseTimer = setTimeout(tick, Math.max(0, due - performance.now()));
		};
		tick();
	}

	stopPoses() {
		if (this.#poseTimer === null) return;
		clearTimeout(this.#poseTimer);
		this.#poseTimer = null;
		this.poses.stoppedAt = this.#now();
	}

	act(action) {
		return this.actions.act(action);
	}

	report() {
		return {
			times: { ...this.times },
			poses: { ...this.poses },
			actions: { ...this.actions.counts, pending: this.actions.pending },
			scene: { ...this.scene.counts, lastPatchBytes: this.scene.lastPatchBytes, have: this.scene.doc !== null },
			channels: [...this.#channels].map(([subprotocol, c]) => ({ subprotocol, id: c.id, state: c.readyState })),
		};
	}

	close() {
		this.stopPoses();
		this.actions.close();
		for (const c of this.#channels.values()) {
			try {
				c.close();
			} catch {
				// closed already
			}
		}
		this.#channels.clear();
	}
}
