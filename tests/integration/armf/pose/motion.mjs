// SPDX-License-Identifier: GPL-2.0-or-later
// How the test's camera moves: a pure function of the time since the move began.

import { yawPitch } from '../../../../webapp/src/trajectory.mjs';

const rad = Math.PI / 180;

// Back and forth at a constant speed (degrees a second), turned around within half a second.
function swing(seconds, speed, reach) {
	const ease = 0.25;
	const half = (2 * reach) / speed; // from one end to the other
	const phase = ((seconds / half) % 2 + 2) % 2;
	const there = phase < 1 ? phase : 2 - phase; // 0..1..0
	const edge = ease / half;
	let u = there;
	// a parabola near the ends, so that the speed changes steadily
	if (there < edge) u = edge / 2 + there ** 2 / (2 * edge);
	else if (there > 1 - edge) u = 1 - edge / 2 - (1 - there) ** 2 / (2 * edge);
	return reach * (2 * u - 1);
}

export function motion(move, seconds) {
	const { position = [0, 1.6, 2.4], yaw = 0, pitch = -0.15 } = move;
	switch (move.kind) {
	case 'turn': // the head turns, the feet stand
		return { position, orientation: yawPitch(yaw + rad * swing(seconds, move.speed, move.reach ?? 24), pitch) };
	case 'orbit': { // around the box, looking at it
		const angle = rad * move.speed * seconds;
		const r = move.radius ?? 2.2;
		return { position: [r * Math.sin(angle), 1.6, r * Math.cos(angle)], orientation: yawPitch(angle, pitch) };
	}
	default:
		return { position, orientation: yawPitch(yaw, pitch) };
	}
}
