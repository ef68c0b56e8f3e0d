#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# clang-tidy over our code (not the tests), no finding allowed. $1: a configured build folder.
cd "$(dirname "$0")/../.." || exit 2
git ls-files 'common/*.c' 'asd/*.c' 'mediad/*.c' 'kamailio-modules/*.c' |
	xargs -r -P"$(nproc)" -n4 clang-tidy --quiet -p "$1"
