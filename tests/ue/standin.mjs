// SPDX-License-Identifier: GPL-2.0-or-later
// Test double of the DCMF, for trying the UE core without mediad: gives the scene when the mpeg-sd
// channel opens, acknowledges actions, turns poses into JSON Patches. Works on anything that looks
// like an RTCDataChannel. Never part of a call of the real system.

const SCENE = {
	asset: { version: '2.0', generator: 'stand-in' },
	scene: 0,
	scenes: [{ nodes: [0, 1, 2], extras: { rev: 1 } }],
	nodes: [
		{ name: 'table', mesh: 0, translation: [0, 0.4, 0], extras: {} },
		{ name: 'participant:a', translation: [0, 1.6, 2], rotation: [0, 0, 0, 1], extras: { user: 'sip:a' } },
		{ name: 'participant:b', translation: [0, 1.6, -2], rotation: [0, 0, 0, 1], extras: { user: 'sip:b' } },
	],
	meshes: [{ primitives: [{ attributes: {}, mode: 4 }] }],
};

export class StandIn {
	scene = structuredClone(SCENE);
	received = { poses: 0, actions: 0, repeated: 0, resyncs: 0 };
	#seen = new Set();
	#sd;
	#meta;
	#who;

	constructor({ sd, meta, who = 1 }) {
		this.#sd = sd;
		this.#meta = meta;
		this.#who = who;
		const entry = () => this.#say(sd, this.scene);
		if (sd.readyState === 'open') entry();
		else sd.addEventListener('open', entry);
		meta.addEventListener('message', (e) => this.#input(JSON.parse(e.data)));
	}

	#say(channel, value) {
		if (channel.readyState === 'open') channel.send(JSON.stringify(value));
	}

	patch(...ops) {
		const rev = this.scene.scenes[0].extras.rev++;
		const at = '/scenes/0/extras/rev';
		for (const op of ops) this.#set(op.path, op.value);
		this.#say(this.#sd, [{ op: 'test', path: at, value: rev }, ...ops, { op: 'replace', path: at, value: rev + 1 }]);
	}

	#set(path, value) {
		const keys = path.split('/').slice(1);
		const last = keys.pop();
		keys.reduce((o, k) => o[k], this.scene)[last] = value;
	}

	#input(message) {
		if (message.poseInfo) return this.#pose(message.poseInfo[0].poses[0]);
		if (message.resync) {
			this.received.resyncs++;
			return this.#say(this.#sd, this.scene);
		}
		if (message.action) this.#action(message.action);
	}

	#pose({ position: p, orientation: q }) {
		this.received.poses++;
		this.patch(
			{ op: 'replace', path: `/nodes/${this.#who}/translation`, value: [p.x, p.y, p.z] },
			{ op: 'replace', path: `/nodes/${this.#who}/rotation`, value: [q.x, q.y, q.z, q.w] },
		);
	}

	#action(action) {
		if (this.#seen.has(action.id)) this.received.repeated++;
		else this.received.actions++;
		this.#seen.add(action.id);
		this.#say(this.#meta, { ack: { id: action.id, ok: true } });
	}
}
