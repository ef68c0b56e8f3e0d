// SPDX-License-Identifier: GPL-2.0-or-later
// The same load on our server and on a libdatachannel server (node-datachannel), in one run.
//   node bench_dc_echo.mjs <bench_dc_echo> [arguments of it]     needs ../interop's node_modules
import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { description, remoteFacts } from '../interop/lib.mjs';

const [program, ...args] = process.argv.slice(2);

if (process.env.BENCH_SERVER) {
	const ndc = createRequire(new URL('../interop/', import.meta.url))('node-datachannel');
	const keep = [];
	const block = Buffer.alloc(65536);
	const bulk = (dc, left) => { // as fast as it takes it
		const more = () => {
			while (left > 0 && dc.isOpen() && dc.bufferedAmount() < 512 * 1024) {
				const n = Math.min(left, block.length);
				dc.sendMessageBinary(block.subarray(0, n));
				left -= n;
			}
		};
		dc.setBufferedAmountLowThreshold(256 * 1024);
		dc.onBufferedAmountLow(more);
		more();
	};
	createInterface({ input: process.stdin }).on('line', (l) => {
		const m = JSON.parse(l);
		if (m.bulk) { keep.filter((k) => k.sendMessageBinary).forEach((dc) => bulk(dc, m.bulk)); return; }
		const pc = new ndc.PeerConnection('echo', { iceServers: [], bindAddress: m.addr ?? '127.0.0.1' });
		const dc = pc.createDataChannel('scene', { negotiated: true, id: m.id ?? 1000 });
		dc.onMessage((msg) => (typeof msg === 'string' ? dc.sendMessage(msg) : dc.sendMessageBinary(msg)));
		const d = description('offer', { ready: { host: m.addr ?? '127.0.0.1', port: m.port } }, m, { setup: 'actpass' });
		pc.setRemoteDescription(d.sdp, 'offer');
		keep.push(pc, dc);
		const poll = setInterval(() => { // its candidates are not needed: the server checks
			const sdp = pc.localDescription()?.sdp;
			if (!sdp?.includes('ice-ufrag')) return;
			clearInterval(poll);
			const f = remoteFacts(sdp);
			console.log(JSON.stringify({ ufrag: f.ufrag, pwd: f.pwd, fingerprint: f.fingerprints[0] }));
		}, 2);
	});
} else {
	const r = spawnSync(program, args, { encoding: 'utf8' });
	process.stdout.write(r.stdout + r.stderr);
	const server = spawn('taskset', ['-c', '0', process.execPath, fileURLToPath(import.meta.url)],
		{ env: { ...process.env, BENCH_SERVER: '1' }, stdio: ['pipe', 'pipe', 'inherit'] });
	const load = spawn(program, ['-e', String(server.pid), ...args, 'node-datachannel'], { stdio: ['pipe', 'pipe', 'inherit'] });
	server.stdout.pipe(load.stdin);
	createInterface({ input: load.stdout }).on('line', (l) => {
		if (l.startsWith('bench')) console.log(l); else server.stdin.write(l + '\n');
	});
	load.on('exit', (code) => { server.kill('SIGKILL'); process.exitCode = code; });
}
