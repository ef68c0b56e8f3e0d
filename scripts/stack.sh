#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# One small network on this machine: rtpengine, mediad, asd, a home Kamailio, one or two P-CSCFs with
# the module, the page's server. For demo.sh and the integration tests; an operator's own set-up is
# etc/ with systemd.
#
#   stack.sh new PREFIX [two]   makes a run folder with ports and configuration, prints its path
#   RUN=folder stack.sh up                 starts everything and waits until it works
#   RUN=folder stack.sh start|stop|restart|kill NAME...     NAME: rtpengine mediad asd core pcscf1 pcscf2 web
#   RUN=folder stack.sh down               stops everything; 1 when something had to be killed
#
# Environment for `new`: BUILD (build folder, default build/release), MODULE (folder of ims_ar.so,
# default the one in BUILD: a sanitizer build has none), ADDRESS (default 127.0.0.1),
# PORTS ("FIRST LAST", default "20000 29999"), DOMAIN, WEB (0: no page server).
set -u
ROOT=${ROOT:-$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)}
# shellcheck source=scripts/lib.sh
. "$ROOT/scripts/lib.sh"

RTP_PORTS=${RTP_PORTS:-200} # UDP ports of rtpengine
STOPPED=0

stack_ports() {
	# shellcheck disable=SC2086
	{
		free_port_into P_RTP $PORTS $RTP_PORTS && free_port_into P_MEDIA $PORTS 8 && free_port_into P_NG $PORTS &&
			free_port_into P_MRM $PORTS && free_port_into P_ASD $PORTS && free_port_into P_CORE $PORTS &&
			free_port_into P_SIP1 $PORTS && free_port_into P_WS1 $PORTS && free_port_into P_SIP2 $PORTS &&
			free_port_into P_WS2 $PORTS && free_port_into P_WEB $PORTS
	}
}

stack_write_asd() {
	cat >"$RUN/asd.conf" <<C
[asd]
name = asd-stack
metrics = $ADDRESS:$P_ASD
[front]
listen = unix:$RUN/asd.sock
[dcsf]
dcmf = mediad1 $ADDRESS:$P_MRM
[armf]
snapshots = $RUN/snapshots
[policy]
file = $RUN/policy.lua
dir = $ROOT/lua/ar
[store]
file = $RUN/asd.db
C
	mkdir -p "$RUN/snapshots"
	cp "$ROOT/lua/default.lua" "$RUN/policy.lua"
}

stack_write_mediad() {
	cat >"$RUN/mediad.conf" <<C
[mediad]
workers = 2
[control]
listen = $ADDRESS:$P_MRM
[media]
network = default/$ADDRESS
port = $P_MEDIA
[application]
scenes = $ROOT/webapp/scenes
webapp = $ROOT/webapp/dist
applications = $ROOT/lua/apps
[armf]
program = $BUILD/mediad/mediad-armf
platform = ${PLATFORM:-auto}
cache_dir = $RUN/shaders
C
}

stack_new() { # PREFIX [two]
	BUILD=$(readlink -f "${BUILD:-$ROOT/build/release}") ADDRESS=${ADDRESS:-127.0.0.1} PORTS=${PORTS:-20000 29999}
	MODULE=${MODULE:-$BUILD/kamailio-modules/ims_ar} DOMAIN=${DOMAIN:-home.example} WEB=${WEB:-0} TWO=0
	[ "${2:-}" = two ] && TWO=1
	SECRET=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
	run_folder "$1" && stack_ports || return 1
	WS1=ws://$ADDRESS:$P_WS1 WS2=ws://$ADDRESS:$P_WS2 MRM=http://$ADDRESS:$P_MRM PAGE=http://$ADDRESS:$P_WEB/
	[ $TWO = 1 ] || WS2=$WS1
	stack_write_asd && stack_write_mediad || return 1
	local v
	for v in RUN BUILD MODULE ADDRESS DOMAIN SECRET WEB TWO P_RTP P_MEDIA P_NG P_MRM P_ASD P_CORE P_SIP1 P_WS1 P_SIP2 P_WS2 \
		P_WEB WS1 WS2 MRM PAGE; do
		printf '%s=%q\n' $v "${!v}"
	done >"$RUN/env"
	chmod 600 "$RUN/env"
}

# ---------------------------------------------------------------- one process

kamailio_start() { # NAME CONFIG DEFINE...
	local name=$1 config=$2 defines=() d
	shift 2
	for d in "$@"; do defines+=(-A "$d"); done
	start "$name" kamailio -f "${KAMAILIO_ETC:-$ROOT/etc/kamailio}/$config" -DD -E -m 64 -M 8 -x tlsf -X tlsf \
		-L "$MODULE:/usr/lib/$(gcc -print-multiarch)/kamailio/modules" \
		-P "$RUN/$name.kpid" "${defines[@]}"
}

stack_start_core() {
	kamailio_start core core.cfg "CORE_SIP=udp:$ADDRESS:$P_CORE" "CORE_CTL=\"unix:$RUN/core.ctl\"" \
		"CORE_DOMAIN=\"$DOMAIN\""
}

stack_start_pcscf() { # NAME SIP-PORT WEBSOCKET-PORT
	kamailio_start "$1" pcscf.cfg "PCSCF_SIP=udp:$ADDRESS:$2" "PCSCF_TCP=tcp:$ADDRESS:$2" "PCSCF_WS=tcp:$ADDRESS:$3" \
		"PCSCF_HOME=\"sip:$ADDRESS:$P_CORE\"" "PCSCF_HOME_IP=\"$ADDRESS\"" "PCSCF_HOME_PORT=$P_CORE" \
		"PCSCF_CTL=\"unix:$RUN/$1.ctl\"" WITH_RTPENGINE "PCSCF_RTPENGINE=\"udp:$ADDRESS:$P_NG\"" \
		"IMS_AR_ASD=\"unix:$RUN/asd.sock\"" "IMS_AR_NAME=\"$1\"" "IMS_AR_SECRET=\"$SECRET\""
}

ng_answers() (
	exec 3<>"/dev/udp/$ADDRESS/$P_NG"
	printf '1 d7:command4:pinge' >&3
	# dd, because bash's read takes a datagram byte by byte and loses the rest
	case $(timeout 0.3 dd bs=64 count=1 <&3 2>/dev/null) in *pong*) ;; *) exit 1 ;; esac
)

kamailio_answers() { kamcmd -s "unix:$RUN/$1.ctl" core.uptime | grep -q uptime; }

# asd has found mediad, too
asd_answers() { curl -sf -m 3 "http://$ADDRESS:$P_ASD/metrics" | grep -q '^asd_dcmf_up{dcmf="mediad1"} 1' || ! alive mediad; }

# asd answers through the module: the whole chain Kamailio - asd stands
pcscf_answers() { kamcmd -s "unix:$RUN/$1.ctl" ims_ar.status | grep -q 'state: up'; }

stack_start() { # NAME
	[ "$STOPPED" = 0 ] || return 1
	! alive "$1" || { echo "stack.sh: $1 runs already" >&2; return 1; }
	case $1 in
	rtpengine)
		start rtpengine rtpengine --config-file="$ROOT/etc/rtpengine/rtpengine.conf" --interface="default/$ADDRESS" \
			--listen-ng="$ADDRESS:$P_NG" --port-min="$P_RTP" --port-max=$((P_RTP + RTP_PORTS - 1)) \
			--foreground --log-stderr --pidfile="$RUN/rtpengine.rpid" ${RTPENGINE_ARGS:-}
		;;
	mediad) start mediad "$BUILD/mediad/mediad" -c "$RUN/mediad.conf" ;;
	asd) start asd "$BUILD/asd/asd" -c "$RUN/asd.conf" ;;
	core) stack_start_core ;;
	pcscf1) stack_start_pcscf pcscf1 "$P_SIP1" "$P_WS1" ;;
	pcscf2) stack_start_pcscf pcscf2 "$P_SIP2" "$P_WS2" ;;
	web) start web node "$ROOT/webapp/serve.mjs" "$ADDRESS" "$P_WEB" "{\"ws\":\"$WS1\",\"domain\":\"$DOMAIN\"}" ;;
	*) echo "stack.sh: no process '$1'" >&2; return 2 ;;
	esac
}

stack_ready() { # NAME
	case $1 in
	rtpengine) wait_for 30 rtpengine ng_answers ;;
	mediad) wait_for 30 mediad curl -sf -m 3 --http2-prior-knowledge "$MRM/x-ims-ar/v1/status" ;;
	asd) wait_for 30 asd asd_answers ;;
	core) wait_for 30 core kamailio_answers core ;;
	pcscf1 | pcscf2) wait_for 30 "$1" pcscf_answers "$1" ;;
	web) wait_for 30 web curl -sf -m 3 "$PAGE" ;;
	esac || {
		echo "stack.sh: $1 does not work" >&2
		log_tail "$1" 15 >&2
		return 1
	}
}

stack_names() {
	echo rtpengine mediad asd core pcscf1
	[ "$TWO" = 0 ] || echo pcscf2
	[ "$WEB" = 0 ] || echo web
}

# What others ask for at their start comes first: Kamailio leaves an rtpengine alone for a minute
# when it does not answer.
stack_up() {
	local n rc=0
	stack_start rtpengine && stack_start mediad && stack_start asd && stack_start core || return 1
	[ "$WEB" = 0 ] || stack_start web || return 1
	stack_ready rtpengine || return 1
	stack_start pcscf1 || return 1
	[ "$TWO" = 0 ] || stack_start pcscf2 || return 1
	for n in $(stack_names); do stack_ready "$n" || return 1; done
	return $rc
}

# The parts that need nobody stop last.
stack_down() {
	local n rc=0
	for n in web pcscf2 pcscf1 core asd mediad rtpengine; do
		[ ! -f "$RUN/$n.pid" ] || stop "$n" || { echo "$n had to be killed" >&2; rc=1; }
	done
	stop_all
	return $rc
}

stack_main() {
	local command=${1:-} n rc=0
	[ $# -gt 0 ] && shift
	if [ "$command" = new ]; then
		stack_new "$@" && echo "$RUN"
		return
	fi
	[ -n "${RUN:-}" ] && [ -f "$RUN/env" ] || { echo "stack.sh: set RUN to a folder made by 'stack.sh new'" >&2; return 2; }
	# shellcheck disable=SC1091
	. "$RUN/env"
	# a signal may not fall between the start of a process and the note of its pid
	trap 'STOPPED=1' INT TERM HUP
	case $command in
	up) stack_up ;;
	down) stack_down ;;
	start) for n in "$@"; do stack_start "$n" && stack_ready "$n" || rc=1; done; return $rc ;;
	stop) for n in "$@"; do stop "$n" || rc=1; done; return $rc ;;
	restart) for n in "$@"; do stop "$n"; stack_start "$n" && stack_ready "$n" || rc=1; done; return $rc ;;
	kill) for n in "$@"; do kill_name "$n" KILL; wait_for 3 - eval "! alive $n"; done ;;
	*) sed -n '3,18s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; return 2 ;;
	esac
}

[ "${BASH_SOURCE[0]}" != "$0" ] || { stack_main "$@"; exit; }
