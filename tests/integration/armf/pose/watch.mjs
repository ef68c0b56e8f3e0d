// SPDX-License-Identifier: GPL-2.0-or-later
// Looks at every picture that a video element shows: its number, the box in it, when it came.

import { readNumber } from './barcode.mjs';
import { magentaBox } from './truth.mjs';

const KEPT = 6000;

// Appends to seen; returns the canvas that has the last picture.
export function look(video, seen) {
	const canvas = document.createElement('canvas');
	const g = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
	const frame = (now, m) => {
		video.requestVideoFrameCallback(frame);
		if (canvas.width !== m.width || canvas.height !== m.height) Object.assign(canvas, { width: m.width, height: m.height });
		g.drawImage(video, 0, 0);
		const image = g.getImageData(0, 0, m.width, m.height);
		seen.push({
			number: readNumber(image), box: magentaBox(image), rtp: m.rtpTimestamp, width: m.width, height: m.height,
			at: performance.timeOrigin + m.presentationTime, received: m.receiveTime ? performance.timeOrigin + m.receiveTime : null,
		});
		if (seen.length > KEPT) seen.shift();
	};
	video.requestVideoFrameCallback(frame);
	return canvas;
}

// How far apart sound and picture are that come out now, on the sender's clock: ms, picture first;
// null while Chromium does not know.
export async function skewOf(pc) {
	const at = {};
	for (const s of (await pc.getStats()).values()) if (s.type === 'inbound-rtp') at[s.kind] = s.estimatedPlayoutTimestamp;
	return at.audio && at.video ? at.video - at.audio : null;
}
