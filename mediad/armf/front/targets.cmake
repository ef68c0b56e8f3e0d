# SPDX-License-Identifier: GPL-2.0-or-later
# mediad_capture: the camera at a frame's capture time; pure.
add_library(mediad_capture STATIC ${CMAKE_CURRENT_LIST_DIR}/capture.c)
ims_ar_target(mediad_capture)
target_link_libraries(mediad_capture PUBLIC ar_common m)
