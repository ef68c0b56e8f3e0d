#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes full.gltf: a small document that uses all that the loader knows. gltf-validator finds no
error in it. The tests break it in one place at a time."""
import base64
import json
import math
import os
import struct
import zlib

blob = bytearray()
views, accessors = [], []


def view(data, **more):
    while len(blob) % 4:
        blob.append(0)
    views.append({"buffer": 0, "byteOffset": len(blob), "byteLength": len(data), **more})
    blob.extend(data)
    return len(views) - 1


def accessor(fmt, ctype, atype, rows, bounds=False, target=None, **more):
    flat = [x for r in rows for x in (r if isinstance(r, (list, tuple)) else [r])]
    data = struct.pack("<%d%s" % (len(flat), fmt), *flat)
    a = {"bufferView": view(data, **({"target": target} if target else {})), "componentType": ctype,
         "count": len(rows), "type": atype, **more}
    if bounds:
        cols = list(zip(*[(r if isinstance(r, (list, tuple)) else [r]) for r in rows]))
        f = (lambda v: struct.unpack("<f", struct.pack("<f", v))[0]) if fmt == "f" else (lambda v: v)
        a["min"] = [f(min(c)) for c in cols]
        a["max"] = [f(max(c)) for c in cols]
    accessors.append(a)
    return len(accessors) - 1


def floats(atype, rows, bounds=False, target=None):
    return accessor("f", 5126, atype, rows, bounds, target)


def png(w, h, pixel):
    rows = b"".join(b"\0" + b"".join(bytes(pixel(x, y)) for x in range(w)) for y in range(h))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, 8, 6, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


V, I = 34962, 34963
quad = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)]
pos = floats("VEC3", quad, True, V)
nrm = floats("VEC3", [(0, 0, 1)] * 4, False, V)
tan = floats("VEC4", [(1, 0, 0, 1)] * 4, False, V)
uv0 = accessor("H", 5123, "VEC2", [(0, 65535), (65535, 65535), (65535, 0), (0, 0)], False, V, normalized=True)
uv1 = floats("VEC2", [(0, 1), (1, 1), (1, 0), (0, 0)], False, V)
col = accessor("B", 5121, "VEC4", [(255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 255, 255), (255, 255, 255, 51)],
               False, V, normalized=True)
idx16 = accessor("H", 5123, "SCALAR", [0, 1, 2, 0, 2, 3], False, I)

bar = [(x, y, 0) for y in (0, 0.5, 1, 1.5, 2) for x in (-0.5, 0.5)]
bar_pos = floats("VEC3", bar, True, V)
bar_joint = accessor("B", 5121, "VEC4", [(0, 1, 0, 0)] * 10, False, V)
bar_weight = floats("VEC4", [(1 - y / 2, y / 2, 0, 0) for x, y, z in bar], False, V)
bar_idx = accessor("B", 5121, "SCALAR",
                   [i for r in range(4) for i in (2 * r, 2 * r + 1, 2 * r + 3, 2 * r, 2 * r + 3, 2 * r + 2)], False, I)
inverse = floats("MAT4", [(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1),
                          (1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, -1, 0, 1)])

strip = [(0, 0, 0), (0, 1, 0), (1, 0, 0), (1, 1, 0), (2, 0, 0)]
strip_pos = floats("VEC3", strip, True, V)
strip_nrm = floats("VEC3", [(0, 0, -1)] * 5, False, V)
lift = floats("VEC3", [(0, 0, 1)] * 5, True, V)
accessors.append({"componentType": 5126, "count": 5, "type": "VEC3", "min": [0, 0, 0], "max": [0, 3, 0],
                  "sparse": {"count": 2,
                             "indices": {"bufferView": view(struct.pack("<2H", 1, 3)), "componentType": 5123},
                             "values": {"bufferView": view(struct.pack("<6f", 0, 2, 0, 0, 3, 0))}}})
sparse = len(accessors) - 1

times = floats("SCALAR", [0.0, 1.0, 2.0], True)
times2 = floats("SCALAR", [0.5, 1.5], True)
h = math.sqrt(0.5)
walk = floats("VEC3", [(0, 0, 0), (2, 0, 0), (2, 4, 0)])
turn = accessor("h", 5122, "VEC4", [(0, 0, 0, 32767), (0, 0, 23170, 23170), (0, 0, 32767, 0)], normalized=True)
grow = floats("VEC3", [(1, 1, 1), (2, 2, 2), (3, 3, 3)])
curve = floats("VEC3", [(0, 0, 0), (0, 0, 0), (1, 2, 0), (-1, 0, 0), (1, 1, 1), (0, 0, 0)])
curl = floats("VEC4", [(0, 0, 0, 0), (0, 0, 0, 1), (0, 0.5, 0, 0), (0, 0.5, 0, 0), (0, h, 0, h), (0, 0, 0, 0)])
swell = floats("SCALAR", [0, 0, 1, 0.5, 0, 1])

image = png(4, 2, lambda x, y: (x * 85, y * 255, 128, 255 if x else 128))
image_view = view(image)

doc = {
    "asset": {"version": "2.0", "generator": "make_full.py"},
    "extensionsUsed": ["KHR_materials_unlit", "KHR_texture_transform", "KHR_materials_emissive_strength",
                       "KHR_lights_punctual"],
    "extensionsRequired": ["KHR_materials_unlit"],
    "extensions": {"KHR_lights_punctual": {"lights": [
        {"type": "spot", "color": [1, 0.5, 0.25], "intensity": 20, "range": 10,
         "spot": {"innerConeAngle": 0.2, "outerConeAngle": 0.5}},
        {"type": "directional"}, {"type": "point", "intensity": 3}]}},
    "scene": 0,
    "scenes": [{"name": "room", "nodes": [0, 5, 6, 7, 8, 9], "extras": {"rev": 17}}],
    "nodes": [
        {"name": "group", "children": [1, 2, 3], "translation": [10, 0, 0]},
        {"name": "board", "mesh": 0, "translation": [0, 1, 0], "rotation": [0, 0, h, h], "scale": [2, 1, 1]},
        {"name": "bar", "mesh": 1, "skin": 0},
        {"name": "joint a", "children": [4]},
        {"name": "joint b", "translation": [0, 1, 0]},
        {"name": "blob", "mesh": 2, "weights": [0.5, 0]},
        {"name": "eye", "camera": 0, "translation": [0, 1, 5]},
        {"name": "lamp", "extensions": {"KHR_lights_punctual": {"light": 0}}},
        {"name": "fixed", "mesh": 0, "matrix": [0, 0, -1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 3, 0, 0, 1]},
        {"name": "participant a", "children": [10], "translation": [0, 1.6, 1.5],
         "extras": {"participant": "a", "user": "sip:a@ims"}},
        {"name": "head", "mesh": 0},
        {"name": "gone", "mesh": 0, "extras": {"removed": True}}],
    "meshes": [
        {"name": "board", "primitives": [
            {"attributes": {"POSITION": pos, "NORMAL": nrm, "TANGENT": tan, "TEXCOORD_0": uv0,
                            "TEXCOORD_1": uv1, "COLOR_0": col}, "indices": idx16, "material": 0},
            {"attributes": {"POSITION": pos}, "mode": 2, "material": 1}]},
        {"name": "bar", "primitives": [
            {"attributes": {"POSITION": bar_pos, "JOINTS_0": bar_joint, "WEIGHTS_0": bar_weight},
             "indices": bar_idx}]},
        {"name": "blob", "weights": [0, 0], "primitives": [
            {"attributes": {"POSITION": strip_pos, "NORMAL": strip_nrm}, "mode": 5, "material": 2,
             "targets": [{"POSITION": lift}, {"POSITION": sparse}]}]}],
    "materials": [
        {"name": "all", "doubleSided": True, "alphaMode": "MASK", "alphaCutoff": 0.3,
         "emissiveFactor": [0.5, 1, 0],
         "extensions": {"KHR_materials_emissive_strength": {"emissiveStrength": 4}},
         "emissiveTexture": {"index": 1},
         "normalTexture": {"index": 1, "scale": 0.7},
         "occlusionTexture": {"index": 1, "strength": 0.4, "texCoord": 1},
         "pbrMetallicRoughness": {
             "baseColorFactor": [0.2, 0.4, 0.6, 0.8], "metallicFactor": 0.1, "roughnessFactor": 0.9,
             "baseColorTexture": {"index": 0, "extensions": {"KHR_texture_transform": {
                 "offset": [0.25, 0.5], "rotation": 1.5707963267948966, "scale": [2, 3], "texCoord": 1}}},
             "metallicRoughnessTexture": {"index": 1}}},
        {"name": "flat", "extensions": {"KHR_materials_unlit": {}}},
        {"name": "glass", "alphaMode": "BLEND"}],
    "textures": [{"source": 0, "sampler": 0}, {"source": 1}],
    "samplers": [{"magFilter": 9728, "minFilter": 9984, "wrapS": 33071, "wrapT": 33648}],
    "images": [{"bufferView": image_view, "mimeType": "image/png"},
               {"uri": "data:image/png;base64," + base64.b64encode(image).decode()}],
    "cameras": [{"type": "perspective", "perspective": {"yfov": 0.8, "znear": 0.1, "zfar": 100,
                                                        "aspectRatio": 1.5}},
                {"type": "orthographic", "orthographic": {"xmag": 2, "ymag": 1, "znear": 0, "zfar": 10}}],
    "skins": [{"joints": [3, 4], "inverseBindMatrices": inverse, "skeleton": 3}],
    "animations": [
        {"name": "move",
         "samplers": [{"input": times, "output": walk}, {"input": times, "output": turn},
                      {"input": times, "output": grow, "interpolation": "STEP"},
                      {"input": times, "output": swell}],
         "channels": [{"sampler": 0, "target": {"node": 1, "path": "translation"}},
                      {"sampler": 1, "target": {"node": 4, "path": "rotation"}},
                      {"sampler": 2, "target": {"node": 1, "path": "scale"}},
                      {"sampler": 3, "target": {"node": 5, "path": "weights"}}]},
        {"name": "nod",
         "samplers": [{"input": times2, "output": curve, "interpolation": "CUBICSPLINE"},
                      {"input": times2, "output": curl, "interpolation": "CUBICSPLINE"}],
         "channels": [{"sampler": 0, "target": {"node": 10, "path": "translation"}},
                      {"sampler": 1, "target": {"node": 10, "path": "rotation"}}]}],
    "accessors": accessors,
    "bufferViews": views,
}
while len(blob) % 4:
    blob.append(0)
doc["buffers"] = [{"byteLength": len(blob),
                   "uri": "data:application/octet-stream;base64," + base64.b64encode(bytes(blob)).decode()}]
here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "full.gltf"), "w", encoding="utf-8") as f:
    json.dump(doc, f, indent=None, separators=(",", ":"))
    f.write("\n")
