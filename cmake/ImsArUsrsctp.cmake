# SPDX-License-Identifier: GPL-2.0-or-later
# usrsctp. Debian's library is built without optimisation (0.9.5.0-2, amd64: every variable lives in
# memory), which costs 40 % of the instructions of a small message. scripts/usrsctp-src.sh fetches
# the source of that very package to .cache/; where it is, it is compiled here with -O3 and linked
# statically, else Debian's library is used as it is. Same code, same behaviour.
file(GLOB IMS_AR_USRSCTP_FOUND "${CMAKE_SOURCE_DIR}/.cache/libusrsctp-*/libusrsctp-*/usrsctplib")
list(SORT IMS_AR_USRSCTP_FOUND ORDER DESCENDING)
list(APPEND IMS_AR_USRSCTP_FOUND "")
list(GET IMS_AR_USRSCTP_FOUND 0 IMS_AR_USRSCTP_FOUND)
set(USRSCTP_SRC "${IMS_AR_USRSCTP_FOUND}" CACHE PATH "usrsctplib folder of usrsctp's source; empty: Debian's library")

if(USRSCTP_SRC AND NOT EXISTS "${USRSCTP_SRC}/usrsctp.h")
	message(FATAL_ERROR "USRSCTP_SRC=${USRSCTP_SRC} has no usrsctp.h")
endif()
if(NOT USRSCTP_SRC)
	message(STATUS "usrsctp: Debian's library (scripts/usrsctp-src.sh makes a faster one possible)")
	find_library(USRSCTP_LIBRARY usrsctp REQUIRED)
	return()
endif()

file(GLOB USRSCTP_FILES ${USRSCTP_SRC}/*.c ${USRSCTP_SRC}/netinet/*.c ${USRSCTP_SRC}/netinet6/*.c)
add_library(usrsctp_fast STATIC ${USRSCTP_FILES})
# as its own CMakeLists.txt does for Linux, but for SCTP_DEBUG
target_compile_definitions(usrsctp_fast PRIVATE __Userspace__ _GNU_SOURCE SCTP_SIMPLE_ALLOCATOR
	SCTP_PROCESS_LEVEL_LOCKS INET INET6 HAVE_SYS_QUEUE_H HAVE_LINUX_IF_ADDR_H
	HAVE_LINUX_RTNETLINK_H HAVE_NETINET_IP_ICMP_H HAVE_STDATOMIC_H)
target_include_directories(usrsctp_fast PRIVATE ${USRSCTP_SRC} ${USRSCTP_SRC}/netinet)
target_include_directories(usrsctp_fast SYSTEM INTERFACE ${USRSCTP_SRC})
target_compile_options(usrsctp_fast PRIVATE -O3 -w -fno-strict-aliasing -fstack-protector-strong)
set_target_properties(usrsctp_fast PROPERTIES EXPORT_COMPILE_COMMANDS OFF)
unset(USRSCTP_LIBRARY CACHE)
set(USRSCTP_LIBRARY usrsctp_fast)
