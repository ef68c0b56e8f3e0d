#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Fetches the source of exactly the installed Kamailio package into
# .cache/kamailio-<version>/ and prints the folder of its source tree.
#
# Kamailio has no -dev package; a module needs the headers of the same point release. A bare Debian
# has no source entry, so apt gets a sources list and a lists folder of its own: nothing under
# /etc/apt or /var/lib/apt is read for sources or written. Safe to run twice; the second run only
# prints. Environment: KAMAILIO_MIRROR (default: the archive that the machine's apt uses).
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)

die() {
	echo "kamailio-src.sh: $*" >&2
	exit 1
}

version=$(dpkg-query -W -f '${source:Version}' kamailio 2>/dev/null) && [ -n "$version" ] ||
	die "package kamailio is not installed: apt-get install kamailio"
upstream=$(printf '%s' "$version" | sed 's/^[0-9]*://; s/-[^-]*$//; s/[+~].*$//')
cache=$root/.cache/kamailio-$version
tree=$cache/kamailio-$upstream

if [ -f "$tree/src/core/sr_module.h" ]; then
	echo "$tree"
	exit 0
fi
command -v dpkg-source >/dev/null || die "dpkg-source is missing: apt-get install dpkg-dev"

# The archives that the machine itself uses, so that a local mirror is honoured.
mirrors() {
	cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
		sed -n 's/^deb\(-src\)\{0,1\} *\(\[[^]]*\] *\)\{0,1\}\(http[s]*:[^ ]*\).*/\3/p'
	cat /etc/apt/sources.list.d/*.sources 2>/dev/null | sed -n 's/^URIs: *\([^ ]*\).*/\1/p'
}
url=${KAMAILIO_MIRROR:-$(mirrors | grep '/debian/*$' | head -n 1)}
[ -n "$url" ] || die "apt has no Debian archive over HTTP: set KAMAILIO_MIRROR to one"
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
apt source --only-source "kamailio=$version" >>"$cache/apt.log" 2>&1 ||
	die "no source of kamailio $version at $url, see $cache/apt.log (set KAMAILIO_MIRROR?)"
[ -f "$tree/src/core/sr_module.h" ] || die "unexpected layout in $cache: no $tree"
rm -rf "$cache/lists" "$cache/archives"
echo "$tree"
