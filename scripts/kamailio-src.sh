#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Fetches the source of exactly the installed Kamailio package into .cache/kamailio-<version>/ and
# prints the folder of its source tree: Kamailio has no -dev package, and a module needs the headers
# of the same point release. Environment: KAMAILIO_MIRROR, else as scripts/debian-src.sh.
DEBIAN_MIRROR=${KAMAILIO_MIRROR:-${DEBIAN_MIRROR:-}}
export DEBIAN_MIRROR
exec "$(dirname "$0")/debian-src.sh" kamailio kamailio src/core/sr_module.h
