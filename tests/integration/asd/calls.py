# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls as the module's end of the front link makes them, and what asd says of them."""
from front import answered, offer, token


def begin(f, **more):
    """A call with a plan: its token and the verdict."""
    t = token()
    v = f.ask(**offer(t, **more))
    assert v["ok"] and v["action"] == "ar", v
    return t, v


def talk(f, **more):
    t, v = begin(f, **more)
    f.event("answered", t, **answered(t))
    f.wait_acks()
    return t


def bye(f, t, from_tag="ta", to_tag="tb"):
    f.event("bye", t, callid=t + "@ue", from_tag=from_tag, to_tag=to_tag)
    f.wait_acks()


def texts(plan):
    """The sections of ours, everything."""
    out = []
    for r in [plan["offer"]] + plan["answers"]:
        out += [s.get("text", "") for s in r["sec"]]
    return "".join(out)


def items(reply):
    assert reply["ok"], reply
    return reply["items"]
