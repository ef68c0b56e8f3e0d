# SPDX-License-Identifier: GPL-2.0-or-later
# mediad_dcmf: contexts, application, scene; no socket, no clock, no libevent. It calls peer.h and
# transport.h: link it with mediad_transport, or in tests with a stand-in.
add_library(mediad_dcmf STATIC nets.c ctl/json_strict.c ctl/json_patch.c
	scene/scene.c scene/scene_text.c scene/view.c scene/pieces.c scene/gltf.c scene/library.c scene/interact.c
	dcmf/js.c dcmf/meta.c dcmf/mrm.c dcmf/mrm_rd.c dcmf/mrm_av.c dcmf/assets.c dcmf/boot.c dcmf/site.c
	dcmf/app.c dcmf/app_send.c dcmf/app_meta.c dcmf/app_action.c dcmf/app_interest.c dcmf/interact.c dcmf/app_shared.c
	dcmf/scripts.c dcmf/lua_json.c dcmf/app_lua.c dcmf/app_lua_api.c dcmf/app_lua_mesh.c
	dcmf/dcmf.c dcmf/list.c dcmf/context.c dcmf/room.c dcmf/medium.c dcmf/medium_av.c dcmf/facts.c dcmf/feed.c)
ims_ar_target(mediad_dcmf)
target_link_libraries(mediad_dcmf PUBLIC ar_daemon armf_gltf_core armf_front mediad_srtp OpenSSL::Crypto ar_lua PkgConfig::JANSSON m)

# mediad_ctl: the parent's control interface.
add_library(mediad_ctl STATIC conf.c ctl/h2.c ctl/h2_conn.c ctl/h1.c ctl/contexts.c ctl/ctl.c
	ctl/ctl_worker.c ctl/ctl_events.c ctl/ctl_status.c worker/wlink.c worker/orphan.c worker/udp.c)
ims_ar_target(mediad_ctl)
target_compile_definitions(mediad_ctl PRIVATE IMS_AR_DATADIR="${CMAKE_INSTALL_FULL_DATADIR}/ims-ar"
	IMS_AR_LIBEXECDIR="${CMAKE_INSTALL_FULL_LIBEXECDIR}/ims-ar")
target_link_libraries(mediad_ctl PUBLIC mediad_dcmf PkgConfig::EVENT PkgConfig::NGHTTP2)

add_executable(mediad main.c mediad.c upgrade.c workers.c privs.c worker/worker.c worker/armf.c)
ims_ar_target(mediad)
target_link_libraries(mediad PRIVATE mediad_ctl mediad_dcmf mediad_transport armf_pool PkgConfig::SYSTEMD)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/lua/apps DESTINATION ${CMAKE_INSTALL_DATADIR}/ims-ar/lua
	FILES_MATCHING PATTERN "*.lua")
install(TARGETS mediad RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
