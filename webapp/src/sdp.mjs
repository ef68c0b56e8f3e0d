// SPDX-License-Identifier: GPL-2.0-or-later
// The few things about SDP that a UE with IMS data channels must do itself, because WebRTC stacks
// know neither a=dcmap (RFC 8864) nor what a data channel section's streams are for.

export const MPEG_SD = 'mpeg-sd';
export const AR_METADATA = '3gpp-ar-metadata';

// What this UE offers (TS 26.114 6.2.10: application data channels have ids from 1000 up).
export const AR_STREAMS = Object.freeze([
	Object.freeze({ id: 1000, subprotocol: MPEG_SD, label: 'scene', ordered: true }),
	Object.freeze({ id: 1002, subprotocol: AR_METADATA, label: 'ar-meta', ordered: false, maxRetr: 0 }),
]);

// Splits into [session, media...]; every piece ends with its line end.
export function sections(sdp) {
	return sdp.split(/^(?=m=)/m);
}

export function isDataChannelSection(section) {
	return /^m=application [0-9]+ [^ ]*SCTP webrtc-datachannel/m.test(section);
}

// The live data channel section, or null.
export function dataChannelSection(sdp) {
	return sections(sdp ?? '').find((s) => isDataChannelSection(s) && !/^m=application 0 /m.test(s)) ?? null;
}

function number(text) {
	return /^[0-9]{1,5}$/.test(text) ? Number(text) : undefined;
}

// One a=dcmap value: `1000 subprotocol="mpeg-sd";label="scene";ordered=false;max-retr=0`. Lenient
// about separators: spaces and semicolons are both seen in the wild. null when it has no id.
export function parseDcmap(value) {
	const m = /^([0-9]{1,5})(?:[ ;]+(.*))?$/.exec(value.trim());
	if (!m || Number(m[1]) > 65534) return null;
	const stream = { id: Number(m[1]), subprotocol: '', label: '', ordered: true };
	for (const [, key, quoted, plain] of (m[2] ?? '').matchAll(/([a-z-]+)(?:=(?:"([^"]*)"|([^ ;]*)))?/g)) {
		const text = quoted ?? plain ?? '';
		if (key === 'subprotocol') stream.subprotocol = text;
		else if (key === 'label') stream.label = text;
		else if (key === 'ordered') stream.ordered = text !== 'false';
		else if (key === 'max-retr') stream.maxRetr = number(text);
		else if (key === 'max-time') stream.maxTime = number(text);
	}
	return stream;
}

// The streams of an offer or answer; [] without a live data channel section.
export function dcmapStreams(sdp) {
	const section = dataChannelSection(sdp);
	if (!section) return [];
	return [...section.matchAll(/^a=dcmap:(.*?)\r?$/gm)].map((m) => parseDcmap(m[1])).filter(Boolean);
}

export function formatDcmap(stream) {
	const parts = [`subprotocol="${stream.subprotocol}"`];
	if (stream.label) parts.push(`label="${stream.label}"`);
	if (!stream.ordered) parts.push('ordered=false');
	if (stream.maxRetr !== undefined) parts.push(`max-retr=${stream.maxRetr}`);
	if (stream.maxTime !== undefined) parts.push(`max-time=${stream.maxTime}`);
	return `a=dcmap:${stream.id} ${parts.join(';')}`;
}

// Adds the streams' a=dcmap lines to the data channel section of a description that is about to
// be sent. Lines that are there already are replaced.
export function addDcmap(sdp, streams) {
	return sections(sdp)
		.map((s) => {
			if (!isDataChannelSection(s) || /^m=application 0 /m.test(s)) return s;
			const end = s.endsWith('\r\n') || !s.endsWith('\n') ? '\r\n' : '\n';
			const body = s.replace(/^a=dcmap:.*(\r?\n|$)/gm, '');
			return body + (/\n$/.test(body) ? '' : end) + streams.map((t) => formatDcmap(t) + end).join('');
		})
		.join('');
}

// A description whose data channel section is shown to the WebRTC stack as refused already: the
// stack's answer then has port 0 there.
export function withoutDataChannel(sdp) {
	return sections(sdp)
		.map((s) => (isDataChannelSection(s) ? s.replace(/^m=application [0-9]+ /, 'm=application 0 ') : s))
		.join('');
}

// RFC 8864 5.2: an answer repeats those streams of the offer that it accepts.
export function acceptable(offered) {
	const known = new Set([MPEG_SD, AR_METADATA]);
	return offered.filter((s) => known.has(s.subprotocol) && !(s.maxRetr !== undefined && s.maxTime !== undefined));
}

// RTCPeerConnection.createDataChannel() options for a stream negotiated in SDP.
export function channelOptions(stream) {
	const o = { negotiated: true, id: stream.id, ordered: stream.ordered, protocol: stream.subprotocol };
	if (stream.maxRetr !== undefined) o.maxRetransmits = stream.maxRetr;
	else if (stream.maxTime !== undefined) o.maxPacketLifeTime = stream.maxTime;
	return o;
}

// What a person may want to see of a description: kind, port and address of each section.
export function summary(sdp) {
	const parts = sections(sdp ?? '');
	const address = (s) => /^c=IN IP[46] (\S+)/m.exec(s)?.[1];
	return parts.slice(1).map((s) => {
		const [, kind, port, , fmt] = /^m=(\S+) ([0-9]+)\S* (\S+) ?(.*?)\r?$/m.exec(s) ?? [];
		return {
			kind: fmt === 'webrtc-datachannel' ? 'data' : kind,
			port: Number(port),
			address: address(s) ?? address(parts[0]) ?? '',
			candidates: [...s.matchAll(/^a=candidate:\S+ 1 udp [0-9]+ (\S+) ([0-9]+)/gim)].map((m) => `${m[1]}:${m[2]}`),
		};
	});
}
