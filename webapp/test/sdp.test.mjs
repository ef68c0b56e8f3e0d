// SPDX-License-Identifier: GPL-2.0-or-later
import assert from 'node:assert/strict';
import test from 'node:test';
import * as sdp from '../src/sdp.mjs';

const OFFER = [
	'v=0', 'o=- 1 2 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0 1',
	'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'c=IN IP4 0.0.0.0', 'a=mid:0',
	'm=application 50000 UDP/DTLS/SCTP webrtc-datachannel', 'c=IN IP4 192.0.2.7', 'a=mid:1', 'a=sctp-port:5000',
	'a=candidate:1 1 udp 2130706431 192.0.2.7 50000 typ host', 'm=video 0 UDP/TLS/RTP/SAVPF 96', '',
].join('\r\n');

test('dcmap lines go into the data channel section and nowhere else', () => {
	const out = sdp.addDcmap(OFFER, sdp.AR_STREAMS);
	const parts = sdp.sections(out);
	assert.equal(parts.length, 4);
	assert.deepEqual(parts.map((p) => (p.match(/a=dcmap:/g) ?? []).length), [0, 0, 2, 0]);
	assert.ok(parts[2].endsWith('a=dcmap:1002 subprotocol="3gpp-ar-metadata";label="ar-meta";ordered=false;max-retr=0\r\n'));
	assert.equal(out.replace(/a=dcmap:.*\r\n/g, ''), OFFER);
});

test('adding dcmap lines twice gives them once', () => {
	const once = sdp.addDcmap(OFFER, sdp.AR_STREAMS);
	assert.equal(sdp.addDcmap(once, sdp.AR_STREAMS), once);
});

test('a refused data channel section gets no dcmap and has no streams', () => {
	const refused = OFFER.replace('m=application 50000', 'm=application 0');
	assert.equal(sdp.addDcmap(refused, sdp.AR_STREAMS), refused);
	assert.deepEqual(sdp.dcmapStreams(sdp.addDcmap(OFFER, sdp.AR_STREAMS).replace('m=application 50000', 'm=application 0')), []);
	assert.equal(sdp.dataChannelSection(''), null);
	assert.equal(sdp.dataChannelSection(undefined), null);
});

test('a data channel that is not wanted is refused', () => {
	const out = sdp.withoutDataChannel(OFFER);
	assert.equal(sdp.dataChannelSection(out), null);
	assert.equal(out.replace('m=application 0 ', 'm=application 50000 '), OFFER);
});

test('streams survive the way through SDP', () => {
	assert.deepEqual(sdp.dcmapStreams(sdp.addDcmap(OFFER, sdp.AR_STREAMS)), sdp.AR_STREAMS.map((s) => ({ ...s })));
});

test('dcmap values as seen in the wild', () => {
	const cases = [
		['0 subprotocol="http"', { id: 0, subprotocol: 'http', label: '', ordered: true }],
		['2 label="avatar anim" subprotocol="3gpp-ar-animation" ordered max-time=150',
			{ id: 2, subprotocol: '3gpp-ar-animation', label: 'avatar anim', ordered: true, maxTime: 150 }],
		['1002 subprotocol="x";ordered=false;max-retr=3', { id: 1002, subprotocol: 'x', label: '', ordered: false, maxRetr: 3 }],
		['7', { id: 7, subprotocol: '', label: '', ordered: true }],
		['65535 subprotocol="x"', null],
		['x subprotocol="x"', null],
		['', null],
	];
	for (const [text, want] of cases) assert.deepEqual(sdp.parseDcmap(text), want, text);
});

test('an answer accepts only streams that it knows and that are legal', () => {
	const offered = [
		{ id: 0, subprotocol: 'http', ordered: true },
		{ id: 1000, subprotocol: 'mpeg-sd', ordered: true },
		{ id: 1004, subprotocol: '3gpp-ar-metadata', ordered: true, maxRetr: 1, maxTime: 2 },
	];
	assert.deepEqual(sdp.acceptable(offered).map((s) => s.id), [1000]);
});

test('channel options', () => {
	assert.deepEqual(sdp.channelOptions(sdp.AR_STREAMS[1]),
		{ negotiated: true, id: 1002, ordered: false, protocol: '3gpp-ar-metadata', maxRetransmits: 0 });
	assert.equal(sdp.channelOptions({ id: 1, subprotocol: 'x', ordered: true, maxTime: 5 }).maxPacketLifeTime, 5);
});

test('summary', () => {
	assert.deepEqual(sdp.summary(OFFER), [
		{ kind: 'audio', port: 9, address: '0.0.0.0', candidates: [] },
		{ kind: 'data', port: 50000, address: '192.0.2.7', candidates: ['192.0.2.7:50000'] },
		{ kind: 'video', port: 0, address: '', candidates: [] },
	]);
	assert.deepEqual(sdp.summary(undefined), []);
});
