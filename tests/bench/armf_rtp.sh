#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# RTP in to RTP out through the ARMF, see armf_rtp.py.
exec python3 "$(dirname "$0")/armf_rtp.py"
