// SPDX-License-Identifier: GPL-2.0-or-later
// Serves the built page and /config.json over HTTP, for the demo and for trying out:
//   node serve.mjs HOST PORT '{"ws":"ws://127.0.0.1:8080","domain":"ims.example"}'
// Prints "listening URL" when it is ready. Only the files named here are served.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';

const [host = '127.0.0.1', port = '8000', config = '{}'] = process.argv.slice(2);
JSON.parse(config);

const FILES = new Map([
	['/', ['index.html', 'text/html; charset=utf-8']],
	['/index.html', ['index.html', 'text/html; charset=utf-8']],
	['/page.css', ['page.css', 'text/css; charset=utf-8']],
	['/page.js', ['page.js', 'text/javascript; charset=utf-8']],
	['/page.js.map', ['page.js.map', 'application/json']],
]);

async function answer(req, res) {
	const path = new URL(req.url, 'http://localhost').pathname;
	const head = (type) => ({ 'content-type': type, 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff' });
	if (req.method !== 'GET' && req.method !== 'HEAD') {
		res.writeHead(405, { allow: 'GET, HEAD' }).end();
	} else if (path === '/config.json') {
		res.writeHead(200, head('application/json')).end(config);
	} else if (FILES.has(path)) {
		const [file, type] = FILES.get(path);
		const body = await readFile(new URL(`dist/${file}`, import.meta.url));
		res.writeHead(200, head(type)).end(body);
	} else {
		res.writeHead(404, head('text/plain')).end('not found\n');
	}
}

const server = createServer((req, res) => {
	answer(req, res).catch((e) => {
		console.error(`${req.url}: ${e.message}`);
		res.writeHead(500).end();
	});
});
server.on('error', (e) => {
	console.error(e.message);
	process.exit(1);
});
server.listen(Number(port), host, () => console.log(`listening http://${host.includes(':') ? `[${host}]` : host}:${port}/`));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
