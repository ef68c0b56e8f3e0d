/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What users do: actions, their acknowledgements, ownership and limits (docs/messages.md). */
#include "pair.h"

#include "mediad/ctl/json_patch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

static void once_only(void **state)
{
	struct pair p;
	json_t *one, *two;

	(void)state;
	connect_two(&p);
	one = ue_act(&p.a, "{\"id\":\"x-1\",\"name\":\"add\",\"shape\":\"cube\"}");
	assert_string_equal(ack_code(one), "ok");
	assert_string_equal(json_string_value(json_pointer_get(one, "/ack/id")), "x-1");
	rig_pass(&p.r, 500 * MS);
	two = ue_act(&p.a, "{\"id\":\"x-1\",\"name\":\"add\",\"shape\":\"cube\"}");
	assert_true(json_equal(one, two)); /* the same answer, not a second cube */
	act(&p.b, "{\"id\":\"x-1\",\"name\":\"add\",\"shape\":\"cube\"}", "ok"); /* another's id */
	settle(&p);
	assert_int_equal(json_array_size(at(&p.a, "/nodes")), 9);
	assert_int_equal(counter(&p.r, "actionsRepeated"), 1);
	/* numbers and their texts are the same id */
	act(&p.a, "{\"id\":7,\"name\":\"add\",\"shape\":\"cube\"}", "ok");
	act(&p.a, "{\"id\":\"7\",\"name\":\"add\",\"shape\":\"cube\"}", "ok");
	assert_int_equal(counter(&p.r, "actions"), 3);
	json_decref(one);
	json_decref(two);
	done(&p);
}

/* Lost messages and lost acknowledgements: every action still happens, once. */
static void lossy_actions(void **state)
{
	struct pair p;
	unsigned sent = 0;

	(void)state;
	connect_two(&p);
	for (int i = 0; i < 100; i++) {
		char action[128];
		bool acked = false;

		snprintf(action, sizeof(action),
			"{\"id\":\"n%d\",\"name\":\"add\",\"shape\":\"ball\",\"position\":[0,%d,0]"
			"}",
			i, i);
		while (!acked) {
			json_t *ack = NULL;

			sent++;
			if (rig_random() % 10)
				ack = ue_act(&p.a, action);
			acked = ack && rig_random() % 10;
			json_decref(ack);
			rig_pass(&p.r, 10 * MS);
		}
	}
	settle(&p);
	assert_true(sent > 105);
	assert_int_equal(json_array_size(at(&p.a, "/nodes")), 107);
	for (int i = 0; i < 100; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/nodes/%d/translation/1", 7 + i);
		assert_true(json_number_value(at(&p.b, path)) == i);
	}
	done(&p);
}

static void ownership(void **state)
{
	struct pair p;

	(void)state;
	connect_two(&p);
	act(&p.a,
		"{\"id\":1,\"name\":\"move\",\"target\":\"cube\",\"phase\":\"move\",\"position\":["
		"1,1,1]}",
		"not-held");
	act(&p.a, "{\"id\":2,\"name\":\"move\",\"target\":\"cube\",\"phase\":\"grab\"}", "ok");
	act(&p.b, "{\"id\":3,\"name\":\"move\",\"target\":\"cube\",\"phase\":\"grab\"}", "held");
	act(&p.b, "{\"id\":4,\"name\":\"move\",\"target\":\"cube\",\"position\":[5,5,5]}", "held");
	act(&p.b, "{\"id\":5,\"name\":\"remove\",\"target\":\"cube\"}", "held");
	act(&p.b, "{\"id\":6,\"name\":\"set-color\",\"target\":\"cube\",\"color\":[1,0,0]}",
		"held");
	act(&p.b, "{\"id\":7,\"name\":\"select\",\"target\":\"cube\"}", "ok");
	act(&p.a,
		"{\"id\":8,\"name\":\"move\",\"target\":\"cube\",\"phase\":\"move\",\"position\":"
		"{\"x\":0.5,\"y\":1,\"z\":0}}",
		"ok");
	settle(&p);
	assert_string_equal(json_string_value(at(&p.b, "/nodes/2/extras/heldBy")), "t0");
	assert_string_equal(json_string_value(at(&p.b, "/nodes/2/extras/selectedBy")), "t1");
	assert_true(json_number_value(at(&p.b, "/nodes/2/translation/0")) == 0.5);
	fake_state(p.a.peer, PEER_CLOSED, "gone"); /* its owner leaves */
	rig_pass(&p.r, 1000 * MS);
	ue_read(&p.r, &p.b, 0);
	assert_true(json_is_null(at(&p.b, "/nodes/2/extras/heldBy")));
	act(&p.b, "{\"id\":9,\"name\":\"move\",\"target\":\"cube\",\"phase\":\"grab\"}", "ok");
	act(&p.b,
		"{\"id\":10,\"name\":\"move\",\"target\":\"cube\",\"phase\":\"release\","
		"\"position\":"
		"[0,1,0]}",
		"ok");
	rig_pass(&p.r, 1000 * MS);
	ue_read(&p.r, &p.b, 0);
	assert_true(json_is_null(at(&p.b, "/nodes/2/extras/heldBy")));
	done(&p);
}

static void effects(void **state)
{
	struct pair p;

	(void)state;
	connect_two(&p);
	act(&p.a, "{\"id\":1,\"name\":\"set-color\",\"target\":\"ball\",\"color\":[0.25,0.5,1]}",
		"ok");
	act(&p.a, "{\"id\":2,\"name\":\"remove\",\"target\":\"cone\"}", "ok");
	act(&p.a, "{\"id\":3,\"name\":\"select\",\"target\":3}", "ok");
	act(&p.a, "{\"id\":4,\"name\":\"select\",\"target\":3,\"on\":false}", "ok");
	act(&p.a,
		"{\"id\":5,\"name\":\"add\",\"shape\":\"cone\",\"color\":[1,0,0,0.5],\"position\":"
		"[1,2,3],\"orientation\":[0,1,0,0]}",
		"ok");
	settle(&p);
	assert_true(json_number_value(at(
			    &p.b, "/materials/2/pbrMetallicRoughness/baseColorFactor/0")) == 0.25);
	assert_true(json_is_true(at(&p.b, "/nodes/4/extras/removed")));
	assert_true(json_is_null(at(&p.b, "/nodes/3/extras/selectedBy")));
	assert_true(json_is_true(at(&p.b, "/nodes/7/extras/object")));
	assert_true(json_number_value(at(&p.b, "/nodes/7/translation/2")) == 3);
	act(&p.b, "{\"id\":6,\"name\":\"select\",\"target\":\"cone\"}", "no-target");
	act(&p.b, "{\"id\":7,\"name\":\"set-color\",\"target\":7,\"color\":[0,1,0]}", "ok");
	settle(&p);
	done(&p);
}

static void actions_refused(void **state)
{
	static const struct {
		const char *action, *code;
	} all[] = {
		{"{\"id\":1,\"name\":\"fly\"}", "unknown"},
		{"{\"id\":2}", "malformed"},
		{"{\"id\":3,\"name\":7}", "malformed"},
		{"{\"id\":4,\"name\":\"select\"}", "no-target"},
		{"{\"id\":5,\"name\":\"select\",\"target\":\"table top\"}", "no-target"},
		{"{\"id\":6,\"name\":\"select\",\"target\":99999}", "no-target"},
		{"{\"id\":7,\"name\":\"select\",\"target\":-1}", "no-target"},
		{"{\"id\":8,\"name\":\"select\",\"target\":4294967298}", "no-target"},
		{"{\"id\":9,\"name\":\"move\",\"target\":\"cube\",\"phase\":\"throw\"}",
			"malformed"},
		{"{\"id\":10,\"name\":\"move\",\"target\":\"cube\",\"position\":[1,2]}",
			"malformed"},
		{"{\"id\":11,\"name\":\"move\",\"target\":\"cube\",\"position\":[1,2,3,4]}",
			"malformed"},
		{"{\"id\":12,\"name\":\"move\",\"target\":\"cube\",\"position\":[1,2,1e9]}",
			"malformed"},
		{"{\"id\":13,\"name\":\"move\",\"target\":\"cube\",\"orientation\":[0,0,0,0]}",
			"malformed"},
		{"{\"id\":14,\"name\":\"set-color\",\"target\":\"cube\",\"color\":[1,2,3]}",
			"malformed"},
		{"{\"id\":15,\"name\":\"set-color\",\"target\":\"cube\",\"color\":\"red\"}",
			"malformed"},
		{"{\"id\":16,\"name\":\"add\",\"shape\":\"avatar\"}", "no-shape"},
		{"{\"id\":17,\"name\":\"add\"}", "no-shape"},
		{"{\"id\":18,\"name\":\"remove\",\"target\":\"participant t1\"}", "no-target"},
	};
	struct pair p;
	json_t *before, *after;

	(void)state;
	connect_two(&p);
	before = rig_scene(&p.r);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		act(&p.a, all[i].action, all[i].code);
	after = rig_scene(&p.r);
	assert_true(json_equal(before, after));
	assert_int_equal(counter(&p.r, "actionsRefused"), sizeof(all) / sizeof(all[0]));
	/* without a usable id there is nothing to acknowledge */
	assert_null(ue_act(&p.a, "{\"name\":\"select\"}"));
	assert_null(ue_act(&p.a, "{\"id\":{},\"name\":\"select\"}"));
	assert_null(ue_act(&p.a, "{\"id\":1.5,\"name\":\"select\"}"));
	assert_null(ue_act(&p.a, "{\"id\":\"\",\"name\":\"select\"}"));
	assert_int_equal(counter(&p.r, "metaBad"), 4);
	json_decref(before);
	json_decref(after);
	done(&p);
}

static void too_many_objects(void **state)
{
	struct pair p;
	char action[64];

	(void)state;
	connect_two(&p);
	for (int i = 0; i < APP_MAX_OBJECTS; i++) {
		snprintf(action, sizeof(action), "{\"id\":%d,\"name\":\"add\",\"shape\":\"cube\"}",
			i);
		act(&p.a, action, "ok");
	}
	act(&p.a, "{\"id\":\"more\",\"name\":\"add\",\"shape\":\"cube\"}", "full");
	settle(&p);
	done(&p);
}

static void typed_action(void **state)
{
	struct fake_message m;
	struct pair p;

	(void)state;
	connect_two(&p);
	fake_deliver(p.a.peer, META,
		"{\"type\":\"urn:x-imsar:action:1\",\"message\":{\"id\":5,\"name\":\"select\","
		"\"target\":\"cube\"}}");
	assert_true(fake_take(p.a.peer, META, &m));
	assert_non_null(strstr(m.text, "\"ok\":true"));
	assert_non_null(strstr(m.text, "\"id\":5"));
	fake_deliver(p.a.peer, META, "{\"type\":\"urn:x-imsar:action:1\"}");
	assert_int_equal(counter(&p.r, "metaBad"), 1);
	done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(once_only),
		cmocka_unit_test(lossy_actions),
		cmocka_unit_test(ownership),
		cmocka_unit_test(effects),
		cmocka_unit_test(actions_refused),
		cmocka_unit_test(too_many_objects),
		cmocka_unit_test(typed_action),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
