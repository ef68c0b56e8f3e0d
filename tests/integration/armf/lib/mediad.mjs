// SPDX-License-Identifier: GPL-2.0-or-later
// A mediad of its own for a test: configuration, start, control, end.
import { spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync, rmSync, createWriteStream } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Mrm } from '../../mediad/mrm.mjs';

const sleep = (ms) => new Promise((r) => setTimeout(r, ms));

export class Mediad {
	// o: build, root, host, control (port), port, armf {key: value}, log (file)
	static async start(o) {
		const m = new Mediad();
		m.dir = mkdtempSync(join(tmpdir(), 'armf-test-'));
		m.control = o.control ?? 19910;
		const conf = { mediad: { workers: 1, log_level: o.level ?? 'info' },
			control: { listen: `127.0.0.1:${m.control}` },
			media: { network: `default/${o.host ?? '127.0.0.1'}`, port: o.port ?? 41000 },
			application: { scenes: o.scenes ?? join(o.root, 'webapp/scenes'), webapp: join(o.root, 'webapp'),
				applications: join(o.root, 'lua/apps'), ...o.application },
			armf: { program: join(o.build, 'mediad/mediad-armf'), processes: 1, ...o.armf } };
		const text = Object.entries(conf).map(([k, v]) => `[${k}]\n${Object.entries(v)
			.filter(([, x]) => x !== undefined).map(([a, b]) => `${a} = ${b}`).join('\n')}`).join('\n\n');
		writeFileSync(join(m.dir, 'mediad.conf'), `${text}\n`);
		m.log = '';
		m.child = spawn(join(o.build, 'mediad/mediad'), ['-c', join(m.dir, 'mediad.conf')],
			{ stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...o.env } });
		const file = o.log ? createWriteStream(o.log) : null;
		for (const s of [m.child.stdout, m.child.stderr])
			s.on('data', (d) => { m.log += d; file?.write(d); });
		m.done = new Promise((r) => m.child.on('exit', (code, signal) => r({ code, signal })));
		for (let i = 0; i < 300; i++) {
			await sleep(100);
			const ok = await fetch(`${m.base}/healthz`).then((r) => r.ok, () => false);
			if (ok) break;
			if (i === 299) throw new Error(`mediad does not start:\n${m.log}`);
		}
		m.mrm = new Mrm(m.base);
		return m;
	}

	get base() { return `http://127.0.0.1:${this.control}`; }

	async status() { return (await fetch(`${this.base}/x-ims-ar/v1/status`)).json(); }

	async metrics() {
		const text = await (await fetch(`${this.base}/metrics`)).text();
		return Object.fromEntries(text.split('\n').filter((l) => l && l[0] !== '#')
			.map((l) => [l.split(/[{ ]/)[0].replace(/^mediad_/, ''), +l.slice(l.lastIndexOf(' ') + 1)]));
	}

	// Live facts of a context: { a: { v0: {state, armf, transport, ...} }, ... }
	async facts(id) {
		const doc = await (await fetch(`${this.base}/nmf-mrm/v1/contexts/${id}`)).json();
		return Object.fromEntries(doc.terminations.map((t) => [t.terminationId,
			Object.fromEntries(t.medias.map((m) => [m.mediaId, m['x-ims-ar']]))]));
	}

	async snapshot(id, termination, media) {
		const r = await fetch(`${this.base}/x-ims-ar/v1/contexts/${id}/snapshot?termination=${termination}&media=${media}`);
		return { status: r.status, type: r.headers.get('content-type'), body: Buffer.from(await r.arrayBuffer()) };
	}

	async stop() {
		this.mrm?.close();
		this.child.kill('SIGTERM');
		const t = setTimeout(() => this.child.kill('SIGKILL'), 30000);
		const exit = await this.done;
		clearTimeout(t);
		rmSync(this.dir, { recursive: true, force: true });
		return exit;
	}
}
