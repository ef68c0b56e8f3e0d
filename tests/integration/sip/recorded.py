# SPDX-License-Identifier: GPL-2.0-or-later
"""Descriptions as browsers really send them, recorded once; of addresses only documentation's stayed.

FIREFOX: Firefox 153 (Gecko), an audio track and a data channel that is opened in-band; its own answer to it.
"""
import sdp

FIREFOX_OFFER = sdp.crlf("""v=0
o=mozilla...THIS_IS_SDPARTA-99.0 4800498799448778384 0 IN IP4 0.0.0.0
s=-
t=0 0
a=sendrecv
a=fingerprint:sha-256 CF:43:80:30:9A:92:95:76:73:6F:B2:05:6A:18:FB:D5:04:32:F3:B7:A8:23:37:1E:4B:62:7F:AD:9F:C3:7B:38
a=group:BUNDLE 0 1
a=ice-options:trickle
a=msid-semantic:WMS *
m=audio 35826 UDP/TLS/RTP/SAVPF 109 9 0 8 101
c=IN IP4 192.0.2.2
a=candidate:0 1 UDP 2122187007 192.0.2.2 35826 typ host
a=candidate:1 1 UDP 2122252543 fd00::2 54058 typ host
a=candidate:2 1 TCP 2105458943 192.0.2.2 9 typ host tcptype active
a=candidate:3 1 TCP 2105524479 fd00::2 9 typ host tcptype active
a=candidate:0 2 UDP 2122187006 192.0.2.2 44307 typ host
a=candidate:1 2 UDP 2122252542 fd00::2 49672 typ host
a=candidate:2 2 TCP 2105458942 192.0.2.2 9 typ host tcptype active
a=candidate:3 2 TCP 2105524478 fd00::2 9 typ host tcptype active
a=sendrecv
a=end-of-candidates
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:2/recvonly urn:ietf:params:rtp-hdrext:csrc-audio-level
a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid
a=extmap:7 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=extmap-allow-mixed
a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1
a=fmtp:101 0-15
a=ice-pwd:4927d020d0ba0b9fbe9401a6f21bf83a
a=ice-ufrag:0ee88363
a=mid:0
a=msid:{883775ed-d1ff-42e2-9acb-ccb60f060f73} {9932f59f-c523-463f-9b40-52236b36ef5e}
a=rtcp:44307 IN IP4 192.0.2.2
a=rtcp-fb:109 transport-cc
a=rtcp-fb:9 transport-cc
a=rtcp-fb:0 transport-cc
a=rtcp-fb:8 transport-cc
a=rtcp-mux
a=rtpmap:109 opus/48000/2
a=rtpmap:9 G722/8000/1
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=setup:actpass
a=ssrc:1850825311 cname:{75e529f7-16e3-49f5-a8bb-2be9ac9bc62c}
m=application 34734 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 192.0.2.2
a=candidate:0 1 UDP 2122187007 192.0.2.2 34734 typ host
a=candidate:1 1 UDP 2122252543 fd00::2 53885 typ host
a=candidate:2 1 TCP 2105458943 192.0.2.2 9 typ host tcptype active
a=candidate:3 1 TCP 2105524479 fd00::2 9 typ host tcptype active
a=sendrecv
a=end-of-candidates
a=ice-pwd:4927d020d0ba0b9fbe9401a6f21bf83a
a=ice-ufrag:0ee88363
a=mid:1
a=setup:actpass
a=sctp-port:5000
a=max-message-size:1073741823
""")
FIREFOX_ANSWER = sdp.crlf("""v=0
o=mozilla...THIS_IS_SDPARTA-99.0 1267946682155902632 0 IN IP4 0.0.0.0
s=-
t=0 0
a=sendrecv
a=fingerprint:sha-256 8A:7F:10:9D:82:72:AD:A9:03:F7:9E:8F:19:82:FB:FB:C2:AB:D0:90:70:FF:A3:81:0B:31:39:D4:FF:E2:53:E0
a=group:BUNDLE 0 1
a=ice-options:trickle
a=msid-semantic:WMS *
m=audio 49003 UDP/TLS/RTP/SAVPF 109 9 0 8 101
c=IN IP4 192.0.2.2
a=candidate:0 1 UDP 2122187007 192.0.2.2 49003 typ host
a=candidate:1 1 UDP 2122252543 fd00::2 39795 typ host
a=candidate:2 1 TCP 2105458943 192.0.2.2 9 typ host tcptype active
a=candidate:3 1 TCP 2105524479 fd00::2 9 typ host tcptype active
a=sendrecv
a=end-of-candidates
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid
a=extmap:7 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=extmap-allow-mixed
a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1
a=fmtp:101 0-15
a=ice-pwd:25486d9d15b8d459aa479a539462006d
a=ice-ufrag:943f5165
a=mid:0
a=msid:{883775ed-d1ff-42e2-9acb-ccb60f060f73} {fe521e2f-c251-40c3-9658-6f9e6c243d84}
a=rtcp-fb:109 transport-cc
a=rtcp-fb:9 transport-cc
a=rtcp-fb:0 transport-cc
a=rtcp-fb:8 transport-cc
a=rtcp-mux
a=rtpmap:109 opus/48000/2
a=rtpmap:9 G722/8000/1
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=setup:active
a=ssrc:3327426332 cname:{511677d8-1ed7-450a-a2fa-ef0ef943fd9b}
m=application 49003 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 192.0.2.2
a=sendrecv
a=ice-pwd:25486d9d15b8d459aa479a539462006d
a=ice-ufrag:943f5165
a=mid:1
a=setup:active
a=sctp-port:5000
a=max-message-size:1073741823
""")
