/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an application in Lua could do to its call, and to others, beyond its share. */
#include "script_rig.h"

#include "mediad/dcmf/app_lua.h"
#include "mediad/dcmf/lua_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define HEAD "local ar = require 'ar.app'\nlocal scene = ar.scene\nlocal app = {}\n"
#define TAIL "\nreturn app\n"

static void start(struct script_rig *s, const char *body, unsigned n)
{
	char text[4096];

	snprintf(text, sizeof(text), HEAD "%s" TAIL, body);
	script_write(text);
	script_start(s, "app", n);
}

static uint64_t cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t longest_turn(struct script_rig *s, uint64_t us)
{
	uint64_t end = s->r.now + us, longest = 0, t;

	while (s->r.now < end) {
		t = cpu_us();
		s->r.next = dcmf_run(s->r.d, s->r.now);
		t = cpu_us() - t;
		longest = t > longest ? t : longest;
		s->r.now = s->r.next < end ? s->r.next : end;
	}
	return longest;
}

/* A library function has no hook in it: without its own look at the slice it takes 100 ms. */
static uint64_t stall_of(const char *body)
{
	struct script_rig s;
	char text[1024];
	uint64_t longest;

	snprintf(text, sizeof(text), "function app.on_action(p, a) %s end", body);
	start(&s, text, 1);
	fake_deliver(s.ue[0].peer, META, "{\"action\":{\"id\":1,\"name\":\"x\"}}");
	longest = longest_turn(&s, 3000 * MS);
	if (script_counter(&s, "scriptTimeouts") != 1)
		fail_msg("%s: not ended", body);
	script_stop(&s);
	return longest;
}

static void a_library_function_keeps_to_the_slice(void **state)
{
	static const char *const hostile[] = {
		"(('a'):rep(30000)):find('.-.-.-.-b')",
		"(('a'):rep(60000)):match('(a*)*b')  (('a'):rep(60000)):find('a-a-a-b')",
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		uint64_t best = UINT64_MAX;

		for (int again = 0; again < 5 && best > 20000; again++) {
			uint64_t t = stall_of(hostile[i]);

			best = t < best ? t : best;
		}
		if (best > 20000)
			fail_msg("%s: a turn of %llu us", hostile[i], (unsigned long long)best);
	}
}

/* Ticks that take more than the share leave room for actions. */
static void slow_ticks_refuse_no_action(void **state)
{
	struct script_rig s;
	char text[64];

	(void)state;
	start(&s,
		"app.tick = 0.02\n"
		"function app.on_tick() for i = 1, 4e5 do end end\n"
		"function app.on_start() for i = 1, 8 do ar.every(0.02, function() for i = 1, 4e5 "
		"do end end) end end\n"
		"function app.on_action() return true end",
		1);
	longest_turn(&s, 3000 * MS);
	for (unsigned i = 0; i < 5; i++) {
		struct fake_message m;
		bool done = false;

		snprintf(text, sizeof(text), "{\"action\":{\"id\":%u,\"name\":\"x\"}}", i);
		fake_deliver(s.ue[0].peer, META, text);
		script_pass(&s, 1500 * MS);
		while (fake_take(s.ue[0].peer, META, &m)) {
			assert_null(strstr(m.text, "\"busy\""));
			done |= strstr(m.text, "\"ok\":true") != NULL;
		}
		assert_true(done);
	}
	assert_true(script_counter(&s, "scriptDropped") > 0);
	script_stop(&s);
}

/* A timer that was cancelled while its event waited gives its place to another that works. */
static void timers_come_again(void **state)
{
	struct script_rig s;

	(void)state;
	start(&s,
		"local n, id = 0\n"
		"function app.on_start() id = ar.every(0.02, function() n = n + 1\n"
		"  if n % 5 == 0 then ar.cancel(id) id = ar.every(0.02, app.again) end end) end\n"
		"function app.again() n = n + 1 end\n"
		"function app.on_action() return false, 'n', tostring(n > 30) end",
		1);
	script_pass(&s, 2000 * MS);
	json_t *ack = script_act(&s, 0, "{\"id\":1,\"name\":\"x\"}");
	assert_string_equal(json_string_value(json_object_get(ack, "reason")), "true");
	json_decref(ack);
	script_stop(&s);
}

/* The action is refused because its handler failed; the scene is still a scene. */
static void expect_refused(const char *body)
{
	struct script_rig s;
	char text[1024];

	snprintf(text, sizeof(text),
		"function app.on_action(p, a) if a.name == 'bad' then %s return true end end",
		body);
	start(&s, text, 2);
	script_expect(&s, 0, "{\"id\":1,\"name\":\"bad\"}", "error");
	script_expect(&s, 1, "{\"id\":2,\"name\":\"select\",\"target\":\"cube\"}", NULL);
	script_pass(&s, 200 * MS);
	assert_true(script_node(&s, "cube") >= 0);
	/* under a sanitizer on a busy machine its CPU time may end before the limit is reached */
	assert_int_equal(
		script_counter(&s, "scriptErrors") + script_counter(&s, "scriptTimeouts"), 1);
	script_stop(&s);
}

static void the_scene_stays_one(void **state)
{
	static const char *const bad[] = {
		"scene.set('/nodes', {})", /* the list itself: it was freed under its readers */
		"scene.set('/nodes', {{name = 'x'}})", "scene.set('/scenes', {})",
		"scene.set('/nodes/0/translation', {1, 2, 3})",
		"scene.set('/nodes/0/rotation', {0, 0, 0, 1})",
		"scene.set('/nodes/0/a\"b', 1)", /* would have ended the patch's JSON */
		"scene.set('/nodes/0/a\\\\b', 1)", "scene.set('/nodes/0/a\\nb', 1)",
		"scene.extras('cube', 'a\"b', 1)", "scene.extras('cube', 'a\\nb', 1)",
		"scene.extras('cube', '', 1)", "scene.material('cube', {['a\"b'] = 1})",
		"scene.set('/nodes/0', 5)", "scene.set('nodes', 5)", "scene.set('', 5)"};

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_refused(bad[i]);
}

/* One text many times in a table is many times its size in JSON. */
static void a_value_has_a_size(void **state)
{
	(void)state;
	expect_refused("local s, t = ('x'):rep(60000), {} for i = 1, 1000 do t[i] = s end "
		       "ar.send(p, t)");
	expect_refused("local s, t = ('x'):rep(60000), {} for i = 1, 1000 do t[i] = {[s] = 1} end "
		       "ar.send(p, t)");
}

/* Members with ever new names, and values that grow, end at a limit; what stays as large does not.
 */
static void the_scene_grows_to_a_limit(void **state)
{
	struct script_rig s;
	unsigned i;

	(void)state;
	start(&s,
		"local n, text = 0, ('x'):rep(60000)\n"
		"function app.on_action(p, a)\n"
		"  n = n + 1\n"
		"  if a.name == 'same' then scene.extras('cube', 'same', text) end\n"
		"  if a.name == 'new' then scene.extras('cube', 'k' .. n, text) end\n"
		"  return true\n"
		"end",
		1);
	for (i = 0; i < 100; i++) {
		char text[64];

		snprintf(text, sizeof(text), "{\"id\":\"s%u\",\"name\":\"same\"}", i);
		script_expect(&s, 0, text, NULL);
	}
	for (i = 0; i < 100; i++) {
		char text[64];
		json_t *ack;
		bool ok;

		snprintf(text, sizeof(text), "{\"id\":\"n%u\",\"name\":\"new\"}", i);
		ack = script_act(&s, 0, text);
		ok = json_is_true(json_object_get(ack, "ok"));
		json_decref(ack);
		if (!ok)
			break;
	}
	assert_in_range(i, APP_LUA_GROWN / 60000 - 4, APP_LUA_GROWN / 60000);
	script_expect(&s, 0, "{\"id\":\"last\",\"name\":\"same\"}", NULL);
	script_stop(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_library_function_keeps_to_the_slice),
		cmocka_unit_test(slow_ticks_refuse_no_action),
		cmocka_unit_test(timers_come_again),
		cmocka_unit_test(the_scene_stays_one),
		cmocka_unit_test(a_value_has_a_size),
		cmocka_unit_test(the_scene_grows_to_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
