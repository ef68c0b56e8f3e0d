// SPDX-License-Identifier: GPL-2.0-or-later
// The pose of a person at a browser: dragging turns the head, W A S D or the arrow keys walk.

import { yawPitch } from './trajectory.mjs';

const KEYS = {
	KeyW: [0, -1], ArrowUp: [0, -1], KeyS: [0, 1], ArrowDown: [0, 1],
	KeyA: [-1, 0], ArrowLeft: [-1, 0], KeyD: [1, 0], ArrowRight: [1, 0],
};
const SPEED = 1.6; // metres a second
const RANGE = 6;
const TURN = 0.005; // radians a pixel

export class Walker {
	position = [0, 1.6, 2.4];
	yaw = 0;
	pitch = -0.3;
	#down = new Set();
	#last = performance.now();

	// onTap(x, y): a press and release without dragging.
	constructor(element, onTap = () => {}) {
		let at = null;
		let moved = 0;
		element.addEventListener('pointerdown', (e) => {
			at = [e.clientX, e.clientY];
			moved = 0;
			element.setPointerCapture(e.pointerId);
		});
		element.addEventListener('pointermove', (e) => {
			if (!at) return;
			moved += Math.abs(e.clientX - at[0]) + Math.abs(e.clientY - at[1]);
			this.yaw += (e.clientX - at[0]) * TURN;
			this.pitch = Math.max(-1.3, Math.min(1.3, this.pitch + (e.clientY - at[1]) * TURN));
			at = [e.clientX, e.clientY];
		});
		element.addEventListener('pointerup', (e) => at && moved < 5 && onTap(e.clientX, e.clientY));
		for (const name of ['pointerup', 'pointercancel']) element.addEventListener(name, () => (at = null));
		addEventListener('keydown', (e) => {
			if (KEYS[e.code] && !(e.target instanceof HTMLInputElement)) this.#down.add(e.code);
		});
		addEventListener('keyup', (e) => this.#down.delete(e.code));
		addEventListener('blur', () => this.#down.clear());
	}

	place(position, yaw) {
		this.position = [...position];
		this.yaw = yaw;
	}

	// A point on the floor plan in front of the eyes, at table height.
	ahead(distance, height) {
		return [this.position[0] - distance * Math.sin(this.yaw), height, this.position[2] - distance * Math.cos(this.yaw)];
	}

	// Moves on to now and gives the pose.
	pose() {
		const now = performance.now();
		const step = Math.min(0.1, (now - this.#last) / 1000) * SPEED;
		this.#last = now;
		for (const code of this.#down) {
			const [x, z] = KEYS[code];
			const [s, c] = [Math.sin(this.yaw), Math.cos(this.yaw)];
			this.position[0] = Math.max(-RANGE, Math.min(RANGE, this.position[0] + step * (c * x + s * z)));
			this.position[2] = Math.max(-RANGE, Math.min(RANGE, this.position[2] + step * (c * z - s * x)));
		}
		return { position: this.position, orientation: yawPitch(this.yaw, this.pitch) };
	}
}
