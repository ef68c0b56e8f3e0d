# SPDX-License-Identifier: GPL-2.0-or-later
# armf_link: what the worker and a media processor say to each other; both ends link it.
add_library(armf_link STATIC armf/link/link_msg.c armf/link/link_ring.c armf/link/link_sock.c)
ims_ar_target(armf_link)
target_link_libraries(armf_link PUBLIC ar_common)
