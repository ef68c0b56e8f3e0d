/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Actions with a `seq`: each once, in order, over a channel that loses, doubles and swaps. */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#define MS 1000ull
#define ACTIONS 100

struct one {
	struct rig r;
	struct ue a;
};

static void start(struct one *o)
{
	rig_start(&o->r, NULL);
	rig_create(&o->r, 1);
	o->a = (struct ue){.peer = fake_peer(0)};
	fake_connect(o->a.peer);
	rig_pass(&o->r, 100 * MS);
	ue_read(&o->r, &o->a, 0);
}

static void stop(struct one *o)
{
	ue_free(&o->a);
	rig_stop(&o->r);
}

/* The action's effect shows its number: the cube's height. */
static void act(struct one *o, unsigned seq)
{
	char text[256];

	snprintf(text, sizeof(text),
		"{\"action\":{\"id\":\"n%u\",\"seq\":%u,\"name\":\"move\",\"target\":\"cube\","
		"\"position\":[0,%u,0]}}",
		seq, seq, seq);
	fake_deliver(o->a.peer, META, text);
}

static double height(struct one *o)
{
	json_t *doc = rig_scene(&o->r), *v;
	double y = -1;
	size_t i;

	json_array_foreach(json_object_get(doc, "nodes"), i, v)
	{
		if (strcmp(json_string_value(json_object_get(v, "name")), "cube") == 0)
			y = json_number_value(json_array_get(json_object_get(v, "translation"), 1));
	}
	json_decref(doc);
	return y;
}

/* Numbers of the actions that have been acknowledged since, in order of their acknowledgements. */
static unsigned acknowledged(struct one *o, unsigned *list, bool lose)
{
	struct fake_message m;
	unsigned n = 0;

	while (fake_take(o->a.peer, META, &m)) {
		const char *id = strstr(m.text, "\"id\":\"n");

		if (!id || (lose && rig_random() % 10 == 0))
			continue;
		list[n++] = (unsigned)strtoul(id + 7, NULL, 10);
	}
	return n;
}

static long counter(struct one *o, const char *name)
{
	json_t *j = json_object();
	long v;

	dcmf_get_stats(o->r.d, j);
	v = (long)json_integer_value(json_object_get(j, name));
	json_decref(j);
	return v;
}

/* ---- tests ---- */

static void early_ones_wait(void **state)
{
	unsigned list[8];
	struct one o;

	(void)state;
	start(&o);
	act(&o, 3);
	act(&o, 2);
	assert_int_equal(acknowledged(&o, list, false), 0);
	act(&o, 3); /* again, because it was not acknowledged: no second one */
	assert_int_equal(acknowledged(&o, list, false), 0);
	act(&o, 1);
	assert_int_equal(acknowledged(&o, list, false), 3);
	assert_true(list[0] == 1 && list[1] == 2 && list[2] == 3);
	assert_true(height(&o) == 3);
	act(&o, 2);
	assert_int_equal(acknowledged(&o, list, false), 1); /* the old answer */
	assert_true(height(&o) == 3);
	assert_int_equal(counter(&o, "actions"), 3);
	assert_int_equal(counter(&o, "actionsHeld"), 2);
	stop(&o);
}

/* 100 actions at 10 per cent loss each way, doubled and swapped: all take effect, in order. */
static void a_hundred_over_a_bad_channel(void **state)
{
	unsigned list[4 * ACTIONS], sent = 0, first = 1, turns = 0;
	bool done[ACTIONS + 1] = {false};
	double last = 0;
	struct one o;

	(void)state;
	start(&o);
	while (first <= ACTIONS && turns++ < 5000) {
		unsigned n;

		/* up to 32 at a time, those without acknowledgement again and again */
		sent = first + 31 < ACTIONS ? first + 31 : ACTIONS;
		for (unsigned i = 0; i < 8; i++) {
			unsigned k = first + (unsigned)(rig_random() % (sent - first + 1));

			if (!done[k] && rig_random() % 10)
				act(&o, k);
			assert_true(height(&o) >= last || last == 0);
			if (height(&o) > 0.9)
				last = height(&o);
		}
		rig_pass(&o.r, 10 * MS);
		n = acknowledged(&o, list, true);
		for (unsigned i = 0; i < n; i++)
			done[list[i]] = true;
		while (first <= ACTIONS && done[first])
			first++;
		ue_read(&o.r, &o.a, 0);
	}
	assert_int_equal(first, ACTIONS + 1);
	assert_true(height(&o) == ACTIONS);
	assert_int_equal(counter(&o, "actions"), ACTIONS);
	assert_int_equal(counter(&o, "actionsSkipped"), 0);
	assert_true(counter(&o, "actionsHeld") > 0);
	stop(&o);
}

static void one_that_never_comes_is_given_up(void **state)
{
	unsigned list[8];
	struct one o;

	(void)state;
	start(&o);
	act(&o, 1);
	act(&o, 3);
	act(&o, 4);
	acknowledged(&o, list, false);
	rig_pass(&o.r, 19 * 1000 * MS);
	assert_int_equal(acknowledged(&o, list, false), 0);
	rig_pass(&o.r, 2 * 1000 * MS);
	assert_int_equal(acknowledged(&o, list, false), 2);
	assert_int_equal(counter(&o, "actionsSkipped"), 1);
	act(&o, 2);
	assert_int_equal(acknowledged(&o, list, false), 1);
	assert_true(height(&o) == 4);
	assert_int_equal(counter(&o, "actionsRefused"), 1);
	stop(&o);
}

static void too_many_early_ones_come_again(void **state)
{
	unsigned list[200], n;
	struct one o;

	(void)state;
	start(&o);
	for (unsigned i = 2; i < 2 + APP_ACTION_HELD + 5; i++)
		act(&o, i);
	assert_int_equal(counter(&o, "actionsNoRoom"), 5);
	act(&o, 1);
	n = acknowledged(&o, list, false);
	assert_int_equal(n, 1 + APP_ACTION_HELD);
	for (unsigned i = 2 + APP_ACTION_HELD; i < 2 + APP_ACTION_HELD + 5; i++)
		act(&o, i);
	assert_int_equal(acknowledged(&o, list, false), 5);
	assert_true(height(&o) == 1 + APP_ACTION_HELD + 5);
	stop(&o);
}

static void the_count_begins_anew_after_leaving(void **state)
{
	unsigned list[8];
	struct one o;

	(void)state;
	start(&o);
	act(&o, 1);
	act(&o, 2);
	act(&o, 4);
	fake_close_channel(o.a.peer, META);
	fake_close_channel(o.a.peer, SD);
	rig_pass(&o.r, 100 * MS);
	acknowledged(&o, list, false);
	fake_open(o.a.peer, META, "3gpp-ar-metadata", false, 0);
	rig_pass(&o.r, 100 * MS);
	fake_deliver(o.a.peer, META,
		"{\"action\":{\"id\":\"n9\",\"seq\":1,\"name\":\"move\",\"target\":\"cube\","
		"\"position\":[0,9,0]}}");
	assert_int_equal(acknowledged(&o, list, false), 1);
	assert_true(height(&o) == 9);
	/* the one that had waited was forgotten: it may come again */
	fake_deliver(o.a.peer, META,
		"{\"action\":{\"id\":\"n4\",\"seq\":2,\"name\":\"move\",\"target\":\"cube\","
		"\"position\":[0,4,0]}}");
	assert_int_equal(acknowledged(&o, list, false), 1);
	assert_true(height(&o) == 4);
	stop(&o);
}

static void odd_numbers_are_no_order(void **state)
{
	static const char *const odd[] = {"0", "-1", "\"1\"", "1.5", "null", "[]"};
	unsigned list[8];
	struct one o;

	(void)state;
	start(&o);
	for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		char text[256];

		snprintf(text, sizeof(text),
			"{\"action\":{\"id\":\"n%u\",\"seq\":%s,\"name\":\"select\","
			"\"target\":\"cube\"}}",
			i, odd[i]);
		fake_deliver(o.a.peer, META, text);
		assert_int_equal(acknowledged(&o, list, false), 1);
	}
	fake_deliver(o.a.peer, META,
		"{\"action\":{\"id\":\"far\",\"seq\":9223372036854775807,\"name\":\"select\"}}");
	rig_pass(&o.r, 21 * 1000 * MS);
	act(&o, 1);
	assert_int_equal(acknowledged(&o, list, false), 1);
	stop(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(early_ones_wait),
		cmocka_unit_test(a_hundred_over_a_bad_channel),
		cmocka_unit_test(one_that_never_comes_is_given_up),
		cmocka_unit_test(too_many_early_ones_come_again),
		cmocka_unit_test(the_count_begins_anew_after_leaving),
		cmocka_unit_test(odd_numbers_are_no_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
