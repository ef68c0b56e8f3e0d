// SPDX-License-Identifier: GPL-2.0-or-later
// Two, then five UEs with a real WebRTC stack in one scene of a running mediad: room.mjs BASE-URL
// FOLDER. All send poses at 60 Hz and act; in the end every UE's scene is the server's, printed
// canonically. The longest gap between updates and the age of the poses that they told, during the
// run, are printed and not judged: all UEs share this process and its machine. What each UE held at
// the end lies in FOLDER for validate.mjs.

import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { canonical, differences } from '../../../webapp/src/scene.mjs';
import { Mrm } from './mrm.mjs';
import { connect, RealUe, settled, until } from './real_ue.mjs';

const [base, folder] = process.argv.slice(2);
const mrm = new Mrm(base);
const SECONDS = 3;
const UNIT = 1e5; // a pose's height says when it was sent: 10 um a millisecond
let failed = 0;

function check(name, ok, detail = '') {
	console.log(`${ok ? 'ok' : 'not ok'} ${name}${detail ? ` (${detail})` : ''}`);
	if (!ok) failed++;
}

// Around the table, looking at its middle, coming nearer and going back.
function pose(start, angle, seconds) {
	const r = 1.4 + 0.5 * Math.sin(seconds * 2 + angle);
	return {
		position: [r * Math.sin(angle), (performance.now() - start) / UNIT, r * Math.cos(angle)],
		orientation: [0, Math.sin(angle / 2), 0, Math.cos(angle / 2)],
	};
}

// Ages of others' poses, and the gaps between the updates that tell them.
function watch(ue, start, seen) {
	const own = () => ue.ar.scene.doc.nodes.findIndex((n) => n.extras?.participant === ue.name);
	let last = performance.now();
	ue.ar.on('update', (doc, { ops }) => {
		if (!seen.on) return (last = performance.now());
		const now = performance.now();
		const me = own();
		const told = ops.map((op) => [/^\/nodes\/(\d+)\/translation$/.exec(op.path), op.value]).filter(([m]) => m && Number(m[1]) !== me && doc.nodes[m[1]].extras?.participant);
		for (const [, value] of told) seen.ages.push(now - start - value[1] * UNIT);
		if (!told.length) return undefined;
		seen.gaps.push(now - last);
		return (last = now);
	});
}

const sorted = (list) => [...list].sort((a, b) => a - b);
const percentile = (list, p) => sorted(list)[Math.min(list.length - 1, Math.floor(list.length * p))] ?? NaN;

async function act(ues) {
	const acts = [];
	for (let i = 0; i < 20; i++) {
		const ue = ues[i % ues.length];
		const action = [
			{ name: 'move', target: 'part', position: [0.1 * (i % 5), 1, 0.2] },
			{ name: 'set-color', target: 'part', color: [0.05 * i, 0.5, 0.5] },
			{ name: 'tap', target: 'big gear' },
			{ name: 'add', shape: 'part', position: [0, 1 + 0.1 * i, 0] },
		][i % 4];
		acts.push(ue.ar.act(action).then(() => true, () => false));
		await sleep((SECONDS * 1000) / 25);
	}
	return (await Promise.all(acts)).filter(Boolean).length;
}

async function room(n) {
	const ues = Array.from({ length: n }, (_, i) => new RealUe(`p${i}`));
	const sizes = ues.map((_, i) => (i === n - 1 ? 1200 : undefined)); // one with small messages
	const { id } = await connect(mrm, ues, sizes, { scene: 'tabletop' });
	const label = `room of ${n}`;
	const seen = { on: false, ages: [], gaps: [] };
	check(`${label}: all get the scene`, await until('scenes', () => ues.every((u) => u.ar.scene.doc?.nodes && u.ar.isOpen('3gpp-ar-metadata'))));
	const start = performance.now();
	for (const [i, u] of ues.entries()) {
		watch(u, start, seen);
		u.ar.startPoses((t) => pose(start, (2 * Math.PI * i) / n, t), 60);
	}
	await sleep(500);
	const before = ues.map((u) => u.ar.scene.counts.patches);
	seen.on = true;
	const applied = await act(ues);
	const rates = ues.map((u, i) => u.ar.scene.counts.patches - before[i]);
	seen.on = false;
	for (const u of ues) u.ar.stopPoses();
	check(`${label}: every action took effect`, applied === 20, `${applied} of 20`);
	const server = await settled(mrm, id, ues);
	const wrong = ues.filter((u) => canonical(u.ar.scene.doc) !== canonical(server));
	check(`${label}: every UE's scene is the server's`, wrong.length === 0, wrong.length ? `${wrong[0].name}: ${differences(wrong[0].ar.scene.doc, server).join('; ')}` : `revision ${server.scenes[0].extras.rev}, ${server.nodes.length} nodes`);
	check(`${label}: nothing was refused or lost`, ues.every((u) => u.ar.scene.counts.refused === 0 && u.ar.scene.counts.garbage === 0));
	check(`${label}: messages within the UEs' sizes`, ues.every((u, i) => u.longest <= (sizes[i] ?? 262144)), ues.map((u) => u.longest).join(', '));
	check(`${label}: a scene's behavior ran`, server.animations.some((a) => a.extras.playing) || server.animations.every((a) => a.extras.control === 'pause'), server.animations.map((a) => a.extras.control).join());
	console.log(`    | ${label}: ${Math.min(...rates)} to ${Math.max(...rates)} patches to each in ${SECONDS} s; longest gap ${Math.max(...seen.gaps).toFixed(0)} ms, p99 ${percentile(seen.gaps, 0.99).toFixed(0)} ms; age p50 ${percentile(seen.ages, 0.5).toFixed(0)} ms, p99 ${percentile(seen.ages, 0.99).toFixed(0)} ms of ${seen.ages.length} poses`);
	for (const u of ues) fs.writeFileSync(`${folder}/room${n}-${u.name}.gltf`, JSON.stringify(u.ar.scene.doc));
	await mrm.delete(id);
	for (const u of ues) {
		u.ar.close();
		u.pc.close();
	}
}

await room(2);
await room(5);
mrm.close();
process.exit(failed ? 1 : 0);
