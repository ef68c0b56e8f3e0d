// SPDX-License-Identifier: GPL-2.0-or-later
// The network of scripts/stack.sh, from Node: its addresses, its processes, what it says.

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import * as network from './network.mjs';

const SCRIPT = new URL('../stack.sh', import.meta.url).pathname;

function readEnv(path) {
	const out = {};
	for (const line of readFileSync(path, 'utf8').split('\n')) {
		const m = /^([A-Z0-9_]+)=(.*)$/.exec(line);
		if (m) out[m[1]] = m[2].replace(/^\$?'(.*)'$/, '$1').replace(/\\(.)/g, '$1');
	}
	return out;
}

export class Stack {
	constructor(run) {
		this.run = run;
		this.env = readEnv(`${run}/env`);
	}

	uri(name) {
		return `sip:${name}@${this.env.DOMAIN}`;
	}

	// `stack.sh COMMAND ARGS` on this network; its output, or an error with it.
	sh(...args) {
		return new Promise((resolve, reject) => {
			execFile(SCRIPT, args, { env: { ...process.env, RUN: this.run }, timeout: 60000 }, (e, stdout, stderr) => {
				if (e) reject(new Error(`stack.sh ${args.join(' ')}: ${stderr || e.message}`));
				else resolve(stdout);
			});
		});
	}

	pid(name) {
		return Number(readFileSync(`${this.run}/${name}.pid`, 'utf8').split(' ')[0]);
	}

	log(name) {
		try {
			return readFileSync(`${this.run}/log/${name}.log`, 'utf8');
		} catch {
			return '';
		}
	}

	kamcmd(name, ...command) {
		return network.kamcmd(`${this.run}/${name}.ctl`, ...command);
	}

	contexts() {
		return network.contexts(this.env.MRM);
	}

	contextOf(callId) {
		return network.contextOf(this.env.MRM, callId);
	}

	context(id) {
		return network.context(this.env.MRM, id);
	}

	scene(id) {
		return network.scene(this.env.MRM, id);
	}

	mediad() {
		return network.mediadStatus(this.env.MRM);
	}

	// What the module, asd and mediad together know of a call, as one flat object: kamcmd's answer
	// has one part each, one for each UE and one for each participant of a shared scene.
	async call(pcscf, callId) {
		const parts = await this.kamcmd(pcscf, 'ims_ar.call', callId);
		const whole = parts.filter((p) => !p.ue && !p.channel_of && !p.media_of && !p.participant && p.part !== 'ims_ar');
		return { ...Object.assign({}, ...whole), ue: parts.filter((p) => p.ue), inScene: parts.filter((p) => p.participant) };
	}

	// The counters of a P-CSCF's module; one that is absent has not moved.
	async counters(pcscf) {
		return (await this.kamcmd(pcscf, 'ims_ar.status')).find((p) => p.part === 'ims_ar');
	}

	policyPath() {
		return `${this.run}/policy.lua`;
	}
}
