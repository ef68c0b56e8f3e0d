# SPDX-License-Identifier: GPL-2.0-or-later
# armf_splice: VP8 frames with something drawn on them, written again without coding all of them. Pure.
add_library(armf_splice STATIC armf/vp8/splice.c armf/vp8/splice_write.c armf/vp8/head.c
	armf/vp8/modes.c armf/vp8/tokens.c armf/vp8/predict.c armf/vp8/residual.c armf/vp8/filter.c
	armf/vp8/recode.c armf/vp8/tables.c armf/vp8/pixels.c armf/vp8/pixels_sse2.c armf/vp8/edges_sse2.c
	armf/vp8/pixels_ssse3.c armf/vp8/pixels_avx2.c armf/vp8/edges_avx2.c)
ims_ar_target(armf_splice)
# which of these a machine gets is looked up at run time (pixels.c)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
	set_source_files_properties(armf/vp8/pixels_ssse3.c PROPERTIES COMPILE_OPTIONS "-mssse3")
	set_source_files_properties(armf/vp8/pixels_avx2.c armf/vp8/edges_avx2.c PROPERTIES COMPILE_OPTIONS "-mavx2")
endif()
target_compile_options(armf_splice PRIVATE $<$<NOT:$<CONFIG:Debug>>:-O3>)
target_link_libraries(armf_splice PUBLIC ar_common armf_codec)
