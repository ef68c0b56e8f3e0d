# SPDX-License-Identifier: GPL-2.0-or-later
# mediad-armf: the media processor. armf_proc is all of it but main(), for the tests.
if(TARGET armf_render AND TARGET armf_gltf)
	pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
	add_library(armf_proc STATIC armf/proc/proc.c armf/proc/job.c armf/proc/job_frame.c
		armf/proc/job_splice.c armf/proc/scene.c armf/proc/side.c armf/proc/sandbox.c)
	ims_ar_target(armf_proc)
	target_link_libraries(armf_proc PUBLIC armf_link armf_codec armf_splice armf_render armf_gltf ar_daemon
		PkgConfig::SECCOMP Threads::Threads m)

	add_executable(mediad-armf armf/proc/main.c)
	ims_ar_target(mediad-armf)
	target_link_libraries(mediad-armf PRIVATE armf_proc)
	install(TARGETS mediad-armf RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/ims-ar)
endif()
