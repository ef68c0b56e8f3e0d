// SPDX-License-Identifier: GPL-2.0-or-later
// From a UE's offer to a medium of type AR (docs/mrm.md) and back to an answer: where asd stands.

const lines = (text) => text.split(/\r?\n/).filter(Boolean);

// { head: [...], sections: [{ kind, lines, get(name), all(name) }] }
export function parse(sdp) {
	const parts = sdp.split(/\r?\n(?=m=)/);
	const head = lines(parts[0]);
	const section = (text) => {
		const l = lines(text);
		const all = (name) => [...l, ...head].filter((x) => x === `a=${name}` || x.startsWith(`a=${name}:`))
			.map((x) => x.slice(name.length + 3));
		return { kind: l[0].slice(2).split(' ')[0], lines: l, all,
			get: (name) => all(name)[0], has: (name) => l.includes(`a=${name}`) };
	};
	return { head, sections: parts.slice(1).map(section) };
}

// Codecs of a section as docs/mrm.md has them, RTX folded into what it carries.
export function codecs(s) {
	const fmtp = Object.fromEntries(s.all('fmtp').map((x) => [x.split(' ')[0], x.slice(x.indexOf(' ') + 1)]));
	const list = s.all('rtpmap').map((x) => {
		const [pt, rest] = x.split(' ');
		const [name, clock, channels] = rest.split('/');
		return { pt: +pt, name, clock: +clock, ...(channels ? { channels: +channels } : {}),
			fmtp: fmtp[pt] ?? '',
			fb: s.all('rtcp-fb').filter((f) => f.startsWith(`${pt} `) || f.startsWith('* '))
				.map((f) => f.slice(f.indexOf(' ') + 1)) };
	});
	for (const rtx of list.filter((c) => c.name.toLowerCase() === 'rtx')) {
		const of = list.find((c) => c.pt === +(/apt=(\d+)/.exec(rtx.fmtp)?.[1] ?? -1));
		if (of) of.rtx = rtx.pt;
	}
	return list.filter((c) => !['rtx', 'red', 'ulpfec', 'flexfec-03'].includes(c.name.toLowerCase()));
}

export function ssrcs(s) {
	const fid = s.all('ssrc-group').filter((g) => g.startsWith('FID ')).map((g) => g.slice(4).split(' ').map(Number));
	const cname = (ssrc) => s.all('ssrc').map((x) => new RegExp(`^${ssrc} cname:(.*)$`).exec(x)?.[1]).find(Boolean);
	const one = (ssrc, rtx) => ({ ssrc, ...(rtx ? { rtx } : {}), ...(cname(ssrc) ? { cname: cname(ssrc) } : {}) });
	if (fid.length) return fid.map(([a, b]) => one(a, b));
	return [...new Set(s.all('ssrc').map((x) => parseInt(x, 10)))].map((x) => one(x));
}

const extensions = (s) => s.all('extmap').map((x) => ({ id: parseInt(x, 10), uri: x.split(' ')[1] }));

// What of the UE's offer is taken: codecs by a predicate, extensions by their URI.
export function pick(s, wanted) {
	return { codecs: codecs(s).filter(wanted.codec),
		extmap: extensions(s).filter((e) => wanted.ext.some((w) => e.uri.includes(w))) };
}

export const EXTENSIONS = ['abs-capture-time', 'transport-wide-cc', 'abs-send-time'];

// A medium of type AR. o: mediaId, op, codec (predicate), maxKbps, transport, setup, user
export function medium(s, o) {
	const direction = ['sendrecv', 'sendonly', 'recvonly', 'inactive'].find((d) => s.has(d)) ?? 'sendrecv';
	const taken = pick(s, { codec: o.codec, ext: o.ext ?? EXTENSIONS });
	return { mediaId: o.mediaId, mediaResourceType: 'AR',
		mediaProcessingUri: `urn:x-ims-ar:armf:${o.op ?? 'relay'}`,
		'x-ims-ar': { network: 'default', media: s.kind, transport: 'DTLS-SRTP',
			securitySetup: o.setup ?? 'PASSIVE', user: o.user, ...(o.maxKbps ? { maxKbps: o.maxKbps } : {}),
			local: { ...taken, rtcpMux: true, rtcpRsize: s.has('rtcp-rsize') },
			remote: { direction, ...taken, rtcpMux: true, rtcpRsize: s.has('rtcp-rsize'), ssrc: ssrcs(s),
				fingerprints: [s.get('fingerprint').replace(/^\S+/, (h) => h.toUpperCase())],
				ice: { ufrag: s.get('ice-ufrag'), pwd: s.get('ice-pwd'), lite: false,
					candidates: s.all('candidate') } } } };
}

// Our answer to one section, from the medium as mediad gave it back. from: ssrc list of the other UE.
export function answerSection(s, m, from = [], direction = 'sendrecv') {
	const x = m['x-ims-ar'], e = m.localMbEndpoint, ip = e.ip.ipv4Addr ?? e.ip.ipv6Addr;
	const pts = x.local.codecs.flatMap((c) => [c.pt, ...(c.rtx ? [c.rtx] : [])]);
	const out = [`m=${s.kind} ${e.portNumber} UDP/TLS/RTP/SAVPF ${pts.join(' ')}`, `c=IN ${e.ip.ipv4Addr ? 'IP4' : 'IP6'} ${ip}`,
		`a=mid:${s.get('mid')}`, `a=ice-ufrag:${x.ice.ufrag}`, `a=ice-pwd:${x.ice.pwd}`,
		...x.ice.candidates.map((c) => `a=candidate:${c}`), 'a=end-of-candidates',
		`a=fingerprint:${x.fingerprint.replace(/^SHA/, 'sha')}`,
		`a=setup:${x.securitySetup.toLowerCase()}`, `a=${direction}`, 'a=rtcp-mux',
		...(x.local.rtcpRsize ? ['a=rtcp-rsize'] : []),
		...x.local.extmap.map((v) => `a=extmap:${v.id} ${v.uri}`)];
	for (const c of x.local.codecs) {
		out.push(`a=rtpmap:${c.pt} ${c.name}/${c.clock}${c.channels ? `/${c.channels}` : ''}`);
		if (c.fmtp) out.push(`a=fmtp:${c.pt} ${c.fmtp}`);
		out.push(...c.fb.map((f) => `a=rtcp-fb:${c.pt} ${f}`));
		if (c.rtx) out.push(`a=rtpmap:${c.rtx} rtx/${c.clock}`, `a=fmtp:${c.rtx} apt=${c.pt}`);
	}
	for (const f of from) {
		out.push(`a=msid:other ${s.kind}`);
		if (f.rtx) out.push(`a=ssrc-group:FID ${f.ssrc} ${f.rtx}`);
		for (const n of [f.ssrc, f.rtx].filter(Boolean)) out.push(`a=ssrc:${n} cname:${f.cname ?? 'x'}`);
	}
	return out;
}

export const answer = (sections) => ['v=0', 'o=- 4711 1 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=ice-lite',
	...sections.flat(), ''].join('\r\n');
