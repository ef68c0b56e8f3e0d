#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# docs.sh ASD REPOSITORY: docs/policy.md in an empty folder, as a reader would follow it, with the real
# asd. Every fenced block is written to the file it names and then used, or is a console session, every
# command of which is run and compared. (Those of kamcmd need a network: check_docs.py runs them.) What
# is no such block, and a block that nothing uses, is an error. Every match and action is in the page.
set -u
program=$1 repo=$2 doc=${3:-$2/docs/policy.md}
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 2
bad=0 files=0 commands=0 unused=''

wrong() { printf '%s\n' "$*"; bad=1; }
asd() { "$program" "$@"; }
# How much memory a version takes differs from build to build.
same() { [ "$(sed 's/[0-9]* KiB/N KiB/' <<<"$1")" = "$(sed 's/[0-9]* KiB/N KiB/' <<<"$2")" ]; }

run() { # COMMAND WANT
	local got
	commands=$((commands + 1))
	case $1 in
	'kamcmd '*) return ;;
	'asd '*) ;;
	*) wrong "not a command of this page: $1" && return ;;
	esac
	got=$(eval "$1" 2>&1)$'\n'
	for f in $unused; do # what it reads: its arguments, and what these name
		case "$1 $(cat ./*.lua)" in *"$f"* | *"--test ."*) unused=${unused/"$f"/} ;; esac
	done
	same "$got" "$2" && return
	wrong "not as documented: $1"
	diff <(printf %s "$2") <(printf %s "$got")
}

# A session: lines with "$ " are commands, the others what they print.
session() {
	local want='' cmd='' line
	while IFS= read -r line; do
		case $line in
		'$ '*)
			[ -z "$cmd" ] || run "$cmd" "$want"
			cmd=${line#'$ '} want=''
			;;
		*) want+=$line$'\n' ;;
		esac
	done
	if [ -n "$cmd" ]; then run "$cmd" "$want"; else wrong 'a session without a command'; fi
}

use_file() { # NAME KIND: what can be said of it at once
	files=$((files + 1))
	unused+=" $1"
	case $1 in
	'') wrong "a $2 block without a file name" ;;
	policy.lua)
		out=$(asd --check policy.lua) || wrong "$out"
		luacheck -q --no-color --config "$repo/lua/.luacheckrc" policy.lua >out 2>&1 || wrong "$(cat out)"
		unused=${unused/ policy.lua/}
		;;
	asd.conf)
		printf '[policy]\nfile = policy.lua\n' | cat - asd.conf >whole.conf
		asd -c whole.conf --check "$dir/first.lua" >out 2>&1 || wrong "asd.conf: $(cat out)"
		unused=${unused/ asd.conf/}
		;;
	records.json) jq -e .record.caller records.json >/dev/null || wrong "$1"; unused=${unused/ records.json/} ;;
	*.lua | *.json | *.list | *.map | *.sip) ;; # a session is to use it
	*) wrong "what is $1 for?" ;;
	esac
}

command -v luacheck >/dev/null || wrong 'luacheck is not installed'
kind='' name='' body=''
while IFS= read -r line; do
	if [ -z "$kind" ]; then
		case $line in '```'*)
			[[ $line =~ ^'```'([a-z]+)\ ?(.*)$ ]] || { wrong "not a block: $line" && continue; }
			kind=${BASH_REMATCH[1]} name=${BASH_REMATCH[2]} body=''
			;;
		'    '[a-z{]*) wrong "a block that is not fenced: $line" ;;
		esac
	elif [ "$line" != '```' ]; then
		body+=$line$'\n'
	else
		if [ "$kind" = console ]; then
			session <<<"${body%$'\n'}"
		else
			printf %s "$body" >"${name:-nameless}"
			[ -e first.lua ] || cp "${name:-nameless}" first.lua
			use_file "$name" "$kind"
		fi
		kind=''
	fi
done <"$doc"

[ -z "$kind" ] || wrong 'the last block does not end'
[ -z "${unused// /}" ] || wrong "no session uses:$unused"
[ "$files" -ge 20 ] && [ "$commands" -ge 12 ] || wrong "found only $files files, $commands commands"
for f in $(sed -n 's/^\(function \)\?M\.\([a-z_]*\)\( =\|(\).*/\2/p' "$repo/lua/ar/match.lua"); do
	[ "$f" = check ] || grep -q "\`m\.$f" "$doc" || wrong "m.$f is not in docs/policy.md"
done
for f in $(sed -n 's/^function M\.\([a-z_]*\)(.*/\1/p' "$repo/lua/ar/action.lua"); do
	case $f in check_*) continue ;; esac
	grep -q "\`act\.$f" "$doc" || wrong "act.$f is not in docs/policy.md"
done
[ "$bad" = 0 ] && echo "$files files and $commands commands are as documented"
exit "$bad"
