#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# debian-src.sh PACKAGE SOURCE FILE: fetches the source of exactly the installed PACKAGE into
# .cache/SOURCE-<version>/ and prints the folder of its source tree, which has FILE.
#
# A bare Debian has no source entry, so apt gets a sources list and a lists folder of its own:
# nothing under /etc/apt or /var/lib/apt is read for sources or written. Safe to run twice; the
# second run only prints. Environment: DEBIAN_MIRROR (default: the archive that the machine's apt uses).
set -eu

[ $# = 3 ] || { sed -n '3,4s/^# //p' "$0" >&2; exit 2; }
package=$1 source=$2 file=$3
root=$(cd "$(dirname "$0")/.." && pwd)

die() {
	echo "debian-src.sh: $*" >&2
	exit 1
}

version=$(dpkg-query -W -f '${source:Version}' "$package" 2>/dev/null) && [ -n "$version" ] ||
	die "package $package is not installed: apt-get install $package"
upstream=$(printf '%s' "$version" | sed 's/^[0-9]*://; s/-[^-]*$//; s/[+~].*$//')
cache=$root/.cache/$source-$version

# The folder is called as upstream called it: SOURCE-VERSION, or with Debian's suffix to it.
tree_of() {
	for t in "$cache/$source-$upstream" "$cache/$source"-*; do
		[ ! -f "$t/$file" ] || { echo "$t"; return 0; }
	done
	return 1
}
tree_of && exit 0
command -v dpkg-source >/dev/null || die "dpkg-source is missing: apt-get install dpkg-dev"

# The archives that the machine itself uses, so that a local mirror is honoured.
mirrors() {
	cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
		sed -n 's/^deb\(-src\)\{0,1\} *\(\[[^]]*\] *\)\{0,1\}\(http[s]*:[^ ]*\).*/\3/p'
	cat /etc/apt/sources.list.d/*.sources 2>/dev/null | sed -n 's/^URIs: *\([^ ]*\).*/\1/p'
}
url=${DEBIAN_MIRROR:-$(mirrors | grep '/debian/*$' | head -n 1)}
[ -n "$url" ] || die "apt has no Debian archive over HTTP: set DEBIAN_MIRROR to one"
security=$(mirrors | grep '/debian-security/*$' | head -n 1)
suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
[ -n "$suite" ] || die "/etc/os-release names no suite"

mkdir -p "$cache/lists/partial" "$cache/archives/partial"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
signed=
[ -f "$keyring" ] && signed="[signed-by=$keyring] "
{
	echo "deb-src $signed$url $suite main"
	echo "deb-src $signed$url $suite-updates main"
	case $version in
	*deb[0-9]*u[0-9]*) [ -z "$security" ] || echo "deb-src $signed$security $suite-security main" ;;
	esac
} >"$cache/sources.list"

apt() {
	apt-get -q -o Dir::Etc::SourceList="$cache/sources.list" -o Dir::Etc::SourceParts=- \
		-o Dir::State::Lists="$cache/lists" -o Dir::Cache::Archives="$cache/archives" \
		-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
		-o APT::Sandbox::User="$(id -un)" "$@"
}

cd "$cache"
apt update >"$cache/apt.log" 2>&1 || die "apt-get update failed, see $cache/apt.log"
apt source --only-source "$source=$version" >>"$cache/apt.log" 2>&1 ||
	die "no source of $source $version at $url, see $cache/apt.log (set DEBIAN_MIRROR?)"
tree_of || die "unexpected layout in $cache: no $file"
rm -rf "$cache/lists" "$cache/archives"
