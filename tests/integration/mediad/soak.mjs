// SPDX-License-Identifier: GPL-2.0-or-later
// Calls with real WebRTC UEs that come and go for a while: soak.mjs BASE-URL SECONDS. Three at a
// time, each of a second to six, with poses, actions and now and then an ICE restart; they end in
// every way there is. Every call must come up. Prints one line of totals.

import { setTimeout as sleep } from 'node:timers/promises';
import { Mrm } from './mrm.mjs';
import { connect, RealUe, restartIce, until } from './real_ue.mjs';

const [base, seconds] = process.argv.slice(2);
const end = Date.now() + Number(seconds) * 1000;
const mrm = new Mrm(base);
const count = { calls: 0, failed: 0, restarts: 0, actions: 0, unanswered: 0 };
let seed = 1;
const random = (n) => (seed = (seed * 48271) % 2147483647) % n;

function hangUp(ues) {
	for (const u of ues) {
		u.ar.stopPoses();
		u.ar.close();
		u.pc.close();
	}
}

async function during(id, ues) {
	ues.forEach((u, i) => u.ar.startPoses((t) => ({ position: [i, 1, Math.sin(t)], orientation: [0, 0, 0, 1] }), 20));
	await sleep(300 + random(2500));
	if (random(3) === 0) {
		await restartIce(mrm, id, ues[0], 0);
		count.restarts++;
	}
	const acted = await ues[random(2)].ar.act({ name: 'move', target: 'part', position: [0, 1, 0.2] }).then(() => true, () => false);
	if (acted) count.actions++;
	await sleep(300 + random(2500));
}

async function oneCall() {
	const ues = [new RealUe('a'), new RealUe('b')];
	const { id } = await connect(mrm, ues, [undefined, random(2) ? 1200 : undefined], { scene: 'tabletop' });
	if (random(8) === 0) {
		// nobody waits for it to come up
		count.unanswered++;
	} else {
		if (!(await until('a call', () => ues.every((u) => u.ar.scene.doc?.nodes), 20000))) count.failed++;
		await during(id, ues);
	}
	const way = random(3);
	if (way === 0) hangUp(ues);
	if (way === 1) ues[1].pc.close();
	if ((await mrm.delete(id)).status !== 204) count.failed++;
	hangUp(ues);
	count.calls++;
}

async function line() {
	while (Date.now() < end) await oneCall();
}

process.on('unhandledRejection', (e) => {
	count.failed++;
	console.log(`    | ${e?.stack ?? e}`);
});
await Promise.all([line(), line(), line()]);
mrm.close();
console.log(JSON.stringify(count));
process.exit(count.failed || !count.calls ? 1 : 0);
