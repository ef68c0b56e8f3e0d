# SPDX-License-Identifier: GPL-2.0-or-later
# SRTP over libsrtp2, whose names stay inside.
pkg_check_modules(SRTP REQUIRED IMPORTED_TARGET libsrtp2)
add_library(mediad_srtp STATIC srtp/rtpsec.c)
ims_ar_target(mediad_srtp)
target_link_libraries(mediad_srtp PUBLIC ar_common PRIVATE PkgConfig::SRTP OpenSSL::Crypto)

# ICE, DTLS, SCTP, data channels, SRTP: no socket, no clock, no libevent.
add_library(mediad_transport STATIC peer.c peer_hello.c peer_layers.c peer_remote.c peer_rtp.c transport.c net/demux.c net/limit.c net/peer_addr.c net/timerq.c
	ice/crc32.c ice/stun_msg.c ice/ice.c dtls/cert.c dtls/dtls.c dtls/dtls_own.c dtls/hello.c dtls/record.c sctp/ar_crc32c.c sctp/ar_sctp.c sctp/ar_sctp_map.c
	sctp/ar_sctp_repeat.c sctp/ar_sctp_stack.c dc/dcep.c dc/dc.c)
ims_ar_target(mediad_transport)
target_link_libraries(mediad_transport PUBLIC ar_daemon mediad_srtp OpenSSL::SSL OpenSSL::Crypto
	${USRSCTP_LIBRARY} Threads::Threads)
