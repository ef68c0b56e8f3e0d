// SPDX-License-Identifier: GPL-2.0-or-later
// The page that a person opens to take part in an AR call. window.arPage is the same for a script
// that drives it (the demo). Query: name, ws, domain, fps, auto=register, mode=ar-assisted: this UE
// draws nothing, it sends its camera and pose and the network draws (call flow steps 12 and 13).

import { Camera } from './camera.mjs';
import { microphone } from './media.mjs';
import { paintRoom } from './room.mjs';
import { canonical } from './scene.mjs';
import { walk } from './trajectory.mjs';
import { ASSISTED_TAGS, FEATURE_TAGS, Ue } from './ue.mjs';
import { View } from './view.mjs';
import { Walker } from './walker.mjs';

const $ = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
const clock = () => performance.timeOrigin + performance.now();
const POSE_HZ = 60;
const FOV_EVERY = 30; // frames: the channel may lose messages
const assisted = query.get('mode') === 'ar-assisted';

const page = {
	ue: null,
	call: null,
	view: null,
	walker: null,
	camera: null, // of an AR-assisted UE
	walkPhase: null, // radians: walk by itself instead of by hand
	walkStart: 0,
	moved: null, // () => pose: by whoever drives the page
};

// What an AR-assisted UE has in place of a view of the scene.
const NO_VIEW = { drawn: { frames: 0 }, scene() {}, update() {}, look() {}, resize() {}, pick: () => -1, settled: async () => {} };

function show(state) {
	$('state').textContent = state;
	const inCall = Boolean(page.call && ['new', 'ringing', 'answered'].includes(page.call.state));
	const ringing = inCall && page.call.originator === 'remote' && page.call.state !== 'answered';
	$('join').hidden = Boolean(page.ue);
	$('dial').hidden = !page.ue || inCall;
	$('incoming').hidden = !ringing;
	$('actions').hidden = !inCall || ringing;
}

function facts() {
	const ar = page.call?.ar;
	if (!ar?.scene.doc) return ($('facts').textContent = '');
	const { counts } = ar.scene;
	const people = (ar.scene.doc.nodes ?? []).filter((n) => View.user(n) !== null).length;
	$('facts').textContent = `${people} participants | ${counts.patches} updates | ${ar.poses.sent} poses sent | ${ar.actions.counts.acknowledged} actions`;
}

function follow(call) {
	page.call = call;
	const name = call.from?.replace(/^sips?:/, '').replace(/@.*/, '') ?? '';
	call.on('ringing', () => show(call.originator === 'local' ? `calling ${name}` : `${name} calls`));
	call.on('answered', () => show(`in a call with ${name}`));
	call.on('problem', (text) => show(text));
	call.on('data-lost', () => show(`voice only with ${name}: the scene is lost`));
	call.on('ended', (end) => {
		if (page.call === call) show(end.status && end.status >= 300 ? `${end.status} ${end.reason ?? ''}` : 'the call has ended');
	});
	call.on('track', (track, stream) => {
		const media = stream ?? new MediaStream([track]);
		if (track.kind === 'audio') $('sound').srcObject = media;
		else showVideo(track);
	});
	call.on('sender', (sender) => page.camera && sender.track === page.camera.track && page.camera.follow(sender));
	call.on('ar', (ar) => followScene(call, ar));
	if (call.ar) followScene(call, call.ar);
	show(call.originator === 'local' ? `calling ${name}` : `${name} calls`);
	$('caller').textContent = `${name} calls`;
}

// A network may end the video and send it again later, muted in between.
function showVideo(track) {
	$('far').srcObject = new MediaStream([track]);
	$('far').hidden = track.muted;
	track.addEventListener('mute', () => ($('far').hidden = true));
	track.addEventListener('unmute', () => ($('far').hidden = false));
}

// Tells the pose of every picture that leaves the encoder, with its RTP timestamp.
function startCamera() {
	page.camera = new Camera({ source: poseNow, paint: paintRoom });
	$('own').replaceChildren(page.camera.canvas);
	let n = 0;
	page.camera.on('encoded', ({ time, pose }, frame) => {
		const fov = n++ % FOV_EVERY === 0 ? page.camera.fov : null;
		page.call?.ar?.sendPose(pose.position, pose.orientation, { time, frame, fov });
	});
	if (!query.has('hold')) page.camera.start();
}

async function ownMedia() {
	const media = await microphone();
	page.camera?.start();
	return page.camera ? new MediaStream([...media.getAudioTracks(), page.camera.track]) : media;
}

function followScene(call, ar) {
	ar.on('scene', (doc, { first }) => {
		shapes(doc);
		if (first) standWhereTheSceneSays(doc);
		page.view.scene(doc);
		facts();
		if (first && !query.has('hold')) ar.startPoses(poseSource, POSE_HZ);
	});
	ar.on('update', (doc, { ops }) => page.view.update(doc, ops));
	ar.on('closed', () => call.state === 'answered' && show('voice only: the scene is lost'));
}

// ---- what a person does to the scene (docs/messages.md; the application shared-scene) ----

// An object's node, selected by this UE; -1 none.
function selected() {
	const me = page.call?.ar?.scene.doc?.nodes.findIndex((n) => isOwn(n)) ?? -1;
	const own = me >= 0 ? page.call.ar.scene.doc.nodes[me].extras?.participant : undefined;
	return own === undefined ? -1 : page.call.ar.scene.doc.nodes.findIndex((n) => n?.extras?.object && n.extras.selectedBy === own);
}

async function act(action) {
	if (!page.call?.ar) return;
	try {
		const ack = await page.call.ar.act(action);
		$('said').textContent = `${action.name}: done (${Math.round(ack.ms)} ms)`;
	} catch (e) {
		$('said').textContent = `${action.name}: ${e.message}`;
	}
}

function withSelected(make) {
	const target = selected();
	if (target < 0) $('said').textContent = 'tap an object first';
	else act(make(target));
}

function tap(x, y) {
	const target = page.view.pick(x, y);
	if (target >= 0) act({ name: 'select', target, on: target !== selected() });
}

function shapes(doc) {
	const used = (doc.nodes ?? []).filter((n) => n?.extras?.object).map((n) => doc.meshes?.[n.mesh]?.name);
	$('shape').replaceChildren(...[...new Set(used.filter(Boolean))].map((n) => new Option(n)));
}

const anyColour = () => [0, 1, 2].map(() => Math.round(200 + 800 * Math.random()) / 1000);

function poseNow() {
	if (page.moved) return page.moved();
	return page.walkPhase === null ? page.walker.pose() : walk(page.walkPhase, (performance.now() - page.walkStart) / 1000);
}

function poseSource() {
	const pose = poseNow();
	page.view.look(pose.position, pose.orientation);
	return pose;
}

// The scene has a place for every participant; the first pose is there.
function standWhereTheSceneSays(doc) {
	const own = (doc.nodes ?? []).find((n) => isOwn(n));
	if (!own?.translation || !own.rotation) return;
	const [x, y, z, w] = own.rotation;
	page.walker.place(own.translation, Math.atan2(2 * (w * y + x * z), 1 - 2 * (y * y + z * z)));
}

// The head walks by itself from now on, starting at the angle `phase` of its circle.
function startWalking(phase) {
	page.walkPhase = phase;
	page.walkStart = performance.now();
	page.moved = null;
	page.call.ar.startPoses(poseSource, POSE_HZ);
}

// Stays where it is, camera and all.
function stand() {
	const pose = poseNow();
	page.moved = () => pose;
	page.call?.ar?.stopPoses();
}

function isOwn(node) {
	return View.user(node) === page.ue?.uri.replace(/^sips?:/, '').replace(/@.*/, '');
}

async function register({ name, ws, domain }) {
	const ue = new Ue({ uri: `sip:${name}@${domain}`, ws, tags: assisted ? ASSISTED_TAGS : FEATURE_TAGS, now: clock });
	try {
		await ue.start();
	} catch (e) {
		ue.stop();
		throw e;
	}
	page.ue = ue;
	page.domain = domain;
	ue.on('incoming', (call) => {
		if (page.call && ['new', 'ringing', 'answered'].includes(page.call.state)) return call.reject(486);
		follow(call);
		if (query.get('auto') === 'answer') answer();
	});
	ue.on('disconnected', (why) => show(`no connection to the SIP server: ${why}`));
	ue.on('registered', () => $('state').textContent.startsWith('no connection') && show('registered'));
	$('who').textContent = name;
	show('registered');
}

async function dial(peer, options = {}) {
	const target = /@/.test(peer) ? peer : `${peer}@${page.domain}`;
	const call = page.ue.call(target.startsWith('sip') ? target : `sip:${target}`, { media: await ownMedia(), ...options });
	follow(call);
	return call;
}

async function answer() {
	page.call.answer({ media: await ownMedia() });
}

// What a driver reads at the end, as plain data.
async function report() {
	const r = await page.call.report();
	return { ...r, camera: page.camera ? { ...page.camera.frames } : null, drawn: { ...page.view.drawn }, canonical: page.call.ar?.scene.doc ? canonical(page.call.ar.scene.doc) : null };
}

function wire() {
	$('join').addEventListener('submit', (e) => {
		e.preventDefault();
		$('problem').textContent = '';
		register({ name: $('name').value, ws: $('ws').value, domain: $('domain').value }).catch((error) => {
			$('problem').textContent = error.message;
		});
	});
	$('dial').addEventListener('submit', (e) => {
		e.preventDefault();
		dial($('peer').value).catch((error) => show(error.message));
	});
	$('answer').addEventListener('click', answer);
	$('decline').addEventListener('click', () => page.call.reject(486));
	$('hangup').addEventListener('click', () => page.call.hangup());
	$('add').addEventListener('click', () => act({ name: 'add', shape: $('shape').value, position: page.walker.ahead(1.2, 1), color: anyColour() }));
	$('colour').addEventListener('click', () => withSelected((target) => ({ name: 'set-color', target, color: anyColour() })));
	$('bring').addEventListener('click', () => withSelected((target) => ({ name: 'move', target, position: page.walker.ahead(1.2, 1) })));
	$('remove').addEventListener('click', () => withSelected((target) => ({ name: 'remove', target })));
	addEventListener('resize', () => page.view.resize(innerWidth, innerHeight));
	addEventListener('pagehide', () => page.ue?.stop());
	setInterval(facts, 250);
	setInterval(() => page.walkPhase === null && poseSource(), 33);
}

async function main() {
	const config = await fetch('config.json').then((r) => r.json()).catch(() => ({}));
	$('name').value = query.get('name') ?? `guest${100 + Math.floor(Math.random() * 900)}`;
	$('ws').value = query.get('ws') ?? config.ws ?? '';
	$('domain').value = query.get('domain') ?? config.domain ?? location.hostname;
	$('peer').value = query.get('peer') ?? '';
	page.view = assisted ? NO_VIEW : new View($('view'), { own: isOwn, maxFps: Number(query.get('fps') ?? 60) });
	page.view.resize(innerWidth, innerHeight);
	page.walker = new Walker($('view'), tap);
	if (assisted) startCamera();
	Object.assign(page, { register, dial, answer, report, startWalking, stand });
	wire();
	show('not registered');
	if (query.has('auto')) $('join').requestSubmit();
}

window.arPage = page;
main();
