#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# clang-tidy over our code (not the tests), no finding allowed. $1: a configured build folder.
cd "$(dirname "$0")/../.." || exit 2
# The analyser's search is cut at 40,000 nodes a function (SOAK=1: its own limit, five times as long).
limit=()
[ "${SOAK:-0}" = 1 ] || for a in -analyzer-config max-nodes=40000; do limit+=(--extra-arg=-Xclang --extra-arg="$a"); done
git ls-files 'common/*.c' 'asd/*.c' 'mediad/*.c' 'kamailio-modules/*.c' |
	xargs -r -P"$(nproc)" -n1 clang-tidy --quiet -p "$1" "${limit[@]}" && echo "ok clang-tidy"
