#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The callers reach the callees without a proxy in between, and a tenth of the datagrams is lost on the
# way: no call may be. sip_load_test.sh SIP_LOAD
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
printf 'v=0\r\nm=audio 9 RTP/AVP 0\r\na=sendrecv\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=ice-ufrag:abcd\r\n' >"$dir/sdp"
# a port that is taken costs the next try
for port in 23511 24511 25511; do
	out=$(timeout 100 "$1" -P $((port + 1)) -a "$port" -b $((port + 1)) -n 60 -r 200 -R 10 -H 10 -d 10 \
		-o "$dir/sdp" -w "$dir/sdp") && break
done
echo "$out"
case $out in
*'"good": 60, "lost": 0,'*'"raw": 60, "closed": 0, "changed": 0'*'"raw": 60, "closed": 0, "changed": 0'*) ;;
*) exit 1 ;;
esac
case $out in *'"again": 0,'*) exit 1 ;; esac # else nothing was dropped
