#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A home subscriber server for tests: the Cx side of TS 29.228/29.229 over RFC 6733.

usage: cx_hss.py CONFIG.json

Serves UAR, MAR, SAR and LIR to an I-CSCF and an S-CSCF, with SIP Digest (RFC 2617) vectors and
initial filter criteria. The configuration:

    {"listen": ["127.0.0.24", 3868], "host": "hss.example", "realm": "example",
     "subscribers": [{"private": "u1@example", "public": ["sip:+1@example"], "password": "x",
                      "ifc": "<InitialFilterCriteria>...</InitialFilterCriteria>"}]}

One line of JSON per command goes to standard output. Python's standard library only.
"""
import asyncio
import hashlib
import json
import struct
import sys

TGPP = 10415
CX = 16777216
REQUEST, PROXIABLE, ERROR = 0x80, 0x40, 0x20
MAX_MESSAGE = 1 << 16

# Commands
CER, DWR, DPR = 257, 280, 282
UAR, SAR, LIR, MAR = 300, 301, 302, 303
NAMES = {CER: "CER", DWR: "DWR", DPR: "DPR", UAR: "UAR", SAR: "SAR", LIR: "LIR", MAR: "MAR"}

# AVPs: name -> (code, vendor)
AVPS = {
    "User-Name": (1, 0), "Host-IP-Address": (257, 0), "Auth-Application-Id": (258, 0),
    "Vendor-Specific-Application-Id": (260, 0), "Session-Id": (263, 0), "Origin-Host": (264, 0),
    "Supported-Vendor-Id": (265, 0), "Vendor-Id": (266, 0), "Result-Code": (268, 0),
    "Product-Name": (269, 0), "Auth-Session-State": (277, 0), "Origin-Realm": (296, 0),
    "Experimental-Result": (297, 0), "Experimental-Result-Code": (298, 0),
    "Digest-Realm": (104, 0), "Digest-QoP": (110, 0), "Digest-Algorithm": (111, 0),
    "Digest-HA1": (121, 0),
    "Public-Identity": (601, TGPP), "Server-Name": (602, TGPP), "Server-Capabilities": (603, TGPP),
    "Mandatory-Capability": (604, TGPP), "User-Data": (606, TGPP),
    "SIP-Number-Auth-Items": (607, TGPP), "SIP-Authentication-Scheme": (608, TGPP),
    "SIP-Auth-Data-Item": (612, TGPP), "SIP-Item-Number": (613, TGPP),
    "Server-Assignment-Type": (614, TGPP), "SIP-Digest-Authenticate": (635, TGPP),
}

SUCCESS, FIRST_REGISTRATION, SUBSEQUENT_REGISTRATION, UNREGISTERED_SERVICE = 2001, 2001, 2002, 2003
COMMAND_UNSUPPORTED, MISSING_AVP = 3001, 5005
USER_UNKNOWN, IDENTITIES_DONT_MATCH, NOT_REGISTERED = 5001, 5002, 5003
# Server-Assignment-Type values that end a registration, TS 29.229 6.3.15
DEREGISTRATIONS = {4, 5, 6, 7, 8, 9, 10, 11}


class Malformed(Exception):
    pass


def encode_avp(name, value):
    code, vendor = AVPS[name]
    if isinstance(value, dict):
        value = encode_avps(value.items())
    elif isinstance(value, list):
        value = encode_avps(value)
    elif isinstance(value, int):
        value = struct.pack("!I", value)
    elif isinstance(value, str):
        value = value.encode()
    head = struct.pack("!I", vendor) if vendor else b""
    flags = 0x40 | (0x80 if vendor else 0)
    length = 8 + len(head) + len(value)
    return struct.pack("!II", code, flags << 24 | length) + head + value + b"\0" * (-length % 4)


def encode_avps(pairs):
    return b"".join(encode_avp(n, v) for n, v in pairs)


def decode_avps(data):
    """All AVPs of one level as {(code, vendor): first value}."""
    found, at = {}, 0
    while at < len(data):
        if len(data) - at < 8:
            raise Malformed("AVP header cut short")
        code, word = struct.unpack_from("!II", data, at)
        length, vendor, head = word & 0xFFFFFF, 0, 8
        if word >> 31:
            if len(data) - at < 12:
                raise Malformed(f"AVP {code}: vendor cut short")
            vendor, head = struct.unpack_from("!I", data, at + 8)[0], 12
        if length < head or at + length > len(data):
            raise Malformed(f"AVP {code}: length {length}")
        found.setdefault((code, vendor), data[at + head:at + length])
        at += length + (-length % 4)
    return found


class Request:
    def __init__(self, command, avps):
        self.command, self.avps = command, avps

    def text(self, name):
        raw = self.avps.get(AVPS[name])
        return None if raw is None else raw.decode(errors="replace")

    def number(self, name):
        raw = self.avps.get(AVPS[name])
        return struct.unpack("!I", raw)[0] if raw is not None and len(raw) == 4 else None


class Subscribers:
    """Who exists, and which S-CSCF serves which public identity now."""

    def __init__(self, config):
        self.all = config["subscribers"]
        self.by_public = {p: s for s in self.all for p in s["public"]}
        self.by_private = {s["private"]: s for s in self.all}
        self.serving = {}

    def find(self, public, private):
        """(subscriber, None) or (None, the experimental result that says why not)."""
        sub = self.by_public.get(public) if public else self.by_private.get(private)
        if sub is None:
            return None, USER_UNKNOWN
        if private and sub["private"] != private:
            return None, IDENTITIES_DONT_MATCH
        return sub, None

    def assign(self, sub, server):
        for public in sub["public"]:
            self.serving[public] = server

    def release(self, sub):
        for public in sub["public"]:
            self.serving.pop(public, None)


def user_profile(sub):
    """The Cx user profile, TS 29.228 annex B."""
    publics = "".join(
        f"<PublicIdentity><BarringIndication>0</BarringIndication><Identity>{p}</Identity>"
        "</PublicIdentity>" for p in sub["public"])
    return ('<?xml version="1.0" encoding="UTF-8"?>'
            f'<IMSSubscription><PrivateID>{sub["private"]}</PrivateID>'
            f'<ServiceProfile>{publics}{sub.get("ifc", "")}</ServiceProfile></IMSSubscription>')


class Hss:
    def __init__(self, config):
        self.config = config
        self.subscribers = Subscribers(config)
        self.handlers = {CER: self.capabilities, DWR: self.base_ok, DPR: self.base_ok,
                         UAR: self.user_authorization, MAR: self.multimedia_auth,
                         SAR: self.server_assignment, LIR: self.location_info}

    # What every answer carries.
    def origin(self):
        return [("Origin-Host", self.config["host"]), ("Origin-Realm", self.config["realm"])]

    def cx(self, request, result=None, experimental=None):
        avps = []
        if request.text("Session-Id"):
            avps.append(("Session-Id", request.text("Session-Id")))
        avps.append(("Vendor-Specific-Application-Id",
                     {"Vendor-Id": TGPP, "Auth-Application-Id": CX}))
        if experimental:
            avps.append(("Experimental-Result",
                         {"Vendor-Id": TGPP, "Experimental-Result-Code": experimental}))
        else:
            avps.append(("Result-Code", result or SUCCESS))
        return avps + [("Auth-Session-State", 1)] + self.origin()

    def capabilities(self, _request):
        address = struct.pack("!H4B", 1, *map(int, self.config["listen"][0].split(".")))
        return [("Result-Code", SUCCESS)] + self.origin() + [
            ("Host-IP-Address", address), ("Vendor-Id", TGPP), ("Product-Name", "test HSS"),
            ("Supported-Vendor-Id", TGPP),
            ("Vendor-Specific-Application-Id", {"Vendor-Id": TGPP, "Auth-Application-Id": CX})]

    def base_ok(self, _request):
        return [("Result-Code", SUCCESS)] + self.origin()

    def user_authorization(self, request):
        public = request.text("Public-Identity")
        _, why = self.subscribers.find(public, request.text("User-Name"))
        if why:
            return self.cx(request, experimental=why)
        server = self.subscribers.serving.get(public)
        if server:
            return self.cx(request, experimental=SUBSEQUENT_REGISTRATION) + [
                ("Server-Name", server)]
        return self.cx(request, experimental=FIRST_REGISTRATION) + [
            ("Server-Capabilities", {"Mandatory-Capability": 0})]

    def multimedia_auth(self, request):
        public = request.text("Public-Identity")
        sub, why = self.subscribers.find(public, request.text("User-Name"))
        if why:
            return self.cx(request, experimental=why)
        # 6.1.2.1: the S-CSCF that asks for vectors is remembered until it is assigned.
        self.subscribers.serving.setdefault(public, request.text("Server-Name"))
        realm = self.config["realm"]
        ha1 = hashlib.md5(f'{sub["private"]}:{realm}:{sub["password"]}'.encode()).hexdigest()
        item = [("SIP-Item-Number", 1), ("SIP-Authentication-Scheme", "SIP Digest"),
                ("SIP-Digest-Authenticate", {"Digest-Realm": realm, "Digest-Algorithm": "MD5",
                                             "Digest-QoP": "auth", "Digest-HA1": ha1})]
        return self.cx(request) + [("User-Name", sub["private"]), ("Public-Identity", public),
                                   ("SIP-Number-Auth-Items", 1), ("SIP-Auth-Data-Item", item)]

    def server_assignment(self, request):
        sub, why = self.subscribers.find(request.text("Public-Identity"), request.text("User-Name"))
        if why:
            return self.cx(request, experimental=why)
        kind = request.number("Server-Assignment-Type")
        if kind is None:
            return self.cx(request, result=MISSING_AVP)
        if kind in DEREGISTRATIONS:
            self.subscribers.release(sub)
        else:
            self.subscribers.assign(sub, request.text("Server-Name"))
        return self.cx(request) + [("User-Name", sub["private"]), ("User-Data", user_profile(sub))]

    def location_info(self, request):
        public = request.text("Public-Identity")
        _, why = self.subscribers.find(public, None)
        if why:
            return self.cx(request, experimental=why)
        server = self.subscribers.serving.get(public)
        if server:
            return self.cx(request) + [("Server-Name", server)]
        return self.cx(request, experimental=NOT_REGISTERED)

    def answer(self, request):
        handler = self.handlers.get(request.command)
        if handler:
            return 0, handler(request)
        return ERROR, self.cx(request, result=COMMAND_UNSUPPORTED)

    def log(self, request, avps):
        values = dict(avps)
        result = values.get("Result-Code") or values.get("Experimental-Result", {}).get(
            "Experimental-Result-Code")
        print(json.dumps({"command": NAMES.get(request.command, request.command),
                          "from": request.text("Origin-Host"),
                          "public": request.text("Public-Identity"),
                          "private": request.text("User-Name"),
                          "server": request.text("Server-Name"), "result": result}), flush=True)

    async def one(self, reader, writer):
        version_length, word, application, hop, end = struct.unpack(
            "!IIIII", await reader.readexactly(20))
        length = version_length & 0xFFFFFF
        if version_length >> 24 != 1 or not 20 <= length <= MAX_MESSAGE or length % 4:
            raise Malformed(f"header {version_length:#010x}")
        body = await reader.readexactly(length - 20)
        if not word >> 24 & REQUEST:
            return
        request = Request(word & 0xFFFFFF, decode_avps(body))
        error, avps = self.answer(request)
        self.log(request, avps)
        out = encode_avps(avps)
        flags = word >> 24 & PROXIABLE | error
        writer.write(struct.pack("!IIIII", 1 << 24 | 20 + len(out),
                                 flags << 24 | request.command, application, hop, end) + out)
        await writer.drain()

    async def connection(self, reader, writer):
        try:
            while True:
                await self.one(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except Malformed as why:
            print(json.dumps({"malformed": str(why)}), flush=True)
        finally:
            writer.close()


async def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        config = json.load(f)
    hss = Hss(config)
    server = await asyncio.start_server(hss.connection, *config["listen"])
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
