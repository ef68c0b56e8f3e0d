# SPDX-License-Identifier: GPL-2.0-or-later
# Warnings are errors; every target of ours gets them through ims_ar_target().
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(IMS_AR_SANITIZE "" CACHE STRING "list for -fsanitize=, for example address,undefined")

find_package(PkgConfig REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson>=2.13)
pkg_check_modules(EVENT REQUIRED IMPORTED_TARGET libevent>=2.1)
pkg_check_modules(EVENT_OPENSSL REQUIRED IMPORTED_TARGET libevent_openssl>=2.1)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis)
pkg_check_modules(INIH REQUIRED IMPORTED_TARGET inih)
pkg_check_modules(SYSTEMD REQUIRED IMPORTED_TARGET libsystemd)
pkg_check_modules(NGHTTP2 REQUIRED IMPORTED_TARGET libnghttp2)
pkg_check_modules(SQLITE3 REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(LUA REQUIRED IMPORTED_TARGET lua5.4)
pkg_check_modules(CMOCKA IMPORTED_TARGET cmocka)
include(ImsArUsrsctp)

function(ims_ar_target target)
	target_compile_options(${target} PRIVATE
		-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
		-Wpointer-arith -Wundef -Wformat=2 -Werror -fvisibility=hidden)
	target_compile_definitions(${target} PRIVATE _GNU_SOURCE IMS_AR_VERSION="${PROJECT_VERSION}")
	target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR})
	if(IMS_AR_SANITIZE)
		target_compile_options(${target} PRIVATE -fsanitize=${IMS_AR_SANITIZE}
			-fno-sanitize-recover=all -fno-omit-frame-pointer)
		target_link_options(${target} PUBLIC -fsanitize=${IMS_AR_SANITIZE})
	elseif(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
		target_compile_options(${target} PRIVATE -O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong)
	endif()
endfunction()
