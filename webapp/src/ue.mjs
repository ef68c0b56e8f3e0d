// SPDX-License-Identifier: GPL-2.0-or-later
// A user equipment: a SIP user agent over WebSocket (RFC 7118) with WebRTC media, IMS data
// channels and the feature tags that announce them. The same in a browser and in Node; in Node,
// tests/ue/env.mjs gives JsSIP the browser's globals first.

import JsSIP from 'jssip';
import { Call } from './call.mjs';
import { Emitter } from './emitter.mjs';

// TS 26.114 6.2.10.1 and TS 26.264 clause 7: in every Contact, of REGISTER and of INVITE, 18x, 2xx
export const FEATURE_TAGS = Object.freeze({
	'+sip.app-subtype': '"webrtc-datachannel"',
	'+sip.3gpp-ar-support': '"ar-capable"',
});

// A UE that sends its camera and pose and has the network draw (TS 26.264 clause 7).
export const ASSISTED_TAGS = Object.freeze({ ...FEATURE_TAGS, '+sip.3gpp-ar-support': '"ar-assisted"' });

function tagText(tags) {
	return Object.entries(tags).map(([k, v]) => `;${k}=${v}`).join('');
}

export class Ue extends Emitter {
	calls = [];
	#ua;
	#ar;
	#now;
	#pcConfig;
	#nextOriginated = null; // how the call that is being made right now was asked for

	/*
	 * uri: "sip:alice@example"; ws: "ws://127.0.0.1:8080"; password: for digest, or undefined;
	 * ar: whether this UE has data channels at all; tags: feature tags of its Contact.
	 * socket: in place of ws, what JsSIP takes for one, with the address that it is reached at (`contact`);
	 * pcConfig: of every RTCPeerConnection.
	 */
	constructor({ uri, ws, socket = null, password, displayName, ar = true, tags = ar ? FEATURE_TAGS : {}, pcConfig = { iceServers: [] }, now = () => Date.now() }) {
		super();
		this.uri = uri;
		this.#ar = ar;
		this.#now = now;
		this.#pcConfig = pcConfig;
		const ua = new JsSIP.UA({
			uri,
			password,
			display_name: displayName,
			sockets: [socket ?? new JsSIP.WebSocketInterface(ws)],
			...(socket && { contact_uri: socket.contact }),
			session_timers: false,
			register: true,
			register_expires: 600,
			connection_recovery_min_interval: 1,
			connection_recovery_max_interval: 5,
			user_agent: 'ims-ar webapp',
		});
		const plain = ua.contact.toString.bind(ua.contact);
		ua.contact.toString = (options) => plain(options) + tagText(tags);
		ua.registrator().setExtraContactParams(tags);
		ua.on('newRTCSession', (e) => this.#onSession(e));
		ua.on('registered', () => this.emit('registered'));
		ua.on('registrationFailed', (e) => this.emit('registration-failed', `${e.response?.status_code ?? ''} ${e.cause}`.trim()));
		ua.on('disconnected', (e) => this.emit('disconnected', e.error ? e.reason || 'connection lost' : ''));
		this.#ua = ua;
	}

	// Connects and registers; resolves when registered.
	start(ms = 10000) {
		return new Promise((resolve, reject) => {
			const timer = setTimeout(() => reject(new Error('no answer to REGISTER')), ms);
			this.on('registered', () => (clearTimeout(timer), resolve()));
			this.on('registration-failed', (why) => (clearTimeout(timer), reject(new Error(`REGISTER: ${why}`))));
			this.#ua.start();
		});
	}

	#onSession({ originator, session, request }) {
		const how = originator === 'local' ? this.#nextOriginated : null;
		const call = new Call({ session, originator, request, ar: how?.ar ?? this.#ar, pcConfig: this.#pcConfig, now: this.#now });
		this.calls.push(call);
		if (how) how.call = call;
		else this.emit('incoming', call);
	}

	// Calls target ("sip:bob@example"); media as in Call.answer. Returns the Call at once.
	call(target, { media = null, video = false, ar = this.#ar, headers = [] } = {}) {
		const how = { ar, call: null };
		const options = { pcConfig: this.#pcConfig, extraHeaders: headers };
		if (media) options.mediaStream = media;
		else options.mediaConstraints = { audio: true, video };
		this.#nextOriginated = how;
		try {
			this.#ua.call(target, options);
		} finally {
			this.#nextOriginated = null;
		}
		return how.call;
	}

	// Ends all calls, de-registers, closes the connection.
	stop() {
		for (const c of this.calls) c.hangup();
		this.#ua.stop();
	}
}
