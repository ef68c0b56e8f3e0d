/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The applications in Lua that come with mediad (lua/apps), as their UEs see them. */
#include "script_rig.h"

#include "mediad/ctl/json_patch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char *text_at(json_t *j, const char *name)
{
	const char *s = json_string_value(json_object_get(j, name));

	return s ? s : "";
}

static void expect_message(struct script_rig *s, unsigned ue, const char *name, const char *value)
{
	json_t *m, *last = NULL;

	while ((m = script_message(s, ue)) != NULL) {
		json_decref(last);
		last = m;
	}
	assert_non_null(last);
	assert_string_equal(text_at(last, name), value);
	json_decref(last);
}

static void same(struct script_rig *s)
{
	script_pass(s, 1500 * MS);
	for (unsigned i = 0; i < s->n; i++) {
		if (s->ue[i].peer)
			ue_assert_same(&s->r, &s->ue[i]);
	}
}

/* ---- presenter ---- */

static void only_the_presenter_acts(void **state)
{
	struct script_rig s;

	(void)state;
	script_start(&s, "presenter", 3);
	expect_message(&s, 2, "presenter", "t0");
	script_expect(&s, 1, "{\"id\":1,\"name\":\"select\",\"target\":\"cube\"}", "not-presenter");
	script_expect(&s, 0, "{\"id\":1,\"name\":\"select\",\"target\":\"cube\"}", NULL);
	script_expect(&s, 0, "{\"id\":2,\"name\":\"present\",\"to\":\"nobody\"}", "no-participant");
	script_forget(&s);
	script_expect(&s, 0, "{\"id\":3,\"name\":\"present\",\"to\":\"t1\"}", NULL);
	expect_message(&s, 2, "presenter", "t1");
	script_expect(&s, 0, "{\"id\":4,\"name\":\"select\",\"target\":\"cube\"}", "not-presenter");
	script_expect(&s, 1, "{\"id\":5,\"name\":\"select\",\"target\":\"cube\"}", NULL);
	same(&s);
	script_stop(&s);
}

static void the_next_presents_when_the_presenter_leaves(void **state)
{
	struct script_rig s;

	(void)state;
	script_start(&s, "presenter", 2);
	script_forget(&s);
	fake_state(s.ue[0].peer, PEER_CLOSED, "gone");
	script_pass(&s, 500 * MS);
	expect_message(&s, 1, "presenter", "t1");
	script_expect(&s, 1, "{\"id\":5,\"name\":\"select\",\"target\":\"cube\"}", NULL);
	script_stop(&s);
}

/* ---- turns ---- */

static void turns_pass_on(void **state)
{
	struct script_rig s;

	(void)state;
	script_start(&s, "turns", 3);
	expect_message(&s, 1, "turn", "t0");
	script_expect(&s, 1, "{\"id\":1,\"name\":\"select\",\"target\":\"cube\"}", "not-your-turn");
	script_expect(&s, 0, "{\"id\":1,\"name\":\"select\",\"target\":\"cube\"}", NULL);
	script_expect(&s, 0, "{\"id\":2,\"name\":\"pass\"}", NULL);
	expect_message(&s, 2, "turn", "t1");
	script_expect(&s, 0, "{\"id\":3,\"name\":\"pass\"}", "not-your-turn");
	script_stop(&s);
}

static void turns_end_by_themselves(void **state)
{
	struct script_rig s;

	(void)state;
	script_start(&s, "turns", 2);
	script_forget(&s);
	script_pass(&s, 29 * 1000 * MS);
	assert_null(script_message(&s, 0));
	script_pass(&s, 2 * 1000 * MS);
	expect_message(&s, 0, "turn", "t1");
	script_pass(&s, 30 * 1000 * MS);
	expect_message(&s, 0, "turn", "t0");
	script_stop(&s);
}

static void a_turn_goes_on_when_its_owner_leaves(void **state)
{
	struct script_rig s;

	(void)state;
	script_start(&s, "turns", 3);
	script_expect(&s, 0, "{\"id\":2,\"name\":\"pass\"}", NULL);
	fake_state(s.ue[1].peer, PEER_CLOSED, "gone");
	script_pass(&s, 500 * MS);
	expect_message(&s, 0, "turn", "t2");
	script_stop(&s);
}

/* ---- pointer ---- */

static void point(struct script_rig *s, unsigned ue, const char *message)
{
	char text[256];

	snprintf(
		text, sizeof(text), "{\"type\":\"urn:x-imsar:pointer:1\",\"message\":%s}", message);
	fake_deliver(s->ue[ue].peer, META, text);
	script_pass(s, 500 * MS);
}

static double coordinate(struct script_rig *s, unsigned ue, int node, int axis)
{
	char pointer[64];

	snprintf(pointer, sizeof(pointer), "/nodes/%d/translation/%d", node, axis);
	return json_number_value(json_pointer_get(s->ue[ue].doc, pointer));
}

static bool shown(struct script_rig *s, int node)
{
	json_t *doc = rig_scene(&s->r), *v;
	bool found = false;
	size_t i;

	json_array_foreach(json_pointer_get(doc, "/scenes/0/nodes"), i, v) found |=
		json_integer_value(v) == node;
	json_decref(doc);
	return found;
}

static void pointers_are_seen(void **state)
{
	struct script_rig s;
	int a, b;

	(void)state;
	script_start(&s, "pointer", 2);
	assert_int_equal(script_node(&s, "pointer t0"), -1);
	point(&s, 0, "{\"position\":[0.5,1.25,-0.5]}");
	point(&s, 1, "{\"position\":[0,1,0],\"orientation\":[0,0.7071068,0,0.7071068]}");
	a = script_node(&s, "pointer t0");
	b = script_node(&s, "pointer t1");
	assert_true(a >= 0 && b >= 0 && a != b);
	assert_true(fabs(coordinate(&s, 1, a, 1) - 1.25) < 1e-4);
	assert_true(shown(&s, a));
	point(&s, 0, "{\"position\":[0.75,1.25,-0.5]}");
	assert_true(fabs(coordinate(&s, 1, a, 0) - 0.75) < 1e-4);
	point(&s, 0, "{}");
	assert_false(shown(&s, a));
	point(&s, 0, "{\"position\":[0,1,0]}");
	assert_true(shown(&s, a));
	script_expect(&s, 0, "{\"id\":1,\"name\":\"select\",\"target\":\"cube\"}", NULL);
	same(&s);
	script_stop(&s);
}

static void a_pointer_goes_with_its_owner(void **state)
{
	struct script_rig s;
	int a;

	(void)state;
	script_start(&s, "pointer", 2);
	point(&s, 0, "{\"position\":[0.5,1.25,-0.5]}");
	a = script_node(&s, "pointer t0");
	fake_state(s.ue[0].peer, PEER_CLOSED, "gone");
	script_pass(&s, 500 * MS);
	assert_false(shown(&s, a));
	script_stop(&s);
}

static void bad_pointers_change_nothing(void **state)
{
	static const char *const bad[] = {"{\"position\":[1e300,0,0]}", "{\"position\":\"here\"}",
		"{\"position\":[0,0]}", "{\"position\":[0,0,0],\"orientation\":[0,0,0,0]}"};
	struct script_rig s;

	(void)state;
	script_start(&s, "pointer", 2);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		point(&s, 0, bad[i]);
	assert_int_equal(script_counter(&s, "scriptErrors"), 4);
	point(&s, 0, "{\"position\":[0.5,1.25,-0.5]}");
	assert_true(script_node(&s, "pointer t0") >= 0);
	same(&s);
	script_stop(&s);
}

/* ---- draw ---- */

static unsigned drawn(struct script_rig *s)
{
	json_t *doc = rig_scene(&s->r), *v;
	unsigned n = 0;
	size_t i;

	json_array_foreach(json_object_get(doc, "nodes"), i, v) n +=
		json_object_get(json_object_get(v, "extras"), "drawnBy") != NULL;
	json_decref(doc);
	return n;
}

static void strokes_are_drawn_and_taken_away(void **state)
{
	static const char stroke[] = "{\"id\":%d,\"name\":\"draw\",\"points\":[[0,1,0],[0.1,1,0],["
				     "0.1,1.2,0],[0.1,1.2,0.3]],"
				     "\"color\":[0,1,0],\"width\":0.02}";
	struct script_rig s;
	char text[256];

	(void)state;
	script_start(&s, "draw", 2);
	snprintf(text, sizeof(text), stroke, 1);
	script_expect(&s, 0, text, NULL);
	assert_int_equal(drawn(&s), 1);
	snprintf(text, sizeof(text), stroke, 2);
	script_expect(&s, 0, text, NULL);
	script_expect(&s, 1, text, NULL);
	assert_int_equal(drawn(&s), 3);
	script_expect(&s, 0, "{\"id\":4,\"name\":\"undo\"}", NULL);
	assert_int_equal(drawn(&s), 2);
	script_expect(&s, 0, "{\"id\":5,\"name\":\"erase\"}", NULL);
	assert_int_equal(drawn(&s), 1); /* the other's stays */
	script_expect(&s, 0, "{\"id\":6,\"name\":\"undo\"}", NULL);
	same(&s);
	script_stop(&s);
}

/* A UE with messages of 1024 bytes keeps its scene channel through a long stroke. */
static void a_long_stroke_fits_small_messages(void **state)
{
	struct script_rig s;
	char text[6000];
	int n;

	(void)state;
	script_start(&s, "draw", 2);
	fake_set_max(s.ue[1].peer, 1024);
	n = snprintf(text, sizeof(text), "{\"id\":1,\"name\":\"draw\",\"points\":[[0,0,0]");
	for (int i = 1; i < 150; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, ",[%.3f,%.3f,%.3f]", sin(i * 0.1),
			1 + 0.01 * i, cos(i * 0.1));
	snprintf(text + n, sizeof(text) - (size_t)n, "]}");
	script_expect(&s, 0, text, NULL);
	same(&s);
	assert_true(s.ue[1].longest <= 1024 || s.ue[1].scenes == 1);
	assert_int_equal(script_counter(&s, "sceneMisfit"), 0);
	script_stop(&s);
}

static void bad_strokes_are_refused(void **state)
{
	static const char *const bad[] = {"[]", "[[0,0,0]]", "\"line\"", "[[0,0,0],[0,0]]",
		"[[0,0,0],[1,\"x\",0]]", "[[0,0,0],[1e6,0,0]]", "[[0,0,0],7]"};
	struct script_rig s;
	char text[256];

	(void)state;
	script_start(&s, "draw", 2);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "{\"id\":%u,\"name\":\"draw\",\"points\":%s}", i,
			bad[i]);
		script_expect(&s, 0, text, "malformed");
	}
	assert_int_equal(drawn(&s), 0);
	assert_int_equal(script_counter(&s, "scriptErrors"), 0);
	script_stop(&s);
}

static void strokes_have_an_end(void **state)
{
	struct script_rig s;
	char text[256];

	(void)state;
	script_start(&s, "draw", 1);
	for (unsigned i = 0; i < 21; i++) {
		snprintf(text, sizeof(text),
			"{\"id\":%u,\"name\":\"draw\",\"points\":[[0,0,0],[0,0,1]]}", i);
		script_expect(&s, 0, text, i < 20 ? NULL : "full");
	}
	script_stop(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_presenter_acts),
		cmocka_unit_test(the_next_presents_when_the_presenter_leaves),
		cmocka_unit_test(turns_pass_on),
		cmocka_unit_test(turns_end_by_themselves),
		cmocka_unit_test(a_turn_goes_on_when_its_owner_leaves),
		cmocka_unit_test(pointers_are_seen),
		cmocka_unit_test(a_pointer_goes_with_its_owner),
		cmocka_unit_test(bad_pointers_change_nothing),
		cmocka_unit_test(strokes_are_drawn_and_taken_away),
		cmocka_unit_test(a_long_stroke_fits_small_messages),
		cmocka_unit_test(bad_strokes_are_refused),
		cmocka_unit_test(strokes_have_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
