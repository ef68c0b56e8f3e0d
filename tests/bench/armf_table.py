#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The ARMF's figures beside their targets, as a table (Markdown). armf_table.py [FILE] runs the
benchmarks that it needs, or reads their lines from FILE ("-": standard input), as tests/bench/run.sh
prints them. A figure that was not measured says so. BUILD: build folder."""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("BUILD", os.path.join(ROOT, "build/release"))


def rows():
    """(figure, target in words, line that it is in, what to find there, (value) -> good?, unit)"""
    def most(n):
        return lambda v: v <= n

    def least(n):
        return lambda v: v >= n

    def ratio(name):
        return f"armf_{name} ", r"ratio ([\d.]+) \(target"

    def render(lines):
        return rf"render {lines}p overlay", None
    live, still = r"live ([\d.]+) ms", r"still ([\d.]+) ms"
    for name, what, target in (("vp8_360p", "VP8 360p30", 0.8), ("vp8_720p", "VP8 720p30", 0.9), ("h264_720p", "H.264 720p30", 1.1)):
        yield (f"{what}, live 3D overlay, CPU a frame", f"{target} x FFmpeg, still picture", *ratio(name), most(target), "x")
        yield ("... beside FFmpeg with the pictures that we draw, as a film", "", f"armf_{name} ", r"ratio to film ([\d.]+)", None, "x")
        yield ("... nothing moves, beside FFmpeg's still picture", "", f"armf_{name} ", r"still ([\d.]+); film", None, "x")
    yield ("AR path alone, 360p", "1.0 ms", render(360)[0], live, most(1.0), "ms")
    yield ("AR path alone, 720p", "4 ms", render(720)[0], live, most(4), "ms")
    yield ("AR path alone, nothing moves, 360p", "0.3 ms", render(360)[0], still, most(0.3), "ms")
    yield ("AR path alone, nothing moves, 720p", "0.3 ms", render(720)[0], still, most(0.3), "ms")
    yield ("VP8 360p30 streams a core", "at least 6.9", "armf_vp8_360p ", r"([\d.]+) streams a core", least(6.9), "")
    yield ("H.264 360p30 streams a core", "at least 9", "armf_h264_360p ", r"([\d.]+) streams a core", least(9), "")
    yield ("RTP in to RTP out, 360p, p95", "15 ms", "armf_rtp ", r"p95_ms=([\d.]+)", most(15), "ms")
    yield ("pose to pixel in Chromium, 360p, p50", "60 ms", "chromium_latency ", r"p50_ms=([\d.]+)", most(60), "ms")
    yield ("pose to pixel in Chromium, 360p, p95", "100 ms", "chromium_latency ", r"p95_ms=([\d.]+)", most(100), "ms")
    yield ("turning 60 degrees a second, 30 ms jitter, 5 % loss of poses", "3 px", "chromium_turning ", r"max_px=([\d.]+)", most(3), "px")
    for who, name in (("", "drop"), (" (Chromium alone)", "drop-peer-to-peer")):
        line = f"chromium_{name} "
        yield (f"3 Mbit/s to 500 kbit/s: share of the link after 2 s{who}", "0.9", line, r"share_after_2s=([\d.]+)", most(0.9), "")
        yield (f"... delay in the link after 2 s{who}", "250 ms", line, r"queue_after_2s_p50_ms=([\d.]+)", most(250), "ms")
        yield (f"... longest time without a picture{who}", "500 ms", line, r"longest_gap_ms=([\d.]+)", most(500), "ms")
    yield ("5 % loss, 100 ms there and back: longest time without a picture", "300 ms", "chromium_loss ", r"longest_gap_ms=([\d.]+)", most(300), "ms")
    yield ("... broken pictures shown", "0", "chromium_loss ", r"broken=(\d+)", most(0), "")


def benchmarks():
    yield [f"{BUILD}/tests/bench/bench_render"]
    for name in ("armf", "armf_rtp", "armf_chromium"):
        yield [os.path.join(HERE, f"{name}.sh")]


def measure():
    out = []
    for cmd in benchmarks():
        try:
            p = subprocess.run(cmd, capture_output=True, text=True, timeout=1200, env={**os.environ, "BUILD": BUILD})
        except (OSError, subprocess.TimeoutExpired) as e:
            print(f"{os.path.basename(cmd[0])}: {e}", file=sys.stderr)
            continue
        if p.returncode:
            print(f"{os.path.basename(cmd[0])} ended {p.returncode}: {(p.stdout + p.stderr)[-300:]}", file=sys.stderr)
        out += p.stdout.split("\n")
    return out


def find(lines, begin, pattern):
    for line in lines:
        if re.match(rf"bench {begin}", line) and (m := re.search(pattern, line)):
            return float(m.group(1))
    return None


def machine():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
        model = re.search(r"model name\s*: (.*)", f.read())
    return f"{model.group(1) if model else 'unknown processor'}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"


def main():
    source = sys.argv[1] if len(sys.argv) > 1 else None
    before = machine()
    if source is None:
        lines = measure()
    else:
        with (sys.stdin if source == "-" else open(source, encoding="utf-8")) as f:
            lines = f.read().split("\n")
    print(f"Measured on {before} before the first run.\n\n| figure | target | measured | |\n|---|---|---|---|")
    for figure, target, begin, pattern, good, unit in rows():
        v = find(lines, begin, pattern)
        said = "not measured" if v is None else f"{v:g} {unit}".strip()
        print(f"| {figure} | {target} | {said} | {'' if v is None or not good else 'met' if good(v) else 'NOT met'} |")


main()
