#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How long a picture is in the ARMF: RTP in to RTP out, VP8 640x360 at 30 a second, drawn on, against a
running mediad over plain RTP, without a browser. From the last packet of a picture going in to the last
packet of it coming out. Each picture carries its pose in urn:3gpp:xr-pose. One line with "bench".
Wants an idle machine; the target is one for an idle core."""
import json
import math
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD", os.path.join(ROOT, "build/release"))
SECONDS, FPS, TARGET = 10, 30, 15.0
XR_POSE = "urn:3gpp:xr-pose"
URI = "/nmf-mrm/v1/contexts"


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def curl(base, path, body=None):
    cmd = ["curl", "-sf", "-m", "5", "--http2-prior-knowledge", base + path]
    if body is not None:
        cmd += ["-H", "content-type: application/json", "-d", json.dumps(body)]
    p = subprocess.run(cmd, capture_output=True, text=True)
    return json.loads(p.stdout) if p.returncode == 0 and p.stdout.startswith("{") else None


def start(folder):
    control, media = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_DGRAM)
    with open(f"{folder}/mediad.conf", "w") as f:
        f.write(f"""[mediad]
workers = 1
[control]
listen = 127.0.0.1:{control}
[media]
network = default/127.0.0.1
port = {media}
[application]
scenes = {ROOT}/webapp/scenes
webapp = {ROOT}/webapp
[armf]
program = {BUILD}/mediad/mediad-armf
platform = surfaceless
cache_dir = {folder}/cache
transports = dtls,rtp
""")
    log = open(f"{folder}/log", "w")
    p = subprocess.Popen([f"{BUILD}/mediad/mediad", "-c", f"{folder}/mediad.conf"], stdout=log, stderr=log)
    base = f"http://127.0.0.1:{control}"
    for _ in range(100):
        if curl(base, "/x-ims-ar/v1/status"):
            return p, base
        time.sleep(0.1)
    p.kill()
    sys.exit("mediad does not start: " + open(f"{folder}/log").read()[-500:])


def medium(sock, op, direction):
    side = {"codecs": [{"pt": 96, "name": "VP8", "clock": 90000, "fmtp": "", "fb": []}],
            "extmap": [{"id": 1, "uri": XR_POSE}], "rtcpMux": True}
    return {"mediaId": "v0", "mediaResourceType": "AR", "mediaProcessingUri": f"urn:x-ims-ar:armf:{op}",
            "remoteMbEndpoint": {"ip": {"ipv4Addr": "127.0.0.1"}, "transport": "UDP", "portNumber": sock.getsockname()[1]},
            "x-ims-ar": {"network": "default", "media": "video", "transport": "RTP", "local": side,
                         "remote": {**side, "direction": direction}}}


def frames(path):
    """The pictures of an IVF file."""
    data = open(path, "rb").read()
    at, out = 32, []
    while at + 12 <= len(data):
        n = struct.unpack_from("<I", data, at)[0]
        out.append(data[at + 12:at + 12 + n])
        at += 12 + n
    return out


def pose(i):
    """At the middle of the scene from two metres, turning a little; x y z and a quaternion."""
    yaw = 0.2 * math.sin(i / 20)
    return struct.pack(">7f", 0, 1.5, 2, 0, math.sin(yaw / 2), 0, math.cos(yaw / 2))


def packets(frame, seq, ts, i):
    """RFC 7741, with the pose as a two-byte header extension (RFC 8285 4.3) in the first packet."""
    out, at = [], 0
    while at < len(frame):
        part = frame[at:at + 1000]
        ext = struct.pack(">HHBB", 0x1000, 8, 1, 28) + pose(i) + b"\0\0" if at == 0 else b""
        last = at + len(part) == len(frame)
        out.append(struct.pack(">BBHII", 0x90 if ext else 0x80, 96 | (0x80 if last else 0), seq & 0xffff, ts & 0xffffffff, 0x1234)
                   + ext + bytes([0x10 if at == 0 else 0]) + part)
        seq += 1
        at += len(part)
    return out


def run(a, b, to, clip):
    """Milliseconds from in to out, one for each picture."""
    sent, done, seq = {}, {}, 1
    begin = time.monotonic()
    for i in range(SECONDS * FPS):
        due = begin + i / FPS
        while (wait := due - time.monotonic()) > 0:
            b.settimeout(wait)
            take(b, done)
        ts = i * 3000
        for p in packets(clip[i % len(clip)], seq, ts, i):
            a.sendto(p, to)
            seq += 1
        sent[ts] = time.monotonic()
    b.settimeout(0.5)
    while take(b, done):
        pass
    return [(done[t] - sent[t]) * 1000 for t in sent if t in done and t > 3 * 90000]


def take(sock, done):
    try:
        data = sock.recv(2048)
    except (TimeoutError, BlockingIOError):
        return False
    if len(data) > 12 and not 192 <= data[1] <= 223 and data[1] & 0x80:
        done[struct.unpack_from(">I", data, 4)[0]] = time.monotonic()
    return True


def main():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=640x360:rate=30", "-frames:v", "90",
                        "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "500k", "-g", "90",
                        "-lag-in-frames", "0", f"{folder}/in.ivf"], check=True)
        clip = frames(f"{folder}/in.ivf")
        p, base = start(folder)
        try:
            a, b = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
            for s in (a, b):
                s.bind(("127.0.0.1", 0))
            c, until = None, time.monotonic() + 20  # a media processor may not have started yet
            while not c and time.monotonic() < until:
                c = curl(base, URI, {"terminations": [
                    {"terminationId": "a", "medias": [medium(a, "overlay", "sendonly")]},
                    {"terminationId": "b", "medias": [medium(b, "relay", "recvonly")]}]})
            if not c:
                sys.exit("no context: " + open(f"{folder}/log").read()[-400:])
            at = c["terminations"][0]["medias"][0]["localMbEndpoint"]
            b.sendto(b"\x80\xc9\0\x01\0\0\0\1", (at["ip"]["ipv4Addr"], at["portNumber"]))
            ms = sorted(run(a, b, (at["ip"]["ipv4Addr"], at["portNumber"]), clip))
            x = curl(base, f"{URI}/{c['contextId']}")["terminations"][0]["medias"][0]["x-ims-ar"]["armf"]
        finally:
            p.terminate()
            p.wait(10)
    if not ms or x["state"] != "processing" or not x["drawn"]:
        sys.exit(f"nothing came out: {len(ms)} pictures, {x}")
    print(f"bench armf_rtp pictures={len(ms)} drawn={x['drawn']} poses={x['poseSource']} p50_ms={ms[len(ms) // 2]:.2f} "
          f"p95_ms={ms[len(ms) * 95 // 100]:.2f} max_ms={ms[-1]:.2f} target_p95_ms={TARGET}")


main()
