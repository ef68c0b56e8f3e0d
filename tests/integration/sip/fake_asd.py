#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A stand-in for asd on the front link (docs/front.md), for the tests of the Kamailio module.

Its verdicts and plans are fixed, its faults are chosen: `fake_asd.py SOCKET STATE [MODE...]`. It
keeps count of what a real asd would have reserved and released, and survives being killed: STATE is
a file with its calls, or - for none. Commands of kind "admin" that a real asd has not: `mode` (arg: modes, comma
separated) and `dump` (everything it knows, as one JSON text).

Modes: ar (default), plain, deny, error, silent, slow (1.5 s), hold (till another mode), garbage, nojson,
oversize, noplan, badplan, dies (exits on the first offer), dc-last (B's data channel section comes last), deaf (events
are not acknowledged), nopong, badhello.
"""
import asyncio
import json
import os
import re
import struct
import sys

DCMF = {"a": ("192.0.2.10", 30001, "ufragA", "pwdA5678901234567890123", "passive", "AA"),
        "b": ("192.0.2.10", 30002, "ufragB", "pwdB5678901234567890123", "actpass", "BB")}


def sections(sdp):
    return re.findall(r"(?ms)^m=.*?(?=^m=|\Z)", sdp)


def is_dc(section):
    return bool(re.match(r"m=application \d+ (UDP|TCP)/DTLS/SCTP webrtc-datachannel", section))


def live(section):
    return not re.match(r"m=\S+ 0 ", section)


def mid(section):
    m = re.search(r"^a=mid:(\S+)", section, re.M)
    return f"a=mid:{m.group(1)}\r\n" if m else ""


def dc_text(leg, section, setup=None):
    address, port, ufrag, pwd, role, byte = DCMF[leg]
    maps = "".join(m + "\r\n" for m in re.findall(r"^a=dcmap:[^\r\n]*", section, re.M))
    return (f"m=application {port} UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 {address}\r\n{mid(section)}"
            f"a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\na=candidate:1 1 UDP 2130706431 {address} {port} typ host\r\n"
            f"a=fingerprint:sha-256 {':'.join([byte] * 32)}\r\na=setup:{setup or role}\r\na=sctp-port:5000\r\n"
            f"a=max-message-size:65536\r\n{maps}")


def closed(section):
    return ("m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 192.0.2.10\r\n" + mid(section))


def closed_audio(section):
    head = section.splitlines()[0].split(" ")
    head[1] = "0"
    return " ".join(head) + "\r\nc=IN IP4 192.0.2.10\r\n" + mid(section)


def make_plan(ref, sdp, offerer, last, origin=None):
    """Everything passes but data channel sections, which are ours on both legs. With `last` they come
    after all others towards B, so that the two legs differ."""
    secs = sections(sdp)
    n = len(secs)
    order = list(range(n))
    if last and offerer == "a":
        order = [i for i in order if not is_dc(secs[i])] + [i for i in order if is_dc(secs[i])]
    elif last:
        raise NotImplementedError("dc-last needs offers of side a")
    other = "b" if offerer == "a" else "a"
    offer = [{"from": -1, "text": dc_text(other, secs[i], "actpass")} if is_dc(secs[i]) else {"pass": i} for i in order]
    answer = []
    for i in range(n):
        j = order.index(i)  # where the other side has it
        if is_dc(secs[i]):
            answer.append({"from": j, "text": dc_text(offerer, secs[i], "passive"), "alt": closed(secs[i])})
        else:
            answer.append({"pass": j, "alt": closed_audio(secs[i])})
    return {"ref": ref, "offerer": offerer, "drop_group": True,
            "session_id": [o[0] for o in origin] if origin else ["- 3901", "- 3902"],
            "origin_addr": [o[1] for o in origin] if origin else ["IN IP4 192.0.2.1", "IN IP4 192.0.2.1"],
            "offer": {"ice_lite": True, "sec": offer},
            "answers": [{"ice_lite": True, "sec": answer}],
            "answer_for": {k: 0 for k in ("ar-capable", "ar-assisted", "dc-only", "dc-refused", "none-offered")}}


HEADERS = [{"name": "X-Good", "value": "yes"}, {"name": "X-Evil", "value": "a\r\nInjected: b"},
           {"name": "Bad Name", "value": "x"}, {"name": "", "value": "x"}, {"value": "x"}, 7,
           {"name": "X-Evil2\r\nInjected", "value": "x"}, {"name": "X-Huge", "value": "x" * 5000},
           {"name": "X-Last", "value": "too"}]


class State:
    """What a restarted asd would read from its store."""

    def __init__(self, path):
        self.path, self.gone = path, set()
        self.d = {"reserve": 0, "release": 0, "offers": 0, "calls": {}, "seq": {}, "events": [], "resync": 0}
        if path != "-" and os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                self.d = json.load(f)

    def save(self):
        if self.path == "-":
            return
        with open(self.path + ".new", "w", encoding="utf-8") as f:
            json.dump(self.d, f)
        os.replace(self.path + ".new", self.path)

    def offer(self, m, plan):
        self.d["offers"] += 1
        if plan:
            call = self.d["calls"].get(m["call"])
            if call is None:
                self.d["reserve"] += 1
                call = self.d["calls"][m["call"]] = {"callid": m["callid"], "from_tag": m["from_tag"], "open": [],
                                                     "inside": bool(m["to_tag"]), "module": m.get("module")}
            call["open"].append(m["cseq"])
            call["plan"] = plan
            call["exchanges"] = call.get("exchanges", 0) + 1
        self.save()

    def end(self, name):
        if self.d["calls"].pop(name, None) is not None:
            self.d["release"] += 1

    def resync(self, calls):
        self.d["resync"] += 1
        for name in list(self.d["calls"]):
            if name not in calls:
                self.end(name)
        self.save()

    def event(self, instance, e):
        if e["seq"] <= self.d["seq"].get(instance, 0):
            return  # delivered twice
        self.d["seq"][instance] = e["seq"]
        self.d["events"] = self.d["events"][-30:] + [e]
        call = self.d["calls"].get(e["call"])
        if e["ev"] == "gone":
            self.gone.add((e["call"], e.get("cseq")))
        if call:
            if e["ev"] == "answered":
                if not call.get("up"):
                    call["to_tag"] = e["to_tag"]
                    call["spiral"] = e.get("spiral", False)
                call["up"] = True
                call["map"] = call["plan"]
                if call["inside"] and e.get("origin_a"):
                    call["origin"] = [o.split(" ") for o in (e["origin_a"], e["origin_b"])]
                    call["map"]["session_id"] = [" ".join(o[:2]) for o in call["origin"]]
                    call["map"]["origin_addr"] = [" ".join(o[3:]) for o in call["origin"]]
            if e["ev"] in ("failed", "gone") and "cseq" in e:
                call["open"] = [c for c in call["open"] if c != e["cseq"]]
                if not call.get("up") and not call["open"]:
                    self.end(e["call"])
            elif e["ev"] in ("bye", "gone"):
                self.end(e["call"])
        self.save()


class Asd:
    def __init__(self, state, modes):
        self.state, self.modes = state, set(modes) or {"ar"}
        self.changed = asyncio.Event()

    def is_(self, mode):
        return mode in self.modes

    async def serve(self, reader, writer):
        peer = {"instance": "", "kind": "", "name": ""}
        try:
            while True:
                n = struct.unpack(">I", await reader.readexactly(4))[0]
                await self.frame(peer, json.loads(await reader.readexactly(n)), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def send(self, writer, obj):
        body = obj if isinstance(obj, bytes) else json.dumps(obj).encode()
        writer.write(struct.pack(">I", len(body)) + body)

    async def frame(self, peer, m, writer):
        cmd = m.get("cmd")
        if cmd == "hello":
            peer.update(instance=m["instance"], kind=m["kind"], name=m["name"])
            if self.is_("badhello") and m["kind"] == "sip":
                self.send(writer, {"id": m["id"], "ok": False, "code": "version", "reason": "only version 7"})
            else:
                self.send(writer, {"id": m["id"], "ok": True, "v": 1, "instance": "fake", "version": "fake"})
        elif cmd == "ping":
            if not self.is_("nopong"):
                self.send(writer, {"id": m["id"], "ok": True})
        elif cmd == "event":
            if not self.is_("deaf"):
                self.state.event(peer["instance"], m)
                self.send(writer, {"ack": m["seq"]})
        elif cmd == "offer":
            await self.offer(m, writer, peer)
        elif cmd == "map":
            self.map(m, writer)
        elif cmd == "resync":
            self.state.resync(m["calls"])
            self.send(writer, {"id": m["id"], "ok": True})
        else:
            self.admin(cmd, m, writer)

    async def offer(self, m, writer, peer):
        m["module"] = peer["name"]
        known = self.known(m, peer["name"])
        if known:
            self.state.d["known"] = self.state.d.get("known", 0) + 1
            self.send(writer, known)
            return
        answer = {"id": m["id"], "ok": True, "rule": "fake rule"}
        if self.is_("dies"):
            os._exit(1)
        if self.is_("silent"):
            return
        if self.is_("slow") or self.is_("hold"):
            asyncio.ensure_future(self.later(m, writer))
            return
        for mode, garbage in (("garbage", b"\x00\x01garbage{{{"), ("nojson", b"[1,2]")):
            if self.is_(mode):
                self.send(writer, garbage)
                return
        if self.is_("oversize"):
            writer.write(struct.pack(">I", 1 << 30))
            return
        if self.is_("plain"):
            answer.update(action="plain", reason="no DCMF available")
        elif self.is_("deny"):
            answer.update(action="deny", code=403, reason="AR service not allowed",
                          headers=[{"name": "Warning", "value": "399 asd1 \"no place\""}])
        elif self.is_("error"):
            answer = {"id": m["id"], "ok": False, "code": "malformed", "reason": "as told"}
        elif self.is_("noplan"):
            answer.update(action="ar")
        else:
            answer.update(action="ar", plan=self.plan(m))
            if self.is_("badplan"):
                answer["plan"]["offer"]["sec"].append({"pass": 77})
        if self.is_("headers"):
            answer["headers"] = HEADERS
        self.state.offer(m, answer.get("plan") if answer["ok"] and not self.is_("badplan") else None)
        self.send(writer, answer)

    def plan(self, m):
        call = self.state.d["calls"].get(m["call"], {"inside": m["initial"] and m["to_tag"]})
        origin = [["", "IN IP4 192.0.2.1"]] * 2 if call["inside"] else None
        if "origin" in call:
            origin = [[" ".join(o[:2]), " ".join(o[3:])] for o in call["origin"]]
        return make_plan(f"{m['call'][:4]}-{m['cseq']}", m["sdp"], m["side"], self.is_("dc-last"), origin)

    def known(self, m, module):
        """Of the call that it would make an AR call there is one: another Kamailio's, or from before a restart."""
        for name, call in self.state.d["calls"].items():
            if not (m["initial"] and m["to_tag"] and call.get("up") and call["callid"] == m["callid"] and name != m["call"]):
                continue
            if call["module"] != module:
                return {"id": m["id"], "ok": True, "action": "elsewhere"}
            return {**self.map_of(call), "id": m["id"], "action": "known", "call": name}
        return None

    async def later(self, m, writer):
        if self.is_("slow"):
            await asyncio.sleep(1.5)
        while self.is_("hold"):
            await self.changed.wait()
        plan = self.plan(m)
        if (m["call"], m["cseq"]) not in self.state.gone:  # the module has given up: as asd, it reserves nothing then
            self.state.offer(m, plan)
        self.send(writer, {"id": m["id"], "ok": True, "action": "ar", "rule": "slow", "plan": plan})

    def map(self, m, writer):
        call = self.state.d["calls"].get(m["call"])
        if not call or "map" not in call:
            self.send(writer, {"id": m["id"], "ok": False, "code": "no_call", "reason": "no such call"})
            return
        self.send(writer, {"id": m["id"], **self.map_of(call)})

    def map_of(self, call):
        n = call["exchanges"]
        version = [int(o[2]) + n - 1 for o in call["origin"]] if "origin" in call else [n, n]
        return {"ok": True, "callid": call["callid"], "from_tag": call["from_tag"], "to_tag": call["to_tag"],
                "plan": call["map"], "version": version, "inside": call["inside"], "spiral": call.get("spiral", False)}

    def admin(self, cmd, m, writer):
        d = self.state.d
        items = {"status": [{"calls": len(d["calls"]), "reserve": d["reserve"], "release": d["release"]}],
                 "calls": [{"call": c, "callid": v["callid"]} for c, v in d["calls"].items()],
                 "call": [{"call": c, "callid": v["callid"]} for c, v in d["calls"].items()
                          if m.get("arg") in (c, v["callid"])],
                 "policy": [{"rule": "fake rule", "hits": d["offers"]}],
                 "dump": [{"json": json.dumps(d)}]}
        if cmd == "mode":
            self.modes = set(m["arg"].split(","))
            self.changed.set()
            self.changed = asyncio.Event()
            self.send(writer, {"id": m["id"], "ok": True, "items": []})
        elif cmd == "reload":
            self.send(writer, {"id": m["id"], "ok": False, "code": "policy", "reason": "policy.lua:12: as told"})
        elif cmd in items:
            self.send(writer, {"id": m["id"], "ok": True, "items": items[cmd]})
        else:
            self.send(writer, {"id": m["id"], "ok": False, "code": "unknown_cmd", "reason": cmd or "none"})


async def main():
    path, state, modes = sys.argv[1], sys.argv[2], sys.argv[3:]
    asd = Asd(State(state), modes)
    if not path.startswith("tcp:") and os.path.exists(path):
        os.unlink(path)
    if path.startswith("tcp:"):
        server = await asyncio.start_server(asd.serve, "localhost", int(path[4:]))
    else:
        server = await asyncio.start_unix_server(asd.serve, path)
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
