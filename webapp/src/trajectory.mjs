// SPDX-License-Identifier: GPL-2.0-or-later
// How the head of a UE moves when nobody wears it: a slow walk on an arc around the scene, looking
// at its middle, with a little nodding. Pure functions of the time.

export function yawPitch(yaw, pitch) {
	const [sy, cy, sx, cx] = [Math.sin(yaw / 2), Math.cos(yaw / 2), Math.sin(pitch / 2), Math.cos(pitch / 2)];
	return [cy * sx, sy * cx, -sy * sx, cy * cx];
}

// phase (radians) says where on the circle; seconds since the start of the walk.
export function walk(phase, seconds, { radius = 2, speed = 0.25, height = 1.6 } = {}) {
	const angle = phase + speed * seconds;
	const position = [radius * Math.sin(angle), height + 0.03 * Math.sin(2 * Math.PI * seconds), radius * Math.cos(angle)];
	// a head at angle looks at the middle when it is turned by the same angle: -Z is forward
	return { position, orientation: yawPitch(angle, -0.25 + 0.05 * Math.sin(seconds)) };
}
