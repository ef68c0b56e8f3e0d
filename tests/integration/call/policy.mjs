// SPDX-License-Identifier: GPL-2.0-or-later
// What the policy says of a call, as real UEs meet it. Each exported function is a case.

import assert from 'node:assert/strict';
import { ended, standStill, until, walkAbout } from '../../ue/pair.mjs';
import { arCall } from './basic.mjs';
import { underPolicy } from './under.mjs';

const HZ = 5;
const policy = `
local ar = require 'ar.policy'
local m, act = ar.match, ar.act
return ar.new 'limited'
	:rule('ar', m.any, act.accept { scene = 'default', limits = { max_pose_hz = ${HZ} } })
	:on_end(function(call)
		local e = call.ended
		return { who = call.caller.user, reason = e.reason, poses = e.poses, updates = e.updates }
	end)
`;

// 60 poses a second are sent, few reach the scene; the record at the end has what mediad counted.
export async function poses_are_limited_and_recorded(t) {
	await underPolicy(t, policy, async () => {
		const [a, b] = await t.pair();
		await arCall(t, a, b);
		const { callId } = a.last;
		walkAbout(a, b);
		const sent = () => a.last.ar.poses.sent + b.last.ar.poses.sent;
		const began = Date.now();
		await until('200 poses to be sent', () => sent() >= 200);
		standStill(a, b);
		a.last.hangup();
		await ended(b.last);
		const seconds = (Date.now() - began) / 1000;
		const record = await until('the call record', async () => {
			const line = t.stack.log('asd').split('\n').find((l) => l.includes('record: ') && l.includes(callId));
			return line && JSON.parse(line.slice(line.indexOf('{')));
		});
		assert.equal(record.reason, 'bye');
		assert.equal(record.who, a.name);
		// two UEs, each with the last pose that it sends
		const most = 2 * (HZ * seconds + 2);
		assert.ok(Number(record.poses) >= 2 && Number(record.poses) <= most,
			`${record.poses} of ${sent()} poses in ${seconds} s, at most ${most}`);
		assert.ok(Number(record.updates) > 0, JSON.stringify(record));
	});
}
