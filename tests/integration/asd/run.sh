#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# asd as a whole: run.sh [test...]
#
# First against a mediad to order (tests/unit/asd/fake_mediad), then with the real one. Prints
# `ok NAME` or `not ok NAME reason` a line; fails when one failed. Environment: BUILD (default
# build/debug). As root in a network namespace of its own.
set -u
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../../.." || exit 2
BUILD=${BUILD:-build/debug}
if [ "$(id -u)" = 0 ] && [ -z "${ASD_IN_NETNS:-}" ] && unshare -n true 2>/dev/null; then
	ASD_IN_NETNS=1
	export ASD_IN_NETNS BUILD
	exec unshare -n sh -c 'ip link set lo up && exec "$@"' sh "$here/run.sh" "$@"
fi
asd=$BUILD/asd/asd fake=$BUILD/tests/unit/asd/fake_mediad mediad=$BUILD/mediad/mediad
for p in "$asd" "$fake" "$mediad"; do
	[ -x "$p" ] || { echo "not ok asd: $p is not built"; exit 1; }
done
export PYTHONDONTWRITEBYTECODE=1
rc=0
python3 "$here/test_asd.py" "$asd" "$fake" "$@" || rc=1
python3 "$here/test_daemon.py" "$asd" "$fake" "$@" || rc=1
python3 "$here/test_policy.py" "$asd" "$fake" "$@" || rc=1
python3 "$here/test_operator.py" "$asd" "$fake" "$@" || rc=1
python3 "$here/test_armf.py" "$asd" "$fake" "$@" || rc=1
python3 "$here/test_real.py" "$asd" "$mediad" "$@" || rc=1
python3 "$here/test_share.py" "$asd" "$fake" "$mediad" "$@" || rc=1
exit $rc
