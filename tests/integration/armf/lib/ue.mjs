// SPDX-License-Identifier: GPL-2.0-or-later
// A UE in real Chromium: a painted canvas as its camera, what it receives looked at frame by frame.
import { createRequire } from 'node:module';

const { chromium } = createRequire(new URL('../../../interop/package.json', import.meta.url))('playwright-core');

const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';

export async function launch(args = []) {
	return chromium.launch({ executablePath: EXECUTABLE, headless: true, args: [
		'--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
		'--disable-component-update', '--disable-sync', '--use-fake-ui-for-media-stream',
		'--use-fake-device-for-media-stream', '--autoplay-policy=no-user-gesture-required',
		'--disable-background-timer-throttling', '--disable-backgrounding-occluded-windows',
		'--disable-renderer-backgrounding', '--allow-loopback-in-peer-connection',
		'--disable-features=WebRtcHideLocalIpsWithMdns', ...args] });
}

// Runs in the page.
function setUp() {
	const ue = { frames: 0, sizes: new Set(), times: [], number: 0 };
	globalThis.ue = ue;

	// Frame numbers as 16 cells of 16 x 16 pixels at the top left; o.paint(ctx, n, w, h) draws the rest.
	ue.camera = (o) => {
		const c = document.createElement('canvas');
		c.width = o.width; c.height = o.height;
		const g = c.getContext('2d', { willReadFrequently: false });
		const paint = () => {
			const n = ue.number++;
			g.fillStyle = '#506070'; g.fillRect(0, 0, c.width, c.height);
			if (o.paint) o.paint(g, n, c.width, c.height);
			else { // something that moves, as a camera would see
				for (let i = 0; i < 24; i++) {
					g.fillStyle = `hsl(${i * 15 + n % 90},40%,${30 + i}%)`;
					g.fillRect((i * 97 + n * 3) % c.width, (i * 61 + n) % c.height, 60, 40);
				}
			}
			for (let i = 0; i < 16; i++) {
				g.fillStyle = n >> i & 1 ? '#fff' : '#000';
				g.fillRect(i * 16, 0, 16, 16);
			}
		};
		paint();
		ue.timer = setInterval(paint, 1000 / (o.fps ?? 30));
		ue.canvas = c;
		return c.captureStream(o.fps ?? 30);
	};

	ue.readNumber = (g) => {
		const d = g.getImageData(0, 0, 256, 16).data;
		let n = 0;
		for (let i = 0; i < 16; i++) if (d[(8 * 256 + i * 16 + 8) * 4] > 127) n |= 1 << i;
		return n;
	};

	ue.watch = (stream) => {
		const v = document.createElement('video');
		v.muted = true; v.autoplay = true; v.srcObject = stream;
		document.body.append(v);
		ue.video = v;
		const c = document.createElement('canvas');
		const g = c.getContext('2d', { willReadFrequently: true });
		ue.view = { c, g };
		const on = (now, meta) => {
			ue.frames++;
			ue.sizes.add(`${meta.width}x${meta.height}`);
			ue.last = { at: now, rtp: meta.rtpTimestamp, width: meta.width, height: meta.height };
			ue.times.push(now);
			if (ue.times.length > 3000) ue.times.shift();
			if (ue.onFrame) ue.onFrame(v, meta);
			v.requestVideoFrameCallback(on);
		};
		v.requestVideoFrameCallback(on);
	};

	// The received picture now, as RGBA.
	ue.grab = (x = 0, y = 0, w, h) => {
		const { c, g } = ue.view;
		c.width = ue.video.videoWidth; c.height = ue.video.videoHeight;
		g.drawImage(ue.video, 0, 0);
		return g.getImageData(x, y, w ?? c.width, h ?? c.height);
	};

	ue.offer = async (o) => {
		const pc = new RTCPeerConnection();
		ue.pc = pc;
		const stream = ue.camera(o);
		if (o.audio) {
			const ac = new AudioContext(), tone = ac.createOscillator(), to = ac.createMediaStreamDestination();
			tone.connect(to);
			tone.start();
			pc.addTrack(to.stream.getTracks()[0], stream);
		}
		const t = pc.addTransceiver(stream.getVideoTracks()[0], { direction: o.direction ?? 'sendrecv', streams: [stream] });
		ue.sender = t.sender;
		const caps = RTCRtpReceiver.getCapabilities('video').codecs;
		const first = (m) => (o.prefer ?? []).findIndex((p) => m.mimeType.toLowerCase().endsWith(p.toLowerCase()));
		t.setCodecPreferences([...caps].sort((a, b) => (first(a) < 0 ? 99 : first(a)) - (first(b) < 0 ? 99 : first(b))));
		pc.ontrack = (e) => { if (e.track.kind === 'video') ue.watch(new MediaStream([e.track])); };
		await pc.setLocalDescription(await pc.createOffer());
		if (pc.iceGatheringState !== 'complete')
			await new Promise((r) => { pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && r(); setTimeout(r, 3000); });
		return pc.localDescription.sdp;
	};

	ue.again = async (options) => {
		await ue.pc.setLocalDescription(await ue.pc.createOffer(options));
		await new Promise((r) => setTimeout(r, 300));
		return ue.pc.localDescription.sdp;
	};

	ue.answer = (sdp) => ue.pc.setRemoteDescription({ type: 'answer', sdp });

	ue.stats = async () => {
		const out = { state: ue.pc.connectionState, frames: ue.frames, sizes: [...ue.sizes], last: ue.last };
		const all = [...(await ue.pc.getStats()).values()];
		const codec = (r) => all.find((x) => x.id === r.codecId)?.mimeType;
		for (const r of all) {
			if (r.type === 'inbound-rtp') out[`in_${r.kind}`] = { ...r, codec: codec(r) };
			if (r.type === 'outbound-rtp') out[`out_${r.kind}`] = { ...r, codec: codec(r) };
			if (r.type === 'remote-inbound-rtp') out[`remote_${r.kind}`] = r;
		}
		return out;
	};

	ue.longestGap = (since) => {
		let gap = 0;
		for (let i = 1; i < ue.times.length; i++)
			if (ue.times[i] > since) gap = Math.max(gap, ue.times[i] - ue.times[i - 1]);
		return gap;
	};
}

export class Ue {
	static async open(browser, name, onConsole) {
		const u = new Ue();
		u.name = name;
		u.page = await (await browser.newContext()).newPage();
		if (onConsole) u.page.on('console', (m) => onConsole(`${name}: ${m.text()}`));
		await u.page.evaluate(`(${setUp})()`);
		return u;
	}

	offer(o) { return this.page.evaluate((x) => ue.offer(x), o); }
	again(o) { return this.page.evaluate((x) => ue.again(x), o); }
	answer(sdp) { return this.page.evaluate((x) => ue.answer(x), sdp); }
	stats() { return this.page.evaluate(() => ue.stats()); }
	now() { return this.page.evaluate(() => performance.now()); }
	gap(since) { return this.page.evaluate((s) => ue.longestGap(s), since); }

	// More frames than before, of what comes from the other side.
	async moreFrames(n, ms = 60000) {
		const from = await this.page.evaluate(() => ue.frames);
		try {
			await this.page.waitForFunction(([f, k]) => ue.frames >= f + k, [from, n], { timeout: ms, polling: 100 });
			return true;
		} catch {
			return false;
		}
	}

	// The number that the other UE painted, as shown now.
	shownNumber() {
		return this.page.evaluate(() => { ue.grab(0, 0, 1, 1); return ue.readNumber(ue.view.g); });
	}
}
