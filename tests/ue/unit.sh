#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs the unit tests of the UE core: unit.sh NODE
cd "$(dirname "$0")/../../webapp" || exit 2
[ -d node_modules/fast-json-patch ] || { echo "no npm packages in webapp (npm ci)"; exit 77; }
exec "$1" --test test/*.test.mjs
