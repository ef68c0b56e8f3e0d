// SPDX-License-Identifier: GPL-2.0-or-later
// What the camera of a UE without a camera sees: a room with a tiled floor, walls and pictures,
// from the pose and with the lens that its messages tell. Pure but for the 2D context.

const HALF = 3.5; // metres from the middle to a wall
const HEIGHT = 2.7;
const NEAR = 0.05;

function rotate([x, y, z, w], [a, b, c]) {
	const tx = 2 * (y * c - z * b);
	const ty = 2 * (z * a - x * c);
	const tz = 2 * (x * b - y * a);
	return [a + w * tx + y * tz - z * ty, b + w * ty + z * tx - x * tz, c + w * tz + x * ty - y * tx];
}

// World to camera; the camera looks along -Z.
export function toCamera({ position, orientation: [x, y, z, w] }, point) {
	return rotate([-x, -y, -z, w], point.map((v, i) => v - position[i]));
}

// Camera to pixels of a width x height picture, y down.
export function project([x, y, z], width, height, fovY) {
	const f = height / 2 / Math.tan(fovY / 2);
	return [width / 2 + (f * x) / -z, height / 2 - (f * y) / -z];
}

// The part of a polygon in front of the camera.
function clip(points) {
	const out = [];
	points.forEach((a, i) => {
		const b = points[(i + 1) % points.length];
		const [inA, inB] = [a[2] < -NEAR, b[2] < -NEAR];
		if (inA) out.push(a);
		if (inA === inB) return;
		const t = (-NEAR - a[2]) / (b[2] - a[2]);
		out.push(a.map((v, k) => v + t * (b[k] - v)));
	});
	return out;
}

function polygon(g, camera, pose, points, colour) {
	const { width, height } = g.canvas;
	const seen = clip(points.map((p) => toCamera(pose, p)));
	if (seen.length < 3) return;
	g.fillStyle = colour;
	g.beginPath();
	for (const p of seen) g.lineTo(...project(p, width, height, camera.fovY));
	g.fill();
}

const quad = (a, b, c, d) => [a, b, c, d];

function wall(i, from, to, low, high) {
	const at = (u, v, out = HALF) => [[u, v, -out], [out, v, u], [-u, v, out], [-out, v, -u]][i];
	return quad(at(from, low), at(to, low), at(to, high), at(from, high));
}

const WALLS = ['#b9a78e', '#a9b3a0', '#b39a94', '#9aa6b5'];
const FRAMES = ['#5d4a66', '#3f6470', '#7b5b3a', '#4c6b4a'];

export function paintRoom(g, camera, pose) {
	g.fillStyle = '#e9e4da';
	g.fillRect(0, 0, g.canvas.width, g.canvas.height);
	polygon(g, camera, pose, quad([-HALF, 0, -HALF], [HALF, 0, -HALF], [HALF, 0, HALF], [-HALF, 0, HALF]), '#8a6f54');
	for (let x = -HALF; x < HALF; x++) {
		for (let z = -HALF; z < HALF; z++) {
			if (Math.round(x + z) % 2 === 0) polygon(g, camera, pose, quad([x, 0, z], [x + 1, 0, z], [x + 1, 0, z + 1], [x, 0, z + 1]), '#7a6049');
		}
	}
	for (let i = 0; i < 4; i++) {
		polygon(g, camera, pose, wall(i, -HALF, HALF, 0, HEIGHT), WALLS[i]);
		polygon(g, camera, pose, wall(i, -HALF, HALF, 0, 0.1), '#6b5a48');
		polygon(g, camera, pose, wall(i, -0.8, 0.8, 1.1, 2.1), FRAMES[i]);
		polygon(g, camera, pose, wall(i, -0.7, 0.7, 1.2, 2), '#d8d2c4');
		polygon(g, camera, pose, wall(i, -0.55 + 0.25 * i, -0.1 + 0.25 * i, 1.3, 1.85), FRAMES[(i + 1) % 4]);
	}
}
