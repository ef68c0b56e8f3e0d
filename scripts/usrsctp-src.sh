#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The source of the installed libusrsctp-dev, for cmake/ImsArUsrsctp.cmake; prints where it is. The build goes on with
# Debian's library where there is none, so that this may fail.
exec "$(dirname "$0")/debian-src.sh" libusrsctp-dev libusrsctp usrsctplib/usrsctp.h
