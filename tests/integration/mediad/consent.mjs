// SPDX-License-Identifier: GPL-2.0-or-later
// A call of two UEs with a real WebRTC stack, one behind a NAT, for test_consent.py: consent.mjs
// BASE-URL. Says {"id"} when all is up. Takes lines: "cut" (the NAT passes nothing on any more), "act"
// (the other UE acts; says {"acted"}), "end" (says how both ended, {"states"}, and goes).

import { createInterface } from 'node:readline';
import { Mrm } from './mrm.mjs';
import { Nat, through } from './nat.mjs';
import { connect, RealUe, until } from './real_ue.mjs';

const mrm = new Mrm(process.argv[2]);
const ues = [new RealUe('anna'), new RealUe('bert')];
const nat = new Nat();
const say = (o) => console.log(JSON.stringify(o));

await nat.start();
const { id } = await connect(mrm, ues, [undefined, undefined], { scene: 'tabletop' }, (sdp, i) => (i === 0 ? through(nat, sdp) : sdp));
if (!(await until('scenes', () => ues.every((u) => u.ar.scene.doc?.nodes)))) process.exit(1);
ues.forEach((u, i) => u.ar.startPoses((t) => ({ position: [i, 1, Math.sin(t)], orientation: [0, 0, 0, 1] }), 20));
say({ id });
for await (const line of createInterface({ input: process.stdin })) {
	if (line === 'cut') nat.cut();
	if (line === 'act') say({ acted: await ues[1].ar.act({ name: 'move', target: 'part', position: [0, 1, 0.2] }).then(() => true, () => false) });
	if (line === 'end') {
		await until('the end of both', () => ues.every((u) => u.sd.readyState === 'closed'), 60000);
		say({ states: ues.map((u) => u.sd.readyState) });
		process.exit(0);
	}
}
