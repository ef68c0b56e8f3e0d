#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""dcmf_table.py [--short] [ROW...]: the DCMF's transport in figures, docs/benchmarks.md.

The server is on the first core, the load (dcmf_load) on the last; Janus (package janus) and libdatachannel
(node-datachannel, ../interop) are under the same load, runs taken in turns. Needs node-datachannel, and for all rows
root (a network namespace of its own), janus and valgrind; a row that cannot be measured says why. --short: what
check.sh runs, lines that begin with "bench". Environment: BUILD (release), ROUNDS (3).
"""
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

import dcmf_calls
import dcmf_servers

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get('BUILD', f'{ROOT}/build/release')
ADDRESS = '192.0.2.2'  # of the namespace, for Janus
ROUNDS = int(os.environ.get('ROUNDS', '3'))


class NotMeasured(Exception):
    pass


def load(server, *args):
    """One run of dcmf_load; its figures."""
    argv = ['taskset', '-c', str(os.cpu_count() - 1), f'{BUILD}/tests/bench/dcmf_load', '-p', str(server.pid),
            '-a', server.address, *(['-l'] if server.lite else []), *(['-d'] if server.dcep else []), *map(str, args)]
    child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    last = None
    for line in child.stdout:
        o = json.loads(line)
        if 'ufrag' in o:
            child.stdin.write(json.dumps(server.answer(o)) + '\n')
            child.stdin.flush()
        elif 'bulk' in o:
            server.say(o)
        else:
            last = o
    child.stdin.close()
    if child.wait() != 0 or not last:
        raise NotMeasured('the load failed')
    return last


def janus():
    if not shutil.which('janus'):
        raise NotMeasured('Debian\'s package janus is not installed')
    return dcmf_servers.Janus(ADDRESS)


SERVERS = {'ours': lambda: dcmf_servers.ours(BUILD), 'libdatachannel': dcmf_servers.libdatachannel, 'Janus': janus}


def in_turns(names, figure, args, rounds=ROUNDS):
    """The median of each server's figure over runs taken in turns."""
    got = {n: [] for n in names}
    for _ in range(rounds):
        for n in names:
            s = None
            try:
                s = SERVERS[n]()
                # a hundred connections are minutes in Janus; its figures are per message and per peer
                got[n].append(figure(load(s, *(args + ['-n', 20] if n == 'Janus' else args))))
            except (NotMeasured, OSError, RuntimeError, KeyError) as e:
                print(f'# {n}: {e}', file=sys.stderr)
            finally:
                if s:
                    s.stop()
    return {n: statistics.median(v) for n, v in got.items() if v}


def beside(got, unit, ours_is_less=True):
    text = f'{got["ours"]:.2f} {unit}'
    for n, v in got.items():
        if n != 'ours':
            text += f'; {n} {v:.2f}, ratio {got["ours"] / v:.2f}'
    return text


def row_message():
    got = in_turns(SERVERS, lambda f: 1000 * f['cpu_ms'] / f['echoes'], ['-n', 50, '-w', 8, '-t', 4])
    return beside(got, 'us')


def row_setup():
    got = in_turns(SERVERS, lambda f: f['setup_ms'], ['-n', 100, '-m', 'idle', '-t', 0])
    return beside(got, 'ms')


def row_memory():
    few = in_turns(['ours', 'libdatachannel', 'Janus'], lambda f: f['kb'], ['-n', 300, '-m', 'idle', '-t', 0, '-i', 1], 1)
    many = in_turns(['ours', 'libdatachannel'], lambda f: f['kb'], ['-n', 300, '-m', 'idle', '-t', 0], 1)
    return f'64 streams: {beside(few, "kB")}. Ids from 1000: {beside(many, "kB")}'


def row_bulk():
    got = in_turns(['ours', 'libdatachannel'], lambda f: 100 / (f['cpu_ms'] / 1000),
                   ['-n', 1, '-m', 'bulk', '-b', 100000000])
    return beside(got, 'MB/s per core')


def row_idle():
    got = in_turns(['ours'], lambda f: 100 * f['cpu_ms'] / f['wall_ms'], ['-n', 1000, '-m', 'idle', '-t', 10])
    return f'{got["ours"]:.2f} % of a core'


def row_pose():
    got = [dcmf_calls.poses(BUILD, 100, 60, 5) for _ in range(ROUNDS)]
    p50, p90, p99, cpu = (statistics.median(g[k] for g in got) for k in ('p50_us', 'p90_us', 'p99_us', 'cpu'))
    lost = sum(g['poses'] - g['patches'] for g in got)
    return (f'p50 {p50 / 1000:.2f} ms, p90 {p90 / 1000:.2f} ms, p99 {p99 / 1000:.2f} ms, {max(lost, 0)} of '
            f'{sum(g["poses"] for g in got)} put together, {100 * cpu:.0f} % of a core')


def instructions(count):
    with tempfile.TemporaryDirectory() as d:
        s = dcmf_servers.ours(BUILD, ['valgrind', '-q', '--tool=callgrind', f'--callgrind-out-file={d}/out'])
        load(s, '-n', 10, '-w', 1, '-c', count)
        s.stop()
        with open(f'{d}/out', encoding='utf8') as f:
            return int(re.search(r'^(?:summary|totals): (\d+)', f.read(), re.M).group(1))


def row_instructions():
    if not shutil.which('valgrind'):
        raise NotMeasured('Debian\'s package valgrind is not installed')
    few, many = instructions(500), instructions(3500)
    return f'{(many - few) / 3000 / 1000:.1f} k'


NET = {}  # what bench_dcmf_net printed


def net(name):
    if not NET:
        for line in subprocess.run([f'{BUILD}/tests/bench/bench_dcmf_net', '-j'], check=True, stdout=subprocess.PIPE,
                                   text=True).stdout.splitlines():
            o = json.loads(line)
            NET[o['net']] = o
    o = NET[name]
    text = f'p50 {o["p50_ms"]:.0f} ms, p99 {o["p99_ms"]:.0f} ms, longest freeze {o["freeze_ms"]:.0f} ms'
    return text + (f', download {o["download_percent"]:.0f} % of the link' if o['download_percent'] else '')


ROWS = [
    ('message', 'CPU per 300 B message in + out, saturated', '<= 0.40 of libdatachannel', row_message),
    ('instructions', 'user instructions per such message', '<= 20 k', row_instructions),
    ('memory', 'memory per connected peer', '<= 60 kB at 64 streams, <= 130 kB with ids from 1000', row_memory),
    ('setup', 'CPU per connection set-up', '<= 1.2 ms', row_setup),
    ('bulk', 'bulk, ordered reliable', '>= 2.5 x libdatachannel', row_bulk),
    ('idle', '1,000 idle peers', '<= 0.8 %', row_idle),
    ('pose', 'pose in to patch out at the other UE, 100 calls at 60 Hz, idle machine', 'p50 <= 0.5 ms, p99 <= 5 ms', row_pose),
    ('loss1', 'age of the state, 20 ms each way and 1 % loss on every line (virtual time)', 'p99 <= 130 ms, freeze <= 600 ms',
     lambda: net('20 ms, 1 % loss')),
    ('loss5', 'the same at 5 % loss', 'p99 <= 200 ms, freeze <= 600 ms', lambda: net('20 ms, 5 % loss')),
    ('download', 'patches beside a 10 MB download at 10 Mbit/s (virtual time)', 'p99 <= 80 ms, download >= 90 %',
     lambda: net('10 MB beside it at 10 Mbit/s')),
    ('narrow', 'patches at 100 kbit/s (virtual time)', 'p99 <= 300 ms', lambda: net('100 kbit/s')),
]


def into_namespace():
    """Janus takes no candidate on loopback, and nothing else is to be on these addresses."""
    if os.environ.get('IMS_AR_INSIDE') == '1':
        up = f'''ip link set lo up && ip link add ue0 type veth peer name ue1 &&
            ip addr add {ADDRESS}/24 dev ue0 && ip link set ue0 up && ip link set ue1 up'''
        subprocess.run(up, shell=True, check=True)
    elif os.geteuid() == 0:
        os.environ['IMS_AR_INSIDE'] = '1'
        os.execvp('unshare', ['unshare', '-n', sys.executable, *sys.argv])
    else:
        print('# not root: without Janus', file=sys.stderr)


def short():
    got = in_turns(['ours', 'libdatachannel'], lambda f: 1000 * f['cpu_ms'] / f['echoes'],
                   ['-n', 10, '-w', 8, '-t', 1], 1)
    idle = in_turns(['ours'], lambda f: f['cpu_ms'] / f['wall_ms'] * 100, ['-n', 100, '-m', 'idle', '-t', 2], 1)
    pose = dcmf_calls.poses(BUILD, 20, 60, 2)
    print(f'bench dcmf cpu_us/message {beside(got, "us")}')
    print(f'bench dcmf pose to patch, 20 calls at 60 Hz: p50 {pose["p50_us"]} us, p99 {pose["p99_us"]} us')
    print(f'bench dcmf 100 idle peers {idle["ours"]:.2f} % of a core')
    return 0 if 'ours' in got and 'libdatachannel' in got else 1


def main():
    args = sys.argv[1:]
    if '--short' in args:
        return short()
    into_namespace()
    print('| figure | target | measured |\n|---|---|---|', flush=True)
    for name, title, target, row in ROWS:
        if args and name not in args:
            continue
        try:
            text = row()
        except (NotMeasured, OSError, RuntimeError, KeyError) as e:
            text = f'not measured: {e}'
        print(f'| {title} | {target} | {text} |', flush=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
