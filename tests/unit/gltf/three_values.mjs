// SPDX-License-Identifier: GPL-2.0-or-later
// What three.js makes of the animations of full.gltf and of two of Debian's assimp-testmodels: world
// matrices, skin matrices, morph weights at several times. Writes three_values.h. Run by hand after
// full.gltf has changed: node three_values.mjs
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const require = createRequire(path.join(here, '../../../webapp/package.json'));
const THREE = await import(pathToFileURL(require.resolve('three')).href.replace('three.cjs', 'three.module.js'));
const { GLTFLoader } = await import(pathToFileURL(require.resolve('three/examples/jsm/loaders/GLTFLoader.js')).href);
globalThis.self = globalThis;
globalThis.ProgressEvent ??= class extends Event {};

const ASSIMP = '/usr/share/assimp/models/glTF2/';
const files = [
	['full', path.join(here, 'full.gltf')],
	['skin', ASSIMP + 'simple_skin/simple_skin.gltf'],
	['morph', ASSIMP + 'glTF-Sample-Models/AnimatedMorphCube-glTF/AnimatedMorphCube.gltf'],
];
const times = [0, 0.3, 0.5, 0.77, 1, 1.25, 1.5, 1.9, 2];

async function load(file) {
	const doc = JSON.parse(fs.readFileSync(file));
	for (const b of doc.buffers) {
		if (!b.uri.startsWith('data:'))
			b.uri = 'data:application/octet-stream;base64,' +
				fs.readFileSync(path.join(path.dirname(file), b.uri)).toString('base64');
	}
	for (const k of ['textures', 'images', 'samplers', 'materials']) // no pictures in Node.js
		delete doc[k];
	for (const m of doc.meshes)
		for (const p of m.primitives)
			delete p.material;
	delete doc.extensionsRequired;
	return await new GLTFLoader().parseAsync(JSON.stringify(doc), '');
}

const num = (x) => Math.fround(x).toPrecision(9).replace(/\.?0+(e|$)/, '$1').replace(/^-0$/, '0');
const float = (x) => { const s = num(x); return s.includes('.') || s.includes('e') ? s + 'f' : s + '.0f'; };

const out = ['/* SPDX-License-Identifier: GPL-2.0-or-later */',
	'/* Written by three_values.mjs with three.js ' + THREE.REVISION + ': do not edit. */',
	'static const struct three_value {', '\tconst char *model, *what; /* world, joint (second one), weights */',
	'\tunsigned node, n;', '\tfloat time, v[16];', '} three_values[] = {'];
function row(model, what, node, time, v) {
	out.push(`\t{"${model}", "${what}", ${node}, ${v.length}, ${float(time)},`, `\t\t{${v.map(float).join(', ')}}},`);
}

for (const [name, file] of files) {
	const gltf = await load(file);
	const nodes = new Map(); // glTF index of each object
	for (const [object, a] of gltf.parser.associations)
		if (a?.nodes !== undefined && object.isObject3D && !nodes.has(a.nodes))
			nodes.set(a.nodes, object);
	const mixer = new THREE.AnimationMixer(gltf.scene);
	for (const t of times) {
		for (const clip of gltf.animations) { // anew: one that has ended stays paused
			const action = mixer.clipAction(clip).reset();
			action.setLoop(THREE.LoopOnce);
			action.clampWhenFinished = true;
			action.play();
		}
		mixer.setTime(t);
		gltf.scene.updateMatrixWorld(true);
		for (const [i, object] of [...nodes].sort((a, b) => a[0] - b[0])) {
			row(name, 'world', i, t, object.matrixWorld.elements);
			if (object.isSkinnedMesh) {
				object.skeleton.update();
				row(name, 'joint', i, t, [...object.skeleton.boneMatrices.slice(16, 32)]);
			}
			if (object.isMesh && object.morphTargetInfluences)
				row(name, 'weights', i, t, object.morphTargetInfluences);
		}
	}
}
out.push('};', '');
fs.writeFileSync(path.join(here, 'three_values.h'), out.join('\n'));
execFileSync('clang-format', ['-i', path.join(here, 'three_values.h')]);
