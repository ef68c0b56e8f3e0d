// SPDX-License-Identifier: GPL-2.0-or-later
// AR calls between every two kinds of UE: sound goes both ways through rtpengine, after the call's offer
// and after one of each UE inside it, and rtpengine is asked what design says (docs/architecture.md, "rtpengine").

import assert from 'node:assert/strict';
import { answered, ended, sceneHere, soundFlows, until } from '../../ue/pair.mjs';
import { handset } from '../../ue/handset.mjs';
import { dataChannelSection } from '../../../webapp/src/sdp.mjs';

const audioLine = (sdp) => /^m=audio .*$/m.exec(sdp)[0].trim();
const audioPort = (line) => Number(line.split(' ')[1]);

function options(t, kind, name) {
	if (kind === 'WebRTC') return {};
	const { ADDRESS, P_SIP1, P_SIP2, TWO } = t.stack.env;
	return handset(ADDRESS, Number(name === 'b' && TWO === '1' ? P_SIP2 : P_SIP1));
}

// What rtpengine was asked in this call, in order: { edge: "o" or "t", command, lines: of m= }. A 200 that
// came again, since its ACK was late, is answered again.
function asked(log, callId) {
	const out = [];
	for (const m of log.matchAll(/\[([^\]]*)-([ot])\]: \[control\] Dump for '(offer|answer|delete)' from ([\s\S]*?)\n(?=\[[0-9]+\.)/g)) {
		const [, id, edge, command, text] = m;
		if (id !== callId) continue;
		const step = { edge, command, lines: [...text.matchAll(/m=\w+ [0-9]+ .*/g)].map((l) => l[0].trim()) };
		const since = out.slice(out.findLastIndex((s) => s.edge === edge && s.command === 'offer') + 1);
		const again = command === 'answer' && since.some((s) => s.edge === edge && `${s.lines}` === `${step.lines}`);
		if (!again) out.push(step);
	}
	return out;
}

// One offer and its answer as rtpengine sees them: each edge once, the offerer's first, then back; what a
// UE wrote comes to its own edge as it is, and to the other one as rtpengine has written it.
function exchange(offerer) {
	const [here, there] = offerer === 'a' ? ['o', 't'] : ['t', 'o'];
	const other = offerer === 'a' ? 'b' : 'a';
	return [`${here} offer of ${offerer}`, `${there} offer of rtpengine`, `${there} answer of ${other}`, `${here} answer of rtpengine`];
}

function named(t, step, said) {
	if (step.command === 'delete') return `${step.edge} delete`;
	const [audio, data, ...more] = step.lines;
	assert.match(audio ?? '', /^m=audio [1-9]/, `${step.edge} ${step.command}: ${step.lines}`);
	assert.match(data ?? '', /^m=application 0 /, `rtpengine must not see the data channel: ${step.lines}`);
	assert.equal(more.length, 0, `one layout: ${step.lines}`);
	const who = ['a', 'b'].find((name) => said[name].has(audio));
	if (!who) throughRtpengine(t, audio, `${step.edge} ${step.command}`);
	return `${step.edge} ${step.command} of ${who ?? 'rtpengine'}`;
}

function throughRtpengine(t, line, what) {
	const first = Number(t.stack.env.P_RTP), port = audioPort(line);
	assert.ok(port >= first && port < first + 200, `${what}: ${line} is not rtpengine's`);
}

async function direction(t, from, to) {
	const [a, b] = await t.pair(await options(t, from, 'a'), await options(t, to, 'b'));
	const said = { a: new Set(), b: new Set() }, heard = [];
	const look = async (what) => {
		for (const [name, p] of Object.entries({ a, b })) {
			said[name].add(audioLine(p.last.sdp.local));
			throughRtpengine(t, audioLine(p.last.sdp.remote), `${what}, to ${name}`);
			assert.ok(dataChannelSection(p.last.sdp.remote), `${what}: ${name}'s data channel`);
		}
		heard.push(await soundFlows(a, b, 300));
	};
	b.expect();
	const call = a.call(b);
	await answered(call);
	await Promise.all([sceneHere(a.last), sceneHere(b.last)]);
	await look('INVITE');
	await a.last.renegotiate();
	await look('re-INVITE of a');
	await b.last.renegotiate();
	await look('re-INVITE of b');
	for (const p of [a, b]) assert.ok(p.last.ar.isOpen('mpeg-sd'), `channels of ${p.name}`);
	call.hangup();
	await ended(b.last);
	const steps = () => asked(t.stack.log('rtpengine'), call.callId);
	await until('the end at rtpengine', () => steps().filter((s) => s.command === 'delete').length === 2);
	assert.deepEqual(steps().map((s) => named(t, s, said)), [...exchange('a'), ...exchange('a'), ...exchange('b'), 'o delete', 't delete']);
	return `packets to a ${heard.map((h) => h[0]).join(' ')}, to b ${heard.map((h) => h[1]).join(' ')}`;
}

export const sound_from_WebRTC_to_WebRTC = (t) => direction(t, 'WebRTC', 'WebRTC');
export const sound_from_WebRTC_to_RTP = (t) => direction(t, 'WebRTC', 'RTP');
export const sound_from_RTP_to_WebRTC = (t) => direction(t, 'RTP', 'WebRTC');
export const sound_from_RTP_to_RTP = (t) => direction(t, 'RTP', 'RTP');
