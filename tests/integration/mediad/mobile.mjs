// SPDX-License-Identifier: GPL-2.0-or-later
// A UE with a real WebRTC stack that restarts ICE, and whose NAT gives it another address, in a call
// of a running mediad: mobile.mjs BASE-URL. The NAT is a relay of ours: the UE knows its address as
// mediad's.

import { Mrm } from './mrm.mjs';
import { Nat, through } from './nat.mjs';
import { connect, RealUe, restartIce, until } from './real_ue.mjs';

const [base] = process.argv.slice(2);
const mrm = new Mrm(base);
let failed = 0;

function check(name, ok, detail = '') {
	console.log(`${ok ? 'ok' : 'not ok'} ${name}${detail ? ` (${detail})` : ''}`);
	if (!ok) failed++;
}

const facts = async (id, i) => (await mrm.get(id)).json.terminations[i].medias[0]['x-ims-ar'];

// The action of one UE reaches the other's scene.
async function works(ues, ms = 5000) {
	const before = ues.map((u) => u.ar.scene.doc.nodes.length);
	const done = await ues[0].ar.act({ name: 'add', shape: 'part', position: [0, 1, 0] }).then(() => true, () => false);
	return done && (await until('both to see it', () => ues.every((u, i) => u.ar.scene.doc.nodes.length > before[i]), ms));
}

const ues = [new RealUe('anna'), new RealUe('bert')];
const nat = new Nat();
await nat.start();
const { id } = await connect(mrm, ues, [undefined, undefined], { scene: 'tabletop' }, (sdp, i) => (i === 0 ? through(nat, sdp) : sdp));
check('a call through a NAT', (await until('scenes', () => ues.every((u) => u.ar.scene.doc?.nodes), 10000)) && (await works(ues)));
const before = await facts(id, 0);
check('its address is the NAT\'s', before.selected === `127.0.0.1:${nat.outer.address().port}`, before.selected);

const fresh = await nat.rebind();
const moved = performance.now();
const again = await works(ues, 15000);
const after = await facts(id, 0);
check('another address in the middle of the call', again && after.selected === `127.0.0.1:${fresh}`, `${after.selected}, an action there and back after ${(performance.now() - moved).toFixed(0)} ms`);
check('on the connection that it has', after.times.dtls === before.times.dtls && ues[0].sd.readyState === 'open');

const ours = after.ice.ufrag;
const r = await restartIce(mrm, id, ues[1], 1);
const was = await facts(id, 1);
check('ICE restart by a patch: new credentials of ours', r.ours !== ours && was.ice.ufrag === r.ours, r.ours);
check('the call goes on', (await works(ues)) && (await until('the restart to be done', () => ues[1].pc.iceConnectionState === 'connected' || ues[1].pc.iceConnectionState === 'completed')));
check('with the old ones of nobody any more', ues[1].pc.currentLocalDescription.sdp.includes(`a=ice-ufrag:${r.theirs}`) && ues[1].pc.currentRemoteDescription.sdp.includes(`a=ice-ufrag:${r.ours}`));
check('on the connection that it had', (await facts(id, 1)).times.dtls === was.times.dtls);

check('delete closes the channels', (await mrm.delete(id)).status === 204 && (await until('close', () => ues.every((u) => u.sd.readyState === 'closed'))));
for (const u of ues) {
	u.ar.close();
	u.pc.close();
}
nat.stop();
mrm.close();
process.exit(failed ? 1 : 0);
