// SPDX-License-Identifier: GPL-2.0-or-later
// Writes box.gltf: one magenta, unlit box for measuring; truth.mjs has the same numbers.

import { writeFileSync } from 'node:fs';
import { BOX } from '../truth.mjs';

const positions = [];
for (const x of [-1, 1]) for (const y of [-1, 1]) for (const z of [-1, 1]) positions.push(x * BOX.half[0], y * BOX.half[1], z * BOX.half[2]);
const indices = [0, 1, 3, 0, 3, 2, 4, 6, 7, 4, 7, 5, 0, 4, 5, 0, 5, 1, 2, 3, 7, 2, 7, 6, 0, 2, 6, 0, 6, 4, 1, 5, 7, 1, 7, 3];
const bytes = Buffer.concat([Buffer.from(Float32Array.from(positions).buffer), Buffer.from(Uint16Array.from(indices).buffer)]);

const gltf = {
	asset: { version: '2.0', generator: 'ims-ar tests' },
	extensionsUsed: ['KHR_materials_unlit'],
	scene: 0,
	scenes: [{ nodes: [0], extras: { rev: 1 } }],
	nodes: [{ name: 'box', mesh: 0, translation: BOX.at, extras: { object: true, selectedBy: null, heldBy: null } }],
	meshes: [{ name: 'box', primitives: [{ attributes: { POSITION: 0 }, indices: 1, material: 0 }] }],
	materials: [{ name: 'magenta', extensions: { KHR_materials_unlit: {} }, pbrMetallicRoughness: { baseColorFactor: [1, 0, 1, 1] } }],
	accessors: [
		{ bufferView: 0, componentType: 5126, count: 8, type: 'VEC3', min: BOX.half.map((v) => Math.fround(-v)), max: BOX.half.map((v) => Math.fround(v)) },
		{ bufferView: 1, componentType: 5123, count: indices.length, type: 'SCALAR' },
	],
	bufferViews: [
		{ buffer: 0, byteLength: 96, target: 34962 },
		{ buffer: 0, byteOffset: 96, byteLength: 2 * indices.length, target: 34963 },
	],
	buffers: [{ byteLength: bytes.length, uri: `data:application/octet-stream;base64,${bytes.toString('base64')}` }],
};
writeFileSync(new URL('box.gltf', import.meta.url), `${JSON.stringify(gltf, null, '\t')}\n`);
