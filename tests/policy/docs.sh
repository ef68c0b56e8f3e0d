#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# docs.sh POLICY_CLI REPOSITORY: every snippet of docs/policy.md is written to the file it names or,
# if it is a console session, run and compared; and every match and action is in the document.
set -u
cli=$1 repo=$2
doc=$repo/docs/policy.md
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 2
bad=0 files=0 sessions=0

asd() { "$cli" --policy policy.lua "$@"; }

# A session: lines with "$ " are commands, the others what they print.
session() {
	local want='' cmd='' line got
	while IFS= read -r line; do
		case $line in '$ '*) cmd=${line#'$ '} ;; *) want+=$line$'\n' ;; esac
	done
	got=$(eval "$cmd" 2>&1)$'\n'
	# How much memory a version takes differs from build to build.
	if [ "$(sed 's/[0-9]* KiB/N KiB/' <<<"$got")" != "$(sed 's/[0-9]* KiB/N KiB/' <<<"$want")" ]; then
		printf 'not as documented: %s\n' "$cmd"
		diff <(printf %s "$want") <(printf %s "$got")
		return 1
	fi
}

kind='' name='' body=''
while IFS= read -r line; do
	if [ -z "$kind" ]; then
		if [[ $line =~ ^'```'([a-z]+)\ ?(.*)$ ]]; then
			kind=${BASH_REMATCH[1]} name=${BASH_REMATCH[2]} body=''
		fi
	elif [ "$line" != '```' ]; then
		body+=$line$'\n'
	else
		if [ "$kind" = console ]; then
			sessions=$((sessions + 1))
			session <<<"${body%$'\n'}" || bad=1
		else
			files=$((files + 1))
			[ -n "$name" ] || { echo "a snippet without a file name: $body"; bad=1; }
			printf %s "$body" >"$name"
			if [ "$name" = policy.lua ]; then
				asd --check policy.lua >out || { cat out; bad=1; }
			fi
		fi
		kind=''
	fi
done <"$doc"

[ "$files" -ge 10 ] && [ "$sessions" -ge 6 ] || { echo "found only $files files, $sessions sessions"; bad=1; }
for f in $(sed -n 's/^\(function \)\?M\.\([a-z_]*\)\( =\|(\).*/\2/p' "$repo/lua/ar/match.lua"); do
	[ "$f" = check ] || grep -q "\`m\.$f" "$doc" || { echo "m.$f is not in docs/policy.md"; bad=1; }
done
for f in $(sed -n 's/^function M\.\([a-z_]*\)(.*/\1/p' "$repo/lua/ar/action.lua"); do
	case $f in check_*) continue ;; esac
	grep -q "\`act\.$f" "$doc" || { echo "act.$f is not in docs/policy.md"; bad=1; }
done
[ "$bad" = 0 ] && echo "$files files and $sessions sessions are as documented"
exit "$bad"
