# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls at a real mediad on the first core for dcmf_table.py: poses(build, calls, hz, seconds) is what pose_load
(on the last) has seen."""
import json
import os
import socket
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STREAMS = {'1000': {'streamId': 1000, 'subprotocol': 'mpeg-sd', 'order': True},
           '1002': {'streamId': 1002, 'subprotocol': '3gpp-ar-metadata', 'order': False, 'maxRetry': 0}}


def realtime():
    """In front of a program, where it may be had: what else is computed on these cores does not count then."""
    argv = ['chrt', '-f', '10']
    try:
        return argv if subprocess.run(argv + ['true'], stderr=subprocess.DEVNULL, check=False).returncode == 0 else []
    except OSError:
        return []


def free_port(kind):
    with socket.socket(type=kind) as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Mediad:
    def __init__(self, build):
        self.folder = tempfile.TemporaryDirectory(prefix='mediad-bench-')
        self.port, media = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_DGRAM)
        conf = self.folder.name + '/mediad.conf'
        with open(conf, 'w', encoding='utf8') as f:
            f.write(f'[mediad]\nworkers = 1\n[control]\nlisten = 127.0.0.1:{self.port}\n[media]\n'
                    f'network = default/127.0.0.1\nport = {media}\n[application]\nscenes = {ROOT}/webapp/scenes\n'
                    f'webapp = {ROOT}/webapp/scenes\n[armf]\nprocesses = 0\n')
        with open(self.folder.name + '/log', 'w', encoding='utf8') as log:
            self.child = subprocess.Popen(realtime() + ['taskset', '-c', '0', f'{build}/mediad/mediad', '-c', conf], stdout=log, stderr=log)
        for _ in range(100):
            s = self.curl('/x-ims-ar/v1/status')
            if s and s['workersUp']:
                self.worker = s['worker'][0]['pid']
                return
            time.sleep(0.1)
        raise RuntimeError('mediad does not answer')

    def curl(self, path, body=None):
        argv = ['curl', '-s', '--max-time', '10', '--http2-prior-knowledge', f'http://127.0.0.1:{self.port}{path}']
        if body is not None:
            argv += ['-H', 'content-type: application/json', '-d', '@-']
        out = subprocess.run(argv, input=json.dumps(body) if body is not None else None, capture_output=True, text=True,
                             check=False).stdout
        return json.loads(out) if out else None

    def call(self, ues):
        """One context; what each UE is told."""
        made = self.curl('/nmf-mrm/v1/contexts', {'x-ims-ar': {'owner': 'bench'}, 'terminations': [
            {'terminationId': f't{i}', 'medias': [{
                'mediaId': '1', 'mediaResourceType': 'DC',
                'dcMedia': {'streams': STREAMS, 'securitySetup': 'PASSIVE',
                            'remoteDcEndpoint': {'sctpPort': 5000, 'fingerprint': u['fingerprint']}},
                'remoteMbEndpoint': {'ip': {'ipv4Addr': '127.0.0.1'}, 'transport': 'UDP', 'portNumber': u['port']},
                'x-ims-ar': {'user': f'sip:u{i}@ims', 'remote': {'maxMessageSize': 262144, 'ice': {
                    'ufrag': u['ufrag'], 'pwd': u['pwd']}}}}]} for i, u in enumerate(ues)]})
        for m in (t['medias'][0] for t in made['terminations']):
            yield {**m['x-ims-ar']['ice'], 'fingerprint': m['dcMedia']['localDcEndpoint']['fingerprint'],
                   'port': m['localMbEndpoint']['portNumber']}

    def stop(self):
        self.child.terminate()
        self.child.wait(20)
        self.folder.cleanup()


def poses(build, calls, hz, seconds):
    m = Mediad(build)
    try:
        argv = realtime() + ['taskset', '-c', str(os.cpu_count() - 1), f'{build}/tests/bench/pose_load', '-p', m.worker, '-n', calls,
                '-z', hz, '-t', seconds]
        child = subprocess.Popen(list(map(str, argv)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        ues = json.loads(child.stdout.readline())
        told = [u for i in range(0, len(ues), 2) for u in m.call(ues[i:i + 2])]
        child.stdin.write(''.join(json.dumps(u) + '\n' for u in told))
        child.stdin.close()
        out = child.stdout.readline()
        if child.wait() != 0 or not out:
            raise RuntimeError('the load failed')
        return json.loads(out)
    finally:
        m.stop()
