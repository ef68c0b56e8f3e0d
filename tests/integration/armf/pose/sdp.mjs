// SPDX-License-Identifier: GPL-2.0-or-later
// Between a browser's SDP and a media context (docs/mrm.md): what asd does in a call, here for one
// UE that offers its video and its data channels to mediad directly.

import { sections } from '../../../../webapp/src/sdp.mjs';

const all = (s, re) => [...s.matchAll(re)].map((m) => m.slice(1));
const one = (s, name) => new RegExp(`^a=${name}:(.*?)\\r?$`, 'm').exec(s)?.[1];

// A media section as docs/mrm.md has a description.
export function description(section, session = '') {
	const pts = /^m=\S+ \d+ \S+ (.*?)\r?$/m.exec(section)[1].split(' ').map(Number);
	const maps = new Map(all(section, /^a=rtpmap:(\d+) ([^/\r]+)\/(\d+)/gm).map(([pt, name, clock]) => [Number(pt), { name, clock: Number(clock) }]));
	const fmtp = new Map(all(section, /^a=fmtp:(\d+) (.*?)\r?$/gm).map(([pt, text]) => [Number(pt), text]));
	const fb = all(section, /^a=rtcp-fb:(\S+) (.*?)\r?$/gm);
	const rtxOf = new Map([...fmtp].filter(([pt]) => maps.get(pt)?.name === 'rtx').map(([pt, text]) => [Number(/apt=(\d+)/.exec(text)[1]), pt]));
	const codecs = pts
		.filter((pt) => maps.has(pt) && !/^(rtx|flexfec)/.test(maps.get(pt).name))
		.map((pt) => ({
			pt, ...maps.get(pt), fmtp: fmtp.get(pt) ?? '', ...(rtxOf.has(pt) && { rtx: rtxOf.get(pt) }),
			fb: fb.filter(([p]) => p === '*' || Number(p) === pt).map(([, text]) => text),
		}));
	const ids = all(section, /^a=ssrc:(\d+) cname:(\S+)/gm);
	const groups = new Map(all(section, /^a=ssrc-group:FID (\d+) (\d+)/gm).map(([a, b]) => [a, b]));
	const repairs = new Set(groups.values());
	return {
		direction: /^a=(sendrecv|sendonly|recvonly|inactive)\r?$/m.exec(section)?.[1] ?? 'sendrecv',
		codecs,
		extmap: all(section, /^a=extmap:(\d+)(?:\/\S+)? (\S+)/gm).map(([id, uri]) => ({ id: Number(id), uri })),
		rtcpMux: /^a=rtcp-mux\r?$/m.test(section),
		rtcpRsize: /^a=rtcp-rsize\r?$/m.test(section),
		ssrc: ids.filter(([s]) => !repairs.has(s)).map(([s, cname]) => ({ ssrc: Number(s), cname, ...(groups.has(s) && { rtx: Number(groups.get(s)) }) })),
		fingerprints: [(one(section, 'fingerprint') ?? one(session, 'fingerprint')).replace(/^\S+/, (h) => h.toUpperCase())],
		ice: { ufrag: one(section, 'ice-ufrag'), pwd: one(section, 'ice-pwd'), lite: false, candidates: [] },
	};
}

const KEPT_EXT = /abs-capture-time|transport-wide-cc|abs-send-time|sdes:mid|xr-pose|playout-delay/;

// What we say to this UE: its codecs that the ARMF reads, in its order, only `names` when given.
export function ours(remote, names) {
	const cc = names?.[0] !== 'OPUS';
	// parity is for VP8, as asd has it; FEC=0: to see what it is good for
	const known = [...(names ?? ['VP8', 'H264'])];
	if (known[0] === 'VP8' && process.env.FEC !== '0') known.push('RED', 'ULPFEC');
	const codecs = remote.codecs
		.filter((c) => known.includes(c.name.toUpperCase()) && (c.name !== 'H264' || (/packetization-mode=1/.test(c.fmtp) && /profile-level-id=42/i.test(c.fmtp))))
		.map((c) => ({ ...c, fb: c.fb.filter((f) => /^(nack|nack pli|ccm fir|goog-remb|transport-cc)$/.test(f) && (cc || f !== 'transport-cc')) }));
	return { codecs, extmap: remote.extmap.filter((e) => KEPT_EXT.test(e.uri) && (cc || !/transport-wide/.test(e.uri))), rtcpMux: true, rtcpRsize: true };
}

const AR_STREAMS = {
	1000: { streamId: 1000, subprotocol: 'mpeg-sd', order: true },
	1002: { streamId: 1002, subprotocol: '3gpp-ar-metadata', order: false, maxRetry: 0 },
};

function dataMedium(section, user) {
	const d = description(section.replace(/^m=.*$/m, 'm=x 1 x 0'));
	return {
		mediaId: 'dc', mediaResourceType: 'DC',
		dcMedia: { streams: AR_STREAMS, securitySetup: 'PASSIVE', remoteDcEndpoint: { sctpPort: 5000, fingerprint: d.fingerprints[0] } },
		'x-ims-ar': { network: 'default', user, remote: { maxMessageSize: 262144, fingerprints: d.fingerprints, ice: d.ice, capability: 'ar-assisted' } },
	};
}

const kindOf = (section) => /^m=(\S+)/.exec(section)[1];
const idOf = (section) => ({ application: 'dc', video: 'v0', audio: 'a0' })[kindOf(section)];

// Sound is only relayed.
function avMedium(section, user, { operation = 'overlay', codecs }) {
	const remote = description(section);
	const media = kindOf(section);
	return {
		mediaId: idOf(section), mediaResourceType: 'AR', mediaProcessingUri: `urn:x-ims-ar:armf:${media === 'audio' ? 'relay' : operation}`,
		'x-ims-ar': {
			network: 'default', media, transport: 'DTLS-SRTP', securitySetup: 'PASSIVE',
			local: ours(remote, media === 'audio' ? ['OPUS'] : codecs), remote,
		},
	};
}

// A termination from a browser's offer.
export function termination(id, offer, options = {}) {
	const parts = sections(offer).slice(1);
	const user = `sip:${id}@test`;
	const medias = parts.map((s) => (/^m=application/.test(s) ? dataMedium(s, user) : avMedium(s, user, options)));
	for (const m of medias) m['x-ims-ar'].user = user;
	return { terminationId: id, medias };
}

const address = ({ ip }) => (ip.ipv4Addr ? `IN IP4 ${ip.ipv4Addr}` : `IN IP6 ${ip.ipv6Addr}`);

function transport(m, section, fingerprint) {
	const x = m['x-ims-ar'];
	return [
		`c=${address(m.localMbEndpoint)}`, `a=mid:${one(section, 'mid')}`, `a=ice-ufrag:${x.ice.ufrag}`, `a=ice-pwd:${x.ice.pwd}`,
		...x.ice.candidates.map((c) => `a=candidate:${c}`), `a=fingerprint:${fingerprint}`, 'a=setup:passive',
	];
}

function dataAnswer(m, section) {
	const dc = m.dcMedia.localDcEndpoint;
	return [
		`m=application ${m.localMbEndpoint.portNumber} UDP/DTLS/SCTP webrtc-datachannel`, ...transport(m, section, dc.fingerprint),
		`a=sctp-port:${dc.sctpPort}`, `a=max-message-size:${m['x-ims-ar'].localMaxMessageSize}`,
	];
}

const BACK = { sendonly: 'recvonly', recvonly: 'sendonly', sendrecv: 'sendrecv', inactive: 'inactive' };

function avAnswer(m, section, from) {
	const x = m['x-ims-ar'];
	const { codecs, extmap } = x.local;
	const fingerprint = x.fingerprints?.[0] ?? x.fingerprint;
	return [
		`m=${x.media} ${m.localMbEndpoint.portNumber} UDP/TLS/RTP/SAVPF ${codecs.flatMap((c) => [c.pt, c.rtx].filter(Boolean)).join(' ')}`,
		...transport(m, section, fingerprint), `a=${BACK[x.remote.direction]}`, 'a=rtcp-mux', 'a=rtcp-rsize',
		...codecs.flatMap((c) => [
			`a=rtpmap:${c.pt} ${c.name}/${c.clock}${c.name === 'opus' ? '/2' : ''}`, ...(c.fmtp ? [`a=fmtp:${c.pt} ${c.fmtp}`] : []), ...c.fb.map((f) => `a=rtcp-fb:${c.pt} ${f}`),
			...(c.rtx ? [`a=rtpmap:${c.rtx} rtx/${c.clock}`, `a=fmtp:${c.rtx} apt=${c.pt}`] : []),
		]),
		...extmap.map((e) => `a=extmap:${e.id} ${e.uri}`),
		...from.flatMap((s) => [...(s.rtx ? [`a=ssrc-group:FID ${s.ssrc} ${s.rtx}`] : []), `a=ssrc:${s.ssrc} cname:${s.cname}`, ...(s.rtx ? [`a=ssrc:${s.rtx} cname:${s.cname}`] : [])]),
		...(from.length ? [`a=msid:person ${x.media}`] : []),
	];
}

// mediad's side of a termination, as the answer to that UE's offer. from: the partner's termination.
export function answer(t, offer, from = null) {
	const media = (list, s) => list?.find((m) => m.mediaId === idOf(s));
	const ssrc = (s) => {
		const theirs = media(from?.medias, s)?.['x-ims-ar'].remote;
		return theirs?.direction.startsWith('send') ? theirs.ssrc : [];
	};
	const lines = sections(offer).slice(1).flatMap((s) => {
		const m = media(t.medias, s);
		return kindOf(s) === 'application' ? dataAnswer(m, s) : avAnswer(m, s, ssrc(s));
	});
	return ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=ice-lite', 'a=msid-semantic: WMS', ...lines, ''].join('\r\n');
}
