// SPDX-License-Identifier: GPL-2.0-or-later
// What RTCPeerConnection.getStats() says about the call's media, in one flat object.

function add(out, kind, direction, s) {
	const o = (out[kind] ??= { packetsIn: 0, packetsOut: 0, bytesIn: 0, bytesOut: 0, lost: 0, level: 0 });
	if (direction === 'in') {
		o.packetsIn += s.packetsReceived ?? 0;
		o.bytesIn += s.bytesReceived ?? 0;
		o.lost += s.packetsLost ?? 0;
		o.level = Math.max(o.level, s.audioLevel ?? 0);
		// the sum of the squared samples: grows only when there is sound
		o.energy = (o.energy ?? 0) + (s.totalAudioEnergy ?? 0);
	} else {
		o.packetsOut += s.packetsSent ?? 0;
		o.bytesOut += s.bytesSent ?? 0;
	}
}

export async function mediaStats(pc) {
	const out = { audio: { packetsIn: 0, packetsOut: 0, bytesIn: 0, bytesOut: 0, lost: 0, level: 0 } };
	for (const s of (await pc.getStats()).values()) {
		const kind = s.kind ?? s.mediaType;
		if (s.type === 'inbound-rtp' && kind) add(out, kind, 'in', s);
		else if (s.type === 'outbound-rtp' && kind) add(out, kind, 'out', s);
	}
	return out;
}

// The addresses that ICE settled on, one text a transport: "192.0.2.7:5000 > 192.0.2.1:9900".
export async function selectedPairs(pc) {
	const stats = await pc.getStats();
	const address = (c) => (c ? `${c.address ?? c.ip}:${c.port}` : '?');
	const pairs = [];
	for (const s of stats.values()) {
		const isUsed = s.type === 'candidate-pair' && (s.selected || (s.nominated && s.state === 'succeeded'));
		if (isUsed) pairs.push(`${address(stats.get(s.localCandidateId))} > ${address(stats.get(s.remoteCandidateId))}`);
	}
	return [...new Set(pairs)];
}
