# SPDX-License-Identifier: GPL-2.0-or-later
# armf_codec: VP8 (libvpx) and H.264 (libavcodec in, x264 or openh264 out). Pure: bytes and pictures.
pkg_check_modules(VPX REQUIRED IMPORTED_TARGET vpx>=1.9)
pkg_check_modules(OPENH264 REQUIRED IMPORTED_TARGET openh264>=2.0)
pkg_check_modules(X264 REQUIRED IMPORTED_TARGET x264>=0.155)
pkg_check_modules(AVCODEC REQUIRED IMPORTED_TARGET libavcodec libavutil)
find_library(YUV_LIBRARY yuv REQUIRED)

add_library(armf_codec STATIC armf/codec/codec.c armf/codec/picture.c armf/codec/vp8_dec.c armf/codec/vp8_enc.c
	armf/codec/h264_dec.c armf/codec/h264_openh264.c armf/codec/h264_rate.c armf/codec/h264_x264.c)
ims_ar_target(armf_codec)
target_link_libraries(armf_codec PUBLIC ar_common PkgConfig::VPX PkgConfig::OPENH264
	PkgConfig::X264 PkgConfig::AVCODEC ${YUV_LIBRARY} m)
# their loops are made for vectors
set_source_files_properties(armf/codec/picture.c armf/codec/h264_rate.c PROPERTIES COMPILE_OPTIONS "-O3")
