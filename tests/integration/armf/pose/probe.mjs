// SPDX-License-Identifier: GPL-2.0-or-later
// What network.mjs puts into the webapp's page: numbers in the pictures of its camera, a look at the
// pictures that it shows.

import { paintNumber } from './barcode.mjs';
import { motion } from './motion.mjs';
import { look, skewOf } from './watch.mjs';

const probe = { seen: [], pictures: [] };
window.probe = probe;

// The pose channel as it is on a bad line: late by up to jitter ms, some lost.
probe.spoil = ({ jitter, loss }) => {
	const send = RTCDataChannel.prototype.send;
	RTCDataChannel.prototype.send = function (data) {
		if (this.protocol !== '3gpp-ar-metadata') return send.call(this, data);
		if (Math.random() < loss) return;
		setTimeout(() => this.readyState === 'open' && send.call(this, data), Math.random() * jitter);
	};
};

probe.number = () => {
	const { camera } = window.arPage;
	camera.mark = paintNumber;
	camera.on('frame', ({ number, time, pose }) => probe.pictures.push([number & 0xffff, { at: performance.timeOrigin + time, pose }]));
};

probe.move = (move) => {
	const start = performance.now();
	window.arPage.moved = () => motion(move, (performance.now() - start) / 1000);
	return performance.timeOrigin + start;
};

probe.look = () => look(document.getElementById('far'), probe.seen);
probe.skew = () => skewOf(window.arPage.call.pc);
