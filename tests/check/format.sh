#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every C file of ours is as .clang-format says.
cd "$(dirname "$0")/../.." || exit 2
git ls-files -co --exclude-standard '*.c' '*.h' | xargs -r clang-format --dry-run --Werror
