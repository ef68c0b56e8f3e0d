// SPDX-License-Identifier: GPL-2.0-or-later
// Two UEs with a real WebRTC stack in one AR call of a running mediad: call.mjs BASE-URL FOLDER.
// The scene comes, poses at 60 Hz and actions change it, both UEs end with the server's scene, the
// time from create to the first update is printed. What was sent lies in FOLDER for validate.mjs.

import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { differences } from '../../../webapp/src/scene.mjs';
import { walk } from '../../../webapp/src/trajectory.mjs';
import { Mrm } from './mrm.mjs';
import { connect, RealUe, settled, until } from './real_ue.mjs';

const [base, folder] = process.argv.slice(2);
const mrm = new Mrm(base);
let failed = 0;

function check(name, ok, detail = '') {
	console.log(`${ok ? 'ok' : 'not ok'} ${name}${detail ? ` (${detail})` : ''}`);
	if (!ok) failed++;
}

async function oneCall(label, sizes) {
	const ues = [new RealUe('alice'), new RealUe('bob')];
	const { id, started } = await connect(mrm, ues, sizes);

	check(`${label}: both get the scene`, await until('scenes', () => ues.every((u) => u.ar.scene.doc?.nodes && u.ar.isOpen('3gpp-ar-metadata'))));
	ues.forEach((u, i) => u.ar.startPoses((t) => walk(i * Math.PI, t), 60));
	check(`${label}: both get updates`, await until('updates', () => ues.every((u) => u.ar.scene.counts.patches > 5)));
	const first = Math.max(...ues.map((u) => u.ar.times.firstUpdate)) - started;
	await sleep(1500);
	await until('poses', () => ues.reduce((n, u) => n + u.ar.poses.sent, 0) > 120);
	const acks = await Promise.allSettled([
		ues[0].ar.act({ name: 'move', target: 'cube', phase: 'grab' }).then(() => ues[0].ar.act({ name: 'move', target: 'cube', phase: 'release', position: [0.2, 1, 0.1] })),
		ues[1].ar.act({ name: 'add', shape: 'ball', color: [0.1, 0.9, 0.2], position: [0, 1.2, 0] }),
		ues[1].ar.act({ name: 'fly' }),
	]);
	check(`${label}: actions are acknowledged`, acks.map((a) => a.status).join() === 'fulfilled,fulfilled,rejected', acks.map((a) => a.value?.ms ?? a.reason?.message).join(', '));
	await sleep(500);
	const patches = ues.map((u) => u.ar.scene.counts.patches);
	for (const u of ues) u.ar.stopPoses();
	const server = await settled(mrm, id, ues);
	for (const u of ues) {
		const d = differences(u.ar.scene.doc, server);
		check(`${label}: ${u.name} holds the server's scene`, d.length === 0 && u.ar.scene.counts.refused === 0, d.join('; ') || `revision ${server.scenes[0].extras.rev}`);
	}
	check(`${label}: messages within the UE's size`, ues.every((u, i) => u.longest <= (sizes[i] ?? 262144)), ues.map((u) => u.longest).join(', '));
	const live = (await mrm.get(id)).json;
	const facts = live.terminations.map((t) => t.medias[0]['x-ims-ar']);
	check(`${label}: GET shows it`, facts.every((f) => f.state === 'connected' && f.channels.length === 3 && f.times.firstUpdate > 0 && /:\d+$/.test(f.selected)) && live['x-ims-ar'].poses > 100,
		`first update ${first} ms after create, ${patches.join('+')} patches, ${live['x-ims-ar'].poses} poses, rtt ${facts[0].rttMs} ms`);
	const page = await ues[0].fetch('/');
	const list = await ues[0].fetch('/applist.json');
	const apps = list.status === 200 ? JSON.parse(list.body) : {};
	check(`${label}: the list of applications`, apps.subscriber === 'sip:alice@ims' && apps.applications[0].scene.name === 'default', list.body.toString());
	const scene = await ues[0].fetch(apps.applications[0].scene.url);
	check(`${label}: the scene's file by bootstrap`, scene.status === 200 && JSON.parse(scene.body).asset.version === '2.0', `${scene.body.length} bytes`);
	check(`${label}: bootstrap answers`, page.status === 200 && page.body.length > 20 && (await ues[0].fetch('/none')).status === 404, `${page.body.length} bytes`);
	ues.forEach((u, i) => {
		u.messages.forEach((m, k) => m[0] === '{' && fs.writeFileSync(`${folder}/${label}-${u.name}-${k}.gltf`, m));
		fs.writeFileSync(`${folder}/${label}-${u.name}-end.gltf`, JSON.stringify(u.ar.scene.doc));
		fs.writeFileSync(`${folder}/${label}-${i}-server.gltf`, JSON.stringify(server));
	});
	check(`${label}: delete closes the channels`, (await mrm.delete(id)).status === 204 && (await until('close', () => ues.every((u) => u.sd.readyState === 'closed'))));
	for (const u of ues) {
		u.ar.close();
		u.pc.close();
	}
}

await oneCall('call', [undefined, undefined]);
await oneCall('small', [1024, 1200]);
mrm.close();
process.exit(failed ? 1 : 0);
