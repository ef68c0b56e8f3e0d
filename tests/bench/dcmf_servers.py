# SPDX-License-Identifier: GPL-2.0-or-later
"""Data channel servers that dcmf_table.py puts under the same load: each is a process on the first core that
answers a peer's description (a dict) with its own."""
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))


class Lines:
    """A server that speaks JSON lines."""
    lite = False  # the load is ICE-lite: the server checks
    dcep = False
    address = '127.0.0.1'

    def __init__(self, argv, env=None):
        self.child = subprocess.Popen(['taskset', '-c', '0'] + argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      text=True, bufsize=1, env={**os.environ, **(env or {})})
        self.pid = self.child.pid

    def say(self, o):
        self.child.stdin.write(json.dumps(o) + '\n')
        self.child.stdin.flush()

    def answer(self, offer):
        self.say(offer)
        return json.loads(self.child.stdout.readline())

    def stop(self):
        self.child.stdin.close()
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


def ours(build, wrapper=()):
    return Lines([*wrapper, f'{build}/tests/bench/dcmf_server'])


def libdatachannel():
    s = Lines([shutil.which('node') or 'node', f'{HERE}/bench_dc_echo.mjs'], {'BENCH_SERVER': '1'})
    s.lite = True
    return s


class Janus:
    """Its echotest plugin over its HTTP transport. It takes no candidate on loopback, and as ICE-lite it never
    took a nomination of ours: it checks."""
    lite = True
    dcep = True

    def __init__(self, address, port=8288):
        self.address = address
        self.dir = tempfile.mkdtemp(prefix='janus-')
        self.url = f'http://127.0.0.1:{port}/janus'
        conf = {
            'janus.jcfg': 'general: { debug_level = 2 }\nnat: { full_trickle = false }\n'
                          'plugins: { disable = "libjanus_audiobridge.so,libjanus_nosip.so,libjanus_recordplay.so,'
                          'libjanus_sip.so,libjanus_streaming.so,libjanus_textroom.so,libjanus_videocall.so,'
                          'libjanus_videoroom.so,libjanus_voicemail.so,libjanus_lua.so,libjanus_duktape.so" }\n'
                          'transports: { disable = "libjanus_websockets.so,libjanus_rabbitmq.so,libjanus_mqtt.so,'
                          'libjanus_nanomsg.so,libjanus_pfunix.so" }\n',
            'janus.transport.http.jcfg': f'general: {{ http = true, port = {port}, ip = "127.0.0.1", https = false, '
                                         'base_path = "/janus" }\nadmin: { admin_http = false }\n'}
        for name, text in conf.items():
            with open(f'{self.dir}/{name}', 'w', encoding='utf8') as f:
                f.write(text)
        with open(f'{self.dir}/log', 'w', encoding='utf8') as log:
            # Debian's may crash when it is stopped: no core in the folder that this was started from
            self.child = subprocess.Popen(['prlimit', '--core=0', 'taskset', '-c', '0', 'janus', '-F', self.dir],
                                          stdout=log, stderr=log)
        self.pid = self.child.pid
        for _ in range(100):
            try:
                self.session = self.post('', {'janus': 'create'})['data']['id']
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(f'Janus does not answer, see {self.dir}/log')

    def post(self, path, o):
        o = {**o, 'transaction': 't'}
        r = urllib.request.Request(self.url + path, json.dumps(o).encode(), {'Content-Type': 'application/json'})
        with urllib.request.urlopen(r, timeout=20) as f:
            return json.load(f)

    def event(self, handle):
        while True:
            with urllib.request.urlopen(f'{self.url}/{self.session}?maxev=1', timeout=60) as f:
                e = json.load(f)
            if e.get('sender') == handle and 'jsep' in e:
                return e['jsep']['sdp']

    def answer(self, offer):
        s = f'/{self.session}'
        handle = self.post(s, {'janus': 'attach', 'plugin': 'janus.plugin.echotest'})['data']['id']
        a = offer['addr']
        sdp = '\r\n'.join([
            'v=0', f'o=- 1 1 IN IP4 {a}', 's=-', 't=0 0', 'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
            f'c=IN IP4 {a}', 'a=mid:0', 'a=sctp-port:5000', 'a=ice-lite', 'a=setup:passive', f'a=ice-ufrag:{offer["ufrag"]}',
            f'a=ice-pwd:{offer["pwd"]}', 'a=fingerprint:sha-256 ' + offer['fingerprint'].split(' ')[1],
            f'a=candidate:1 1 udp 2130706431 {a} {offer["port"]} typ host', 'a=end-of-candidates', ''])
        self.post(f'{s}/{handle}', {'janus': 'message', 'body': {'audio': False, 'video': False},
                                    'jsep': {'type': 'offer', 'sdp': sdp}})
        got = {}
        for line in self.event(handle).split('\r\n'):
            name, _, value = line.partition(':')
            if name == 'a=candidate':
                f = value.split(' ')
                if f[2].lower() == 'udp' and '.' in f[4]:
                    got['addr'], got['port'] = f[4], int(f[5])
            elif name in ('a=ice-ufrag', 'a=ice-pwd', 'a=fingerprint'):
                got[name.split('-')[-1].replace('a=', '')] = value
        return got

    def stop(self):
        self.child.terminate()
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        shutil.rmtree(self.dir, ignore_errors=True)
