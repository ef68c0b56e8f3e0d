# SPDX-License-Identifier: GPL-2.0-or-later
# Shell helpers shared by demo.sh, check.sh and the integration tests. Source it with ROOT set to
# the repository's root. bash only, and nothing that a bare Debian 12 lacks.
# shellcheck shell=bash

: "${ROOT:?set ROOT to the root of the repository before sourcing scripts/lib.sh}"

# ---------------------------------------------------------------- packages

PKG_build="gcc libc6-dev make cmake pkg-config dpkg-dev libevent-dev libnghttp2-dev libjansson-dev
	libinih-dev libsystemd-dev libsqlite3-dev libhiredis-dev liblua5.4-dev libssl-dev libusrsctp-dev
	libsrtp2-dev libvpx-dev libopenh264-dev libx264-dev libavcodec-dev libavutil-dev libyuv-dev libegl-dev libgles-dev
	libpng-dev libturbojpeg0-dev libcglm-dev libseccomp-dev"
PKG_run="kamailio kamailio-extra-modules kamailio-websocket-modules kamailio-tls-modules
	rtpengine-daemon curl iproute2 procps libegl-mesa0 libgl1-mesa-dri"
PKG_demo="$PKG_run chromium fonts-dejavu-core"
PKG_test="$PKG_demo libcmocka-dev openssl sip-tester python3 lua5.4 lua-check redis-server git jq clang-format clang-tidy cppcheck
	universal-ctags iproute2 ncat util-linux kamailio-ims-modules kamailio-presence-modules
	kamailio-sqlite-modules kamailio-utils-modules kamailio-xml-modules dnsmasq-base
	assimp-testmodels libassimp-dev ffmpeg gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good"
PKG_page="ca-certificates"
NODE_MIN=18

pkg_missing() { # PACKAGE...: prints those that are not installed
	local p have
	have=" $(dpkg-query -W -f '${Package}/${db:Status-Status} ' "$@" 2>/dev/null)"
	for p in "$@"; do
		case $have in *" $p/installed "*) ;; *) echo "$p" ;; esac
	done
}

node_is_new_enough() {
	local v
	v=$(node --version 2>/dev/null) || return 1
	v=${v#v}
	[ "${v%%.*}" -ge "$NODE_MIN" ] 2>/dev/null && command -v npm >/dev/null
}

# Debian starts a daemon as soon as its package is installed; ours are started by hand, with
# their own configuration and ports.
apt_without_services() {
	local guard=/usr/sbin/policy-rc.d mine=0 rc
	if [ ! -e $guard ]; then
		printf '#!/bin/sh\nexit 101\n' >$guard && chmod 755 $guard && mine=1
	fi
	DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 "$@"
	rc=$?
	[ $mine = 0 ] || rm -f $guard
	return $rc
}

# Installs the sets named (build run demo test page) as far as they are missing. A newer Node.js that is
# there already is used; else Debian's.
install_packages() { # SET...
	local set list="" missing
	for set in "$@"; do
		local var=PKG_$set
		[ -n "${!var:-}" ] || { echo "install_packages: no set '$set'" >&2; return 2; }
		list="$list ${!var}"
	done
	case " $* " in *" demo "* | *" test "* | *" page "*) node_is_new_enough || list="$list nodejs npm" ;; esac
	# shellcheck disable=SC2086
	missing=$(pkg_missing $list)
	[ -n "$missing" ] || return 0
	# shellcheck disable=SC2086
	echo "installing:" $missing
	[ "$(id -u)" = 0 ] || { echo "these packages are missing and only root can install them" >&2; return 1; }
	apt-get -q update || return 1
	# shellcheck disable=SC2086
	apt_without_services install --no-install-recommends $missing
}

# ---------------------------------------------------------------- building

# Under sudo, what is built in the checkout belongs to the checkout's owner, not to root.
as_owner() {
	local owner home
	owner=$(stat -c %U "$ROOT")
	if [ "$(id -u)" != 0 ] || [ "$owner" = root ] || [ "$owner" = UNKNOWN ]; then
		"$@"
	else
		home=$(getent passwd "$owner" | cut -d: -f6)
		runuser -u "$owner" -- env HOME="$home" "$@"
	fi
}

# asd, mediad and Kamailio's module, without their tests, which need more packages.
build_programs() { # FOLDER [CMAKE ARGS]
	local dir=$1 src=
	shift
	case " $* " in
	*" -DIMS_AR_MODULE=OFF "*) ;;
	*) src=$(as_owner "$ROOT/scripts/kamailio-src.sh") || return 1 ;;
	esac
	as_owner "$ROOT/scripts/usrsctp-src.sh" || echo "no source of usrsctp: going on with Debian's library, which is slower"
	as_owner cmake --preset release -B "$dir" -DIMS_AR_TESTS=OFF -DKAMAILIO_SRC="$src" "$@" &&
		as_owner cmake --build "$dir" -j"$(nproc)"
}

# npm ci in every folder with a lock file of ours (or in webapp only), when that file changed since the
# last time.
npm_install_all() { # [webapp]
	local lock dir sum
	for lock in "$ROOT"/webapp/package-lock.json "$ROOT"/tests/*/package-lock.json; do
		[ -f "$lock" ] || continue
		[ "${1:-}" != webapp ] || [ "$lock" = "$ROOT/webapp/package-lock.json" ] || continue
		dir=$(dirname "$lock")
		sum=$(sha256sum <"$lock")
		[ "$(cat "$dir/node_modules/.installed-lock" 2>/dev/null)" != "$sum" ] || continue
		(cd "$dir" && as_owner npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) || return 1
		echo "$sum" | as_owner tee "$dir/node_modules/.installed-lock" >/dev/null
	done
}

# Bundles the page into webapp/dist when a source is newer.
webapp_build() {
	local out=$ROOT/webapp/dist/page.js
	if [ -s "$out" ] && [ -z "$(find "$ROOT/webapp/src" "$ROOT/webapp/build.mjs" "$ROOT/webapp/package-lock.json" -newer "$out" -print -quit)" ]; then
		return 0
	fi
	(cd "$ROOT/webapp" && as_owner node build.mjs)
}

# ---------------------------------------------------------------- ports

_ports_in_use() { # " HEX HEX ": taken by a TCP or UDP socket of any state
	echo " $(sed -nE 's/^ *[0-9]+: [0-9A-F]+:([0-9A-F]+) .*/\1/p' /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6 \
		2>/dev/null | tr '\n' ' ')"
}

port_is_free() { # PORT [LIST]: LIST of _ports_in_use, for many ports
	local hex
	printf -v hex '%04X' "$1"
	case ${2-$(_ports_in_use)} in *" $hex "*) return 1 ;; esac
}

# Ports that nobody uses and that this shell has not given out yet.
PORTS_GIVEN=" "
free_port_into() { # VAR [FIRST LAST [COUNT]]: COUNT ports in a row, the first goes into VAR
	local _first=${2:-20000} _last=${3:-29999} _count=${4:-1} _try _p _i _ok _used
	_used=$(_ports_in_use)
	for ((_try = 0; _try < 500 && _last - _first + 1 >= _count; _try++)); do
		_p=$((_first + (RANDOM * 32768 + RANDOM) % (_last - _first - _count + 2))) _ok=1
		for ((_i = _p; _i < _p + _count; _i++)); do
			case "$PORTS_GIVEN" in *" $_i "*) _ok=0 ;; esac
			[ $_ok = 1 ] && port_is_free "$_i" "$_used" || { _ok=0; break; }
		done
		[ $_ok = 1 ] || continue
		for ((_i = _p; _i < _p + _count; _i++)); do PORTS_GIVEN="$PORTS_GIVEN$_i "; done
		printf -v "$1" '%s' "$_p"
		return 0
	done
	echo "no $_count free ports between $_first and $_last" >&2
	return 1
}

# ---------------------------------------------------------------- processes

# A run folder ($RUN) holds NAME.pid ("pid start-time"), NAME.log and sockets. Short path: a Unix
# socket's name has 107 characters.
run_folder() { # PREFIX: makes one and sets RUN
	RUN=$(mktemp -d "${TMPDIR:-/tmp}/$1.XXXXXX") && chmod 755 "$RUN" && mkdir -p "$RUN/log"
}

_start_time() { # PID: field 22 of its stat, behind the name in brackets
	local s
	s=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	s=${s##*) }
	# shellcheck disable=SC2086
	set -- $s
	[ "$1" != Z ] && echo "${20}"
}

start() { # NAME COMMAND...: in the background, in a session of its own, output to a log
	local name=$1 pid
	shift
	setsid "$@" >>"$RUN/log/$name.log" 2>&1 </dev/null &
	pid=$!
	disown "$pid" 2>/dev/null
	echo "$pid $(_start_time $pid)" >"$RUN/$name.pid"
}

pid_of() { # NAME
	local pid since
	read -r pid since 2>/dev/null <"$RUN/$1.pid" || return 1
	[ -n "$since" ] && [ "$(_start_time "$pid")" = "$since" ] && echo "$pid"
}

alive() { pid_of "$1" >/dev/null; }

kill_name() { # NAME SIGNAL
	local pid
	pid=$(pid_of "$1") && kill -"$2" "$pid" 2>/dev/null
}

stop() { # NAME [SECONDS]: TERM, then KILL; returns when it is gone. 1: it had to be killed
	local pid i limit=${2:-20} rc=0
	pid=$(pid_of "$1") || { rm -f "$RUN/$1.pid"; return 0; }
	kill -TERM "$pid" 2>/dev/null
	for ((i = 0; i < limit * 20; i++)); do
		alive "$1" || break
		sleep 0.05
	done
	if alive "$1"; then
		# the whole session: a parent that hangs must not leave its children
		kill -KILL -- "-$pid" 2>/dev/null
		rc=1
		for ((i = 0; i < 100; i++)); do
			alive "$1" || break
			sleep 0.05
		done
	fi
	rm -f "$RUN/$1.pid"
	return $rc
}

stop_all() { # newest first
	local f
	[ -n "${RUN:-}" ] && [ -d "$RUN" ] || return 0
	# shellcheck disable=SC2045
	for f in $(ls -t "$RUN"/*.pid 2>/dev/null); do
		stop "$(basename "$f" .pid)"
	done
}

# wait_for SECONDS NAME COMMAND...: until the command succeeds; gives up at once when process NAME
# is gone ('-': no process), and when a trap has set STOPPED.
wait_for() {
	local limit=$1 name=$2 i
	shift 2
	for ((i = 0; i < limit * 20 && ${STOPPED:-0} == 0; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		[ "$name" = - ] || alive "$name" || return 1
		sleep 0.05
	done
	return 1
}

log_tail() { # NAME [LINES]
	[ -s "$RUN/log/$1.log" ] && tail -n "${2:-15}" "$RUN/log/$1.log" | sed "s/^/    $1 | /"
}
