#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# cppcheck over our code, no finding allowed. BUILD: a configured build folder.
cd "$(dirname "$0")/../.." || exit 2
exec cppcheck --quiet --error-exitcode=1 -j"$(nproc)" --std=c11 --inline-suppr --max-configs=1 \
	--enable=warning,portability --suppress=missingIncludeSystem --suppress=unknownMacro \
	--suppress=checkersReport --suppress='*:*/tm/*' --suppress='*:*/core/*' -I . common asd mediad kamailio-modules
