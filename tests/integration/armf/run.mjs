// SPDX-License-Identifier: GPL-2.0-or-later
// Two Chromium pages through mediad. One line a case, `ok` or `not ok`; ends 1 when one failed.
//   node run.mjs [name-filter]      Environment: BUILD, ROOT, VERBOSE
import { Mediad } from './lib/mediad.mjs';
import { launch, Ue } from './lib/ue.mjs';
import { connect, only } from './lib/call.mjs';

const { BUILD, ROOT, VERBOSE } = process.env;
const filter = new RegExp(process.argv[2] ?? '.');
const sleep = (ms) => new Promise((r) => setTimeout(r, ms));
const say = (...x) => VERBOSE && console.log('#', ...x);

function check(ok, what) {
	if (!ok) throw new Error(what);
}

const short = (f) => `${f.state}${f.reason ? ` (${f.reason})` : ''} ${f.codecIn}>${f.codecOut} ${f.width}x${f.height} ` +
	`${f.fps.toFixed(1)} fps in ${f.kbpsIn} out ${f.kbpsOut} kbit/s target ${f.targetKbps}, lost ${f.lost} nacks ${f.nacks} ` +
	`plis ${f.plis} drawn ${f.drawn} dropped ${f.dropped}`;

// Both sides see moving pictures, at once and some time later.
async function runs(m, call, a, b, seconds = 4) {
	check(await b.moreFrames(30, 15000), 'b sees no pictures');
	check(await a.moreFrames(30, 15000), 'a sees no pictures');
	await sleep(seconds * 1000);
	const f = await m.facts(call.id);
	const [sa, sb] = [await a.stats(), await b.stats()];
	say('a', short(f.a.v0.armf), JSON.stringify(f.a.v0.transport));
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
};

const browser = await launch();
let failed = 0;
for (const [name, run] of Object.entries(cases)) {
	if (!filter.test(name)) continue;
	const m = await Mediad.start({ build: BUILD, root: ROOT, log: VERBOSE ? '/tmp/armf-mediad.log' : undefined,
		level: VERBOSE ? 'debug' : 'info', ...run.mediad });
	const [a, b] = [await Ue.open(browser, 'a', say), await Ue.open(browser, 'b', say)];
	try {
		const call = await run({ m, a, b });
		if (call?.id) check((await m.mrm.delete(call.id)).status === 204, 'the context cannot be deleted');
		console.log(`ok armf: ${name}`);
	} catch (e) {
		failed++;
		console.log(`not ok armf: ${name}: ${e.message}`);
		say(m.log.split('\n').slice(-40).join('\n'));
	}
	await a.page.context().close();
	await b.page.context().close();
	const exit = await m.stop();
	if (exit.code !== 0) {
		failed++;
		console.log(`not ok armf: ${name}: mediad ended with ${exit.code ?? exit.signal}`);
	}
}
await browser.close();
process.exit(failed ? 1 : 0);
