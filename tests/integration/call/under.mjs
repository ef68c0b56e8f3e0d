// SPDX-License-Identifier: GPL-2.0-or-later

import { copyFile, writeFile } from 'node:fs/promises';

// Runs fn under the policy of this text, then the old one again.
export async function underPolicy(t, text, fn) {
	const path = t.stack.policyPath();
	await copyFile(path, `${path}.before`);
	await writeFile(path, text);
	await t.stack.kamcmd('pcscf1', 'ims_ar.reload');
	try {
		await fn();
	} finally {
		await copyFile(`${path}.before`, path);
		await t.stack.kamcmd('pcscf1', 'ims_ar.reload');
	}
}
