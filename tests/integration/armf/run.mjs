// SPDX-License-Identifier: GPL-2.0-or-later
// Two Chromium pages through mediad. One line a case, `ok` or `not ok`; ends 1 when one failed.
//   node run.mjs [name-filter]      Environment: BUILD, ROOT, VERBOSE
import { Mediad } from './lib/mediad.mjs';
import { launch, Ue } from './lib/ue.mjs';
import { connect, only } from './lib/call.mjs';
import { parse, medium, answer, answerSection } from './lib/sdp.mjs';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { BUILD, ROOT, VERBOSE } = process.env;
const filter = new RegExp(process.argv[2] ?? '.');
const sleep = (ms) => new Promise((r) => setTimeout(r, ms));
const say = (...x) => VERBOSE && console.log('#', ...x);

// A measurement in real time over its limit: the case is repeated, twice at most, and says so.
class TooSlow extends Error {}
const TRIES = ['', ' (second try)', ' (third try)'];

function check(ok, what) {
	if (!ok) throw new Error(what);
}

const short = (f) => `${f.state}${f.reason ? ` (${f.reason})` : ''} ${f.codecIn}>${f.codecOut} ${f.width}x${f.height} ` +
	`${f.fps.toFixed(1)} fps in ${f.kbpsIn} out ${f.kbpsOut} kbit/s target ${f.targetKbps}, lost ${f.lost} nacks ${f.nacks} ` +
	`plis ${f.plis} drawn ${f.drawn} dropped ${f.dropped}`;

// Both sides see moving pictures, at once and some time later.
async function runs(m, call, a, b, seconds = 3) {
	check(await b.moreFrames(70, 60000), 'b sees no pictures');
	check(await a.moreFrames(70, 60000), 'a sees no pictures');
	await sleep(seconds * 1000);
	const f = await m.facts(call.id);
	const [sa, sb] = [await a.stats(), await b.stats()];
	say('a', short(f.a.v0.armf), JSON.stringify(f.a.v0.counters));
	say('b', short(f.b.v0.armf));
	for (const [n, s] of [['a', sa], ['b', sb]]) {
		const i = s.in_video;
		say(n, `in ${i.codec} ${i.framesDecoded} frames ${i.frameWidth}x${i.frameHeight} lost ${i.packetsLost} pli ${i.pliCount} nack ${i.nackCount}` +
			` freezes ${i.freezeCount}; out ${s.out_video.codec} ${Math.round(s.out_video.targetBitrate / 1000)} kbit/s rtt ${s.remote_video?.roundTripTime}`);
	}
	return { f, sa, sb };
}

const cases = {
	async 'VP8 relayed'({ m, a, b }) {
		const call = await connect(m, { a: { ue: a }, b: { ue: b } });
		const { f, sb } = await runs(m, call, a, b);
		check(f.a.v0.armf.state === 'relay' && f.b.v0.armf.state === 'relay', `state ${f.a.v0.armf.state}`);
		check(sb.in_video.codec === 'video/VP8' && sb.in_video.framesDecoded > 60, 'not decoded');
		check(sb.in_video.ssrc === (await a.stats()).out_video.ssrc, 'SSRC is not the sender\'s');
		return call;
	},
	async 'H.264 relayed'({ m, a, b }) {
		const h = { offer: { prefer: ['H264'] }, codec: only('H264') };
		const call = await connect(m, { a: { ue: a, ...h }, b: { ue: b, ...h } });
		const { f, sb } = await runs(m, call, a, b);
		check(f.a.v0.armf.state === 'relay', `state ${f.a.v0.armf.state}`);
		check(sb.in_video.codec === 'video/H264' && sb.in_video.framesDecoded > 60, 'not decoded');
		return call;
	},
	async 'VP9 passes packet by packet'({ m, a, b }) {
		const v = { offer: { prefer: ['VP9'] }, codec: only('VP9') };
		const call = await connect(m, { a: { ue: a, ...v }, b: { ue: b, ...v } });
		check(await b.moreFrames(60, 60000) && await a.moreFrames(60, 60000), 'no pictures');
		check((await b.stats()).in_video.codec === 'video/VP9', 'not VP9');
		check((await m.facts(call.id)).a.v0.armf.state === 'relay', 'state');
		return call;
	},
	async 'audio and video'({ m, a, b }) {
		const call = await connect(m, { a: { ue: a, offer: { audio: true } }, b: { ue: b, offer: { audio: true } } });
		check(await b.moreFrames(60, 60000) && await a.moreFrames(60, 60000), 'no pictures');
		const [sa, sb] = [await a.stats(), await b.stats()];
		say('audio', sa.in_audio.packetsReceived, sb.in_audio.packetsReceived, sb.in_audio.packetsLost, sb.remote_audio?.roundTripTime);
		check(sa.in_audio.packetsReceived > 50 && sb.in_audio.packetsReceived > 50, 'no audio');
		check(sb.remote_audio?.roundTripTime !== undefined, 'no audio reports');
		return call;
	},
	async 'drawn on and not, by a patch'({ m, a, b }) {
		const call = await connect(m, { a: { ue: a }, b: { ue: b } });
		check(await b.moreFrames(30, 60000), 'no pictures');
		const op = (x) => m.mrm.patch(call.id, [{ op: 'replace', path: '/terminations/0/medias/0/mediaProcessingUri',
			value: `urn:x-ims-ar:armf:${x}` }]);
		check((await op('overlay')).status === 200, 'patch');
		const f = await until(m, call, (x) => x.a.v0.armf.state === 'processing', 60000);
		check(f.a.v0.armf.state === 'processing', `state ${f.a.v0.armf.state} ${f.a.v0.armf.reason}`);
		check(await b.moreFrames(30), 'no pictures when drawn on');
		check((await op('relay')).status === 200, 'patch back');
		check((await until(m, call, (x) => x.a.v0.armf.state === 'relay', 60000)).a.v0.armf.state === 'relay', 'not relayed again');
		check(await b.moreFrames(30), 'no pictures afterwards');
		return call;
	},
	async 'on hold'({ m, a, b }) {
		const call = await connect(m, { a: { ue: a }, b: { ue: b } });
		check(await b.moreFrames(30, 60000), 'no pictures');
		const direction = (x) => m.mrm.patch(call.id, [{ op: 'replace',
			path: '/terminations/1/medias/0/x-ims-ar/remote/direction', value: x }]);
		check((await direction('sendonly')).status === 200, 'patch');
		await sleep(500);
		// what was on its way on a busy machine is over some time
		let still = false;
		for (let i = 0; i < 3 && !still; i++) still = !await b.moreFrames(10, 2000);
		check(still, 'pictures on hold');
		check(await a.moreFrames(30), 'the other way is held too');
		check((await m.facts(call.id)).a.v0.armf.reason === 'on hold', 'reason');
		check((await direction('sendrecv')).status === 200, 'patch back');
		check(await b.moreFrames(30, 60000), 'no pictures after hold');
		return call;
	},
	async 'ICE restart'({ m, a, b }) {
		const call = await connect(m, { a: { ue: a }, b: { ue: b } });
		check(await b.moreFrames(30, 60000), 'no pictures');
		const [s] = parse(await a.again({ iceRestart: true })).sections;
		const r = await m.mrm.patch(call.id, [{ op: 'replace', path: '/terminations/0/medias/0/x-ims-ar/remote/ice',
			value: { ufrag: s.get('ice-ufrag'), pwd: s.get('ice-pwd'), lite: false, candidates: [] } }]);
		check(r.status === 200, `patch: ${r.status} ${r.text}`);
		const mine = r.json.terminations[0].medias[0];
		check(mine['x-ims-ar'].ice.ufrag !== call.doc.terminations[0].medias[0]['x-ims-ar'].ice.ufrag, 'the same ufrag');
		await a.answer(answer([answerSection(s, mine)]));
		check(await b.moreFrames(60, 60000) && await a.moreFrames(30, 60000), 'no pictures after the restart');
		return call;
	},
	// a handset without DTLS towards a browser: plain RTP from another port than it said
	async 'plain RTP to DTLS-SRTP'({ m, b }) {
		return phoneSends(m, b, 'RTP', async (f) => {
			check(f.a.v0.counters.latched === 1 && f.a.v0.selected === '127.0.0.1:50000', `at ${f.a.v0.selected}`);
		});
	},
	async 'SDES-SRTP to DTLS-SRTP'({ m, b }) {
		return phoneSends(m, b, 'SDES-SRTP', async (f) => {
			check(f.a.v0.counters.srtpBad === 0, `bad SRTP: ${f.a.v0.counters.srtpBad}`);
		});
	},
	async 'DTLS-SRTP to plain RTP'({ m, b }) {
		return phoneSees(m, b, 'RTP');
	},
	async 'DTLS-SRTP to SDES-SRTP'({ m, b }) {
		return phoneSees(m, b, 'SDES-SRTP');
	},
	async 'VP8 processed'({ m, a, b }) {
		const call = await connect(m, { a: { ue: a, op: 'overlay' }, b: { ue: b } });
		await until(m, call, (x) => x.a.v0.armf.state === 'processing', 60000);
		const { f, sb } = await runs(m, call, a, b);
		check(f.a.v0.armf.state === 'processing', `state ${f.a.v0.armf.state} ${f.a.v0.armf.reason}`);
		check(f.b.v0.armf.state === 'relay', `state ${f.b.v0.armf.state}`);
		check(sb.in_video.framesDecoded > 60, 'not decoded');
		const pic = await m.snapshot(call.id, 'a', 'v0');
		check(pic.status === 200 && pic.type === 'image/png' && pic.body.subarray(1, 4).toString() === 'PNG',
			`snapshot: ${pic.status} ${pic.type}`);
		check((await m.snapshot(call.id, 'b', 'v0')).status === 409, 'a picture of what is not processed');
		check((await m.snapshot(call.id, 'b', 'x')).status === 404, 'a picture of nothing');
		return call;
	},
	async 'VP8 to H.264 and back'({ m, a, b }) {
		const call = await connect(m, { a: { ue: a }, b: { ue: b, offer: { prefer: ['H264'] }, codec: only('H264') } });
		await until(m, call, (x) => x.a.v0.armf.state === 'processing', 60000);
		const { f, sa, sb } = await runs(m, call, a, b);
		check(f.a.v0.armf.state === 'processing' && f.b.v0.armf.state === 'processing', `state ${f.a.v0.armf.state}`);
		check(sa.in_video.codec === 'video/VP8' && sb.in_video.codec === 'video/H264', 'codecs');
		check(sa.in_video.framesDecoded > 60 && sb.in_video.framesDecoded > 60, 'not decoded');
		return call;
	},
	async 'a processor is killed'({ m, a, b }) {
		const call = await connect(m, { a: { ue: a, op: 'overlay' }, b: { ue: b } });
		await until(m, call, (x) => x.a.v0.armf.state === 'processing', 60000);
		await runs(m, call, a, b, 2);
		const at = await b.now(), pid = +execFileSync('pgrep', ['-P', String(await workerOf(m)), 'mediad-armf']).toString().split('\n')[0];
		process.kill(pid, 'SIGKILL');
		await sleep(2000); // the worker tells its counters once a second
		const during = await m.facts(call.id);
		const f = await until(m, call, (x) => x.a.v0.armf.state === 'processing', 60000);
		await sleep(1500);
		const gap = await b.gap(at);
		const counted = (n) => n.armf_died_total === 1 && n.av_fallbacks_total >= 1 && n.av_returns_total >= 1;
		for (let i = 0; i < 60 && !counted(await m.metrics()); i++) await sleep(500);
		say('meanwhile', short(during.a.v0.armf));
		say(short(f.a.v0.armf), `longest gap ${gap} ms`);
		check(counted(await m.metrics()), 'counters');
		check(f.a.v0.armf.state === 'processing', `not back: ${short(f.a.v0.armf)}`);
		if (gap >= 1000) throw new TooSlow(`no picture for ${gap} ms`);
		return call;
	},
};

// A handset without DTLS as a, b a browser; ffmpeg is the handset.
const SUITE = 'AES_CM_128_HMAC_SHA1_80';
const key = (fill) => Buffer.alloc(30, fill).toString('base64');

async function phoneCall(m, b, transport, direction, offer) {
	const side = (fill) => ({ codecs: [{ pt: 96, name: 'VP8', clock: 90000, fmtp: '', fb: [] }], rtcpMux: true,
		...(transport === 'SDES-SRTP' ? { crypto: { suite: SUITE, key: key(fill) } } : {}) });
	const [s] = parse(await b.offer({ width: 640, height: 360, ...offer })).sections;
	const r = await m.mrm.create({ terminations: [
		{ terminationId: 'a', medias: [{ mediaId: 'v0', mediaResourceType: 'AR', mediaProcessingUri: 'urn:x-ims-ar:armf:relay',
			remoteMbEndpoint: { ip: { ipv4Addr: '127.0.0.1' }, transport: 'UDP', portNumber: 50002 },
			'x-ims-ar': { media: 'video', transport, local: side('ours'), remote: { ...side('theirs'), direction } } }] },
		{ terminationId: 'b', medias: [medium(s, { mediaId: 'v0', user: 'sip:b@ims', codec: only('VP8') })] }] });
	check(r.status === 201, `create: ${r.status} ${r.text}`);
	await b.answer(answer([answerSection(s, r.json.terminations[1].medias[0])]));
	return { id: r.json.contextId, port: r.json.terminations[0].medias[0].localMbEndpoint.portNumber };
}

async function phoneSends(m, b, transport, look) {
	const call = await phoneCall(m, b, transport, 'sendonly');
	const srtp = transport === 'SDES-SRTP';
	const ffmpeg = spawn('ffmpeg', ['-loglevel', 'error', '-re', '-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=30', '-c:v', 'libvpx',
		'-b:v', '500k', '-g', '30', '-deadline', 'realtime', '-cpu-used', '8', '-payload_type', '96', '-t', '90', '-f', 'rtp',
		...(srtp ? ['-srtp_out_suite', SUITE, '-srtp_out_params', key('theirs')] : []),
		`${srtp ? 'srtp' : 'rtp'}://127.0.0.1:${call.port}?localrtpport=50000&pkt_size=1000`], { stdio: ['ignore', 'ignore', 'inherit'] });
	try {
		check(await b.moreFrames(60, 60000), 'no pictures');
		const f = await m.facts(call.id);
		say(short(f.a.v0.armf), JSON.stringify(f.a.v0.counters));
		check(f.a.v0.armf.state === 'relay', `state ${f.a.v0.armf.state}`);
		await look(f);
	} finally {
		ffmpeg.kill('SIGKILL');
	}
	return call;
}

// What comes is decoded: 30 pictures of it.
async function phoneSees(m, b, transport) {
	const dir = mkdtempSync(join(tmpdir(), 'armf-phone-'));
	const srtp = transport === 'SDES-SRTP';
	writeFileSync(join(dir, 'phone.sdp'), ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0',
		`m=video 50002 RTP/${srtp ? 'S' : ''}AVP 96`, 'a=rtpmap:96 VP8/90000', ...(srtp ? [`a=crypto:1 ${SUITE} inline:${key('ours')}`] : []), ''].join('\n'));
	const ffmpeg = spawn('ffmpeg', ['-loglevel', 'fatal', '-protocol_whitelist', 'file,udp,rtp,srtp,crypto', '-i', join(dir, 'phone.sdp'),
		'-frames:v', '30', '-f', 'null', '-'], { stdio: ['ignore', 'ignore', 'inherit'] });
	const over = new Promise((resolve) => ffmpeg.on('exit', (code) => resolve(code)));
	try {
		// it asks for no key frame: the first one must find it listening
		const bound = `:${(50002).toString(16).toUpperCase()} `;
		for (let i = 0; i < 300 && !readFileSync('/proc/net/udp', 'latin1').includes(bound); i++) await sleep(50);
		const call = await phoneCall(m, b, transport, 'recvonly');
		const code = await Promise.race([over, sleep(60000).then(() => 'no end')]);
		check(code === 0, `the handset saw no 30 pictures: ${code}; ${short((await m.facts(call.id)).b.v0.armf)}`);
		return call;
	} finally {
		ffmpeg.kill('SIGKILL');
		rmSync(dir, { recursive: true, force: true });
	}
}

// The facts once they are as wanted, or at the end of the time.
async function until(m, call, wanted, ms) {
	let f;
	for (const end = Date.now() + ms; Date.now() < end; await sleep(200)) {
		f = await m.facts(call.id);
		if (wanted(f)) break;
	}
	return f;
}

for (const name of Object.keys(cases).filter((n) => /plain RTP|SDES/.test(n))) cases[name].mediad = { armf: { transports: 'dtls,sdes,rtp' } };

const workerOf = async (m) => (await m.status()).worker[0].pid;

const browser = await launch();
// Runs a case; false: it was too slow, and may run again.
async function one(name, run, tries) {
	const m = await Mediad.start({ build: BUILD, root: ROOT, log: VERBOSE ? '/tmp/armf-mediad.log' : undefined,
		level: VERBOSE ? 'debug' : 'info', ...run.mediad });
	const [a, b] = [await Ue.open(browser, 'a', say), await Ue.open(browser, 'b', say)];
	let again = false;
	try {
		const call = await run({ m, a, b });
		const gone = call?.id && await m.mrm.delete(call.id);
		if (gone) check(gone.status === 204, `the context cannot be deleted: ${gone.status} ${gone.text}`);
		console.log(`ok armf: ${name}${tries}`);
	} catch (e) {
		again = e instanceof TooSlow && tries !== TRIES.at(-1);
		if (!again) failed++;
		console.log(`${again ? '#' : 'not ok'} armf: ${name}: ${e.message}`);
		say(m.log.split('\n').slice(-40).join('\n'));
	}
	await a.page.context().close();
	await b.page.context().close();
	const exit = await m.stop();
	if (exit.code !== 0) {
		failed++;
		console.log(`not ok armf: ${name}: mediad ended with ${exit.code ?? exit.signal}`);
	}
	return !again;
}

let failed = 0;
for (const [name, run] of Object.entries(cases)) {
	if (!filter.test(name)) continue;
	for (const tries of TRIES) {
		if (await one(name, run, tries)) break;
	}
}
await browser.close();
process.exit(failed ? 1 : 0);
