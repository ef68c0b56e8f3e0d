# SPDX-License-Identifier: GPL-2.0-or-later
"""Somebody else's IMS: Debian's example P-, I- and S-CSCF, made to run on this machine.

The configurations come from the package kamailio (/usr/share/doc/kamailio/examples/ims, 5.6.3-2)
at every run; nothing of them is kept here. What must change for them to start at all is listed
below, one entry per change with its reason; an entry that no longer finds its place stops the
test, so that a new package version is noticed.
"""
import os
import re
import shutil
import sqlite3
from pathlib import Path

EXAMPLES = Path(os.environ.get("IMS_EXAMPLES", "/usr/share/doc/kamailio/examples/ims"))
HOME = "ims.mnc001.mcc001.3gppnetwork.org"
NET = "mnc001.mcc001.3gppnetwork.org"
ADDRESS = {"pcscf": "127.0.0.21", "icscf": "127.0.0.22", "scscf": "127.0.0.23", "hss": "127.0.0.24",
           "as": "127.0.0.25", "pcscf-ar": "127.0.0.26", "pcscf-rtp": "127.0.0.27"}
PORT = {"pcscf": 5060, "icscf": 4060, "scscf": 6060, "as": 5070, "pcscf-ar": 5060, "pcscf-rtp": 5060}


class StaleEdit(Exception):
    pass


def host(role):
    return f"{role}.{NET}"


def replace(text, old, new, why, count=1):
    found = text.count(old)
    if found != count:
        raise StaleEdit(f"{found} places for: {old[:60]!r} ({why})")
    return text.replace(old, new)


def comment_out(text, pattern, why):
    text, n = re.subn(rf"^({pattern})", r"#\1", text, flags=re.M)
    if not n:
        raise StaleEdit(f"no place for: {pattern!r} ({why})")
    return text


def undefine(text, name):
    return replace(text, f"\n#!define {name}", f"\n##!define {name}", f"feature {name} off")


def common(text, role, run):
    """What all three share."""
    text = text.replace(f"/etc/kamailio_{role.split('-')[0]}/", f"{run}/")
    text = text.replace(f"/run/kamailio_{role.split('-')[0]}/", f"{run}/")
    text = re.sub(r"^children=\d+", "children=4", text, flags=re.M)
    if "mlock_pages=yes" in text:
        text = text.replace("mlock_pages=yes", "mlock_pages=no")
    if "dispatcher" in text:
        text = comment_out(text, r'modparam\("dispatcher", "(dst|grp|cnt|sock)_avp"',
                           "these parameters went away before Kamailio 5.6")
    return text


def pcscf_main(text, role):
    text = replace(text, '\tif (!is_method("REGISTER")) {\n        ipsec_forward("location");\n    }\n',
                   '#!ifdef WITH_IPSEC\n\tif (!is_method("REGISTER")) {\n'
                   '        ipsec_forward("location");\n    }\n#!endif\n',
                   "unguarded use of a module that is loaded WITH_IPSEC only")
    text = replace(text, "#!ifdef WITH_IPSEC\nloadmodule \"ims_ipsec_pcscf\"\n#!endif",
                   'loadmodule "ims_ipsec_pcscf"\n'
                   f'modparam("ims_ipsec_pcscf", "ipsec_listen_addr", "{ADDRESS[role]}")\n'
                   'modparam("ims_ipsec_pcscf", "ipsec_max_connections", 2)',
                   "ims_registrar_pcscf of 5.6 does not start without it")
    start = text.index("# NATPING Route:")
    end = text.index("#!ifdef WITH_XMLRPC\ninclude_file")
    return (text[:start] + "#!ifdef WITH_NATPING\n" + text[start:end] + "#!endif\n" + text[end:])


def scscf_main(text):
    text = replace(text, '#!ifdef DB_URL\nloadmodule "presence"\n#!endif', 'loadmodule "presence"',
                   "ims_usrloc_scscf of 5.6 does not start without it")
    text = replace(text, 'REG_SAR_REPLY","location")', 'REG_SAR_REPLY","location","0","0")',
                   "save() with two arguments crashes before 5.8.2", count=2)
    return replace(text, '"my_uri", HOSTNAME', f'"my_uri", "{host("scscf")}:{PORT["scscf"]}"',
                   "without the port the AS returns requests to 5060")


def listen(text, role):
    return re.sub(r"^listen=udp:.*", f"listen=udp:{ADDRESS[role]}:{PORT[role]}", text, flags=re.M)


def pcscf_site(text, role, relay):
    off = ["DB_URL", "SQLOPS_DBURL", "WITH_NATPING", "WITH_IPSEC"]
    for feature in off if relay else off + ["FORCE_RTPRELAY"]:
        text = undefine(text, feature)
    return listen(text, role).replace(host("pcscf"), host(role))


def icscf_site(text, run):
    text = undefine(text, "WITH_XMLRPC")
    text = re.sub(r'^#!define DB_URL .*', f'#!define DB_URL "sqlite://{run}/icscf.db"', text, flags=re.M)
    return listen(text, "icscf")


def scscf_site(text):
    text = replace(text, "##!define WITH_AUTH", "#!define WITH_AUTH", "challenge every REGISTER")
    return listen(text, "scscf") + f"alias={HOME}\n"


def icscf_database(path):
    db = sqlite3.connect(path)
    db.executescript(f"""
        CREATE TABLE version(table_name TEXT, table_version INT);
        CREATE TABLE nds_trusted_domains(id INTEGER PRIMARY KEY, trusted_domain TEXT);
        CREATE TABLE s_cscf(id INTEGER PRIMARY KEY, name TEXT, s_cscf_uri TEXT);
        CREATE TABLE s_cscf_capabilities(id INTEGER PRIMARY KEY, id_s_cscf INT, capability INT);
        INSERT INTO nds_trusted_domains VALUES(1, '{HOME}');
        INSERT INTO s_cscf VALUES(1, 'S-CSCF', 'sip:{host("scscf")}:{PORT["scscf"]}');
        INSERT INTO s_cscf_capabilities VALUES(1, 1, 0);
    """)
    db.commit()
    db.close()


def install(example, run):
    """A copy of one example folder, without the .sample endings. The package may hold them packed."""
    shutil.copytree(EXAMPLES / example, run)
    for packed in run.rglob("*.gz"):
        raise StaleEdit(f"{packed.name} is compressed in this version of the package")
    for sample in run.rglob("*.sample"):
        sample.rename(sample.with_suffix(""))
    (run / "dispatcher.list").write_text("")


def edit(path, *changes):
    text = path.read_text()
    for change in changes:
        text = change(text)
    path.write_text(text)


def make_pcscf(run, role, relay=False):
    """relay: media go through rtpengine, as the example has it."""
    install("pcscf", run)
    edit(run / "kamailio.cfg", lambda t: common(t, role, run),
         lambda t: pcscf_main(t, role))
    edit(run / "pcscf.cfg", lambda t: pcscf_site(t, role, relay))


def make_icscf(run):
    install("icscf", run)
    edit(run / "kamailio.cfg", lambda t: common(t, "icscf", run),
         lambda t: replace(t, 'loadmodule "db_mysql"', 'loadmodule "db_sqlite"', "no MySQL here"))
    edit(run / "icscf.cfg", lambda t: icscf_site(t, run))
    edit(run / "icscf.xml", lambda t: replace(t, "11.22.33.44", ADDRESS["icscf"], "sample address"))
    icscf_database(run / "icscf.db")


def make_scscf(run):
    install("scscf", run)
    edit(run / "kamailio.cfg", lambda t: common(t, "scscf", run), scscf_main)
    edit(run / "scscf.cfg", scscf_site)
    edit(run / "scscf.xml", lambda t: replace(t, "11.22.33.44", ADDRESS["scscf"], "sample address"))


def make_dns(run, numbers):
    """A zone like the example's, for dnsmasq, with ENUM records for our subscribers."""
    run.mkdir()
    lines = ["no-resolv", "no-hosts", "port=53", "listen-address=127.0.0.1", "bind-interfaces",
             "user=root", "keep-in-foreground", "log-facility=-", f"pid-file={run}/dnsmasq.pid",
             "local=/3gppnetwork.org/"]
    lines += [f"host-record={host(r)},{a}" for r, a in ADDRESS.items()]
    lines += [f"srv-host=_sip._udp.{host(r)},{host(r)},{PORT[r]}" for r in PORT]
    lines += [f"srv-host=_sip._udp.{HOME},{host('icscf')},{PORT['icscf']}"]
    for number in numbers:
        digits = ".".join(reversed(number.lstrip("+")))
        lines.append(f"naptr-record={digits}.{NET},10,100,u,E2U+sip,!^.*$!sip:{number}@{HOME}!")
    (run / "dnsmasq.conf").write_text("\n".join(lines) + "\n")


def make(run, numbers):
    """Everything under run/; one folder per function."""
    make_pcscf(run / "pcscf", "pcscf")
    make_pcscf(run / "pcscf-ar", "pcscf-ar")
    make_pcscf(run / "pcscf-rtp", "pcscf-rtp", relay=True)
    make_icscf(run / "icscf")
    make_scscf(run / "scscf")
    make_dns(run / "dns", numbers)
