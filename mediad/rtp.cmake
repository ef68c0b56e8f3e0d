# SPDX-License-Identifier: GPL-2.0-or-later
# mediad_rtp: RTP, RTCP, VP8 and H.264 payloads, both directions: no socket, no clock, no libevent.
add_library(mediad_rtp STATIC rtp/rtp_packet.c rtp/rtcp.c rtp/rtcp_twcc.c rtp/rtp_recv.c)
ims_ar_target(mediad_rtp)
