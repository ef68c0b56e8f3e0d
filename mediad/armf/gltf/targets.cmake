# SPDX-License-Identifier: GPL-2.0-or-later
# armf_gltf_core: glTF 2.0 checked and loaded but for its images, and a model played. armf_gltf: with
# images. No GL, no socket, no clock, no file.
pkg_check_modules(PNG REQUIRED IMPORTED_TARGET libpng)
pkg_check_modules(TURBOJPEG REQUIRED IMPORTED_TARGET libturbojpeg)
set(ARMF_GLTF arena hash fields model glb extensions uri buffers accessors image_size textures materials
	meshes primitive parts hierarchy animations stage stage_anim stage_box)
list(TRANSFORM ARMF_GLTF PREPEND armf/gltf/)
list(TRANSFORM ARMF_GLTF APPEND .c)
add_library(armf_gltf_core STATIC ${ARMF_GLTF})
ims_ar_target(armf_gltf_core)
target_link_libraries(armf_gltf_core PUBLIC ar_common PkgConfig::JANSSON m)
add_library(armf_gltf STATIC armf/gltf/image.c armf/gltf/image_png.c armf/gltf/image_jpeg.c)
ims_ar_target(armf_gltf)
target_link_libraries(armf_gltf PUBLIC armf_gltf_core PRIVATE PkgConfig::PNG PkgConfig::TURBOJPEG)
