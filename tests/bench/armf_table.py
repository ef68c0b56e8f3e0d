#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The ARMF's figures beside their targets, as a table (Markdown). armf_table.py [FILE] runs the
benchmarks that it needs, or reads their lines from FILE ("-": standard input), as tests/bench/run.sh
prints them. The configuration is mediad's default, so VP8 is spliced; rows without a target are there
to compare. A figure that was not measured says so. BUILD: build folder."""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("BUILD", os.path.join(ROOT, "build/release"))


def most(n):
    return lambda v: v <= n


def least(n):
    return lambda v: v >= n


def rows_codec():
    """(figure, target in words, line that it is in, what to find there, (value) -> good?, unit)"""
    for name, what, target in (("vp8_360p", "VP8 360p30", 0.8), ("vp8_720p", "VP8 720p30", 0.9), ("h264_720p", "H.264 720p30", 1.1)):
        ours = f"armf_{name} "
        yield (f"{what}, live 3D overlay, CPU a frame", f"{target} x FFmpeg, still picture", ours, r"ratio ([\d.]+) \(target", most(target), "x")
        yield ("... in milliseconds", "", ours, r"ours ([\d.]+) ms", None, "ms")
        yield ("... beside FFmpeg with the pictures that we draw, as a film", "", ours, r"ratio to film ([\d.]+)", None, "x")
        yield ("... beside GStreamer, still picture", "", ours, r"gstreamer [\d.]+ ms, ratio ([\d.]+)", None, "x")
        yield ("... nothing moves, beside FFmpeg's still picture", "", ours, r"still ([\d.]+); film", None, "x")
        if "vp8" in name:
            yield ("... the whole picture coded again (`[armf] splice = 0`)", "", f"armf_coded_{name} ", r"ratio ([\d.]+) \(target", None, "x")


def rows_draw():
    for what, pattern in (("", r"live ([\d.]+) ms"), (", nothing moves", r"still ([\d.]+) ms")):
        for height, target in ((360, 1.0), (720, 4)):
            target = 0.3 if what else target
            yield (f"AR path alone (15 % box){what}, {height}p", f"{target:g} ms", f"render {height}p overlay", pattern, most(target), "ms")
    for name, what, target in (("vp8_360p", "VP8", 6.9), ("h264_360p", "H.264", 9)):
        yield (f"{what} 360p30 streams a core", f"at least {target:g}", f"armf_{name} ", r"([\d.]+) streams a core", least(target), "")


def rows_call():
    yield ("RTP in to RTP out, 360p, p95", "15 ms", "armf_rtp ", r"p95_ms=([\d.]+)", most(15), "ms")
    yield ("pose to pixel in Chromium, 360p, p50", "60 ms", "chromium_latency ", r"p50_ms=([\d.]+)", most(60), "ms")
    yield ("pose to pixel in Chromium, 360p, p95", "100 ms", "chromium_latency ", r"p95_ms=([\d.]+)", most(100), "ms")
    yield ("turning 60 degrees a second, 30 ms jitter, 5 % loss of poses", "3 px", "chromium_turning ", r"max_px=([\d.]+)", most(3), "px")
    for who, name in (("", "drop"), (" (Chromium alone)", "drop-peer-to-peer")):
        line = f"chromium_{name} "
        good = (lambda _: None) if who else most
        yield (f"3 Mbit/s to 500 kbit/s: share of the link after 2 s{who}", "" if who else "0.9", line, r"share_after_2s=([\d.]+)", good(0.9), "")
        yield (f"... delay in the link after 2 s{who}", "" if who else "250 ms", line, r"queue_after_2s_p50_ms=([\d.]+)", good(250), "ms")
        yield (f"... longest time without a picture{who}", "" if who else "500 ms", line, r"longest_gap_ms=([\d.]+)", good(500), "ms")
    yield ("5 % loss, 100 ms there and back: longest time without a picture", "300 ms", "chromium_loss ", r"longest_gap_ms=([\d.]+)", most(300), "ms")
    yield ("... broken pictures shown", "0", "chromium_loss ", r"broken=(\d+)", most(0), "")
    yield ("... on both legs, virtual time, share of runs with more than 300 ms", "", "legs 5 %, both legs", r"; (\d+ of \d+) runs", None, "")


def rows():
    yield from rows_codec()
    yield from rows_draw()
    yield from rows_call()


def benchmarks():
    """(environment, command, how its lines begin if not with "bench ")"""
    yield {}, [f"{BUILD}/tests/bench/bench_render"], ""
    yield {}, [os.path.join(HERE, "armf.sh")], ""
    yield {"SPLICE": "0"}, [os.path.join(HERE, "armf.sh")], ""
    yield {}, [os.path.join(HERE, "armf_rtp.sh")], ""
    yield {}, [os.path.join(HERE, "armf_chromium.sh")], ""
    yield {}, [f"{BUILD}/tests/unit/rtp/flow_rtp_legs"], "bench legs "


def measure():
    out = []
    for env, cmd, begin in benchmarks():
        try:
            p = subprocess.run(cmd, capture_output=True, text=True, timeout=1200, env={**os.environ, "BUILD": BUILD, **env})
        except (OSError, subprocess.TimeoutExpired) as e:
            print(f"{os.path.basename(cmd[0])}: {e}", file=sys.stderr)
            continue
        if p.returncode:
            print(f"{os.path.basename(cmd[0])} ended {p.returncode}: {(p.stdout + p.stderr)[-300:]}", file=sys.stderr)
        out += [begin + line for line in p.stdout.split("\n")]
    return out


def find(lines, begin, pattern):
    for line in lines:
        if re.match(rf"bench {begin}", line) and (m := re.search(pattern, line)):
            return m.group(1)
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
        said = "not measured" if v is None else f"{v} {unit}".strip()
        print(f"| {figure} | {target} | {said} | {'' if v is None or not good else 'met' if good(float(v)) else 'NOT met'} |")


main()
