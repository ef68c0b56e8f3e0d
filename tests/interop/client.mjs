// SPDX-License-Identifier: GPL-2.0-or-later
// The WebRTC side, one function without outside names so that it runs in Node and in a browser
// page alike: opens channels, checks that everything comes back, closes. `api` makes the peer
// connection; `signal(what, arg)` reaches the test.
export async function client(api, signal, opt) {
	const t0 = performance.now();
	const out = { opened: 0, checks: [] };
	const rsa = { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' };
	const pc = api.make(opt.rsa ? { iceServers: [], certificates: [await api.certificate(rsa)] } : undefined);
	const sleep = (ms) => new Promise((r) => setTimeout(r, ms));
	const within = (p, ms, what) => Promise.race([p,
		sleep(ms).then(() => { throw new Error(`no ${what} in ${ms} ms`); })]);
	const check = (name, ok) => {
		if (!ok) throw new Error(`check failed: ${name}`);
		out.checks.push(name);
		if (opt.trace) console.log(name);
	};
	const watch = (dc) => {
		const w = { dc, box: [], take: null };
		dc.binaryType = 'arraybuffer';
		w.open = new Promise((r) => { dc.onopen = r; if (dc.readyState === 'open') r(); });
		w.closed = new Promise((r) => { dc.onclose = r; });
		dc.onmessage = (e) => { w.box.push(e.data); w.take?.(); };
		w.next = async (ms = opt.ms) => {
			if (!w.box.length)
				await within(new Promise((r) => { w.take = r; }), ms, 'message');
			return w.box.shift();
		};
		return w;
	};
	const length = (d) => typeof d === 'string' ? d.length : d.byteLength ?? d.length;
	const open = (label, id, o) => watch(pc.createDataChannel(label, opt.dcmap
		? { ...o, negotiated: true, id } : o));
	const channels = () => [open('scene', opt.ids[0], { protocol: 'mpeg-sd' }),
		open('meta', opt.ids[1], { protocol: '3gpp-ar-metadata', ordered: false, maxRetransmits: 0 })];
	let a, b;
	try {
		if (opt.answer) {
			const offer = await signal('offer');
			if (opt.dcmap) [a, b] = channels();
			await pc.setRemoteDescription(offer);
			if (!opt.dcmap) [a, b] = channels();
			await pc.setLocalDescription(await pc.createAnswer({}));
			await signal('answer', pc.localDescription.sdp);
		} else {
			[a, b] = channels();
			await pc.setLocalDescription(await pc.createOffer({}));
			await pc.setRemoteDescription(await signal('offered', pc.localDescription.sdp));
		}
		await within(a.open, opt.ms, 'open of the first channel');
		out.opened = Math.round(performance.now() - t0);
		await within(b.open, opt.ms, 'open of the second channel');

		a.dc.send('hello');
		check('text comes back as text', await a.next() === 'hello');
		let got;
		for (let i = 0; i < 20 && got !== 'pose'; i++) { // it may be lost: no retransmission
			b.dc.send('pose');
			got = await b.next(1000).catch(() => undefined);
		}
		check('unordered channel', got === 'pose');
		if (opt.size !== undefined) { // a=max-message-size of both, 0: any
			const n = opt.size || 262144;
			a.dc.send(new Uint8Array(n).fill(7));
			check(`${n} bytes`, length(await a.next()) === n);
			let why = opt.size && !opt.noLimit ? null : 'any';
			try { if (!why) a.dc.send(new Uint8Array(n + 1)); } catch (e) { why = e; }
			check(`one byte more than ${opt.size} is not sent`, why);
			check('nor by us', !opt.size || await signal('over', n));
		}
		const big = new Uint8Array(opt.size || 60000).map((_, i) => i * 7);
		a.dc.send(big);
		const back = new Uint8Array(await a.next());
		check(`${big.length} bytes binary`, back.length === big.length && big.every((v, i) => v === back[i]));
		if (!opt.noEmpty) {
			a.dc.send('');
			check('empty text', length(await a.next()) === 0);
		}
		for (let i = 0; i < 200; i++) a.dc.send(`m${i}`);
		for (let i = 0; i < 200; i++) check(`m${i}`, await a.next() === `m${i}`);
		out.checks.length -= 199;

		if (opt.largest) {
			const n = await signal('largest');
			a.dc.send(new Uint8Array(n).fill(7));
			check(`${n / 1024} KiB in one message`, length(await a.next()) === n);
		}
		if (opt.bulk) {
			const t1 = performance.now();
			let n = 0;
			await signal('bulk', { label: 'scene', bytes: opt.bulk });
			while (n < opt.bulk) n += length(await a.next());
			out.bulkMBs = Math.round(opt.bulk / 1000 / (performance.now() - t1));
			check('bulk download', n === opt.bulk);
		}
		if (opt.restart) {
			pc.restartIce?.();
			await pc.setLocalDescription(await pc.createOffer({ iceRestart: true }));
			await pc.setRemoteDescription(await signal('restarted', pc.localDescription.sdp));
			await sleep(300);
			a.dc.send('after restart');
			check('ICE restart', await a.next() === 'after restart');
		}
		if (opt.moves) { // its NAT gives it another address; libjuice's next check comes within 6 s
			await signal('move');
			a.dc.send('moved');
			check('another address', await a.next(15000) === 'moved');
		}
		if (opt.weEnd) {
			await signal('end');
			await within(a.closed, opt.ms, 'close event at the UE');
			check('the end of the connection', true);
		} else if (!opt.noClose) {
			b.dc.close();
			await within(signal('closed', 'meta'), opt.ms, 'close at the server');
			check('close by the UE', true);
			await signal('close', 'scene');
			await within(a.closed, opt.ms, 'close event at the UE');
			await within(signal('closed', 'scene'), opt.ms, 'close at the server');
			check('close by the network', true);
			if (!opt.dcmap) {
				await sleep(200); // werift reuses an id before its own reset is answered
				const c = open('again', 0, {});
				await within(c.open, opt.ms, 'open of a third channel');
				c.dc.send('again');
				check('id reused', await c.next() === 'again');
			}
		}
		out.ok = true;
	} catch (e) {
		out.ok = false;
		out.error = String(e?.message ?? e);
	}
	try { pc.close(); } catch { /* already */ }
	return out;
}
