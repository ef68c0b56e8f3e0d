/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Property: whatever N UEs do, lose and miss, at the end every one of them holds the server's
 * scene. Patches are applied by our RFC 6902 code, which shares nothing with what makes them.
 */
#include "rig.h"

#include "mediad/ctl/json_strict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MS 1000ull
#define MAX_UES 12

struct world {
	struct rig r;
	unsigned n, actions;
	struct ue ue[MAX_UES];
	bool there[MAX_UES], held[MAX_UES];
	double time;
};

static void bring(struct world *w, unsigned i)
{
	static const size_t sizes[] = {1024, 1200, 4096, 65536, PEER_MAX_MESSAGE};

	fake_set_max(w->ue[i].peer, sizes[rig_random() % 5]);
	fake_connect(w->ue[i].peer);
	w->there[i] = true;
}

static void random_action(struct world *w, struct ue *u)
{
	static const struct {
		const char *before, *after;
	} kinds[] = {{"\"select\",\"target\":", ""},
		{"\"move\",\"target\":", ",\"phase\":\"grab\""},
		{"\"move\",\"target\":", ",\"phase\":\"release\",\"position\":[1,2,3]"},
		{"\"move\",\"target\":", ",\"position\":[-1,0.5,0.25]"},
		{"\"set-color\",\"target\":", ",\"color\":[0.123,0.5,0.75]"},
		{"\"add\",\"shape\":\"cube\",\"x\":", ""}, {"\"remove\",\"target\":", ""},
		{"\"tap\",\"target\":", ""}};
	unsigned k = (unsigned)(rig_random() % 8);
	char action[256];

	snprintf(action, sizeof(action), "{\"id\":%u,\"name\":%s%u%s}", w->actions++,
		kinds[k].before, (unsigned)(rig_random() % 20), kinds[k].after);
	json_decref(ue_act(u, action));
}

static void leave_or_return(struct world *w, unsigned i)
{
	struct ue *u = &w->ue[i];

	if (!w->there[i]) {
		fake_open(u->peer, META, "3gpp-ar-metadata", false, 0);
		fake_open(u->peer, SD, "mpeg-sd", true, -1);
	} else {
		fake_close_channel(u->peer, SD);
		fake_close_channel(u->peer, META);
		fake_drop_all(u->peer);
		json_decref(u->doc);
		u->doc = NULL;
		u->resync = false;
	}
	w->there[i] = !w->there[i];
}

static void one_event(struct world *w, unsigned loss)
{
	unsigned i = (unsigned)(rig_random() % w->n), kind = (unsigned)(rig_random() % 100);
	struct ue *u = &w->ue[i];

	if (!w->there[i]) {
		if (kind < 5)
			leave_or_return(w, i);
		return;
	}
	if (kind < 70)
		ue_pose(u, w->time += 0.001, (double)(rig_random() % 2000) / 1000 - 1, 1.6,
			(double)(rig_random() % 100000) / 33333);
	else if (kind < 80)
		random_action(w, u);
	else if (kind < 95)
		ue_read(&w->r, u, loss);
	else if (kind < 97)
		fake_hold(u->peer, w->held[i] = !w->held[i]);
	else if (kind < 98)
		leave_or_return(w, i);
	else
		fake_ack(u->peer);
	if (u->resync && rig_random() % 4 == 0)
		fake_deliver(u->peer, META, "{\"resync\":{}}");
}

/* Nothing changes any more and nothing is lost: all must agree within seconds. */
static void calm_down(struct world *w)
{
	for (unsigned i = 0; i < w->n; i++) {
		if (!w->there[i])
			leave_or_return(w, i);
		fake_hold(w->ue[i].peer, false);
		fake_ack(w->ue[i].peer);
	}
	for (unsigned round = 0; round < 40; round++) {
		rig_pass(&w->r, 100 * MS);
		for (unsigned i = 0; i < w->n; i++) {
			ue_read(&w->r, &w->ue[i], 0);
			if (w->ue[i].resync)
				fake_deliver(w->ue[i].peer, META, "{\"resync\":{}}");
		}
	}
}

static void run(unsigned n, unsigned loss, unsigned events)
{
	struct world w = {.n = n};
	unsigned lost = 0, scenes = 0;

	rig_start(&w.r, NULL);
	rig_create(&w.r, n);
	for (unsigned i = 0; i < n; i++) {
		w.ue[i].peer = fake_peer(i);
		bring(&w, i);
	}
	for (unsigned i = 0; i < events; i++) {
		one_event(&w, loss);
		rig_pass(&w.r, rig_random() % (8 * MS));
	}
	if (strcmp(rig_scene_name, "tabletop") == 0)
		assert_true(rig_counter(&w.r, "behaviorActions") > 0);
	calm_down(&w);
	for (unsigned i = 0; i < n; i++) {
		ue_assert_same(&w.r, &w.ue[i]);
		lost += w.ue[i].lost;
		scenes += w.ue[i].scenes;
		if (w.ue[i].longest > peer_max_message(w.ue[i].peer))
			fail_msg("a message of %zu bytes", w.ue[i].longest);
	}
	/* without loss no patch may ever fail; with it, it must show */
	if (!loss)
		assert_int_equal(lost, 0);
	else
		assert_true(lost > 0 && scenes > n);
	for (unsigned i = 0; i < n; i++)
		ue_free(&w.ue[i]);
	rig_stop(&w.r);
}

static void two_without_loss(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		run(2, 0, 1500);
}

static void two_with_loss(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		run(2, 10, 1500);
}

static void many_without_loss(void **state)
{
	(void)state;
	run(MAX_UES, 0, 3000);
}

static void many_with_loss(void **state)
{
	(void)state;
	run(MAX_UES, 20, 3000);
}

/* Poses and taps set off what the scene itself does. */
static void a_scene_with_behaviors(void **state)
{
	(void)state;
	rig_scene_name = "tabletop";
	for (int i = 0; i < 3; i++)
		run(2, 0, 1500);
	run(MAX_UES, 20, 3000);
	rig_scene_name = "default";
}

/* docs/messages.md promises it of every scene that comes with mediad. */
static void shipped_scenes_fit_small_messages(void **state)
{
	static const char *const names[] = {"default", "tabletop", "whiteboard", "assistance"};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct world w = {.n = 1};

		rig_scene_name = names[i];
		rig_start(&w.r, NULL);
		rig_create(&w.r, 1);
		w.ue[0].peer = fake_peer(0);
		fake_set_max(w.ue[0].peer, 1024);
		fake_connect(w.ue[0].peer);
		rig_pass(&w.r, 2000 * MS);
		ue_read(&w.r, &w.ue[0], 0);
		if (!w.ue[0].doc)
			fail_msg("%s does not fit", names[i]);
		assert_in_range(w.ue[0].longest, 512, 1024);
		ue_assert_same(&w.r, &w.ue[0]);
		ue_free(&w.ue[0]);
		rig_stop(&w.r);
	}
	rig_scene_name = "default";
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_without_loss),
		cmocka_unit_test(two_with_loss),
		cmocka_unit_test(many_without_loss),
		cmocka_unit_test(many_with_loss),
		cmocka_unit_test(a_scene_with_behaviors),
		cmocka_unit_test(shipped_scenes_fit_small_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
