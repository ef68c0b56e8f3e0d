/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls of many: who is near and in view is told at the full rate, nobody is forgotten. */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MS 1000ull
#define MANY 8
#define FRAME (1000000ull / 60)

struct crowd {
	struct rig r;
	unsigned n;
	struct ue ue[MANY];
	unsigned told[MANY]; /* changes of each that UE 0 was told of */
	double last[MANY];
};

static void start(struct crowd *c, unsigned n)
{
	*c = (struct crowd){.n = n};
	rig_start(&c->r, NULL);
	rig_create(&c->r, n);
	for (unsigned i = 0; i < n; i++) {
		c->ue[i].peer = fake_peer(i);
		fake_connect(c->ue[i].peer);
	}
	rig_pass(&c->r, 200 * MS);
	for (unsigned i = 0; i < n; i++)
		ue_read(&c->r, &c->ue[i], 0);
}

static void stop(struct crowd *c)
{
	for (unsigned i = 0; i < c->n; i++)
		ue_free(&c->ue[i]);
	rig_stop(&c->r);
}

static json_t *avatar(struct crowd *c, unsigned who)
{
	char name[32];
	size_t i;
	json_t *v;

	snprintf(name, sizeof(name), "participant t%u", who);
	json_array_foreach(json_object_get(c->ue[0].doc, "nodes"), i, v)
	{
		const char *s = json_string_value(json_object_get(v, "name"));

		if (s && strcmp(s, name) == 0)
			return v;
	}
	fail_msg("no %s", name);
	return NULL;
}

static double height(struct crowd *c, unsigned who)
{
	return json_number_value(json_array_get(json_object_get(avatar(c, who), "translation"), 1));
}

/* UE 0 stands at the origin and looks along -Z; the others nod for a second at these places. */
static void nod(struct crowd *c, const double (*place)[2], unsigned frames)
{
	for (unsigned f = 0; f < frames; f++) {
		ue_pose(&c->ue[0], f, 0, 1.6, 0);
		for (unsigned i = 1; i < c->n; i++)
			ue_pose(&c->ue[i], f, place[i][0], 1.6 + 0.001 * (f + 1), place[i][1]);
		rig_pass(&c->r, FRAME);
		for (unsigned i = 0; i < c->n; i++)
			ue_read(&c->r, &c->ue[i], 0);
		for (unsigned i = 1; i < c->n; i++) {
			c->told[i] += height(c, i) != c->last[i];
			c->last[i] = height(c, i);
		}
	}
}

static const double places[MANY][2] = {
	{0, 0}, {0, -2}, {0.5, -2.5}, {0, -6}, {0, -30}, {0, 2}, {5, 0}, {-1, -2.5}};

static void far_and_behind_are_told_less_often(void **state)
{
	struct crowd c;

	(void)state;
	start(&c, MANY);
	nod(&c, places, 120);
	assert_in_range(c.told[1], 95, 120); /* near and in view */
	assert_in_range(c.told[2], 95, 120);
	assert_in_range(c.told[7], 95, 120);
	assert_in_range(c.told[3], 20, 60); /* 6 m: every 67 ms */
	assert_in_range(c.told[4], 8, 14); /* 30 m: 5 a second */
	assert_in_range(c.told[5], 8, 14); /* behind */
	assert_in_range(c.told[6], 8, 14); /* beside */
	stop(&c);
}

/* When all stand still, every UE has the server's scene soon. */
static void nobody_is_forgotten(void **state)
{
	struct crowd c;

	(void)state;
	start(&c, MANY);
	nod(&c, places, 60);
	rig_pass(&c.r, 300 * MS);
	for (unsigned i = 0; i < c.n; i++)
		ue_read(&c.r, &c.ue[i], 0);
	for (unsigned i = 1; i < c.n; i++)
		assert_true(fabs(height(&c, i) - 1.66) < 1e-4);
	rig_pass(&c.r, 1200 * MS); /* a UE's own pose comes twice a second */
	for (unsigned i = 0; i < c.n; i++) {
		ue_read(&c.r, &c.ue[i], 0);
		ue_assert_same(&c.r, &c.ue[i]);
	}
	stop(&c);
}

static void small_calls_are_not_thinned(void **state)
{
	struct crowd c;

	(void)state;
	start(&c, 5);
	nod(&c, places, 60);
	for (unsigned i = 1; i < 5; i++)
		assert_in_range(c.told[i], 45, 60);
	stop(&c);
}

/* The first of a procession has all others behind: each of them seldom, but something always. */
static void all_behind(void **state)
{
	static const double behind[MANY][2] = {
		{0, 0}, {0, 2}, {1, 2}, {-1, 2}, {0, 4}, {1, 4}, {-1, 4}, {0, 6}};
	struct crowd c;
	unsigned before;

	(void)state;
	start(&c, MANY);
	nod(&c, behind, 30);
	memset(c.told, 0, sizeof(c.told));
	before = c.ue[0].patches;
	nod(&c, behind, 120);
	for (unsigned i = 1; i < MANY; i++)
		assert_in_range(c.told[i], 8, 13);
	assert_true(c.ue[0].patches - before >= 60); /* 30 a second */
	stop(&c);
}

/* Who turns round sees those behind at the full rate at once. */
static void turning_round_counts(void **state)
{
	struct crowd c;
	char text[256];

	(void)state;
	start(&c, MANY);
	nod(&c, places, 30);
	memset(c.told, 0, sizeof(c.told));
	for (unsigned f = 100; f < 160; f++) {
		snprintf(text, sizeof(text),
			"{\"poseInfo\":[{\"poseTime\":%u,\"poses\":[{\"orientation\":{\"x\":0,"
			"\"y\":1,"
			"\"z\":0,\"w\":0},\"position\":{\"x\":0,\"y\":1.6,\"z\":0}}]}]}",
			f);
		fake_deliver(c.ue[0].peer, META, text);
		for (unsigned i = 1; i < c.n; i++)
			ue_pose(&c.ue[i], f, places[i][0], 2 + 0.001 * f, places[i][1]);
		rig_pass(&c.r, FRAME);
		ue_read(&c.r, &c.ue[0], 0);
		for (unsigned i = 1; i < c.n; i++) {
			c.told[i] += height(&c, i) != c.last[i];
			c.last[i] = height(&c, i);
		}
	}
	assert_in_range(c.told[5], 40, 60); /* it was behind */
	assert_in_range(c.told[1], 3, 15); /* it was in front */
	stop(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(far_and_behind_are_told_less_often),
		cmocka_unit_test(nobody_is_forgotten),
		cmocka_unit_test(small_calls_are_not_thinned),
		cmocka_unit_test(all_behind),
		cmocka_unit_test(turning_round_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
