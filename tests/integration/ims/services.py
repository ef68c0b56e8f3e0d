# SPDX-License-Identifier: GPL-2.0-or-later
"""asd and mediad of the laboratory, and what they say about themselves."""
import json
import subprocess
from pathlib import Path

from lab import LabError, tcp_listening, wait_until

ROOT = Path(__file__).resolve().parents[3]
CONTROL = ("127.0.0.40", 9910)
MEDIA = "127.0.0.41"

MEDIAD_CONF = """[mediad]
workers = 1
[control]
listen = {control}
[media]
network = default/{media}
port = 40000
[application]
scenes = {root}/webapp/scenes
webapp = {root}/webapp/dist
"""
ASD_CONF = """[asd]
name = asd1
log_level = debug
[front]
listen = unix:{run}/asd.sock
[dcsf]
dcmf = mediad1 {control}
[policy]
file = {root}/lua/default.lua
dir = {root}/lua/ar
[store]
file = {run}/asd.db
"""


def start_mediad(lab, build):
    conf = lab.run / "mediad.conf"
    conf.write_text(MEDIAD_CONF.format(control=f"{CONTROL[0]}:{CONTROL[1]}", media=MEDIA, root=ROOT))
    lab.start("mediad", [f"{build}/mediad/mediad", "-c", str(conf)], lambda: tcp_listening(*CONTROL))


def start_asd(lab, build):
    conf = lab.run / "asd.conf"
    conf.write_text(ASD_CONF.format(run=lab.run, control=f"{CONTROL[0]}:{CONTROL[1]}", root=ROOT))
    socket = lab.run / "asd.sock"
    lab.start("asd", [f"{build}/asd/asd", "-c", str(conf)], socket.is_socket)


def mediad_get(path):
    done = subprocess.run(["curl", "-s", "-m", "3", "--http2-prior-knowledge",
                           f"http://{CONTROL[0]}:{CONTROL[1]}{path}"],
                          capture_output=True, text=True, timeout=5, check=False)
    if done.returncode:
        raise LabError(f"mediad does not answer {path}: curl {done.returncode}")
    return json.loads(done.stdout)


def contexts():
    return mediad_get("/nmf-mrm/v1/contexts")["contexts"]


def context(context_id):
    found = mediad_get(f"/nmf-mrm/v1/contexts/{context_id}")
    if "terminations" not in found:
        raise LabError(f"mediad has no context {context_id}: {found}")
    return found


def statistics(kamailio):
    """The module's counters of one Kamailio."""
    text = kamailio.rpc("stats.get_statistics", "ims_ar:")
    if text is None:
        raise LabError(f"{kamailio.role}: no statistics group ims_ar")
    pairs = (line.strip().split(" = ") for line in text.splitlines() if " = " in line)
    return {name.split(":")[-1]: int(value) for name, value in pairs}


def up_calls(kamailio):
    return statistics(kamailio)["calls"]


def wait_idle(kamailios, seconds=5):
    """No call in any module, no event on its way, no context in mediad."""
    for kamailio in kamailios:
        wait_until(lambda k=kamailio: up_calls(k) == 0, seconds, f"{kamailio.role} without a call")
        wait_until(lambda k=kamailio: statistics(k)["events_unacked"] == 0, seconds,
                   f"{kamailio.role}: asd acknowledges")
    wait_until(lambda: not contexts(), seconds, "mediad without a context")
