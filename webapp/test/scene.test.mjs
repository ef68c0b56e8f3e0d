// SPDX-License-Identifier: GPL-2.0-or-later
import assert from 'node:assert/strict';
import test from 'node:test';
import { canonical, differences, SceneReplica } from '../src/scene.mjs';

const DOC = { asset: { version: '2.0' }, scenes: [{ nodes: [0], extras: { rev: 1 } }], nodes: [{ translation: [0, 0, 0] }] };
const REV = '/scenes/0/extras/rev';
const patch = (from, ...ops) => JSON.stringify([{ op: 'test', path: REV, value: from }, ...ops, { op: 'replace', path: REV, value: from + 1 }]);

function replica() {
	const asked = [];
	const clock = { t: 0 };
	const r = new SceneReplica({ askResync: (why) => asked.push(why), now: () => clock.t });
	return { r, asked, clock };
}

test('a scene, then patches', () => {
	const { r, asked } = replica();
	r.input(JSON.stringify(DOC));
	r.input(patch(1, { op: 'replace', path: '/nodes/0/translation', value: [1, 2, 3] }));
	r.input(patch(2, { op: 'add', path: '/nodes/-', value: { name: 'new' } }));
	assert.deepEqual(r.doc.nodes, [{ translation: [1, 2, 3] }, { name: 'new' }]);
	assert.equal(r.doc.scenes[0].extras.rev, 3);
	assert.deepEqual(asked, []);
	assert.equal(r.counts.patches, 2);
});

test('a gap leaves the copy as it was and asks once until the scene comes', () => {
	const { r, asked, clock } = replica();
	r.input(JSON.stringify(DOC));
	const before = canonical(r.doc);
	r.input(patch(5, { op: 'replace', path: '/nodes/0/translation', value: [9, 9, 9] }));
	r.input(patch(6));
	assert.equal(canonical(r.doc), before);
	assert.equal(asked.length, 1);
	clock.t = 1000; // unanswered: once more
	r.input(patch(7));
	assert.equal(asked.length, 2);
	r.input(JSON.stringify(DOC));
	r.input(patch(1));
	assert.equal(r.doc.scenes[0].extras.rev, 2);
	r.input(patch(9));
	assert.equal(asked.length, 3);
});

test('a patch that fails half way leaves nothing behind', () => {
	const { r } = replica();
	r.input(JSON.stringify(DOC));
	const before = canonical(r.doc);
	r.input(patch(1, { op: 'replace', path: '/nodes/0/translation', value: [7, 7, 7] }, { op: 'replace', path: '/nodes/4/name', value: 'x' }));
	assert.equal(canonical(r.doc), before);
	assert.equal(r.counts.refused, 1);
});

test('a patch of tests alone changes nothing, but shows a gap', () => {
	const { r, asked } = replica();
	r.input(JSON.stringify(DOC));
	let updates = 0;
	r.on('update', () => updates++);
	r.input(JSON.stringify([{ op: 'test', path: REV, value: 1 }]));
	assert.deepEqual([updates, r.counts.checks, asked.length], [0, 1, 0]);
	r.input(JSON.stringify([{ op: 'test', path: REV, value: 2 }]));
	assert.deepEqual([updates, r.counts.checks, asked.length], [0, 1, 1]);
});

test('what is no patch and no scene does no harm', () => {
	const { r, asked } = replica();
	for (const text of ['', '{', 'null', '3', '"x"', '[3]', '[{}]', '[{"op":"replace"}]', '{"a":1}', patch(1)]) r.input(text);
	assert.equal(r.doc, null);
	assert.equal(asked.length, 1);
	r.input(JSON.stringify(DOC));
	r.input('[{"op":"add","path":"/__proto__/polluted","value":1}]');
	r.input('[{"op":"add","path":"/constructor/prototype/polluted","value":1}]');
	assert.equal({}.polluted, undefined);
	assert.equal(canonical(r.doc), canonical(DOC));
});

test('canonical form does not depend on the order of members', () => {
	assert.equal(canonical({ b: [1, { d: 1, c: null }], a: 'x' }), canonical({ a: 'x', b: [1, { c: null, d: 1 }] }));
	assert.notEqual(canonical([1, 2]), canonical([2, 1]));
	assert.equal(canonical(JSON.parse('{"x":1.0,"y":1e2}')), '{"x":1,"y":100}');
});

test('differences name the place', () => {
	assert.deepEqual(differences({ a: [1, { b: 2 }] }, { a: [1, { b: 3 }] }), ['/a/1/b: 2 != 3']);
	assert.deepEqual(differences({ a: 1 }, { a: 1 }), []);
	assert.equal(differences({ a: 1 }, {}).length, 1);
	assert.equal(differences([1], { 0: 1 }).length, 1);
});
