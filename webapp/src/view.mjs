// SPDX-License-Identifier: GPL-2.0-or-later
// Draws this UE's copy of the scene with three.js, seen from this UE's own pose: the scene's
// meshes by three's glTF loader, the other participants with a head and a name.

import * as THREE from 'three';
import { GLTFLoader } from 'three/addons/loaders/GLTFLoader.js';

const REBUILD_MS = 150; // a change of structure is drawn at most this often
const MOVES = /^\/nodes\/([0-9]+)\/(translation|rotation|scale)$/;
const SHOWN = /^\/(nodes|scenes|scene|meshes|materials|accessors|bufferViews|buffers|textures|images|extensions)(\/|$)/;
const QUIET = /\/extras(\/|$)/;
const MARKS = /\/extras\/(selectedBy|heldBy)$/;

function label(text, colour) {
	const canvas = document.createElement('canvas');
	canvas.width = 256;
	canvas.height = 64;
	const g = canvas.getContext('2d');
	g.font = '600 34px sans-serif';
	g.textAlign = 'center';
	g.fillStyle = 'rgba(10,16,28,.75)';
	g.beginPath();
	g.roundRect(8, 6, 240, 52, 26);
	g.fill();
	g.fillStyle = colour;
	g.fillText(text.slice(0, 14), 128, 44);
	const sprite = new THREE.Sprite(new THREE.SpriteMaterial({ map: new THREE.CanvasTexture(canvas), depthTest: false }));
	sprite.scale.set(0.56, 0.14, 1);
	return sprite;
}

function torso(colour) {
	const body = new THREE.Mesh(new THREE.CapsuleGeometry(0.15, 0.34, 4, 14), new THREE.MeshStandardMaterial({ color: colour, roughness: 0.7 }));
	body.position.set(0, -0.5, 0.03);
	return body;
}

// A head that looks along -Z, with a visor so that one sees where it looks.
function head(colour) {
	const group = new THREE.Group();
	const skin = new THREE.MeshStandardMaterial({ color: colour, roughness: 0.6 });
	const dark = new THREE.MeshStandardMaterial({ color: 0x101828, roughness: 0.2, metalness: 0.4 });
	const skull = new THREE.Mesh(new THREE.SphereGeometry(0.14, 20, 14), skin);
	skull.scale.set(0.9, 1.15, 1);
	const visor = new THREE.Mesh(new THREE.BoxGeometry(0.22, 0.09, 0.1), dark);
	visor.position.set(0, 0.03, -0.11);
	group.add(skull, visor);
	return group;
}

const COLOURS = [0x4f9dff, 0xff8a5b, 0x63d471, 0xd681ff, 0xffd166];

export class View {
	camera = new THREE.PerspectiveCamera(62, 1.6, 0.05, 60);
	drawn = { frames: 0, rebuilds: 0, moves: 0, failures: 0 };
	#renderer;
	#world = new THREE.Scene();
	#content = new THREE.Group();
	#marks = new THREE.Group(); // frames around what somebody has selected or holds
	#nodes = []; // index in the glTF document -> Object3D
	#doc = null;
	#rebuildTimer = null;
	#rebuilding = 0;
	#dirty = true;
	#own; // (node) => true when a participant's node is this UE
	#minFrameMs;
	#lastFrame = 0;

	constructor(canvas, { own = () => false, maxFps = 60 } = {}) {
		this.#own = own;
		this.#minFrameMs = 1000 / maxFps - 1;
		this.#renderer = new THREE.WebGLRenderer({ canvas, antialias: maxFps >= 30, preserveDrawingBuffer: true });
		this.#renderer.outputColorSpace = THREE.SRGBColorSpace;
		this.#world.background = new THREE.Color(0x1b2536);
		this.#world.fog = new THREE.Fog(0x1b2536, 6, 16);
		this.#room();
		this.#world.add(this.#content, this.#marks);
		this.camera.position.set(0, 1.6, 2.4);
		const frame = (t) => {
			requestAnimationFrame(frame);
			if (!this.#dirty || t - this.#lastFrame < this.#minFrameMs) return;
			this.#lastFrame = t;
			this.draw();
		};
		requestAnimationFrame(frame);
	}

	#room() {
		const floor = new THREE.Mesh(new THREE.CircleGeometry(9, 48), new THREE.MeshStandardMaterial({ color: 0x2b3a52, roughness: 0.95 }));
		floor.rotation.x = -Math.PI / 2;
		floor.position.y = -0.01;
		const grid = new THREE.GridHelper(18, 36, 0x5b7399, 0x3b4c69);
		const sun = new THREE.DirectionalLight(0xffffff, 1.8);
		sun.position.set(2, 5, 3);
		this.#world.add(floor, grid, sun, new THREE.HemisphereLight(0xcfe0ff, 0x24303f, 1.3));
	}

	resize(width, height) {
		this.#renderer.setSize(width, height, false);
		this.camera.aspect = width / height;
		this.camera.updateProjectionMatrix();
		this.#dirty = true;
	}

	look(position, orientation) {
		this.camera.position.fromArray(position);
		this.camera.quaternion.fromArray(orientation);
		this.#dirty = true;
	}

	draw() {
		this.#dirty = false;
		for (const m of this.#marks.children) m.update();
		this.#renderer.render(this.#world, this.camera);
		this.drawn.frames++;
	}

	// Resolves when what is known by now has been drawn.
	async settled() {
		while (this.#rebuildTimer || this.#rebuilding) await new Promise((resolve) => setTimeout(resolve, 10));
		this.draw();
	}

	// A whole scene.
	scene(doc) {
		this.#doc = doc;
		clearTimeout(this.#rebuildTimer);
		this.#rebuildTimer = null;
		return this.#rebuild();
	}

	// A patched scene with the operations that led to it: what only moves nodes is drawn at once.
	update(doc, ops) {
		this.#doc = doc;
		let structure = false;
		if (ops.some((o) => MARKS.test(o.path))) this.#mark();
		for (const { op, path } of ops) {
			const move = op === 'replace' || op === 'add' ? MOVES.exec(path) : null;
			if (move && this.#nodes[move[1]]) this.#move(Number(move[1]));
			else if (op !== 'test' && SHOWN.test(path) && !QUIET.test(path)) structure = true;
		}
		if (!structure || this.#rebuildTimer) return;
		this.#rebuildTimer = setTimeout(() => {
			this.#rebuildTimer = null;
			this.#rebuild();
		}, REBUILD_MS);
	}

	#move(index) {
		const node = this.#doc.nodes[index];
		const object = this.#nodes[index];
		if (node.translation) object.position.fromArray(node.translation);
		if (node.rotation) object.quaternion.fromArray(node.rotation);
		if (node.scale) object.scale.fromArray(node.scale);
		this.drawn.moves++;
		this.#dirty = true;
	}

	async #rebuild() {
		const doc = this.#doc;
		let gltf;
		this.#rebuilding++;
		try {
			gltf = await new GLTFLoader().parseAsync(JSON.stringify(doc), '');
		} catch (e) {
			this.drawn.failures++;
			console.warn('scene cannot be drawn:', e.message);
			return;
		} finally {
			this.#rebuilding--;
		}
		this.#nodes = [];
		for (const [object, at] of gltf.parser.associations) if (object.isObject3D && at.nodes !== undefined) this.#nodes[at.nodes] ??= object;
		this.#content.clear();
		this.#content.add(gltf.scene);
		(doc.nodes ?? []).forEach((node, i) => this.#participant(node, i));
		this.drawn.rebuilds++;
		this.#mark();
		if (this.#doc !== doc) (this.#doc.nodes ?? []).forEach((_, i) => this.#nodes[i] && this.#move(i));
		this.#dirty = true;
	}

	#participant(node, index) {
		const object = this.#nodes[index];
		const user = View.user(node);
		if (!object || user === null) return;
		if (this.#own(node)) {
			object.visible = false;
			return;
		}
		const colour = COLOURS[index % COLOURS.length];
		if (node.mesh === undefined) object.add(head(colour));
		object.add(torso(colour));
		const tag = label(user, '#ffffff');
		tag.position.set(0, 0.34, 0);
		object.add(tag);
	}

	#mark() {
		this.#marks.clear();
		(this.#doc?.nodes ?? []).forEach((node, i) => {
			const held = node?.extras?.heldBy;
			if (this.#nodes[i] && (held || node?.extras?.selectedBy)) this.#marks.add(new THREE.BoxHelper(this.#nodes[i], held ? 0xffb347 : 0x8fd3ff));
		});
		this.#dirty = true;
	}

	// The object of the scene (a node with extras.object) under a point of the page, or -1.
	pick(x, y) {
		const ray = new THREE.Raycaster();
		const { left, top, width, height } = this.#renderer.domElement.getBoundingClientRect();
		ray.setFromCamera(new THREE.Vector2((2 * (x - left)) / width - 1, 1 - (2 * (y - top)) / height), this.camera);
		for (const hit of ray.intersectObjects(this.#content.children, true)) {
			for (let o = hit.object; o; o = o.parent) {
				const i = this.#nodes.indexOf(o);
				if (i >= 0 && this.#doc.nodes[i]?.extras?.object === true) return i;
			}
		}
		return -1;
	}

	// The participant that a node stands for ("alice"), or null.
	static user(node) {
		const text = node?.extras?.user ?? node?.extras?.participant;
		if (typeof text === 'string') return text.replace(/^sips?:/, '').replace(/@.*$/, '');
		if (node?.extensions?.MPEG_node_avatar) return node.name ?? 'participant';
		return null;
	}
}
