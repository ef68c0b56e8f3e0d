// SPDX-License-Identifier: GPL-2.0-or-later
// Interoperability matrix: every real stack x DTLS role x DCEP and dcmap x who offers.
//   node run.mjs <dc_echo> [name-filter]       one line per case, ends 1 when one failed
// Environment: CHROMIUM; VERBOSE (what dc_echo reported, its log), TRACE (each check as it passes).
import { Echo, Nat, remoteFacts, description } from './lib.mjs';
import { client } from './client.mjs';
import { execFile, spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';

const program = process.argv[2];
const filter = new RegExp(process.argv[3] ?? '.');
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

// How each stack makes a peer connection; null where it cannot run here.
const stacks = {
	async wrtc() {
		const m = (await import('@roamhq/wrtc')).default;
		return { ms: 30000, noRsa: true, noLimit: true, /* sends whatever it is given */ run: (s, o) => client({ make: () => new m.RTCPeerConnection({ iceServers: [] }) }, s, o) };
	},
	async 'node-datachannel'() {
		const m = await import('node-datachannel/polyfill');
		return { ms: 30000, noRestart: true, noRsa: true, run: (s, o) => client({ make: () => new m.RTCPeerConnection({ iceServers: [] }) }, s, o) };
	},
	async werift() {
		const m = await import('werift');
		const make = () => new m.RTCPeerConnection({ iceServers: [], iceUseIpv6: false,
			iceAdditionalHostAddresses: ['127.0.0.1'] });
		return { ms: 60000, bulk: 1e6, /* pure JavaScript: ten times that takes it beyond the limit on a busy machine */ noRestart: true, noRsa: true, noIpv6: true, noEmpty: true, /* sends no byte at all: not RFC 8831 */ noGoodbye: true, /* ends without a word */ noLimit: true, run: (s, o) => client({ make }, s, o) };
	},
	// The UE is ICE-lite, as we are: nobody checks, DTLS goes to the addresses of the descriptions. werift as
	// ICE-lite waits for checks; RFC 8445 8.2 lets two such agents take the pair that they have.
	async 'werift ICE-lite'() {
		const m = await import('werift');
		const connect = m.Connection.prototype.connect;
		m.Connection.prototype.connect = function () {
			const done = connect.call(this);
			const pair = this.iceLite && this.checkList.find((p) => p.localCandidate.host === '127.0.0.1');
			if (pair) {
				pair.updateState(3); // succeeded
				pair.nominated = true;
				this.checkComplete(pair);
			}
			return done;
		};
		const make = () => new m.RTCPeerConnection({ iceServers: [], iceLite: true, iceUseIpv6: false,
			iceAdditionalHostAddresses: ['127.0.0.1'] });
		return { ms: 60000, bulk: 1e6, noRestart: true, noMove: true, noRsa: true, noIpv6: true, noEmpty: true, noGoodbye: true, noLimit: true, run: (s, o) => client({ make }, s, o) };
	},
	async chromium() {
		if (!existsSync(CHROMIUM)) return null;
		const { chromium } = await import('playwright-core');
		const browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: [
			'--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
			'--disable-background-networking', '--disable-component-update', '--disable-sync',
			'--allow-loopback-in-peer-connection'] });
		const page = await browser.newPage();
		let signal;
		await page.exposeFunction('signal', (what, arg) => signal(what, arg));
		return { ms: 30000, close: () => browser.close(), run: (s, o) => {
			signal = s;
			return page.evaluate(`(${client})({ make: (c) => new RTCPeerConnection(c), certificate: (a) => RTCPeerConnection.generateCertificate(a) }, signal, ${JSON.stringify(o)})`);
		} };
	},
};

// opt: server (our DTLS role), dcmap, answer (we offer), late (ms until the answer reaches us), moves
// (its address changes), rsa (its certificate), weEnd (not the UE)
async function one(stack, opt) {
	const echo = await Echo.start(program, [...(opt.host ? ['-b', opt.host] : []), ...(process.env.VERBOSE ? ['-v'] : [])]);
	const ids = [1000, 1002];
	const channels = opt.dcmap ? [{ id: 1000, label: 'scene', protocol: 'mpeg-sd' },
		{ id: 1002, label: 'meta', ordered: false, maxRetr: 0, protocol: '3gpp-ar-metadata' }] : [];
	
	const setup = opt.answer ? 'actpass' : opt.server ? 'passive' : 'active';
	const mine = await echo.ask({ cmd: 'new', setup, channels }, 'new');
	const nat = opt.moves ? await new Nat(echo.ready.port).start() : null;
	let theirs = {};
	const tell = async (sdp, ours) => {
		const facts = { ...remoteFacts(sdp), ...(opt.size !== undefined && { maxMessageSize: opt.size }) };
		const r = await echo.ask({ cmd: 'remote', peer: mine.peer, ...facts,
			setup: ours ?? (facts.theirSetup === 'active' ? 'passive' : 'active') }, 'remote');
		if (!r.ok) throw new Error(r.why);
		theirs = facts;
		return facts;
	};
	// streams by label, as the server knows them: not every stack tells the id of its channel
	const stream = async (label) => {
		const m = await echo.wait((e) => e.ev === 'channel' && e.label === label, 30000, label);
		echo.events.push(m);
		return m.id;
	};
	const signal = async (what, arg) => {
		switch (what) {
		case 'offer':
			return description('offer', echo, mine, { setup, channels });
		case 'answer':
			if (opt.late) await new Promise((r) => setTimeout(r, opt.late));
			await tell(arg);
			return null;
		case 'offered': {
			const { mid } = await tell(arg, setup);
			return description('answer', echo, mine, { setup, mid, channels, port: nat?.port, size: opt.size });
		}
		case 'largest':
			return Math.min(262144, theirs.maxMessageSize);
		case 'over': // what is longer than the UE takes is refused, and the channel goes on
			echo.say({ cmd: 'send', peer: mine.peer, id: await stream('scene'), text: 'x'.repeat(arg + 1) });
			return /too long/i.test((await echo.wait((m) => m.ev === 'error', 5000, 'refusal')).error);
		case 'move':
			return nat.rebind();
		case 'end':
			echo.say({ cmd: 'free', peer: mine.peer });
			return null;
		case 'restarted': {
			const fresh = await echo.ask({ cmd: 'restart', peer: mine.peer }, 'restarted');
			const { mid } = await tell(arg, setup);
			return description('answer', echo, { ...mine, ...fresh }, { setup, mid, channels });
		}
		case 'bulk':
			echo.say({ cmd: 'bulk', peer: mine.peer, id: await stream(arg.label), bytes: arg.bytes });
			return null;
		case 'close':
			echo.say({ cmd: 'closeChannel', peer: mine.peer, id: await stream(arg) });
			return null;
		case 'closed':
			arg = await stream(arg);
			await echo.wait((m) => m.ev === 'channelClosed' && m.id === arg, 30000, `close of ${arg}`);
			return null;
		default:
			throw new Error(what);
		}
	};
	const out = await stack.run(signal, { ids, dcmap: !!opt.dcmap, answer: !!opt.answer, ms: stack.ms,
		restart: opt.restart, moves: opt.moves, rsa: opt.rsa, size: opt.size, noLimit: stack.noLimit, weEnd: opt.weEnd, largest: !!opt.bulk, bulk: opt.bulk && (stack.bulk ?? opt.bulk), noEmpty: stack.noEmpty, noClose: opt.noClose, trace: !!process.env.TRACE });
	// the UE has closed: told by ABORT or close_notify, not found out half a minute later
	if (out.ok && !opt.weEnd && !stack.noGoodbye)
		await echo.wait((m) => m.ev === 'state' && m.state === 'closed', 5000, 'end of the connection').catch((e) => { out.ok = false; out.error = e.message; });
	nat?.stop();
	const errors = echo.events.filter((m) => m.ev === 'error');
	if (process.env.VERBOSE) console.log(echo.events);
	const stats = await echo.ask({ cmd: 'stats', peer: mine.peer }, 'stats').catch(() => ({}));
	const exit = await echo.stop();
	if (out.ok && exit.code !== 0) {
		out.ok = false;
		out.error = `dc_echo ended with ${exit.code ?? exit.signal}`;
	}
	const ended = echo.events.find((m) => m.ev === 'state' && m.state === 'closed')?.reason;
	return { ...out, errors, stats, ended };
}

// One offer of ours rings two UEs; both begin ICE and DTLS at once, one answers.
async function fork(loser, winner) {
	const echo = await Echo.start(program, process.env.VERBOSE ? ['-v'] : []);
	const channels = [{ id: 1000, label: 'scene', protocol: 'mpeg-sd' }, { id: 1002, label: 'meta', ordered: false, maxRetr: 0, protocol: '3gpp-ar-metadata' }];
	const mine = await echo.ask({ cmd: 'new', setup: 'actpass', channels }, 'new');
	const signal = (answers) => async (what, arg) => {
		if (what === 'offer') return description('offer', echo, mine, { setup: 'actpass', channels });
		if (what !== 'answer' || !answers) return null;
		await new Promise((r) => setTimeout(r, 300));
		const facts = remoteFacts(arg);
		return (await echo.ask({ cmd: 'remote', peer: mine.peer, ...facts, setup: facts.theirSetup === 'active' ? 'passive' : 'active' }, 'remote')).ok;
	};
	const opt = { ids: [1000, 1002], dcmap: true, answer: true, noClose: true };
	const [lost, won] = await Promise.all([loser.run(signal(false), { ...opt, ms: 2500 }), winner.run(signal(true), { ...opt, ms: winner.ms })]);
	await echo.stop();
	const silent = !lost.ok && lost.checks.length === 0 && /first channel/.test(lost.error);
	return { ...won, ok: won.ok && silent, error: won.error ?? `the one that did not answer: ${lost.error ?? 'has its channels'}` };
}

// A UE without ICE whose ClientHello takes several datagrams: OpenSSL, MTU 256. The cookie comes first, so it sends
// it twice. swapped: the first two pieces of each in the other order.
async function inPieces(dir, key, swapped) {
	const echo = await Echo.start(program, process.env.VERBOSE ? ['-v'] : []);
	const pieces = [];
	const nat = await new Nat(echo.ready.port, (d) => {
		const hello = d[0] === 22 && d.readUInt16BE(3) === 0 && d[13] === 1;
		if (hello) pieces.push({ at: d.readUIntBE(19, 3), n: d.readUIntBE(22, 3), of: d.readUIntBE(14, 3) });
		return !(swapped && hello && pieces.at(-1).at === 0);
	}).start();
	let child, out = '';
	try {
		await promisify(execFile)('openssl', ['req', '-x509', '-newkey', ...key, '-nodes', '-keyout', `${dir}/key.pem`,
			'-out', `${dir}/cert.pem`, '-days', '2', '-subj', '/CN=ue']);
		const fingerprint = new X509Certificate(readFileSync(`${dir}/cert.pem`)).fingerprint256;
		const mine = await echo.ask({ cmd: 'new', setup: 'actpass', channels: [{ id: 1000, label: 'scene' }] }, 'new');
		const r = await echo.ask({ cmd: 'remote', peer: mine.peer, fingerprints: [`sha-256 ${fingerprint}`], setup: 'passive',
			addr: '127.0.0.1', port: nat.outer.address().port }, 'remote');
		if (!r.ok) throw new Error(r.why);
		const t0 = Date.now();
		child = spawn('openssl', ['s_client', '-dtls1_2', '-mtu', '256', '-connect', `127.0.0.1:${nat.port}`, '-cert', `${dir}/cert.pem`,
			'-key', `${dir}/key.pem`, '-alpn', Array.from({ length: 24 }, (_, i) => `protocol-${i}-with-a-long-name`).join()]);
		for (const s of [child.stdout, child.stderr]) s.on('data', (d) => { out += d; });
		let stats = {};
		while (!(stats.dtlsUs > 0 && /Cipher is ECDHE/.test(out))) {
			if (Date.now() - t0 > 25000) throw new Error(`no handshake: ${out.slice(-300)} ${JSON.stringify(stats)}`);
			await new Promise((next) => setTimeout(next, 50));
			stats = await echo.ask({ cmd: 'stats', peer: mine.peer }, 'stats');
		}
		const whole = pieces.filter((p) => p.n === p.of).length, each = pieces.filter((p) => p.at === 0).length;
		if (whole || pieces.length < 3 * each || each < 2) throw new Error(`not in pieces: ${JSON.stringify(pieces)}`);
		return { ok: true, opened: Date.now() - t0, checks: pieces };
	} catch (e) {
		return { ok: false, error: e.message };
	} finally {
		child?.kill();
		nat.stop();
		await echo.stop();
	}
}

const cases = [];
for (const server of [true, false])
	for (const dcmap of [false, true])
		cases.push({ name: `${server ? 'server' : 'client'} ${dcmap ? 'dcmap' : 'dcep'}`, server, dcmap });
cases.push({ name: 'server dcmap bulk', server: true, dcmap: true, bulk: 10e6 });
cases.push({ name: 'server dcmap ICE restart', server: true, dcmap: true, restart: true });
cases.push({ name: 'we offer dcmap', answer: true, dcmap: true });
cases.push({ name: 'we offer, answer 400 ms late', answer: true, dcmap: true, late: 400 });
cases.push({ name: 'we offer dcep', answer: true });
cases.push({ name: 'server dcmap IPv6', server: true, dcmap: true, host: '::1' });

cases.push({ name: 'server dcmap, another address', server: true, dcmap: true, moves: true, noClose: true });
cases.push({ name: 'client dcmap, RSA', dcmap: true, rsa: true, noClose: true });
cases.push({ name: 'server dcep, we end it', server: true, weEnd: true });
for (const size of [1024, 0])
	cases.push({ name: `server dcmap, max-message-size ${size}`, server: true, dcmap: true, size, noClose: true });

let failed = 0, passed = 0, skipped = 0;
for (const [name, load] of Object.entries(stacks)) {
	if (!cases.some((c) => filter.test(`${name} ${c.name}`))) continue;
	let stack = null;
	try {
		stack = await load();
	} catch (e) {
		console.log(`SKIP ${name}: ${e.message.split('\n')[0]}`);
	}
	if (!stack) { skipped += cases.length; continue; }
	for (const c of cases) {
		if (!filter.test(`${name} ${c.name}`)) continue;
		if ((c.restart && stack.noRestart) || (c.rsa && stack.noRsa) || (c.host && stack.noIpv6) || (c.moves && stack.noMove)) { skipped++; continue; } // the stack cannot
		const r = await one(stack, c).catch((e) => ({ ok: false, error: e.message }));
		if (r.ok) passed++; else failed++;
		console.log(`${r.ok ? 'ok  ' : 'FAIL'} ${name} ${c.name}: ${r.ok
			? `open ${r.opened} ms, ${r.checks.length} checks${r.bulkMBs ? `, bulk ${r.bulkMBs} MB/s` : ''}`
			: r.error}`);
		if (!r.ok && r.stats) console.log('    ', JSON.stringify(r.stats), JSON.stringify(r.errors), `after ${r.checks.at(-1) ?? 'nothing'}; server's end: ${r.ended ?? 'none'}`);
	}
	await stack.close?.();
}
for (const [one, other] of [['wrtc', 'node-datachannel'], ['node-datachannel', 'wrtc']]) {
	if (!filter.test(`${one} fork`)) continue;
	const both = await Promise.all([one, other].map((n) => stacks[n]().catch(() => null)));
	const r = both.every(Boolean) ? await fork(...both).catch((e) => ({ ok: false, error: e.message })) : null;
	if (!r) skipped++;
	else if (r.ok) passed++;
	else failed++;
	console.log(`${!r ? 'SKIP' : r.ok ? 'ok  ' : 'FAIL'} ${one} fork, ${other} answers: ${r?.ok ? `open ${r.opened} ms, ${r.checks.length} checks` : r?.error}`);
}
const keys = { ECDSA: ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'], RSA: ['rsa:2048'] };
for (const [name, key, swapped] of [['ECDSA', keys.ECDSA], ['RSA', keys.RSA], ['ECDSA, swapped', keys.ECDSA, true]]) {
	if (!filter.test(`openssl ClientHello in pieces, ${name}`)) continue;
	const dir = mkdtempSync(`${tmpdir()}/ims-ar-interop-`);
	const r = await inPieces(dir, key, swapped).finally(() => rmSync(dir, { recursive: true }));
	if (r.ok) passed++; else failed++;
	console.log(`${r.ok ? 'ok  ' : 'FAIL'} openssl ClientHello in pieces, ${name}: ${r.ok ? `open ${r.opened} ms, ${r.checks.length} pieces` : r.error}`);
}
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed ? 1 : 0);
