// SPDX-License-Identifier: GPL-2.0-or-later
// Bundles the page into dist/: one script, one page, one style sheet.

import { build } from 'esbuild';
import { copyFile, mkdir } from 'node:fs/promises';

const at = (path) => new URL(path, import.meta.url).pathname;

await mkdir(at('dist'), { recursive: true });
await Promise.all(['index.html', 'page.css'].map((f) => copyFile(at(`src/${f}`), at(`dist/${f}`))));
await build({
	entryPoints: [at('src/page.mjs')],
	outfile: at('dist/page.js'),
	bundle: true,
	format: 'iife',
	minify: true,
	sourcemap: true,
	target: ['es2022'],
	define: { global: 'globalThis' },
	// JsSIP's dependencies ask for Node's events, which is on npm under the same name
	logLevel: 'warning',
});
