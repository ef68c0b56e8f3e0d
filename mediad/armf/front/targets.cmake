# SPDX-License-Identifier: GPL-2.0-or-later
# mediad_capture: the camera at a frame's capture time; pure.
add_library(mediad_capture STATIC ${CMAKE_CURRENT_LIST_DIR}/capture.c ${CMAKE_CURRENT_LIST_DIR}/predict.c)
ims_ar_target(mediad_capture)
target_link_libraries(mediad_capture PUBLIC ar_common m)

# armf_front: RTP streams through the ARMF; calls armf_pool.h: link it with armf_pool, or in tests
# with a stand-in.
add_library(armf_front STATIC ${CMAKE_CURRENT_LIST_DIR}/stream.c ${CMAKE_CURRENT_LIST_DIR}/stream_codec.c ${CMAKE_CURRENT_LIST_DIR}/stream_level.c
	${CMAKE_CURRENT_LIST_DIR}/stream_in.c ${CMAKE_CURRENT_LIST_DIR}/stream_job.c
	${CMAKE_CURRENT_LIST_DIR}/stream_out.c ${CMAKE_CURRENT_LIST_DIR}/stream_packets.c)
ims_ar_target(armf_front)
target_link_libraries(armf_front PUBLIC mediad_rtp mediad_capture)

# armf_pool: media processors and their jobs, on the worker's loop.
add_library(armf_pool STATIC armf/front/armf_pool.c armf/front/armf_pool_proc.c
	armf/front/armf_pool_job.c armf/front/armf_pool_scene.c armf/front/armf_pool_load.c)
ims_ar_target(armf_pool)
target_link_libraries(armf_pool PUBLIC armf_link ar_daemon PkgConfig::EVENT m)
