#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The module's manual names every parameter, function, RPC command and variable, and no other."""
import re
import sys
from pathlib import Path
from xml.dom import minidom

MODULE = Path(__file__).resolve().parents[3] / "kamailio-modules/ims_ar"


def source(name):
    return (MODULE / name).read_text(encoding="utf-8")


def exported():
    params = re.findall(r'^\t\{"(\w+)", PARAM_', source("ims_ar_mod.c"), re.M)
    functions = re.findall(r'\{"(ims_ar_\w+)", \(cmd_function\)', source("ar_kemi.c"))
    rpc = re.findall(r'\{"ims_ar\.(\w+)", rpc_', source("ar_rpc.c"))
    return {"p": set(params), "f": set(functions), "r": set(rpc)}


def documented(text):
    return {kind: set(re.findall(rf'id="ims_ar\.{kind}\.([\w-]+)"', text)) for kind in "pfr"}


def main():
    text = source("doc/ims_ar_admin.xml")
    plain = re.sub(r"&(adminguide|kamailio);", "x", re.sub(r"<!DOCTYPE.*?\]>", "", text, flags=re.S))
    minidom.parseString(plain)
    have, want, bad = documented(text), exported(), []
    for kind in "pfr":
        bad += [f"not in the manual: {kind} {n}" for n in want[kind] - have[kind]]
        bad += [f"in the manual only: {kind} {n}" for n in have[kind] - want[kind]]
        if not want[kind]:
            bad.append(f"nothing found in the source for {kind}")
    for name in re.findall(r'"(\w+)"', re.search(r"names\[PV_MAX\] = \{(.*?)\}", source("ar_pv.c"), re.S).group(1)):
        if f"<emphasis>{name}</emphasis>" not in text:
            bad.append(f"not in the manual: $ims_ar({name})")
    defaults = dict(re.findall(r"^\t\.(\w+) = (\d+),", source("ar_conf.c"), re.M))
    for name, value in defaults.items():
        m = re.search(rf'id="ims_ar\.p\.{name}".*?Default value is (\d+)\.', text, re.S)
        if not m or m.group(1) != value:
            bad.append(f"default of {name} is {value}, the manual says {m and m.group(1)}")
    print("\n".join(bad) or "the manual is complete")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
