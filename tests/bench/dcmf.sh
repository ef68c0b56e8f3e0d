#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The short version of dcmf_table.py, beside libdatachannel.
exec timeout 120 python3 "$(dirname "$0")/dcmf_table.py" --short
