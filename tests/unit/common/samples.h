/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptions as UEs send them, written for the tests of common/ and of the planner. */
#ifndef SAMPLES_H
#define SAMPLES_H

#define FP32                                                                                       \
	"0A:1B:2C:3D:4E:5F:60:71:82:93:A4:B5:C6:D7:E8:F9:0A:1B:2C:3D:4E:5F:60:71:82:93:A4:B5:C6:"  \
	"D7:E8:F9"

/* The shape of Chromium and libwebrtc, default bundle policy: BUNDLE, candidates in each section.
 */
#define CHROMIUM_SESSION                                                                           \
	"v=0\r\n"                                                                                  \
	"o=- 4611731400430051336 2 IN IP4 127.0.0.1\r\n"                                           \
	"s=-\r\n"                                                                                  \
	"t=0 0\r\n"                                                                                \
	"a=group:BUNDLE 0 1\r\n"                                                                   \
	"a=extmap-allow-mixed\r\n"                                                                 \
	"a=msid-semantic: WMS s1\r\n"

#define CHROMIUM_AUDIO                                                                             \
	"m=audio 50001 UDP/TLS/RTP/SAVPF 111 63 9\r\n"                                             \
	"c=IN IP4 192.0.2.10\r\n"                                                                  \
	"a=rtcp:9 IN IP4 0.0.0.0\r\n"                                                              \
	"a=candidate:1 1 udp 2122260223 192.0.2.10 50001 typ host generation 0\r\n"                \
	"a=ice-ufrag:Qx7f\r\n"                                                                     \
	"a=ice-pwd:3nRk2p9vT5xB1nZ8sW4dLq0c\r\n"                                                   \
	"a=fingerprint:sha-256 " FP32 "\r\n"                                                       \
	"a=setup:actpass\r\n"                                                                      \
	"a=mid:0\r\n"                                                                              \
	"a=rtcp-mux\r\n"                                                                           \
	"a=rtpmap:111 opus/48000/2\r\n"                                                            \
	"a=x-nobody-knows:this stays as it is\r\n"

#define CHROMIUM_DC_(CANDIDATE)                                                                    \
	"m=application 50002 UDP/DTLS/SCTP webrtc-datachannel\r\n"                                 \
	"c=IN IP4 192.0.2.10\r\n" CANDIDATE "a=ice-ufrag:Qx7f\r\n"                                 \
	"a=ice-pwd:3nRk2p9vT5xB1nZ8sW4dLq0c\r\n"                                                   \
	"a=ice-options:trickle\r\n"                                                                \
	"a=fingerprint:sha-256 " FP32 "\r\n"                                                       \
	"a=setup:actpass\r\n"                                                                      \
	"a=mid:1\r\n"                                                                              \
	"a=sctp-port:5000\r\n"                                                                     \
	"a=max-message-size:262144\r\n"                                                            \
	"a=dcmap:1000 subprotocol=\"mpeg-sd\";label=\"scene\"\r\n"                                 \
	"a=dcmap:1002 "                                                                            \
	"subprotocol=\"3gpp-ar-metadata\";label=\"meta\";ordered=false;max-retr=0\r\n"

#define CHROMIUM_DC                                                                                \
	CHROMIUM_DC_("a=candidate:2 1 udp 2122260223 192.0.2.10 50002 typ host generation 0\r\n")

#define CHROMIUM_OFFER CHROMIUM_SESSION CHROMIUM_AUDIO CHROMIUM_DC
/* bundlePolicy max-bundle: only the first section has candidates. */
#define MAX_BUNDLE_OFFER CHROMIUM_SESSION CHROMIUM_AUDIO CHROMIUM_DC_("")
#define CHROMIUM_AUDIO_OFFER CHROMIUM_SESSION CHROMIUM_AUDIO

/* An answer to an unbundled offer. */
#define CHROMIUM_ANSWER_SESSION                                                                    \
	"v=0\r\n"                                                                                  \
	"o=- 7713614004300513361 2 IN IP4 127.0.0.1\r\n"                                           \
	"s=-\r\n"                                                                                  \
	"t=0 0\r\n"                                                                                \
	"a=msid-semantic: WMS\r\n"

#define CHROMIUM_ANSWER_AUDIO                                                                      \
	"m=audio 51001 UDP/TLS/RTP/SAVPF 111\r\n"                                                  \
	"c=IN IP4 192.0.2.20\r\n"                                                                  \
	"a=candidate:1 1 udp 2122260223 192.0.2.20 51001 typ host\r\n"                             \
	"a=ice-ufrag:bb7f\r\n"                                                                     \
	"a=ice-pwd:3nRk2p9vT5xB1nZ8sW4dLq0d\r\n"                                                   \
	"a=fingerprint:sha-256 " FP32 "\r\n"                                                       \
	"a=setup:active\r\n"                                                                       \
	"a=mid:0\r\n"                                                                              \
	"a=rtcp-mux\r\n"                                                                           \
	"a=rtpmap:111 opus/48000/2\r\n"

#define CHROMIUM_ANSWER_DC                                                                         \
	"m=application 51002 UDP/DTLS/SCTP webrtc-datachannel\r\n"                                 \
	"c=IN IP4 192.0.2.20\r\n"                                                                  \
	"a=candidate:1 1 udp 2122260223 192.0.2.20 51002 typ host\r\n"                             \
	"a=ice-ufrag:bb7g\r\n"                                                                     \
	"a=ice-pwd:3nRk2p9vT5xB1nZ8sW4dLq0e\r\n"                                                   \
	"a=fingerprint:sha-256 " FP32 "\r\n"                                                       \
	"a=setup:active\r\n"                                                                       \
	"a=mid:1\r\n"                                                                              \
	"a=sctp-port:5000\r\n"                                                                     \
	"a=max-message-size:262144\r\n"                                                            \
	"a=dcmap:1000 subprotocol=\"mpeg-sd\";label=\"scene\"\r\n"

#define CHROMIUM_ANSWER CHROMIUM_ANSWER_SESSION CHROMIUM_ANSWER_AUDIO CHROMIUM_ANSWER_DC
#define CHROMIUM_ANSWER_REFUSED                                                                    \
	CHROMIUM_ANSWER_SESSION CHROMIUM_ANSWER_AUDIO                                              \
		"m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 "                    \
		"0.0.0.0\r\na=mid:1\r\n"

/* A handset as TS 26.114 A.17 has it: session-level ICE and c=, several data channel sections, a
 * blank after the colon of tls-id. */
#define HANDSET_OFFER                                                                              \
	"v=0\r\n"                                                                                  \
	"o=- 1 1 IN IP4 192.0.2.156\r\n"                                                           \
	"s=-\r\n"                                                                                  \
	"c=IN IP4 192.0.2.156\r\n"                                                                 \
	"b=AS:1138\r\n"                                                                            \
	"t=0 0\r\n"                                                                                \
	"a=ice-options:ice2\r\n"                                                                   \
	"a=ice-ufrag:8hhY\r\n"                                                                     \
	"a=ice-pwd:asd88fgpdd777uzjYhagZg\r\n"                                                     \
	"a=setup:actpass\r\n"                                                                      \
	"a=fingerprint:SHA-256 " FP32 "\r\n"                                                       \
	"m=audio 49152 RTP/AVP 97\r\n"                                                             \
	"b=AS:38\r\n"                                                                              \
	"a=rtpmap:97 EVS/16000\r\n"                                                                \
	"m=video 49154 RTP/AVP 98\r\n"                                                             \
	"b=AS:600\r\n"                                                                             \
	"a=rtpmap:98 H264/90000\r\n"                                                               \
	"m=application 52718 UDP/DTLS/SCTP webrtc-datachannel\r\n"                                 \
	"b=AS:500\r\n"                                                                             \
	"a=candidate:1 1 UDP 2130706431 192.0.2.156 52718 typ host\r\n"                            \
	"a=max-message-size:1024\r\n"                                                              \
	"a=sctp-port:5000\r\n"                                                                     \
	"a=tls-id: abc3de65cddef001be82\r\n"                                                       \
	"a=dcmap:0 subprotocol=\"http\"\r\n"                                                       \
	"a=dcmap:10 subprotocol=\"http\"\r\n"                                                      \
	"m=application 52722 UDP/DTLS/SCTP webrtc-datachannel\r\n"                                 \
	"b=AS:500\r\n"                                                                             \
	"a=candidate:1 1 UDP 2130706431 192.0.2.156 52722 typ host\r\n"                            \
	"a=max-message-size:65536\r\n"                                                             \
	"a=sctp-port:5000\r\n"                                                                     \
	"a=tls-id: abc3de65cddef001be83\r\n"                                                       \
	"a=3gpp-req-app:ar-room\r\n"                                                               \
	"a=3gpp-qos-hint:loss=0.01;latency=100\r\n"                                                \
	"a=dcmap:1000 label=\"scene\" subprotocol=\"mpeg-sd\" ordered\r\n"                         \
	"a=dcmap:1002 subprotocol=\"3gpp-ar-metadata\";ordered=false;max-retr=0\r\n"

#define PLAIN_OFFER                                                                                \
	"v=0\r\n"                                                                                  \
	"o=alice 1 1 IN IP6 2001:db8::1\r\n"                                                       \
	"s=call\r\n"                                                                               \
	"c=IN IP6 2001:db8::1\r\n"                                                                 \
	"t=0 0\r\n"                                                                                \
	"m=audio 40000/2 RTP/AVP 8 0\r\n"                                                          \
	"a=sendrecv\r\n"                                                                           \
	"m=application 40010 UDP/BFCP *\r\n"                                                       \
	"a=floorctrl:c-only\r\n"

#endif
