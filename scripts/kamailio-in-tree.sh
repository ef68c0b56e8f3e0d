#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Puts the module into a Kamailio source tree, as src/modules/ims_ar, with the part of common/ that it
# needs: kamailio-in-tree.sh KAMAILIO_SOURCE. Then, there:
#   make cfg && make modules modules=src/modules/ims_ar                                (5.6 to 6.x)
#   cmake -B build -DMODULE_GROUP_NAME="" -DINCLUDE_MODULES="tm sl pv rr ims_ar" &&
#       cmake --build build --target ims_ar                                            (6.1 and later)
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
[ $# = 1 ] && [ -f "$1/src/core/sr_module.h" ] || {
	echo "usage: kamailio-in-tree.sh KAMAILIO_SOURCE (a tree with src/core/sr_module.h)" >&2
	exit 2
}
dest=$1/src/modules/ims_ar
mkdir -p "$dest/common" "$dest/doc"
cd "$root/kamailio-modules/ims_ar"
cp ./*.c ./*.h Makefile CMakeLists.txt "$dest"
cp doc/* "$dest/doc"
cd "$root/common"
cp ./*.h "$dest/common"
cp ./*.c "$dest"
echo "$dest"
