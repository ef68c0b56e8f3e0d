// SPDX-License-Identifier: GPL-2.0-or-later
// Asks gltf-validator about the documents of test_errors.c (argument: that program): what we take it
// must take, what we refuse it must refuse, but for the kinds of case named below. Exit 77: the
// validator is not installed (npm ci in tests/suites).
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';

let validator;
try {
	validator = createRequire(new URL('../../suites/package.json', import.meta.url))('gltf-validator');
} catch {
	console.log('gltf-validator is not installed');
	process.exit(77);
}
process.on('uncaughtException', () => {}); // its own errors come twice

// Refused here, only warned of there: unknown enumeration values, which an extension might define;
// our limit of a scale; data: URIs in plain text.
const stricter = [/^\/buffers\/0\/uri/, /\/target5$/, /componentType5126$/, /^\/materials\/0\/alphaMode/,
	/^\/samplers\/0\//, /scale\[1e38/, /\/type"(fisheye|area)"/, /\/path"size"/, /\/interpolation"SMOOTH"/];

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'gltf-oracle-'));
let bad = 0, n = 0, crashed = 0;
try {
	execFileSync(process.argv[2], [dir]);
	for (const f of fs.readdirSync(dir).sort()) {
		const bytes = new Uint8Array(fs.readFileSync(path.join(dir, f)));
		const what = JSON.parse(Buffer.from(bytes)).asset?.copyright ?? f;
		let errors;
		try {
			const r = await validator.validateBytes(bytes,
				{ externalResourceFunction: () => Promise.reject(new Error('none')) });
			errors = r.issues.numErrors;
		} catch { // a bug of its own
			crashed++;
			continue;
		}
		n++;
		const refused = f.includes('refused');
		if (refused !== errors > 0 && !(refused && stricter.some((s) => s.test(what)))) {
			console.log(`${f} ${what}: ${errors} errors there`);
			bad++;
		}
	}
} finally {
	fs.rmSync(dir, { recursive: true });
}
console.log(`${n} documents, ${bad} differ, the validator crashed on ${crashed}`);
process.exitCode = bad || n < 150 || crashed > 3 ? 1 : 0;
