#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# mediad as an operator and asd meet it: run.sh. Driven by curl, then by UEs with a real WebRTC stack;
# the scenes that they were sent go through the Khronos validator. Prints `ok NAME` or `not ok NAME`
# a line. Environment: BUILD (default build/release). As root in a network namespace of its own.
set -u
ROOT=$(cd "$(dirname "$0")/../../.." && pwd)
cd "$ROOT" || exit 2
BUILD=${BUILD:-build/release}
if [ "$(id -u)" = 0 ] && [ -z "${MEDIAD_IN_NETNS:-}" ] && unshare -n true 2>/dev/null; then
	MEDIAD_IN_NETNS=1
	export MEDIAD_IN_NETNS BUILD
	exec unshare -n sh -c 'ip link set lo up && exec "$@"' sh "$ROOT/tests/integration/mediad/run.sh" "$@"
fi
mediad=$BUILD/mediad/mediad
[ -x "$mediad" ] || { echo "not ok mediad: $mediad is not built"; exit 1; }
export PYTHONDONTWRITEBYTECODE=1
rc=0
# what waits half a minute for a UE's silence waits beside the others
said=$(mktemp)
trap 'rm -f "$said"' EXIT
python3 tests/integration/mediad/test_consent.py "$mediad" "$@" >"$said" 2>&1 &
waiting=$!
for t in tests/integration/mediad/test_*.py; do
	[ "$t" = tests/integration/mediad/test_consent.py ] || python3 "$t" "$mediad" "$@" || rc=1
done
wait $waiting || rc=1
cat "$said"
exit $rc
