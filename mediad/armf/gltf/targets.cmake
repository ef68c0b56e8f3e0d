# SPDX-License-Identifier: GPL-2.0-or-later
# armf_gltf: glTF 2.0 to a model, and the model played. No GL, no socket, no clock, no file.
pkg_check_modules(PNG REQUIRED IMPORTED_TARGET libpng)
pkg_check_modules(TURBOJPEG REQUIRED IMPORTED_TARGET libturbojpeg)
set(ARMF_GLTF arena hash fields model extensions uri buffers accessors image image_png image_jpeg
	textures materials meshes primitive parts hierarchy animations stage stage_anim stage_box)
list(TRANSFORM ARMF_GLTF PREPEND armf/gltf/)
list(TRANSFORM ARMF_GLTF APPEND .c)
add_library(armf_gltf STATIC ${ARMF_GLTF})
ims_ar_target(armf_gltf)
target_link_libraries(armf_gltf PUBLIC ar_common PkgConfig::JANSSON
	PRIVATE PkgConfig::PNG PkgConfig::TURBOJPEG m)
