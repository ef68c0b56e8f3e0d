#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The ARMF's pipe beside FFmpeg and GStreamer: CPU per frame, same codec parameters, one run.

Ours decodes, draws a lit glTF object from a camera that moves with every frame, and encodes; both of
its processes count. FFmpeg lays a still picture of the same size on it ("ffmpeg", what the targets
are about) and the very pictures that we draw, as a film of RGBA that it need not draw ("film": the
same work for its encoder). VP8 is spliced as by default ([armf] splice: only what is drawn upon is
coded); the input is then what a call's would be, encoded for the rate of FFmpeg's output, and as what
comes is kept, FFmpeg is given the bit rate at which it is as good as ours beside the object. What both
put out is told in bits. H.264, and with SPLICE=0 VP8 ("armf_coded_..."), is coded again: there ours is
given the bit rate at which it is as good as FFmpeg's. Programs take turns, REPEAT times (3), and the
least of each counts: others on the machine only ever add. Start-up is left out everywhere. One line a
case that begins with "bench". CLIP: a video to use (default: one made up, which moves all over).
"""
import os
import re
import resource
import subprocess
import sys
import tempfile

BUILD = os.environ["BUILD"]
PIPE = os.path.join(BUILD, "tests/bench/armf_pipe")
LAYERS = os.path.join(BUILD, "tests/bench/armf_layers")
REPEAT = int(os.environ.get("REPEAT", "3"))
SPLICE = os.environ.get("SPLICE", "1") != "0"
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


def spliced(codec):
    return SPLICE and codec == "vp8"


def cpu(cmd):
    """User and system seconds of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    p = subprocess.run(cmd, capture_output=True, text=True)
    if p.returncode:
        sys.exit(f"{cmd[0]} failed: {p.stderr[-500:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def per_frame(makes):
    """ms of CPU a frame of each: a long run less a short one; the long one's output stays."""
    runs = [(i, n) for i in range(len(makes)) for n in (SHORT, FRAMES)] * REPEAT
    least = {}
    for i, n in runs:
        if makes[i]:
            least[i, n] = min(least.get((i, n), 1e9), cpu(makes[i](n)))
    return [(least[i, FRAMES] - least[i, SHORT]) * 1000 / (FRAMES - SHORT) if m else None for i, m in enumerate(makes)]


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
    enc = encoder(codec, size, kbps if spliced(codec) else kbps * 2)
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
                       capture_output=True, text=True, env={**os.environ, "SPLICE": str(int(spliced(codec)))})
    if p.returncode:
        sys.exit(p.stderr)
    f = p.stdout.split()
    return {f[i]: float(f[i + 1]) for i in range(0, len(f) - 1, 2)}


def as_good(make, inp, out, codec, kbps, want):
    """The rate at which what make(rate) leaves in out is that good, in dB, as near as four tries come."""
    best = above = below = None
    for _ in range(4):
        make(kbps)
        q, frames = psnr(inp, out, codec)
        if best is None or abs(q - want) < abs(best[1] - want):
            best = (kbps, q, frames)
        if abs(q - want) < 0.08:
            break
        above, below = (kbps, below) if q > want else (above, kbps)
        if above and below:
            kbps = round((above + below) / 2)
        else:
            kbps = round(min(max(kbps * 2 ** ((want - q) / 4), kbps * 0.7), kbps * 1.5))
    return best


def kbit_s(path):
    """Of an IVF file, its frames at 30 a second."""
    with open(path, "rb") as f:
        data = f.read()
    at, n, frames = 32, 0, 0
    while at + 12 <= len(data):
        size = int.from_bytes(data[at:at + 4], "little")
        at, n, frames = at + 12 + size, n + size, frames + 1
    return n * 8 * 30 / 1000 / max(frames, 1)


def film(folder, size):
    """What we draw, as RGBA; FFmpeg's input and where it goes."""
    path = os.path.join(folder, "film.rgba")
    p = subprocess.run([LAYERS, path, str(size[0]), str(size[1]), str(FRAMES), SCENE, DISTANCE],
                       capture_output=True, text=True)
    if p.returncode:
        sys.exit(p.stderr)
    x, y, w, h = p.stdout.split()
    return ["-f", "rawvideo", "-pix_fmt", "rgba", "-s", f"{w}x{h}", "-r", "30", "-i", path], \
        f"overlay={x}:{y}:alpha=premultiplied"


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
    return make


def case(folder, name, codec, size, over, kbps, target):
    inp, png = make_clip(folder, codec, size, kbps), os.path.join(folder, f"{over[0]}.png")
    out, out_ff, out_film = (os.path.join(folder, f) for f in ("ours", "ffmpeg", "ffmpeg-film"))
    cpu(ffmpeg("-f", "lavfi", "-i", f"testsrc=s={over[0]}x{over[1]}", "-frames:v", "1", png))
    film_in, film_at = film(folder, size)
    at = f"overlay={(size[0] - over[0]) // 2}:{(size[1] - over[1]) // 2}"

    def lay(second, where, to, bps):
        return lambda n: ffmpeg("-c:v", codec, "-i", inp, *second, "-filter_complex", where,
                                "-frames:v", str(n), *encoder(codec, size, bps), to)

    def still_at(bps):
        return lay(["-i", png], at, out_ff, bps)
    if spliced(codec):
        rate = 2 * kbps  # room for what comes and for the object: all of it is spliced
        ours(inp, out, codec, rate)
        quality, frames = psnr(inp, out, codec)
        kbps, quality_ff, frames_ff = as_good(lambda r: cpu(still_at(r)(FRAMES)), inp, out_ff, codec, kbps, quality)
    else:
        cpu(still_at(kbps)(FRAMES))
        quality_ff, frames_ff = psnr(inp, out_ff, codec)
        rate, quality, frames = as_good(lambda r: ours(inp, out, codec, r), inp, out, codec, kbps, quality_ff)
    still_ff, film_ff = still_at(kbps), lay(film_in, film_at, out_film, kbps)
    runs = {"live": [], "still": []}

    def take_turn(n):
        if n == FRAMES:
            for mode, got in runs.items():
                got.append(ours(inp, out + mode, codec, rate, mode))
        return still_ff(n)
    ff, ff_film, gst = per_frame([take_turn, film_ff, gstreamer(inp, png, codec, size, over, kbps)])
    live, still = (min(got, key=lambda g: g["cpu_ms"]) for got in runs.values())
    film_quality, _ = psnr(inp, out_film, codec)
    ms = live["cpu_ms"]
    kind = "armf_coded" if codec == "vp8" and not SPLICE else "armf"
    text = (f"bench {kind}_{name} ours {ms:.2f} ms/frame (decode {live['decode_us'] / 1000:.2f} draw {live['draw_us'] / 1000:.2f} "
            f"encode {live['encode_us'] / 1000:.2f}; still {still['cpu_ms']:.2f}) "
            f"psnr {quality:.1f} dB at {rate} kbit/s {frames} frames; ffmpeg {ff:.2f} ms psnr {quality_ff:.1f} dB "
            f"at {kbps} {frames_ff} frames; ratio {ms / ff:.2f} (target {target}), still {still['cpu_ms'] / ff:.2f}; "
            f"film {ff_film:.2f} ms psnr {film_quality:.1f} dB, ratio to film {ms / ff_film:.2f}")
    text += f"; gstreamer {gst:.2f} ms, ratio {ms / gst:.2f}" if gst else "; gstreamer not run"
    text += f"; {1000 / 30 / ms:.1f} streams a core"
    if name in STREAMS:
        text += f" (target {STREAMS[name]})"
    if spliced(codec):
        text += (f"; spliced {live['spliced']:.0f} of {live['out']:.0f}, {100 * live['recoded'] / live['of']:.0f} % coded anew; "
                 f"kbit/s in {kbit_s(inp):.0f} out {kbit_s(out):.0f} ffmpeg {kbit_s(out_ff):.0f}")
    print(text, flush=True)


def main():
    only = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="armf-bench.") as folder:
        for c in CASES:
            if (not only or c[0] in only) and (SPLICE or c[1] == "vp8"):
                case(folder, *c)


if __name__ == "__main__":
    main()
