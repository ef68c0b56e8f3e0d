#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# sudo ./demo.sh: an AR call between two real WebRTC UEs on this machine, each of its 14 steps with
# its evidence. Installs what is needed, builds, starts everything on loopback, stops it again.
set -u
ROOT=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
cd "$ROOT" || exit 2
# shellcheck source=scripts/stack.sh
. scripts/stack.sh

usage() {
	cat <<'U'
usage: sudo ./demo.sh [--keep] [--address ADDRESS] [--out FOLDER] [--no-install]
  --keep      leave it running and say how to take part in a browser; Ctrl-C ends it
  --address   listen on this address instead of 127.0.0.1 (to take part from other machines)
  --out       where pictures and scenes go (default: demo-out)
  --no-install  the packages are there already
Environment: BUILD, a build folder to use instead of building build/demo.
Exit: 0 all evidence held, 1 some did not, 2 could not run.
U
}

keep='' install=1 OUT=$ROOT/demo-out ADDRESS=127.0.0.1
while [ $# -gt 0 ]; do
	case $1 in
	--keep) keep=keep ;;
	--address | --out)
		[ $# -ge 2 ] || { usage >&2; exit 2; }
		[ "$1" = --out ] && OUT=$2 || ADDRESS=$2
		shift
		;;
	--no-install) install=0 ;;
	-h | --help) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
	shift
done
[ "$(id -u)" = 0 ] || [ $install = 0 ] || { echo "demo.sh: run as root (sudo ./demo.sh): it installs packages" >&2; exit 2; }

if [ "$ADDRESS" != 127.0.0.1 ] && { [[ $ADDRESS == *:* ]] || ! ip -o addr show | grep -qF " $ADDRESS/"; }; then
	echo "demo.sh: --address $ADDRESS: want an IPv4 address of this machine" >&2
	exit 2
fi

RUN='' child='' log='' rc=1 t_all=$EPOCHREALTIME
seconds_since() { # EPOCHREALTIME: "1.2"
	local d=$((${EPOCHREALTIME/./} - ${1/./}))
	printf '%d.%d' $((d / 1000000)) $((d % 1000000 / 100000))
}

group_gone() { ! kill -0 -- "-$1" 2>/dev/null; }

cleanup() {
	trap '' INT TERM HUP
	# a process group of its own: what an interrupted apt or make has started goes along
	if [ -n "$child" ]; then
		kill -TERM -- "-$child" 2>/dev/null
		wait_for 10 - group_gone "$child"
		kill -KILL -- "-$child" 2>/dev/null
		wait "$child" 2>/dev/null
	fi
	[ -z "$log" ] || rm -f "$log"
	if [ -n "$RUN" ]; then
		stack_down
		[ $rc = 0 ] || { mkdir -p "$OUT" && rm -rf "$OUT/log" && cp -r "$RUN/log" "$OUT/log"; }
		rm -rf "$RUN"
	fi
	# under sudo what we leave in the checkout belongs to its owner
	[ "$OUT" != "$ROOT/demo-out" ] || [ ! -d "$OUT" ] || chown -R --reference="$ROOT" "$OUT"
}
trap cleanup EXIT
trap 'rc=0; exit 130' INT
trap 'rc=0; exit 143' TERM HUP

in_background() { # COMMAND...: its process group is in child
	set -m
	"$@" &
	child=$!
	set +m
}

# What a long step is at: on a terminal in its own line, once a second; else now and then a line.
progress() { # TEXT LOG START TICK
	local last
	last=$(tail -n 1 "$2" 2>/dev/null | tr -cd '[:print:]')
	if [ -t 1 ]; then
		printf '\r%-10s  %-62.62s  %6s s' "$1" "${last:-...}" "$(seconds_since "$3")"
	elif [ $(($4 % 20)) = 0 ]; then
		printf '\n            %-62.62s  %6s s' "$last" "$(seconds_since "$3")"
		broken=1
	fi
}

watch_child() { # NAME LOG START
	local tick=0
	while kill -0 "$child" 2>/dev/null; do
		# short steps are over before the first look
		[ $tick -lt 3 ] && sleep 0.2 || { progress "$1" "$2" "$3" $((tick - 2)); sleep 1; }
		tick=$((tick + 1))
	done
}

# A step of the preparation: its name at once, then the seconds it took; its output only on failure.
prepare() { # NAME WHAT COMMAND...
	local name=$1 what=$2 t0=$EPOCHREALTIME broken=0
	shift 2
	log=$(mktemp "${TMPDIR:-/tmp}/ims-ar-demo-log.XXXXXX")
	printf '%-10s  %-62s  ' "$name" "$what"
	in_background "$@" >"$log" 2>&1 </dev/null
	watch_child "$name" "$log" "$t0"
	if wait "$child"; then
		child=''
		[ ! -t 1 ] || printf '\r%-10s  %-62s  ' "$name" "$what"
		[ $broken = 0 ] || printf '\n%-10s  %-62s  ' "$name" "$what"
		printf '%6s s\n' "$(seconds_since "$t0")"
		rm -f "$log"
		log=''
	else
		child=''
		printf 'FAILED\n'
		tail -30 "$log" | sed 's/^/    | /'
		echo "demo.sh: $name failed; the whole log: $log" >&2
		log=''
		exit 2
	fi
}

page() { npm_install_all && webapp_build; }

echo "ims-ar: augmented reality calls for IMS networks. The demo's call, on $ADDRESS."
echo
[ $install = 0 ] || prepare packages "what Debian has: Kamailio, rtpengine, Chromium, libraries" install_packages build run demo
# a folder of its own: without the tests
[ -n "${BUILD:-}" ] || prepare build "asd, mediad and Kamailio's module (build/demo)" build_programs build/demo
prepare page "the UE's page and its npm packages (webapp/dist)" page
BUILD=${BUILD:-$ROOT/build/demo} WEB=1
stack_new ims-ar-demo two || exit 2
# what Chromium leaves behind when it is stopped goes with the run folder
export TMPDIR=$RUN
in_background node scripts/demo/demo.mjs "$RUN" "$OUT" $keep
wait "$child"
rc=$?
child=''
echo "whole run: $(seconds_since "$t_all") s"
exit $rc
