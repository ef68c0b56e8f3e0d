// SPDX-License-Identifier: GPL-2.0-or-later
// Makes and deletes contexts on one connection: churn.mjs BASE-URL COUNT < body. Prints how long one
// create took in the middle (milliseconds, median).

import fs from 'node:fs';
import { Mrm } from './mrm.mjs';

const [base, count] = process.argv.slice(2);
const body = JSON.parse(fs.readFileSync(0, 'utf8'));
const mrm = new Mrm(base);
const took = [];

async function one() {
	const start = performance.now();
	const made = await mrm.create(body);
	took.push(performance.now() - start);
	if (made.status !== 201) throw new Error(`create: ${made.status} ${made.text}`);
	const gone = await mrm.delete(made.json.contextId);
	if (gone.status !== 204) throw new Error(`delete: ${gone.status} ${gone.text}`);
}

for (let done = 0; done < Number(count); done += 20) await Promise.all(Array.from({ length: 20 }, one));
mrm.close();
console.log(took.sort((a, b) => a - b)[took.length >> 1].toFixed(2));
