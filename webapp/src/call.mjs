// SPDX-License-Identifier: GPL-2.0-or-later
// One call of this UE: JsSIP's session with its RTCPeerConnection, and the AR session in it. The
// same in a browser and in Node.

import { ArSession } from './ar_session.mjs';
import { Emitter } from './emitter.mjs';
import { AR_STREAMS, acceptable, addDcmap, channelOptions, dataChannelSection, dcmapStreams, sections, summary, withoutDataChannel } from './sdp.mjs';
import { mediaStats, selectedPairs } from './stats.mjs';

// The peer connection's ICE state sums up all transports; when only the data channel's is lost
// (its media function died), the voice goes on. Voice that stands still this long is lost too.
const VOICE_STILL_MS = 6000;

// How long to wait for more ICE candidates once there is one: towards ICE-lite peers with public
// addresses the first host candidate suffices.
const GATHER_MS = 50;
const GATHER_MAX_MS = 500; // for an offer inside the call

// When a picture was taken is of use to whoever draws on it; browsers do not offer it by themselves.
const CAPTURE_TIME = 'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time';

function askCaptureTime(pc) {
	const ask = (t) => {
		if (t.receiver.track.kind !== 'video' || t.stopped) return;
		const all = t.getHeaderExtensionsToNegotiate();
		t.setHeaderExtensionsToNegotiate(all.map((e) => (e.uri === CAPTURE_TIME ? { uri: e.uri, direction: 'sendrecv' } : e)));
	};
	for (const name of ['createOffer', 'createAnswer']) {
		const plain = pc[name].bind(pc);
		pc[name] = (...args) => {
			for (const t of pc.getTransceivers()) if (t.setHeaderExtensionsToNegotiate) ask(t);
			return plain(...args);
		};
	}
}

// Every section of the local description has an address, or GATHER_MAX_MS are over.
async function gathered(pc) {
	const bundled = /^a=group:BUNDLE \S/m.test(pc.currentRemoteDescription?.sdp ?? '');
	const waits = (section) => !/^m=\S+ 0 /.test(section) && !/^a=candidate:/m.test(section);
	for (let ms = 0; ms < GATHER_MAX_MS && !bundled; ms += 10) {
		if (!sections(pc.localDescription.sdp).slice(1).some(waits)) return;
		await new Promise((resolve) => setTimeout(resolve, 10));
	}
}

export class Call extends Emitter {
	state = 'new'; // ringing, answered, ended, failed
	ar = null; // ArSession, when the call has data channels
	times = {}; // milliseconds since the epoch: invite (asked for or arrived), sent, ringing, answered, ended
	sdp = {}; // local and remote, as sent and received, of the last exchange
	end = null; // { by, cause, status }
	#session;
	#streams = []; // of the description we offered or accepted
	#now;
	#wantAr;
	#pcConfig;
	#actionPrefix;

	constructor({ session, originator, request, ar = true, pcConfig = { iceServers: [] }, now = () => Date.now() }) {
		super();
		this.#session = session;
		this.#now = now;
		this.#wantAr = ar;
		this.#pcConfig = pcConfig;
		this.#actionPrefix = `${originator === 'local' ? 'o' : 't'}${Math.random().toString(36).slice(2, 8)}-`;
		this.originator = originator;
		this.callId = request.call_id;
		this.request = request;
		this.times.invite = now();
		if (originator === 'remote') this.sdp.remote = request.body;
		this.#wire();
	}

	get from() {
		return this.#session.remote_identity?.uri.toString();
	}

	get connection() {
		return this.#session.connection;
	}

	#wire() {
		const s = this.#session;
		s.on('peerconnection', (e) => this.#onConnection(e.peerconnection));
		if (s.connection) this.#onConnection(s.connection);
		s.on('sdp', (e) => this.#onSdp(e));
		s.on('icecandidate', (e) => this.#onCandidate(e));
		s.on('progress', (e) => this.#onProgress(e));
		s.on('accepted', (e) => this.#onAccepted(e));
		s.on('confirmed', () => this.emit('confirmed'));
		s.on('reinvite', (e) => this.#onOfferInside(e));
		s.on('update', (e) => this.#onOfferInside(e));
		s.on('ended', (e) => this.#onEnd('ended', e));
		s.on('failed', (e) => this.#onEnd('failed', e));
		for (const name of ['setremotedescriptionfailed', 'createofferfailed', 'createanswerfailed', 'setlocaldescriptionfailed']) {
			s.on(`peerconnection:${name}`, (error) => this.emit('problem', `${name}: ${error?.message ?? error}`));
		}
		s.on('getusermediafailed', (error) => this.emit('problem', `no microphone: ${error?.message ?? error}`));
		this.#keepVoiceWithoutData();
	}

	#keepVoiceWithoutData() {
		const s = this.#session;
		const terminate = s.terminate.bind(s);
		s.terminate = (options) => {
			if (options?.cause !== 'RTP Timeout' || !this.ar) return terminate(options);
			this.#voiceStandsStill().then((still) => {
				if (still && this.state === 'answered') terminate(options);
				else this.emit('data-lost');
			});
		};
	}

	async #voiceStandsStill() {
		const count = async () => (await mediaStats(this.connection)).audio.packetsIn;
		const before = await count();
		await new Promise((resolve) => setTimeout(resolve, VOICE_STILL_MS));
		return this.state !== 'answered' || (await count()) === before;
	}

	#onConnection(pc) {
		if (this.pc === pc) return;
		this.pc = pc;
		askCaptureTime(pc);
		this.#tellSenders(pc);
		this.#waitForCandidates(pc);
		pc.addEventListener('track', (e) => this.emit('track', e.track, e.streams[0]));
		pc.addEventListener('datachannel', (e) => this.#arSession().attach(e.channel));
		if (!this.#wantAr) return;
		if (this.originator === 'local') this.#openStreams(pc, AR_STREAMS);
		else this.#openStreams(pc, acceptable(dcmapStreams(this.request.body)));
	}

	// 'sender' comes while the track is being added: a transform that is set later gets nothing.
	#tellSenders(pc) {
		const plain = pc.addTrack.bind(pc);
		pc.addTrack = (...args) => {
			const sender = plain(...args);
			this.emit('sender', sender);
			return sender;
		};
	}

	// JsSIP takes the gathering of the last description for that of an offer inside the call, and would
	// send it without candidates: such an offer looks like that of a UE that bundles everything.
	#waitForCandidates(pc) {
		const plain = pc.setLocalDescription.bind(pc);
		pc.setLocalDescription = async (description) => {
			await plain(description);
			if (this.state === 'answered' && description?.type === 'offer') await gathered(pc);
		};
	}

	#arSession() {
		if (!this.ar) {
			this.ar = new ArSession({ now: this.#now, actionPrefix: this.#actionPrefix });
			this.emit('ar', this.ar);
		}
		return this.ar;
	}

	#openStreams(pc, streams) {
		this.#streams = streams;
		for (const stream of streams) {
			const channel = pc.createDataChannel(stream.label || stream.subprotocol, channelOptions(stream));
			this.#arSession().attach(channel, stream.subprotocol);
		}
	}

	#onSdp(e) {
		if (e.originator === 'local' && this.#streams.length) e.sdp = addDcmap(e.sdp, this.#streams);
		this.sdp[e.originator] = e.sdp;
		if (e.originator === 'remote' && e.type === 'offer' && !this.#streams.length) e.sdp = withoutDataChannel(e.sdp);
		this.sdp[`${e.originator}Type`] = e.type;
		if (e.originator === 'local') this.times.sent ??= this.#now();
		this.emit('sdp', e.originator, e.type, summary(e.sdp));
	}

	#onCandidate(e) {
		clearTimeout(this.gatherTimer);
		this.gatherTimer = setTimeout(e.ready, GATHER_MS);
	}

	#onProgress(e) {
		if (this.state === 'new') this.state = 'ringing';
		this.times.ringing ??= this.#now();
		this.emit('ringing', e.response?.status_code ?? 180);
	}

	#onAccepted(e) {
		this.state = 'answered';
		this.times.answered ??= this.#now();
		if (e.response?.body) this.sdp.remote = e.response.body;
		this.emit('answered');
	}

	// A re-INVITE or UPDATE with an offer: data channels that it adds are opened before the
	// connection sees it.
	#onOfferInside(e) {
		if (!this.#wantAr || this.#streams.length || !this.pc) return;
		if (dataChannelSection(e.request.body)) this.#openStreams(this.pc, acceptable(dcmapStreams(e.request.body)));
	}

	#onEnd(state, e) {
		this.state = state;
		this.times.ended = this.#now();
		this.end = { by: e.originator, cause: e.cause, status: e.message?.status_code, reason: e.message?.reason_phrase };
		this.ar?.close();
		this.emit('ended', this.end);
	}

	// Answers an incoming call. media: a MediaStream, or null to take the device's.
	answer({ media = null, video = false } = {}) {
		const options = { pcConfig: this.#pcConfig };
		if (media) options.mediaStream = media;
		else options.mediaConstraints = { audio: true, video };
		this.#session.answer(options);
	}

	reject(status = 486) {
		this.#session.terminate({ status_code: status });
	}

	hangup() {
		if (this.state === 'ended' || this.state === 'failed') return;
		try {
			this.#session.terminate();
		} catch {
			// ended in the meantime
		}
	}

	// A call that began without data channels will accept those that the other side adds.
	allowData() {
		this.#wantAr = true;
	}

	// Adds the data channels to a call that began without them, or offers them again (re-INVITE).
	upgrade() {
		this.#wantAr = true;
		if (!this.#streams.length) this.#openStreams(this.pc, AR_STREAMS);
		return this.renegotiate();
	}

	// A re-INVITE; iceRestart: after a change of network.
	renegotiate({ iceRestart = false } = {}) {
		if (iceRestart) this.pc.restartIce();
		return new Promise((resolve, reject) => {
			const ok = this.#session.renegotiate({ useUpdate: false }, () => resolve());
			if (!ok) reject(new Error('not now: another exchange is open'));
			else this.#session.once('failed', () => reject(new Error('the call ended')));
		});
	}

	async media() {
		return mediaStats(this.pc);
	}

	async report() {
		return {
			callId: this.callId,
			state: this.state,
			end: this.end,
			times: { ...this.times },
			local: summary(this.sdp.local),
			remote: summary(this.sdp.remote),
			media: this.pc ? await mediaStats(this.pc) : null,
			pairs: this.pc ? await selectedPairs(this.pc) : [],
			ar: this.ar?.report() ?? null,
		};
	}
}
