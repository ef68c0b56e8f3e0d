# SPDX-License-Identifier: GPL-2.0-or-later
"""A full room, and a guest with a slow line and much to load, at the real mediad over the real
transport: room.py BUILD. Prints bench lines. SECONDS: how long each room is measured (2)."""
import json
import os
import socket
import subprocess
import sys
import tempfile
import time

BUILD = sys.argv[1]
ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
SECONDS = os.environ.get("SECONDS_EACH", "2")


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(type=kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def curl(port, path, body=None):
    argv = ["curl", "-s", "--max-time", "10", "--http2-prior-knowledge",
            "http://127.0.0.1:%d%s" % (port, path)]
    if body is not None:
        argv += ["-H", "content-type: application/json", "-d", "@-"]
    out = subprocess.run(argv, input=json.dumps(body).encode() if body is not None else None,
                         capture_output=True, timeout=20).stdout
    return json.loads(out) if out else None


class Mediad:
    def __init__(self, where, interest, extra=0):
        self.port, media = free_port(), free_port(socket.SOCK_DGRAM)
        scenes = os.path.join(where, "scenes")
        os.makedirs(scenes, exist_ok=True)
        with open(os.path.join(ROOT, "webapp", "scenes", "default.gltf")) as f:
            doc = json.load(f)
        if extra:
            doc.setdefault("buffers", []).append({"uri": "big.bin", "byteLength": extra})
            with open(os.path.join(scenes, "big.bin"), "wb") as f:
                f.write(os.urandom(extra))
        with open(os.path.join(scenes, "default.gltf"), "w") as f:
            json.dump(doc, f)
        conf = os.path.join(where, "mediad.conf")
        with open(conf, "w") as f:
            f.write("[mediad]\nworkers = 1\n[control]\nlisten = 127.0.0.1:%d\n[media]\n"
                    "network = default/127.0.0.1\nport = %d\n[application]\nscenes = %s\n"
                    "interest_from = %d\n[armf]\nprocesses = 0\n" % (self.port, media, scenes, interest))
        self.log = open(os.path.join(where, "mediad.log"), "w")
        self.p = subprocess.Popen([BUILD + "/mediad/mediad", "-c", conf], stderr=self.log,
                                  stdout=self.log)
        for _ in range(100):
            s = self.status()
            if s and all(w["up"] for w in s["worker"]):
                break
            time.sleep(0.1)
        self.worker = s["worker"][0]["pid"]
        try:
            os.sched_setaffinity(self.worker, {0})
        except OSError:
            pass

    def status(self):
        return curl(self.port, "/x-ims-ar/v1/status")

    def stop(self):
        self.p.terminate()
        self.p.wait(10)
        self.log.close()


def terminations(ours):
    streams = {"0": {"streamId": 0, "subprotocol": "http", "order": True},
               "1000": {"streamId": 1000, "subprotocol": "mpeg-sd", "order": True},
               "1002": {"streamId": 1002, "subprotocol": "3gpp-ar-metadata", "order": False,
                        "maxRetry": 0}}
    for i, p in enumerate(ours["peers"]):
        yield {"terminationId": "t%d" % i, "medias": [{
            "mediaId": "1", "mediaResourceType": "DC",
            "dcMedia": {"streams": streams, "securitySetup": "PASSIVE",
                        "remoteDcEndpoint": {"sctpPort": 5000, "fingerprint": ours["fingerprint"]}},
            "remoteMbEndpoint": {"ip": {"ipv4Addr": "127.0.0.1"}, "transport": "UDP",
                                 "portNumber": p["port"]},
            "x-ims-ar": {"network": "default", "user": "sip:u%d@ims" % i, "remote": {
                "maxMessageSize": 262144,
                "ice": {"ufrag": p["ufrag"], "pwd": p["pwd"], "lite": True}}}}]}


def load(m, *args):
    p = subprocess.Popen([BUILD + "/tests/bench/room_load", *map(str, args[:4]), str(m.worker),
                          *map(str, args[4:])], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         text=True)
    ours = json.loads(p.stdout.readline())
    made = curl(m.port, "/nmf-mrm/v1/contexts",
                {"terminations": list(terminations(ours)), "x-ims-ar": {"owner": "bench"}})
    if "contextId" not in made:
        raise SystemExit("not made: %s" % made)
    medias = [t["medias"][0] for t in made["terminations"]]
    p.stdin.write(json.dumps({
        "fingerprint": medias[0]["dcMedia"]["localDcEndpoint"]["fingerprint"],
        "port": medias[0]["localMbEndpoint"]["portNumber"],
        "peers": [d["x-ims-ar"]["ice"] for d in medias]}) + "\n")
    p.stdin.flush()
    out = p.stdout.readline()
    if p.wait(200) != 0:
        raise SystemExit("room_load failed")
    return json.loads(out)


def run(interest, extra, *args):
    with tempfile.TemporaryDirectory(prefix="ims-ar-room-") as where:
        m = Mediad(where, interest, extra)
        try:
            return load(m, *args)
        finally:
            m.stop()


def full_room(name, interest):
    f = run(interest, 0, 50, 60, SECONDS, name)["before"]
    print("bench room participants=50 pose_hz=60 room=%s interest=%s updates_per_s=%.1f "
          "least_updates_per_s=%.1f cpu_percent=%.1f poses_per_s=%.0f age_p50_ms=%d "
          "age_p99_ms=%d kbps_to_each=%.0f transport=dtls-sctp" % (
              name, "on" if interest else "off", f["updates_per_s"], f["least_updates_per_s"],
              f["cpu_percent"], f["poses_per_s"], f["age_p50"], f["age_p99"], f["kbps_to_each"]),
          flush=True)


def guest(size, kbps, rtt):
    f = run(6, size, 5, 60, SECONDS, "table", kbps, rtt, "/scenes/big.bin")
    b, d = f["before"], f["during"]
    print("bench room_join bytes=%d kbps=%d rtt_ms=%d seconds=%.1f others_p99_ms=%d "
          "others_p99_ms_before=%d joiner_p50_ms=%d joiner_p99_ms=%d joiner_p99_ms_before=%d "
          "joiner_longest_gap_ms=%.0f lost=%d transport=dtls-sctp" % (
              size, kbps, rtt, d["seconds"], d["age_p99"], b["age_p99"], d["joiner_p50"],
              d["joiner_p99"], b["joiner_p99"], d["joiner_longest"], f["lost"]), flush=True)


if __name__ == "__main__":
    full_room("table", 6)
    full_room("rows", 6)
    full_room("table", 0)
    guest(10 * 1000 * 1000, 20000, 40)
