// SPDX-License-Identifier: GPL-2.0-or-later
// The smallest event emitter that is the same in a browser and in Node 18.

export class Emitter {
	#handlers = new Map();

	on(name, fn) {
		if (!this.#handlers.has(name)) this.#handlers.set(name, new Set());
		this.#handlers.get(name).add(fn);
		return this;
	}

	off(name, fn) {
		this.#handlers.get(name)?.delete(fn);
		return this;
	}

	emit(name, ...args) {
		for (const fn of [...(this.#handlers.get(name) ?? [])]) fn(...args);
	}

	// Resolves with the first argument of the next `name`; rejects after ms.
	once(name, ms = 10000) {
		return new Promise((resolve, reject) => {
			const done = (value) => {
				clearTimeout(timer);
				this.off(name, done);
				resolve(value);
			};
			const timer = setTimeout(() => {
				this.off(name, done);
				reject(new Error(`no '${name}' within ${ms} ms`));
			}, ms);
			this.on(name, done);
		});
	}
}
