# SPDX-License-Identifier: GPL-2.0-or-later
# What is not a program: configuration (existing files stay), units, pages, manual pages, scenes.
function(ims_ar_install_conf file dest)
	get_filename_component(name ${file} NAME)
	install(CODE "
		set(target \"\$ENV{DESTDIR}${dest}/${name}\")
		if(EXISTS \"\${target}\")
			message(STATUS \"Kept: \${target}\")
		else()
			file(INSTALL \"${file}\" DESTINATION \"${dest}\")
		endif()")
endfunction()

ims_ar_install_conf(${CMAKE_SOURCE_DIR}/etc/ims-ar/asd.conf /etc/ims-ar)
ims_ar_install_conf(${CMAKE_SOURCE_DIR}/etc/ims-ar/mediad.conf /etc/ims-ar)
install(FILES etc/kamailio/ims_ar.cfg etc/kamailio/as.cfg etc/kamailio/pcscf.cfg
	DESTINATION ${CMAKE_INSTALL_DATADIR}/ims-ar/kamailio)
install(FILES etc/systemd/asd.service etc/systemd/mediad.service DESTINATION lib/systemd/system)
install(FILES etc/systemd/ims-ar.sysusers DESTINATION lib/sysusers.d RENAME ims-ar.conf)
install(DIRECTORY webapp/scenes DESTINATION ${CMAKE_INSTALL_DATADIR}/ims-ar FILES_MATCHING PATTERN "*.gltf")
install(DIRECTORY webapp/dist/ DESTINATION ${CMAKE_INSTALL_DATADIR}/ims-ar/webapp OPTIONAL)
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md")

# A manual page has its settings from the program itself.
function(ims_ar_man program)
	set(page ${CMAKE_CURRENT_BINARY_DIR}/${program}.8)
	add_custom_command(OUTPUT ${page}
		COMMAND ${program} --help > ${page}.help
		COMMAND awk -f ${CMAKE_SOURCE_DIR}/scripts/man.awk -v text=${CMAKE_SOURCE_DIR}/docs/man/${program}.8.in
			-v version=${PROJECT_VERSION} ${page}.help > ${page}
		DEPENDS ${program} scripts/man.awk docs/man/${program}.8.in VERBATIM)
	add_custom_target(${program}_man ALL DEPENDS ${page})
	install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
endfunction()

ims_ar_man(asd)
ims_ar_man(mediad)
