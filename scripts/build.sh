#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# For an installation: installs what a build needs from Debian, builds asd, mediad and Kamailio's
# module without their tests, and the UE's page. Safe to run twice; installs nothing of ours.
set -u
ROOT=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
cd "$ROOT" || exit 2
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

usage() {
	cat <<'U'
usage: sudo scripts/build.sh [--no-install] [--no-module] [FOLDER]
  FOLDER        where to build (default build/demo, which demo.sh uses too)
  --no-install  the Debian packages are there already; then root is not needed
  --no-module   without Kamailio's module, for a Kamailio that is not Debian's
                (scripts/kamailio-in-tree.sh) or a host that has none
Exit: 0 built, 1 failed, 2 wrong use. Then: cmake --install FOLDER
U
}

dir='' install=1 module=ON
while [ $# -gt 0 ]; do
	case $1 in
	--no-install) install=0 ;;
	--no-module) module=OFF ;;
	-h | --help) usage; exit 0 ;;
	-*) usage >&2; exit 2 ;;
	*) [ -z "$dir" ] || { usage >&2; exit 2; }; dir=$1 ;;
	esac
	shift
done
dir=${dir:-build/demo}
[ "$(id -u)" = 0 ] || [ $install = 0 ] || { echo "build.sh: run as root (sudo scripts/build.sh), or with --no-install" >&2; exit 2; }
if [ $install = 1 ]; then
	sets="build page"
	[ $module = OFF ] || sets="$sets run"
	# shellcheck disable=SC2086
	install_packages $sets || exit 1
fi
build_programs "$dir" -DIMS_AR_MODULE=$module && npm_install_all webapp && webapp_build || exit 1
echo "built; to install: sudo cmake --install $dir"
