// SPDX-License-Identifier: GPL-2.0-or-later
// Two UEs joined by a context of mediad, without SIP.
import { parse, medium, answerSection, answer, ssrcs } from './sdp.mjs';

export const only = (...names) => (c) => names.some((n) => c.name.toLowerCase() === n.toLowerCase()) &&
	(c.name !== 'H264' || /packetization-mode=1/.test(c.fmtp));

// legs: { a: {ue, offer options, op, codec, maxKbps}, b: {...} }; context: more members of x-ims-ar
export async function connect(mediad, legs, context = {}) {
	const names = Object.keys(legs), got = {};
	for (const n of names) {
		const sdp = await legs[n].ue.offer({ width: 640, height: 360, ...legs[n].offer });
		got[n] = parse(sdp).sections;
	}
	const ids = (n) => got[n].map((s, i) => `${s.kind[0]}${i}`);
	const doc = { terminations: names.map((n) => ({ terminationId: n,
		medias: got[n].map((s, i) => medium(s, { mediaId: ids(n)[i], user: `sip:${n}@ims`,
			op: s.kind === 'video' ? legs[n].op : 'relay', maxKbps: legs[n].maxKbps, ext: legs[n].ext,
			codec: s.kind === 'video' ? legs[n].codec ?? only('VP8') : only('opus') })) })),
		'x-ims-ar': { owner: 'test', callId: 'armf@test', ...context } };
	const r = await mediad.mrm.create(doc);
	if (r.status !== 201) throw new Error(`create: ${r.status} ${r.text}`);
	for (const n of names) {
		const other = names.find((x) => x !== n);
		const t = r.json.terminations.find((x) => x.terminationId === n);
		await legs[n].ue.answer(answer(got[n].map((s, i) => answerSection(s, t.medias[i],
			got[other]?.[i] ? ssrcs(got[other][i]).slice(0, 1) : []))));
	}
	return { id: r.json.contextId, doc: r.json, sections: got };
}
