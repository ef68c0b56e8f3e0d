// SPDX-License-Identifier: GPL-2.0-or-later
// A call of two UEs with a real WebRTC stack that goes on while mediad is upgraded: upgrade.mjs
// BASE-URL. Prints `up` when it runs, then reads a line for each upgrade that has been done, and ends
// the call at the end of its input. New calls are made until the first of them is done: none may be
// refused.

import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Mrm } from './mrm.mjs';
import { connect, RealUe, until } from './real_ue.mjs';

const [base] = process.argv.slice(2);
let failed = 0;

function check(name, ok, detail = '') {
	console.log(`${ok ? 'ok' : 'not ok'} ${name}${detail ? ` (${detail})` : ''}`);
	if (!ok) failed++;
}

const portOf = (doc) => doc.terminations[0].medias[0].localMbEndpoint.portNumber;

async function call(mrm, names) {
	const ues = names.map((n) => new RealUe(n));
	const { id } = await connect(mrm, ues, names.map(() => undefined), { scene: 'tabletop' });
	const open = await until('scenes', () => ues.every((u) => u.ar.scene.doc?.nodes && u.ar.isOpen('3gpp-ar-metadata')), 10000);
	ues.forEach((u, i) => u.ar.startPoses((t) => ({ position: [i, 1, Math.sin(t)], orientation: [0, 0, 0, 1] }), 30));
	const doc = (await mrm.get(id)).json;
	return { id, ues, open, port: portOf(doc) };
}

// The action of one UE reaches the other's scene.
async function works(c) {
	const before = c.ues[1].ar.scene.doc.nodes.length;
	const done = await c.ues[0].ar.act({ name: 'add', shape: 'part', position: [0, 1, 0] }).then(() => true, () => false);
	return done && (await until('the other to see it', () => c.ues[1].ar.scene.doc.nodes.length > before));
}

function hangUp(c) {
	for (const u of c.ues) {
		u.ar.stopPoses();
		u.ar.close();
		u.pc.close();
	}
}

// Short contexts one after another, on a connection that is made again when it ends.
const churn = { stop: false, made: 0, refused: 0, lost: 0 };
async function churning() {
	const body = { terminations: [{ terminationId: 'x', medias: [{ mediaId: '1', mediaResourceType: 'DC', dcMedia: { streams: { 1000: { streamId: 1000, subprotocol: 'mpeg-sd', order: true } }, securitySetup: 'ACTPASS' } }] }], 'x-ims-ar': { owner: 'churn', callId: 'churn@test' } };
	for (let mrm = new Mrm(base); ; await sleep(20)) {
		if (churn.stop) return mrm.close();
		const r = await Promise.race([mrm.create(body).catch(() => null), sleep(3000).then(() => null)]);
		if (r?.status === 201) churn.made++;
		else if (r?.status) churn.refused++, console.log(`    | ${r.text}`);
		else churn.lost++, mrm.close(), (mrm = new Mrm(base)); // its connection ended under it
		if (r?.status === 201) await mrm.delete(r.json.contextId).catch(() => null);
	}
}

const first = await call(new Mrm(base), ['anna', 'bert']);
check('a call before the upgrade', first.open && (await works(first)), `UDP ${first.port}`);
let longest = 0;
let last = performance.now();
first.ues[1].ar.on('update', () => {
	longest = Math.max(longest, performance.now() - last);
	last = performance.now();
});
const churned = churning();
console.log('up');
let round = 0;
const calls = [];
for await (const line of createInterface({ input: process.stdin })) {
	const mrm = new Mrm(base);
	if (++round === 1) {
		churn.stop = true;
		await churned;
		check('no new call was refused meanwhile', churn.refused === 0 && churn.made > 0 && churn.lost <= 2, `${churn.made} made, ${churn.lost} lost with their connection`);
	}
	check(`${line}: its channels are open`, first.ues.every((u) => u.sd.readyState === 'open' && u.pc.connectionState === 'connected'));
	check(`${line}: an action of one UE reaches the other`, await works(first));
	const listed = (await mrm.get(first.id)).json;
	check(`${line}: its context is served`, listed?.terminations.length === 2 && portOf(listed) === first.port);
	const next = await call(mrm, [`carl${round}`, `dora${round}`]);
	check(`${line}: a new call works`, next.open && (await works(next)), `UDP ${next.port}`);
	check(`${line}: in a new worker`, next.port !== first.port);
	calls.push(next);
	console.log('checked');
	mrm.close();
}
console.log(`    | longest gap between updates of the call: ${longest.toFixed(0)} ms`);
const mrm = new Mrm(base);
// whose answer was lost: an owner that finds in the list what it knows nothing of ends it, as asd does
for (const c of (await mrm.request('GET', '/nmf-mrm/v1/contexts')).json.contexts.filter((x) => x['x-ims-ar'].owner === 'churn')) await mrm.delete(c.contextId);
for (const c of [first, ...calls]) {
	check(`delete closes ${c.ues[0].name}'s channels`, (await mrm.delete(c.id)).status === 204 && (await until('close', () => c.ues.every((u) => u.sd.readyState === 'closed'))));
	hangUp(c);
}
mrm.close();
process.exit(failed ? 1 : 0);
