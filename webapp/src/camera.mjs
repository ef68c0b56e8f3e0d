// SPDX-License-Identifier: GPL-2.0-or-later
// The camera of an AR-assisted UE: pictures whose pose is known, as a video track, and for every
// frame that leaves the encoder its RTP timestamp, so that the pose message can name it. Browser.
//
// Where the browser lets a page make frames (MediaStreamTrackGenerator) each carries the time that
// it was painted at; elsewhere the canvas is captured, and the network goes by poseTime alone.

import { Emitter } from './emitter.mjs';

const KEPT = 90; // frames that may still be in the encoder

// Runs in a worker on what comes out of the encoder; tells of each frame and passes it on.
const TAP = `onrtctransform = ({ transformer }) => {
	const tell = new TransformStream({
		transform(frame, out) {
			const m = frame.getMetadata();
			postMessage({ at: performance.timeOrigin + performance.now(), rtp: m.rtpTimestamp ?? frame.timestamp, ssrc: m.synchronizationSource });
			out.enqueue(frame);
		},
	});
	transformer.readable.pipeThrough(tell).pipeTo(transformer.writable);
};`;

// Which picture an encoded frame is. RTP timestamps run with the pictures' own times from an
// unknown start; the frame that took the least time through the encoder was the newest picture.
export class FrameMatch {
	#frames = []; // { time, ... }, oldest first; time: ms, of painting
	#least = []; // { wait, start }: of the last encoded frames
	#last = null; // unwrapped RTP time of the last one, ms

	painted(frame) {
		this.#frames.push(frame);
		if (this.#frames.length > KEPT) this.#frames.shift();
	}

	#unwrap(rtp) {
		const ms = rtp / 90;
		const turn = 2 ** 32 / 90;
		const near = this.#last === null ? ms : ms + turn * Math.round((this.#last - ms) / turn);
		return (this.#last = near);
	}

	// at: when it left the encoder, on the clock of `time`. The picture, or null while unsure.
	encoded(rtp, at) {
		const ms = this.#unwrap(rtp);
		const newest = this.#frames.findLast((f) => f.time <= at);
		if (!newest) return null;
		this.#least.push({ wait: at - ms, start: ms - newest.time });
		if (this.#least.length > KEPT) this.#least.shift();
		if (this.#least.length < 3) return null;
		const { start } = this.#least.reduce((a, b) => (b.wait < a.wait ? b : a));
		const off = (f) => Math.abs(ms - start - f.time);
		const best = this.#frames.reduce((a, b) => (off(b) < off(a) ? b : a));
		return off(best) < 10 ? best : null;
	}
}

export class Camera extends Emitter {
	track;
	fovY;
	canvas;
	mark = null; // (context, number): what a test paints into every picture
	frames = { painted: 0, encoded: 0, matched: 0 };
	#writer = null;
	#paint;
	#source;
	#timer = null;
	#match = null;
	#worker = null;
	#period;

	/*
	 * source(seconds) gives the pose { position, orientation }; paint(context, camera, pose, number)
	 * paints what the camera sees then. fovY in radians.
	 * Events: frame({ number, time, pose }); encoded(the same, { rtp, ssrc }, when, ms since the epoch).
	 */
	constructor({ width = 640, height = 360, fps = 30, fovY = 1, source, paint }) {
		super();
		this.fovY = fovY;
		this.canvas = Object.assign(document.createElement('canvas'), { width, height });
		this.#paint = paint;
		this.#source = source;
		this.#period = 1000 / fps;
		if (globalThis.MediaStreamTrackGenerator) {
			this.track = new MediaStreamTrackGenerator({ kind: 'video' });
			this.#writer = this.track.writable.getWriter();
		} else {
			this.track = this.canvas.captureStream(fps).getVideoTracks()[0];
		}
		this.track.contentHint = 'motion';
	}

	get exact() {
		return Boolean(this.#writer && globalThis.RTCRtpScriptTransform);
	}

	// Half angles as in a pose message.
	get fov() {
		const up = this.fovY / 2;
		const right = Math.atan(Math.tan(up) * (this.canvas.width / this.canvas.height));
		return { angleLeft: -right, angleRight: right, angleUp: up, angleDown: -up };
	}

	start() {
		const start = performance.now();
		const g = this.canvas.getContext('2d', { alpha: false, willReadFrequently: true });
		let due = start;
		const tick = () => {
			const time = performance.now();
			this.#picture(g, time, (time - start) / 1000);
			due = Math.max(due + this.#period, time - this.#period);
			this.#timer = setTimeout(tick, Math.max(0, due - performance.now()));
		};
		this.stop();
		tick();
	}

	#picture(g, time, seconds) {
		const number = ++this.frames.painted;
		const frame = { number, time, pose: structuredClone(this.#source(seconds)) };
		this.#paint(g, this, frame.pose, number);
		this.mark?.(g, number);
		this.#match?.painted(frame);
		if (this.#writer) this.#write(time);
		this.emit('frame', frame);
	}

	// A sink that is behind drops the frame, as a camera would.
	#write(time) {
		if (this.#writer.desiredSize !== null && this.#writer.desiredSize <= 0) return;
		const picture = new VideoFrame(this.canvas, { timestamp: Math.round(time * 1000) });
		this.#writer.write(picture).catch(() => picture.close());
	}

	// Follows what this sender's encoder does with the pictures; while the track is being added to a
	// connection, or not at all. One sender at a time.
	follow(sender) {
		if (!this.exact) return;
		this.#worker?.terminate();
		this.#match = new FrameMatch();
		this.#worker = new Worker(URL.createObjectURL(new Blob([TAP], { type: 'text/javascript' })));
		this.#worker.onmessage = ({ data: { at, rtp, ssrc } }) => {
			this.frames.encoded++;
			const frame = this.#match.encoded(rtp, at - performance.timeOrigin);
			if (!frame) return;
			this.frames.matched++;
			this.emit('encoded', frame, { rtp, ssrc }, at);
		};
		sender.transform = new RTCRtpScriptTransform(this.#worker, {});
	}

	stop() {
		clearTimeout(this.#timer);
		this.#timer = null;
	}

	close() {
		this.stop();
		this.track.stop();
		this.#worker?.terminate();
		this.#worker = null;
	}
}
