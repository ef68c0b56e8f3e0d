// SPDX-License-Identifier: GPL-2.0-or-later
// What the network side says about itself: mediad over Nmf_MRM (docs/mrm.md), Kamailio and asd
// through kamcmd. For the demo and the integration tests.

import { execFile } from 'node:child_process';
import http2 from 'node:http2';

const ANSWER_MS = 5000;

// One HTTP/2 request with prior knowledge; { status, body } with body parsed when it is JSON.
export function mrm(base, path, { method = 'GET', body } = {}) {
	return new Promise((resolve, reject) => {
		const client = http2.connect(base);
		const fail = (e) => {
			client.destroy();
			reject(new Error(`${method} ${base}${path}: ${e.message}`));
		};
		client.setTimeout(ANSWER_MS, () => fail(new Error(`no answer in ${ANSWER_MS} ms`)));
		client.on('error', fail);
		const headers = { ':method': method, ':path': path };
		if (body !== undefined) headers['content-type'] = 'application/json';
		const req = client.request(headers);
		let status = 0;
		const chunks = [];
		req.on('response', (h) => (status = h[':status']));
		req.on('data', (c) => chunks.push(c));
		req.on('error', fail);
		req.on('end', () => {
			client.close();
			const text = Buffer.concat(chunks).toString();
			let parsed = text;
			try {
				parsed = JSON.parse(text);
			} catch {
				// not JSON: metrics, or nothing
			}
			resolve({ status, body: parsed });
		});
		req.end(body === undefined ? undefined : JSON.stringify(body));
	});
}

async function mrmOk(base, path) {
	const { status, body } = await mrm(base, path);
	if (status !== 200) throw new Error(`GET ${path}: ${status} ${JSON.stringify(body)}`);
	return body;
}

export const contexts = (base) => mrmOk(base, '/nmf-mrm/v1/contexts');
export const context = (base, id) => mrmOk(base, `/nmf-mrm/v1/contexts/${id}`);
export const scene = (base, id) => mrmOk(base, `/x-ims-ar/v1/contexts/${id}/scene`);
export const mediadStatus = (base) => mrmOk(base, '/x-ims-ar/v1/status');

// The context of a call, by SIP's Call-ID; undefined when there is none.
export async function contextOf(base, callId) {
	const list = await contexts(base);
	const items = Array.isArray(list) ? list : list.contexts ?? [];
	for (const item of items) {
		const id = typeof item === 'string' ? item : item.contextId;
		const c = item['x-ims-ar']?.callId ? item : await context(base, id).catch(() => null);
		if (c?.['x-ims-ar']?.callId === callId) return context(base, id);
	}
	return undefined;
}

// `kamcmd COMMAND...` at a control socket, as text; rejects with kamcmd's error.
export function kamcmdText(socket, ...command) {
	return new Promise((resolve, reject) => {
		execFile('kamcmd', ['-s', `unix:${socket}`, ...command], { timeout: ANSWER_MS }, (e, stdout, stderr) => {
			const text = `${stdout}${stderr}`.trim();
			if (e || /^error: /.test(text)) reject(new Error(`kamcmd ${command.join(' ')}: ${text || e.message}`));
			else resolve(text);
		});
	});
}

// The same as an array of flat objects: kamcmd prints "{", "name: value" lines, "}".
export async function kamcmd(socket, ...command) {
	return parseKamcmd(await kamcmdText(socket, ...command));
}

export function parseKamcmd(text) {
	const items = [];
	let item = null;
	for (const line of text.split('\n').map((l) => l.trim())) {
		const [, name, value] = /^([A-Za-z0-9_.-]+): ?(.*)$/.exec(line) ?? [];
		if (line === '{') items.push((item = {}));
		else if (line === '}') item = null;
		else if (name) (item ?? (items.push((item = {})), item))[name] = value;
	}
	return items;
}

// Polls until check() gives something true; its value, or an error that says what was waited for.
export async function eventually(what, check, ms = 5000, every = 30) {
	const end = Date.now() + ms;
	let last;
	for (;;) {
		try {
			const value = await check();
			if (value) return value;
		} catch (e) {
			last = e;
		}
		if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms${last ? ` (${last.message})` : ''}`);
		await new Promise((resolve) => setTimeout(resolve, every));
	}
}
