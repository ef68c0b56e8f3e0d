#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The module in an IMS that others configured: Debian's example P-, I- and S-CSCF with DNS and an
# HSS, in network, mount and process namespaces of their own.
#
# usage: sudo run.sh [NAME-PREFIX...]     only the cases whose name starts so, and what they need
# Environment: BUILD  build folder with the module, asd and mediad (default build/release)
#              KEEP=1 leave the run folder (logs, configurations, SIPp's messages) in place
set -u
HERE=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
ROOT=$(cd "$HERE/../../.." && pwd)
BUILD=${BUILD:-$ROOT/build/release}
BUILD=$(readlink -m "$BUILD")
LIMIT=${LIMIT:-600} # to give up; a busy machine takes 190 s

fail() {
	echo "not ok ims-setup $*"
	exit 1
}

[ "$(id -u)" = 0 ] || fail "run as root: the test makes namespaces"
for tool in kamailio kamcmd sipp dnsmasq python3 unshare ip curl rtpengine; do
	command -v "$tool" >/dev/null || PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null ||
		fail "$tool is missing: ./check.sh installs what the tests need"
done

RUN=$(mktemp -d /tmp/ims-ar-ims.XXXXXX) || fail "no temporary folder"
chmod 755 "$RUN"
child=
cleanup() {
	trap - EXIT INT TERM
	# unshare ignores TERM; with it goes the first process of the namespace, and so all of them
	[ -z "$child" ] || kill -KILL "$child" 2>/dev/null
	[ -z "$child" ] || wait "$child" 2>/dev/null
	if [ "${KEEP:-0}" = 1 ]; then echo "left in $RUN"; else rm -rf "$RUN"; fi
}
trap 'cleanup; exit 130' INT TERM
trap cleanup EXIT

# Images without /usr/share/doc: the examples are still in the package.
EXAMPLES=/usr/share/doc/kamailio/examples/ims
if [ ! -f $EXAMPLES/pcscf/kamailio.cfg ]; then
	(cd "$RUN" && apt-get -q download kamailio >apt.log 2>&1 && dpkg-deb -x kamailio_*.deb deb) ||
		fail "no $EXAMPLES, and apt-get download kamailio failed"
	EXAMPLES=$RUN/deb$EXAMPLES
fi
export IMS_EXAMPLES=$EXAMPLES

ulimit -c 0
echo "nameserver 127.0.0.1" >"$RUN/resolv.conf"
# shellcheck disable=SC2016
unshare -n -m -p -f --kill-child --mount-proc sh -c '
	ip link set lo up && mount --bind "$1" /etc/resolv.conf && shift && exec timeout -k 5 "$@"' \
	sh "$RUN/resolv.conf" "$LIMIT" python3 "$HERE/test_ims.py" "$RUN" "$BUILD" "$@" </dev/null &
child=$!
wait "$child"
rc=$?
child=
[ $rc != 124 ] || fail "not done within $LIMIT s"
exit $rc
