// SPDX-License-Identifier: GPL-2.0-or-later
// A small Nmf_MRM client (docs/mrm.md) and the SDP around it, for tests: stands where asd does.

import http2 from 'node:http2';

export class Mrm {
	#session;

	constructor(base) {
		this.#session = http2.connect(base);
		this.#session.on('error', () => {});
	}

	request(method, path, body, type = 'application/json') {
		return new Promise((resolve, reject) => {
			const headers = { ':method': method, ':path': path };
			if (body !== undefined) headers['content-type'] = type;
			const stream = this.#session.request(headers);
			let text = '';
			let status = 0;
			stream.setEncoding('utf8');
			stream.on('response', (h) => (status = h[':status']));
			stream.on('data', (d) => (text += d));
			stream.on('end', () => resolve({ status, text, json: text.startsWith('{') ? JSON.parse(text) : null }));
			stream.on('error', reject);
			stream.end(body === undefined ? undefined : JSON.stringify(body));
		});
	}

	create(context) {
		return this.request('POST', '/nmf-mrm/v1/contexts', context);
	}

	patch(id, ops) {
		return this.request('PATCH', `/nmf-mrm/v1/contexts/${id}`, ops, 'application/json-patch+json');
	}

	get(id) {
		return this.request('GET', `/nmf-mrm/v1/contexts/${id}`);
	}

	scene(id) {
		return this.request('GET', `/x-ims-ar/v1/contexts/${id}/scene`);
	}

	delete(id) {
		return this.request('DELETE', `/nmf-mrm/v1/contexts/${id}`);
	}

	close() {
		this.#session.close();
	}
}

const attribute = (sdp, name) => new RegExp(`^a=${name}:(.*)$`, 'm').exec(sdp)?.[1].trim();

// A termination from a UE's offer (or answer) with one data channel section.
export function termination(id, user, sdp, { streams, setup, maxMessageSize, network = 'default' }) {
	const fingerprint = attribute(sdp, 'fingerprint').replace(/^\S+/, (h) => h.toUpperCase());
	return {
		terminationId: id,
		medias: [
			{
				mediaId: '1',
				mediaResourceType: 'DC',
				dcMedia: { streams, securitySetup: setup, remoteDcEndpoint: { sctpPort: 5000, fingerprint } },
				'x-ims-ar': {
					network,
					user,
					remote: {
						maxMessageSize: maxMessageSize ?? Number(attribute(sdp, 'max-message-size') ?? 65536),
						fingerprints: [fingerprint],
						ice: { ufrag: attribute(sdp, 'ice-ufrag'), pwd: attribute(sdp, 'ice-pwd'), lite: false, candidates: [] },
					},
				},
			},
		],
	};
}

// Our side of a termination as the answer to the UE's offer.
export function answerSdp(medium, offer, setup) {
	const { ip, portNumber } = medium.localMbEndpoint;
	const address = ip.ipv4Addr ? `IN IP4 ${ip.ipv4Addr}` : `IN IP6 ${ip.ipv6Addr}`;
	const dc = medium.dcMedia.localDcEndpoint;
	const x = medium['x-ims-ar'];
	return [
		'v=0',
		`o=- 1 1 ${address}`,
		's=-',
		't=0 0',
		'a=ice-lite',
		`m=application ${portNumber} UDP/DTLS/SCTP webrtc-datachannel`,
		`c=${address}`,
		`a=mid:${attribute(offer, 'mid') ?? '0'}`,
		`a=ice-ufrag:${x.ice.ufrag}`,
		`a=ice-pwd:${x.ice.pwd}`,
		...x.ice.candidates.map((c) => `a=candidate:${c}`),
		`a=fingerprint:${dc.fingerprint}`,
		`a=setup:${setup}`,
		`a=sctp-port:${dc.sctpPort}`,
		`a=max-message-size:${x.localMaxMessageSize}`,
		'',
	].join('\r\n');
}
