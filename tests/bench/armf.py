#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The ARMF's pipe beside FFmpeg and GStreamer: CPU per frame, same codec parameters, one run.

Ours decodes, draws a lit glTF object from a camera that moves with every frame, and encodes; the
others lay a still picture of the same size on it. Start-up is left out everywhere. One line a case
that begins with "bench". CLIP: a video to use (default: one made up, which moves all over).
"""
import os
import re
import resource
import subprocess
import sys
import tempfile

BUILD = os.environ["BUILD"]
PIPE = os.path.join(BUILD, "tests/bench/armf_pipe")
SCENE = os.environ.get("SCENE", "/usr/share/assimp/models/glTF2/BoxTextured-glTF-Embedded/BoxTextured.gltf")
FRAMES, SHORT = 150, 30
DISTANCE = "2.5"  # metres: the 1 m box covers about 15 % of the picture
CASES = (  # name, codec, size, overlay, bps, target: ours / FFmpeg
    ("vp8_360p", "vp8", (640, 360), (192, 176), 500, 0.8),
    ("vp8_720p", "vp8", (1280, 720), (384, 350), 1500, 0.9),
    ("h264_360p", "h264", (640, 360), (192, 176), 500, 1.1),
    ("h264_720p", "h264", (1280, 720), (384, 350), 1500, 1.1),
)
STREAMS = {"vp8_360p": 6.9, "h264_360p": 9.0}
SPEED = {640: "-8", 1280: "-10"}  # as mediad/armf/codec/vp8_enc.c has it


def cpu(cmd):
    """User and system seconds of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    p = subprocess.run(cmd, capture_output=True, text=True)
    if p.returncode:
        sys.exit(f"{cmd[0]} failed: {p.stderr[-500:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def per_frame(make):
    """ms of CPU a frame: a long run less a short one; the long one's output stays."""
    short = cpu(make(SHORT))
    return (cpu(make(FRAMES)) - short) * 1000 / (FRAMES - SHORT)


def ffmpeg(*args):
    return ["ffmpeg", "-nostdin", "-v", "error", "-y", "-threads", "1", "-filter_threads", "1",
            "-filter_complex_threads", "1", *args]


def encoder(codec, size, kbps):
    if codec == "vp8":
        return ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", SPEED[size[0]], "-threads", "1",
                "-lag-in-frames", "0", "-b:v", f"{kbps}k", "-minrate", f"{kbps}k", "-maxrate", f"{kbps}k",
                "-bufsize", f"{kbps}k", "-static-thresh", "1", "-qmin", "2", "-qmax", "56", "-g", "9999",
                "-drop-threshold", "30", "-f", "ivf"]
    return ["-c:v", "libx264", "-preset", "superfast", "-tune", "zerolatency", "-profile:v", "baseline",
            "-threads", "1", "-b:v", f"{kbps}k", "-maxrate", f"{kbps}k", "-bufsize", f"{kbps}k",
            "-g", "9999", "-f", "h264"]


def make_clip(folder, codec, size, kbps):
    path = os.path.join(folder, f"in{size[1]}." + ("ivf" if codec == "vp8" else "h264"))
    if os.environ.get("CLIP"):
        source = ["-stream_loop", "-1", "-i", os.environ["CLIP"], "-an"]
    else:
        source = ["-f", "lavfi", "-i", "mandelbrot=s=1280x720:rate=30:end_scale=0.05"]
    enc = encoder(codec, size, kbps * 2)
    if codec == "vp8":
        enc[enc.index("-drop-threshold") + 1] = "0"
    cpu(ffmpeg(*source, "-vf", f"scale={size[0]}:{size[1]},fps=30,format=yuv420p", "-frames:v", str(FRAMES),
               *enc, path))
    return path


def psnr(inp, out, codec):
    p = subprocess.run([PIPE, "psnr", inp, codec, out, codec], capture_output=True, text=True)
    m = re.search(r"psnr ([\d.]+) frames (\d+) of", p.stdout)
    return (float(m.group(1)), int(m.group(2))) if m else (float("nan"), 0)


def ours(inp, out, codec, kbps, mode="live"):
    p = subprocess.run([PIPE, inp, out, codec, codec, str(kbps * 1000), mode, SCENE, DISTANCE],
                       capture_output=True, text=True)
    if p.returncode:
        sys.exit(p.stderr)
    f = p.stdout.split()
    return {f[i]: float(f[i + 1]) for i in range(0, len(f) - 1, 2)}


def gstreamer(inp, png, codec, size, over, kbps):
    """VP8 only: Debian's H.264 elements are in packages with other licences."""
    if codec != "vp8" or not os.path.exists("/usr/bin/gst-launch-1.0"):
        return None
    webm = inp + ".webm"
    cpu(ffmpeg("-i", inp, "-c", "copy", webm))

    def make(n):
        return ["gst-launch-1.0", "-q", "filesrc", f"location={webm}", "!", "matroskademux", "!", "identity",
                f"eos-after={n}", "!", "vp8dec", "threads=1", "!", "gdkpixbufoverlay", f"location={png}",
                f"offset-x={(size[0] - over[0]) // 2}", f"offset-y={(size[1] - over[1]) // 2}", "!",
                "vp8enc", "deadline=1", f"cpu-used={SPEED[size[0]]}", "threads=1", "end-usage=cbr",
                f"target-bitrate={kbps * 1000}", "lag-in-frames=0", "min-quantizer=2", "max-quantizer=56",
                "keyframe-max-dist=9999", "static-threshold=1", "!", "fakesink", "sync=false"]
    return per_frame(make)


def case(folder, name, codec, size, over, kbps, target):
    inp, png = make_clip(folder, codec, size, kbps), os.path.join(folder, f"{over[0]}.png")
    out, out_ff = os.path.join(folder, "ours"), os.path.join(folder, "ffmpeg")
    cpu(ffmpeg("-f", "lavfi", "-i", f"testsrc=s={over[0]}x{over[1]}", "-frames:v", "1", png))
    at = f"overlay={(size[0] - over[0]) // 2}:{(size[1] - over[1]) // 2}"
    ff = per_frame(lambda n: ffmpeg("-c:v", codec if codec == "h264" else "vp8", "-i", inp, "-i", png, "-filter_complex",
                                    at, "-frames:v", str(n), *encoder(codec, size, kbps), out_ff))
    quality_ff, frames_ff = psnr(inp, out_ff, codec)
    bytes_ff = os.path.getsize(out_ff)
    us, rate, quality, frames = None, kbps, 0, 0
    for rate in ([kbps] if codec == "vp8" else [kbps, kbps * 9 // 10, kbps * 8 // 10]):
        got = ours(inp, out, codec, rate)  # another encoder: less rate while the picture is as good
        q, n = psnr(inp, out, codec)
        if us and q < quality_ff:
            break
        us, quality, frames = got, q, n
    still = ours(inp, out, codec, rate, "still")
    gst = gstreamer(inp, png, codec, size, over, kbps)
    ms = us["cpu_ms"]
    text = (f"bench armf_{name} ours {ms:.2f} ms/frame (decode {us['decode_us'] / 1000:.2f} draw {us['draw_us'] / 1000:.2f} "
            f"encode {us['encode_us'] / 1000:.2f}; still {still['cpu_ms']:.2f}, draw {still['draw_us'] / 1000:.2f}) "
            f"psnr {quality:.1f} dB {us['bytes'] / 1000:.0f} kB {frames} frames; ffmpeg {ff:.2f} ms psnr {quality_ff:.1f} dB "
            f"{bytes_ff / 1000:.0f} kB {frames_ff} frames; ratio {ms / ff:.2f} (target {target})")
    text += f"; gstreamer {gst:.2f} ms, ratio {ms / gst:.2f}" if gst else "; gstreamer not run"
    text += f"; {1000 / 30 / ms:.1f} streams a core"
    if name in STREAMS:
        text += f" (target {STREAMS[name]})"
    print(text, flush=True)


def main():
    only = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="armf-bench.") as folder:
        for c in CASES:
            if not only or c[0] in only:
                case(folder, *c)


if __name__ == "__main__":
    main()
