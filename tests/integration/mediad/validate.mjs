// SPDX-License-Identifier: GPL-2.0-or-later
// The Khronos validator over scene documents: validate.mjs FILE... Errors fail; that it does not know
// the MPEG-I extensions and that a mesh waits to be used is only information.

import fs from 'node:fs';
import { createRequire } from 'node:module';

const validator = createRequire(new URL('../../suites/package.json', import.meta.url))('gltf-validator');
const files = process.argv.slice(2);
let bad = 0;

for (const file of files) {
	const report = await validator.validateBytes(new Uint8Array(fs.readFileSync(file)), { format: 'gltf' });
	const errors = report.issues.messages.filter((m) => m.severity <= 1);
	if (errors.length === 0) continue;
	bad++;
	for (const e of errors.slice(0, 5)) console.log(`    | ${file}: ${e.code} ${e.pointer}: ${e.message}`);
}
console.log(`${bad || files.length === 0 ? 'not ok' : 'ok'} gltf-validator (${files.length} documents, ${bad} with errors)`);
process.exit(bad || files.length === 0 ? 1 : 0);
