// SPDX-License-Identifier: GPL-2.0-or-later
// What this UE sends on the 3gpp-ar-metadata channel; docs/messages.md describes both directions.

// A view pose in the form of TS 26.119 table 12.2-1. position in metres, orientation a unit
// quaternion x y z w; right-handed, +Y up, -Z forward (OpenXR, glTF). frame: { rtp, ssrc } of the
// picture that was taken at this pose; fov: what the camera sees, told once and when it changes.
export function poseMessage({ position, orientation, time, wallClock, space = 1, frame = null, fov = null }) {
	const round = (v) => Math.round(v * 1e5) / 1e5;
	const xyz = (v) => ({ x: round(v[0]), y: round(v[1]), z: round(v[2]) });
	return {
		poseInfo: [
			{
				poseTime: time,
				...(frame && { rtpTimestamp: frame.rtp, ssrc: frame.ssrc }),
				xrSpaceId: space,
				poses: [
					{
						orientation: { ...xyz(orientation), w: round(orientation[3]) },
						position: xyz(position),
						confidence: 1,
						estimatedAtTime: wallClock / 1000,
						...(fov && { fov }),
					},
				],
			},
		],
	};
}

// A user's action. id is this UE's own and is repeated until the network acknowledges it.
export function actionMessage(id, action) {
	return { action: { id, ...action } };
}

export function resyncMessage(reason) {
	return { resync: { reason } };
}

// The id of an acknowledged action with its result, or null for any other message.
export function acknowledgement(message) {
	const ack = message?.ack;
	return ack && (typeof ack.id === 'string' || typeof ack.id === 'number') ? ack : null;
}
