#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# CPU of a spliced VP8 frame beside libvpx's: its decoder alone, and decoding and coding again by FFmpeg.
# SIZE=640x360, KBPS=500; the clip moves all over.
set -u
cd "$(dirname "$0")/../.." || exit 2
BUILD=${BUILD:-$PWD/build/release} SIZE=${SIZE:-640x360} KBPS=${KBPS:-500}
T=$(mktemp -d -t ims-ar-splice-XXXXXX) || exit 2
trap 'rm -rf "$T"' EXIT
time=$BUILD/tests/bench/splice_time
speed=-8
[ "$SIZE" = 640x360 ] || speed=-10
# as armf.py has them
VP8=(-c:v libvpx -deadline realtime -cpu-used $speed -threads 1 -static-thresh 1 -qmin 2 -qmax 56 -b:v "${KBPS}k" -minrate "${KBPS}k" -maxrate "${KBPS}k"
	-bufsize "${KBPS}k" -g 9999 -lag-in-frames 0)
FF=(ffmpeg -nostdin -v error -y -threads 1 -filter_threads 1)

"${FF[@]}" -f lavfi -i "mandelbrot=s=$SIZE:rate=30:end_scale=0.05" -pix_fmt yuv420p -frames:v 150 "${VP8[@]}" "$T/in.ivf" || exit 1

cpu() { # COMMAND...: milliseconds of a frame
	local s
	s=$( { TIMEFORMAT='%U %S'; time "$@" >/dev/null 2>&1; } 2>&1)
	awk '{ printf "%.3f", ($1 + $2) * 1000 / 150 }' <<<"$s"
}
again=$(cpu "${FF[@]}" -i "$T/in.ivf" "${VP8[@]}" "$T/out.ivf")
"$time" "$T/in.ivf" libvpx >"$T/libvpx" && "$time" "$T/in.ivf" splice >"$T/splice" || exit 1
ms() { sed -n "s/.*$2 \([0-9.]*\) ms.*/\1/p" "$T/$1"; }
awk -v d="$(ms splice decode)" -v w="$(ms splice write)" -v v="$(ms libvpx decode)" -v a="$again" -v s="$SIZE" 'BEGIN {
	if (!(d > 0 && w > 0 && v > 0 && a > 0)) exit 1
	printf "bench splice %s decode %.3f ms, write %.3f ms; decoded and coded again by FFmpeg %.3f ms, ratio %.2f; libvpx decodes in %.3f ms, ratio %.2f\n",
		s, d, w, a, (d + w) / a, v, d / v }'
