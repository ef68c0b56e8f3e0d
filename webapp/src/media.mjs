// SPDX-License-Identifier: GPL-2.0-or-later
// Where a browser UE's sound comes from: the microphone, or a tone when there is none to be had
// (a page that is not from localhost or https has no microphone).

export function toneStream(frequency = 440) {
	const context = new AudioContext();
	const oscillator = context.createOscillator();
	const gain = context.createGain();
	const out = context.createMediaStreamDestination();
	oscillator.frequency.value = frequency;
	gain.gain.value = 0.1;
	oscillator.connect(gain).connect(out);
	oscillator.start();
	return out.stream;
}

export async function microphone({ video = false } = {}) {
	if (!navigator.mediaDevices?.getUserMedia) return toneStream();
	try {
		return await navigator.mediaDevices.getUserMedia({ audio: true, video });
	} catch {
		return toneStream();
	}
}
