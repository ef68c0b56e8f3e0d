# SPDX-License-Identifier: GPL-2.0-or-later
# armf_render: the ARMF's renderer, OpenGL ES 3 on EGL. Has its own threads' contexts, no event loop.
pkg_check_modules(EGL REQUIRED IMPORTED_TARGET egl)
pkg_check_modules(GLES REQUIRED IMPORTED_TARGET glesv2)
pkg_check_modules(PNG REQUIRED IMPORTED_TARGET libpng)
find_library(YUV_LIBRARY yuv REQUIRED)

set(r ${CMAKE_CURRENT_LIST_DIR})
add_library(armf_render STATIC ${r}/render.c ${r}/view.c ${r}/prewarm.c ${r}/egl.c ${r}/target.c
	${r}/draw.c ${r}/draw_list.c ${r}/geom.c ${r}/gpu.c ${r}/gpu_upload.c ${r}/layer.c ${r}/png.c
	${r}/shader.c ${r}/simplify.c ${r}/shader_text.c ${r}/soft.c ${r}/soft_pixels.c
	${r}/soft_pixels_avx2.c ${r}/soft_raster.c ${r}/soft_texture.c)
ims_ar_target(armf_render)
target_link_libraries(armf_render PUBLIC armf_gltf ar_common
	PRIVATE PkgConfig::EGL PkgConfig::GLES PkgConfig::PNG ${YUV_LIBRARY} Threads::Threads m)
# pixel loops in plain C: let the compiler make vectors of them; what is drawn is to be the same
# whichever of them draws, so no two operations become one
set_source_files_properties(${r}/layer.c PROPERTIES COMPILE_OPTIONS "-O3")
set_source_files_properties(${r}/soft_pixels.c PROPERTIES COMPILE_OPTIONS "-O3;-ffp-contract=off")
# which of them a machine gets is looked up at run time (soft_pixels.c)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
	set_source_files_properties(
		${r}/soft_pixels_avx2.c PROPERTIES COMPILE_OPTIONS "-O3;-mavx2;-ffp-contract=off")
endif()
