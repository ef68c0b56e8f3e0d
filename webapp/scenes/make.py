#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the scene descriptions of this folder: python3 webapp/scenes/make.py

Small on purpose: every mesh is a few hundred bytes of data URI without normals (a client computes
flat ones, glTF 2.0 3.7.2.1), so that a whole scene reaches a UE whose data channel takes 1024-byte
messages. An object that participants may act upon has extras.object true and a material of its own.
"""
import base64
import json
import math
import os
import struct

HERE = os.path.dirname(os.path.abspath(__file__))


def box(x, y, z):
    v = [(sx * x / 2, sy * y / 2, sz * z / 2) for sx in (-1, 1) for sy in (-1, 1) for sz in (-1, 1)]
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return v, [i for a, b, c, d in quads for i in (a, b, c, a, c, d)]


def cylinder(radius, height, n=12):
    ring = [(radius * math.cos(2 * math.pi * k / n), radius * math.sin(2 * math.pi * k / n)) for k in range(n)]
    v = [(x, y, z) for y in (height / 2, -height / 2) for x, z in ring] + [(0, height / 2, 0), (0, -height / 2, 0)]
    f = []
    for k in range(n):
        m = (k + 1) % n
        f += [k, n + m, n + k, k, m, n + m, 2 * n, m, k, 2 * n + 1, n + k, n + m]
    return v, f


def cone(radius, height, n=10):
    v = [(radius * math.cos(2 * math.pi * k / n), -height / 2, radius * math.sin(2 * math.pi * k / n)) for k in range(n)]
    v += [(0, height / 2, 0), (0, -height / 2, 0)]
    f = []
    for k in range(n):
        m = (k + 1) % n
        f += [n, m, k, n + 1, k, m]
    return v, f


def ball(radius):
    """An octahedron, once subdivided."""
    v = [(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)]
    f = [(0, 2, 4), (4, 2, 1), (1, 2, 5), (5, 2, 0), (4, 3, 0), (1, 3, 4), (5, 3, 1), (0, 3, 5)]
    mid, out = {}, []

    def middle(a, b):
        key = (min(a, b), max(a, b))
        if key not in mid:
            p = [(v[a][i] + v[b][i]) / 2 for i in range(3)]
            n = math.sqrt(sum(x * x for x in p))
            mid[key] = len(v)
            v.append(tuple(x / n for x in p))
        return mid[key]

    for a, b, c in f:
        ab, bc, ca = middle(a, b), middle(b, c), middle(c, a)
        out += [a, ab, ca, b, bc, ab, c, ca, bc, ab, bc, ca]
    return [tuple(radius * x for x in p) for p in v], out


def gear(radius, depth, teeth):
    """Teeth around a disc, its axis along Z."""
    ring = []
    for k in range(teeth * 2):
        r = radius if k % 2 else radius * 0.75
        a = math.pi * k / teeth
        ring.append((r * math.cos(a), r * math.sin(a)))
    n = len(ring)
    v = [(x, y, z) for z in (depth / 2, -depth / 2) for x, y in ring] + [(0, 0, depth / 2), (0, 0, -depth / 2)]
    f = []
    for k in range(n):
        m = (k + 1) % n
        f += [k, n + k, m, m, n + k, n + m, 2 * n, k, m, 2 * n + 1, n + m, n + k]
    return v, f


def head():
    """A head that looks along -Z: a ball, and a wedge for the visor."""
    v, f = ball(0.13)
    n = len(v)
    v = list(v) + [(-0.11, 0.0, -0.09), (0.11, 0.0, -0.09), (0.0, 0.05, -0.2), (-0.11, 0.07, -0.09), (0.11, 0.07, -0.09)]
    f = list(f) + [n + i for i in (0, 2, 1, 3, 4, 2, 0, 3, 2, 1, 2, 4)]
    return v, f


def stream(name, uri, mime):
    return {"name": name, "alternatives": [{"uri": uri, "mimeType": mime}]}


class Scene:
    def __init__(self):
        self.doc = {
            "asset": {"version": "2.0", "generator": "ims-ar"},
            "extensionsUsed": ["MPEG_anchor", "MPEG_media", "MPEG_node_avatar", "MPEG_scene_dynamic"],
            "scene": 0,
            "scenes": [{"nodes": [], "extensions": {"MPEG_anchor": {"anchor": 0}, "MPEG_scene_dynamic": {"media": 0}}, "extras": {"rev": 1}}],
            "nodes": [],
            "materials": [],
            "meshes": [],
            "accessors": [],
            "bufferViews": [],
            "buffers": [],
            "extensions": {
                "MPEG_anchor": {
                    # trackable type 0: the floor
                    "trackables": [{"type": 0}],
                    "anchors": [{"trackable": 0, "requiresAnchoring": False}],
                },
                # the streams of the call (docs/scenes.md)
                "MPEG_media": {"media": [
                    stream("scene updates", "urn:x-imsar:dc:mpeg-sd", "application/json-patch+json"),
                    stream("voice", "urn:x-imsar:rtp:audio", "audio/*"),
                    stream("video", "urn:x-imsar:rtp:video", "video/*"),
                ]},
            },
        }

    def add(self, what, item):
        self.doc[what].append(item)
        return len(self.doc[what]) - 1

    def shape(self, geometry):
        v, f = geometry
        size = "B" if len(v) < 255 else "H"
        packed = struct.pack("<%df" % (3 * len(v)), *[x for p in v for x in p])
        index = struct.pack("<%d%s" % (len(f), size), *f)
        data = packed + index
        buffer = self.add("buffers", {"byteLength": len(data), "uri": "data:application/octet-stream;base64," + base64.b64encode(data).decode()})
        points = self.add("bufferViews", {"buffer": buffer, "byteLength": len(packed), "target": 34962})
        faces = self.add("bufferViews", {"buffer": buffer, "byteOffset": len(packed), "byteLength": len(index), "target": 34963})
        f32 = lambda x: struct.unpack("<f", struct.pack("<f", x))[0]
        position = self.add("accessors", {
            "bufferView": points, "componentType": 5126, "count": len(v), "type": "VEC3",
            "min": [f32(min(p[i] for p in v)) for i in range(3)], "max": [f32(max(p[i] for p in v)) for i in range(3)]})
        indices = self.add("accessors", {"bufferView": faces, "componentType": 5121 if size == "B" else 5123, "count": len(f), "type": "SCALAR"})
        return {"attributes": {"POSITION": position}, "indices": indices}

    def material(self, name, color, roughness=0.8):
        return self.add("materials", {"name": name, "pbrMetallicRoughness": {"baseColorFactor": color, "metallicFactor": 0.0, "roughnessFactor": roughness}})

    def mesh(self, name, primitive, material):
        return self.add("meshes", {"name": name, "primitives": [dict(primitive, material=material)]})

    def node(self, name, mesh=None, at=(0, 0, 0), turn=(0, 0, 0, 1), extras=None, root=True):
        n = {"name": name, "translation": list(at), "rotation": list(turn)}
        if mesh is not None:
            n["mesh"] = mesh
        if extras:
            n["extras"] = extras
        i = self.add("nodes", n)
        if root:
            self.doc["scenes"][0]["nodes"].append(i)
        return i

    def thing(self, name, primitive, color, at):
        """Something that participants may select, move, colour and remove."""
        mesh = self.mesh(name, primitive, self.material(name, color))
        return self.node(name, mesh, at, extras={"object": True, "selectedBy": None, "heldBy": None})

    def spin(self, name, node, seconds, turns=1):
        """An animation that turns a node about its Z axis, over and over."""
        steps = 4 * abs(turns)
        times = [seconds * k / steps for k in range(steps + 1)]
        turn = [q for k in range(steps + 1) for q in (
            0.0, 0.0, math.sin(math.pi * turns * k / steps), math.cos(math.pi * turns * k / steps))]
        data = struct.pack("<%df" % len(times), *times) + struct.pack("<%df" % len(turn), *turn)
        buffer = self.add("buffers", {"byteLength": len(data), "uri": "data:application/octet-stream;base64," + base64.b64encode(data).decode()})
        at = self.add("bufferViews", {"buffer": buffer, "byteLength": 4 * len(times)})
        to = self.add("bufferViews", {"buffer": buffer, "byteOffset": 4 * len(times), "byteLength": 4 * len(turn)})
        inputs = self.add("accessors", {"bufferView": at, "componentType": 5126, "count": len(times), "type": "SCALAR", "min": [0.0], "max": [float(seconds)]})
        outputs = self.add("accessors", {"bufferView": to, "componentType": 5126, "count": len(times), "type": "VEC4"})
        self.doc.setdefault("animations", []).append({
            "name": name, "samplers": [{"input": inputs, "output": outputs}],
            "channels": [{"sampler": 0, "target": {"node": node, "path": "rotation"}}]})
        return len(self.doc["animations"]) - 1

    def interactivity(self, triggers, actions, behaviors):
        self.doc["extensionsUsed"].append("MPEG_scene_interactivity")
        self.doc["scenes"][0]["extensions"]["MPEG_scene_interactivity"] = {
            "triggers": triggers, "actions": actions, "behaviors": behaviors}

    def write(self, name):
        with open(os.path.join(HERE, name + ".gltf"), "w") as f:
            json.dump(self.doc, f, indent=1)
            f.write("\n")


def common(s):
    """What every scene has: the participants' head, the shapes that `add` offers."""
    s.mesh("avatar", s.shape(head()), s.material("avatar", [0.95, 0.75, 0.6, 1.0]))


def default():
    """Objects on a table between the participants."""
    s = Scene()
    top, leg = s.shape(cylinder(0.6, 0.04)), s.shape(cylinder(0.06, 0.7, 8))
    wood = s.material("wood", [0.45, 0.3, 0.18, 1.0])
    s.node("table top", s.mesh("table top", top, wood), (0, 0.72, 0))
    s.node("table leg", s.mesh("table leg", leg, wood), (0, 0.35, 0))
    cube, sphere, spike = s.shape(box(0.2, 0.2, 0.2)), s.shape(ball(0.12)), s.shape(cone(0.11, 0.26))
    s.thing("cube", cube, [0.16, 0.45, 0.85, 1.0], (0, 0.84, 0))
    s.thing("ball", sphere, [0.9, 0.35, 0.2, 1.0], (0.34, 0.86, 0.1))
    s.thing("cone", spike, [0.25, 0.7, 0.35, 1.0], (-0.3, 0.87, 0.16))
    common(s)
    s.write("default")


def whiteboard():
    """A board on the wall, pins to place on it."""
    s = Scene()
    s.node("board", s.mesh("board", s.shape(box(2.4, 1.3, 0.04)), s.material("board", [0.96, 0.96, 0.94, 1.0])), (0, 1.5, -2))
    s.node("frame", s.mesh("frame", s.shape(box(2.5, 0.06, 0.08)), s.material("frame", [0.3, 0.32, 0.36, 1.0])), (0, 0.82, -1.98))
    pin = s.shape(cone(0.05, 0.1))
    for i, color in enumerate(([0.85, 0.2, 0.2, 1.0], [0.2, 0.4, 0.85, 1.0], [0.2, 0.65, 0.3, 1.0], [0.95, 0.75, 0.1, 1.0])):
        s.thing("pin %d" % (i + 1), pin, color, (-0.6 + 0.4 * i, 0.9, -1.92))
    s.mesh("note", s.shape(box(0.3, 0.2, 0.01)), s.material("note", [1.0, 0.95, 0.5, 1.0]))
    common(s)
    s.write("whiteboard")


def assistance():
    """Remote assistance: a pump with a valve and a panel; marks to place where something is to be
    done. The application `draw` adds strokes."""
    s = Scene()
    steel, red = s.material("steel", [0.55, 0.58, 0.62, 1.0], 0.5), s.material("red", [0.8, 0.15, 0.1, 1.0])
    s.node("base", s.mesh("base", s.shape(box(0.9, 0.1, 0.5)), s.material("base", [0.25, 0.27, 0.3, 1.0])), (0, 0.75, 0))
    s.node("housing", s.mesh("housing", s.shape(cylinder(0.17, 0.34, 14)), steel), (-0.2, 0.97, 0))
    s.node("pipe", s.mesh("pipe", s.shape(cylinder(0.05, 0.6, 10)), steel), (-0.2, 1.4, 0))
    s.node("valve", s.mesh("valve", s.shape(gear(0.12, 0.03, 6)), red), (-0.2, 1.35, 0.1))
    s.node("panel", s.mesh("panel", s.shape(box(0.3, 0.22, 0.03)), s.material("panel", [0.12, 0.16, 0.2, 1.0])), (0.25, 1.0, 0.12))
    lamp = s.shape(ball(0.02))
    for i, color in enumerate(([0.2, 0.8, 0.3, 1.0], [0.95, 0.75, 0.1, 1.0], [0.85, 0.2, 0.2, 1.0])):
        s.node("lamp %d" % (i + 1), s.mesh("lamp %d" % (i + 1), lamp, s.material("lamp %d" % (i + 1), color)), (0.17 + 0.08 * i, 1.05, 0.145))
    mark = s.shape(cone(0.04, 0.1))
    for i, color in enumerate(([0.1, 0.6, 1.0, 1.0], [1.0, 0.5, 0.0, 1.0])):
        s.thing("mark %d" % (i + 1), mark, color, (0.3 + 0.12 * i, 0.86, 0.18))
    common(s)
    s.write("assistance")


def tabletop():
    """An object that is shown and turned over: two gears that run, on a stand."""
    s = Scene()
    s.node("stand", s.mesh("stand", s.shape(cylinder(0.35, 0.05, 14)), s.material("stand", [0.2, 0.22, 0.26, 1.0])), (0, 0.8, 0))
    s.node("column", s.mesh("column", s.shape(box(0.06, 0.3, 0.06)), s.material("column", [0.4, 0.42, 0.46, 1.0])), (0, 0.97, -0.06))
    big = s.node("big gear", s.mesh("big gear", s.shape(gear(0.18, 0.04, 7)), s.material("brass", [0.85, 0.65, 0.25, 1.0], 0.4)), (-0.05, 1.12, 0))
    small = s.node("small gear", s.mesh("small gear", s.shape(gear(0.13, 0.04, 5)), s.material("iron", [0.5, 0.52, 0.56, 1.0], 0.4)), (0.2, 1.23, 0))
    turns = s.spin("big gear runs", big, 7), s.spin("small gear runs", small, 5, -1)
    dark, lit = s.material("lamp", [0.2, 0.22, 0.2, 1.0]), s.material("lamp lit", [0.3, 0.95, 0.4, 1.0])
    lamp = s.node("lamp", s.mesh("lamp", s.shape(ball(0.03)), dark), (-0.2, 0.85, 0.2))
    for i in turns:
        s.doc["animations"][i]["extras"] = {"playing": False, "control": "stop"}
    # the gears run, and the lamp is lit, from when somebody comes near or taps them until nobody is
    # near any more
    s.interactivity(
        [{"type": "TRIGGER_PROXIMITY", "nodes": [big, small], "distanceLowerLimit": 0, "distanceUpperLimit": 1.2},
         {"type": "TRIGGER_USER_INPUT", "userInputDescription": "tap", "nodes": [big, small]}],
        [{"type": "ACTION_ANIMATION", "animation": i, "animationControl": "ANIMATION_" + c} for c in ("PLAY", "PAUSE") for i in turns]
        + [{"type": "ACTION_SET_MATERIAL", "material": m, "nodes": [lamp]} for m in (lit, dark)],
        [{"triggers": [0, 1], "triggersCombinationControl": "#0|#1", "triggersActivationControl": "TRIGGER_ACTIVATE_EACH_ENTER",
          "actions": [0, 1, 4], "actionsControl": "PARALLEL", "priority": 1},
         {"triggers": [0], "triggersCombinationControl": "#0", "triggersActivationControl": "TRIGGER_ACTIVATE_EACH_EXIT",
          "actions": [2, 3, 5], "actionsControl": "PARALLEL", "priority": 0}])
    s.thing("part", s.shape(box(0.12, 0.12, 0.12)), [0.3, 0.5, 0.85, 1.0], (0.4, 0.9, 0.15))
    common(s)
    s.write("tabletop")


if __name__ == "__main__":
    default()
    whiteboard()
    assistance()
    tabletop()
