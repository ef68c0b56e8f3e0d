# SPDX-License-Identifier: GPL-2.0-or-later
# mediad_rtp: RTP, RTCP, VP8 and H.264 payloads, both directions: no socket, no clock, no libevent.
add_library(mediad_rtp STATIC rtp/rtp_packet.c rtp/rtcp.c rtp/rtcp_twcc.c rtp/rtp_recv.c
	rtp/rtp_recv_feedback.c rtp/ulpfec.c
	rtp/depay.c rtp/depay_vp8.c rtp/depay_h264.c rtp/pay.c
	rtp/bwe.c rtp/rtp_send.c rtp/rtp_send_feedback.c rtp/twcc_recv.c)
ims_ar_target(mediad_rtp)
target_link_libraries(mediad_rtp PUBLIC ar_common)
