#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules about the tree that no compiler checks. One line per rule; exit 1 when one is broken."""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MAX_FILE, MAX_FUNCTION = 700, 100
CODE_DIRS = ("common", "asd", "mediad", "kamailio-modules")

# who may include what: the first part of an include path, per top folder
ARROWS = {
    "common": {"common"},
    "asd": {"common", "asd"},
    "mediad": {"common", "mediad"},
    "kamailio-modules": {"common", "kamailio-modules"},
}
# folders whose code has neither socket nor clock nor event loop
PURE = ("common/", "mediad/ice/", "mediad/dtls/", "mediad/sctp/", "mediad/dc/", "mediad/scene/",
        "mediad/dcmf/", "mediad/armf/front/capture.", "mediad/armf/front/stream", "mediad/rtp/",
        "mediad/srtp/", "mediad/peer", "mediad/transport")
IMPURE_INCLUDE = re.compile(r'#include\s+[<"](event2/|sys/epoll|poll\.h)')
IMPURE_CALL = re.compile(r"\b(recvmsg|sendmsg|recvmmsg|sendmmsg|recvfrom|sendto|socket|ar_now|"
                         r"clock_gettime|gettimeofday)\s*\(")


def files(*suffixes, dirs=CODE_DIRS):
    out = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", *dirs],
                         capture_output=True, text=True, check=True).stdout.split("\n")
    return sorted(f for f in set(out) if f.endswith(suffixes) and os.path.exists(os.path.join(ROOT, f)))


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def strip_comments(text):
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group(0).count("\n"), text, flags=re.S)
    return re.sub(r"//[^\n]*", "", text)


def rule_arrows():
    """includes cross no arrow of the architecture"""
    for path in files(".c", ".h"):
        top = path.split("/")[0]
        for n, line in enumerate(read(path).split("\n"), 1):
            m = re.match(r'#include\s+"([^"]+)"', line)
            if not m:
                continue
            first = m.group(1).split("/")[0]
            if first in ARROWS and first not in ARROWS[top]:
                yield f"{path}:{n}: {top} must not include {m.group(1)}"


def rule_pure():
    """protocol layers and common have no socket, no clock, no event loop"""
    for path in files(".c", ".h"):
        if not path.startswith(PURE) or path.startswith(("common/daemon/", "common/lua/")):
            continue
        for n, line in enumerate(strip_comments(read(path)).split("\n"), 1):
            if IMPURE_INCLUDE.search(line) or IMPURE_CALL.search(line):
                yield f"{path}:{n}: {line.strip()}"


def rule_no_assert():
    """no assertion can be reached by bytes from outside: there is none"""
    for path in files(".c", ".h"):
        for n, line in enumerate(strip_comments(read(path)).split("\n"), 1):
            if re.search(r"(?<!_)\bassert\s*\(|<assert\.h>", line):
                yield f"{path}:{n}: {line.strip()}"


def rule_spdx():
    """every source file names its licence"""
    for path in files(".c", ".h", ".lua", ".py", ".sh", ".mjs", dirs=(*CODE_DIRS, "lua", "tests", "webapp", "scripts")):
        if "/corpus/" in path or "/node_modules/" in path:
            continue
        if "SPDX-License-Identifier: GPL-2.0-or-later" not in read(path)[:400]:
            yield path


def rule_file_length():
    """no source file is longer than 700 lines, no test either"""
    for path in files(".c", ".h", ".lua", ".mjs", ".py", ".sh", dirs=(*CODE_DIRS, "lua", "scripts", "tests", "webapp")):
        n = read(path).count("\n")
        if n > MAX_FILE:
            yield f"{path}: {n} lines"


def functions():
    cmd = ["ctags", "-x", "--languages=C", "--kinds-C=f", "--_xformat=%N\t%F\t%n\t%{end}", "-L", "-"]
    out = subprocess.run(cmd, input="\n".join(files(".c", ".h")), capture_output=True, text=True,
                         check=True, cwd=ROOT).stdout
    for line in out.splitlines():
        name, path, start, end = line.split("\t")
        if end.isdigit():
            yield name, path, int(start), int(end)


def rule_function_length():
    """no function is longer than 100 lines"""
    for name, path, start, end in functions():
        if end - start + 1 > MAX_FUNCTION:
            yield f"{path}:{start}: {name} has {end - start + 1} lines"


def rule_documented_functions():
    """every file:function that README and docs/architecture.md name exists"""
    known = {(path, name) for name, path, _, _ in functions()}
    for doc in ("README.md", "docs/architecture.md"):
        if not os.path.exists(os.path.join(ROOT, doc)):
            yield f"{doc} is missing"
            continue
        pairs = re.findall(r"`([\w./-]+\.(?:c|h)):(\w+)`", read(doc))
        if doc == "README.md" and len(pairs) < 10:
            yield f"README.md names only {len(pairs)} functions"
        for path, name in pairs:
            if (path, name) not in known:
                yield f"{doc}: {path}:{name}"


def rule_no_conflict_with_usrsctp():
    """no global symbol of ours has a name that libusrsctp exports"""
    lib = "/usr/lib/x86_64-linux-gnu/libusrsctp.so"
    if not os.path.exists(lib):
        lib = subprocess.run("ldconfig -p | awk '/libusrsctp/{print $NF; exit}'", shell=True,
                             capture_output=True, text=True).stdout.strip()
    nm = subprocess.run(["nm", "-D", "--defined-only", lib], capture_output=True, text=True, check=True)
    theirs = {line.split()[-1] for line in nm.stdout.splitlines() if line.split()}
    for name, path, start, _ in functions():
        if name in theirs:
            yield f"{path}:{start}: {name}"


def main():
    rules = [v for k, v in sorted(globals().items()) if k.startswith("rule_")]
    bad = 0
    for rule in rules:
        found = list(rule())
        print(("not ok " if found else "ok ") + rule.__doc__)
        for f in found[:20]:
            print("  " + f)
        bad += bool(found)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
