/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls that share a scene: contexts of their own, one scene and one application (docs/mrm.md). */
#include "rig.h"

#include "common/daemon/ar_clock.h"
#include "mediad/ctl/json_patch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#define CALLS 3

struct hall {
	struct rig r;
	char context[CALLS][MRM_MAX_ID + 1];
	struct ue ue[2 * CALLS];
	unsigned nue;
};

/* The body of call no: two UEs, call-no@ue, and what more there is for x-ims-ar. */
static char *body_of(unsigned no, const char *more)
{
	char *plain = rig_body(2), call_id[32], *text;
	json_t *j = json_loads(plain, 0, NULL), *x = json_object_get(j, "x-ims-ar");
	json_t *add = json_loads(more, 0, NULL);

	free(plain);
	snprintf(call_id, sizeof(call_id), "call-%u@ue", no);
	json_object_set_new(x, "callId", json_string(call_id));
	assert_non_null(add);
	json_object_update(x, add);
	json_decref(add);
	text = json_dumps(j, JSON_COMPACT);
	json_decref(j);
	return text;
}

static int post(struct hall *h, unsigned no, const char *more, json_t **out)
{
	char *body = body_of(no, more);
	int status = rig_post(&h->r, body, out);

	if (status == 201)
		memcpy(h->context[no], h->r.context, sizeof(h->context[no]));
	free(body);
	return status;
}

static void look_at(struct hall *h, unsigned no)
{
	memcpy(h->r.context, h->context[no], sizeof(h->r.context));
}

/* Call no begins and both of its UEs connect. */
static void enter(struct hall *h, unsigned no, const char *more)
{
	json_t *j;

	if (post(h, no, more, &j) != 201)
		fail_msg("%s", json_dumps(j, 0));
	json_decref(j);
	for (unsigned i = 0; i < 2; i++) {
		h->ue[h->nue].peer = fake_peer(h->nue);
		fake_connect(h->ue[h->nue++].peer);
	}
}

static void leave(struct hall *h, unsigned no)
{
	struct dcmf_reply reply;

	dcmf_delete(h->r.d, ar_span_str(h->context[no]), h->r.now, &reply);
	assert_int_equal(reply.status, 204);
	dcmf_reply_free(&reply);
}

static void read_from(struct hall *h, unsigned first)
{
	rig_pass(&h->r, 1200 * AR_MS); /* own poses come back twice a second */
	for (unsigned i = first; i < h->nue; i++)
		ue_read(&h->r, &h->ue[i], 0);
}

static void same_from(struct hall *h, unsigned first)
{
	for (unsigned i = first; i < h->nue; i++)
		ue_assert_same(&h->r, &h->ue[i]);
}

static void stop(struct hall *h)
{
	for (unsigned i = 0; i < h->nue; i++)
		ue_free(&h->ue[i]);
	rig_stop(&h->r);
}

/* The node of the participant with this name in what the UE has; NULL: it is not there. */
static const json_t *avatar(const struct ue *u, const char *name)
{
	const json_t *n;
	size_t i;

	json_array_foreach(json_object_get(u->doc, "nodes"), i, n)
	{
		const char *who = json_string_value(
			json_object_get(json_object_get(n, "extras"), "participant"));

		if (who && strcmp(who, name) == 0)
			return n;
	}
	return NULL;
}

/* Those who have left leave a node that nobody sees. */
static bool shown(const struct ue *u, const char *name)
{
	const json_t *nodes = json_object_get(u->doc, "nodes"), *v;
	size_t i;

	json_array_foreach(json_pointer_get(u->doc, "/scenes/0/nodes"), i, v)
	{
		const json_t *n = json_array_get(nodes, (size_t)json_integer_value(v));
		const char *who = json_string_value(
			json_object_get(json_object_get(n, "extras"), "participant"));

		if (who && strcmp(who, name) == 0)
			return true;
	}
	return false;
}

static double x_of(const struct ue *u, const char *name)
{
	return json_number_value(
		json_array_get(json_object_get(avatar(u, name), "translation"), 0));
}

#define HALL "{\"share\":\"hall\"}"

static void two_calls_one_scene(void **state)
{
	struct hall h = {.nue = 0};

	(void)state;
	rig_start(&h.r, NULL);
	enter(&h, 0, HALL);
	read_from(&h, 0);
	enter(&h, 1, HALL);
	for (unsigned i = 0; i < 4; i++)
		ue_pose(&h.ue[i], 1, 10 + i, 1, 1);
	read_from(&h, 0);
	same_from(&h, 0);
	/* both calls have a t0 and a t1: in the scene each has a name of its own */
	for (unsigned i = 0; i < 4; i++) {
		assert_float_equal(x_of(&h.ue[i], "t0"), 10, 1e-3);
		assert_float_equal(x_of(&h.ue[i], "t1"), 11, 1e-3);
		assert_float_equal(x_of(&h.ue[i], "t0.2"), 12, 1e-3);
		assert_float_equal(x_of(&h.ue[i], "t1.2"), 13, 1e-3);
		assert_int_equal(h.ue[i].lost, 0);
	}
	/* those who were there first were told of the others by patches */
	assert_int_equal(h.ue[0].scenes, 1);
	assert_int_equal(rig_counter(&h.r, "rooms"), 1);
	assert_int_equal(rig_counter(&h.r, "roomsJoined"), 1);
	assert_int_equal(rig_counter(&h.r, "participants"), 4);
	assert_int_equal(rig_counter(&h.r, "poses"), 4);
	stop(&h);
}

static void one_call_ends(void **state)
{
	struct hall h = {.nue = 0};

	(void)state;
	rig_start(&h.r, NULL);
	enter(&h, 0, HALL);
	enter(&h, 1, HALL);
	for (unsigned i = 0; i < 4; i++)
		ue_pose(&h.ue[i], 1, i, 1, 1);
	json_decref(ue_act(&h.ue[0], "{\"id\":1,\"name\":\"grab\",\"node\":0}"));
	read_from(&h, 0);
	leave(&h, 0); /* the one that began it */
	look_at(&h, 1);
	read_from(&h, 2);
	same_from(&h, 2);
	for (unsigned i = 2; i < 4; i++) {
		assert_false(shown(&h.ue[i], "t0"));
		assert_false(shown(&h.ue[i], "t1"));
		assert_true(shown(&h.ue[i], "t1.2"));
		assert_non_null(avatar(&h.ue[i], "t0.2"));
		assert_int_equal(h.ue[i].lost, 0);
	}
	ue_pose(&h.ue[3], 2, 42, 1, 1);
	read_from(&h, 2);
	same_from(&h, 2);
	assert_float_equal(x_of(&h.ue[2], "t1.2"), 42, 1e-3);
	/* what has been counted stays counted */
	assert_int_equal(rig_counter(&h.r, "poses"), 5);
	assert_int_equal(rig_counter(&h.r, "participants"), 2);
	assert_int_equal(rig_counter(&h.r, "rooms"), 1);
	leave(&h, 1);
	assert_int_equal(rig_counter(&h.r, "rooms"), 0);
	assert_int_equal(rig_counter(&h.r, "poses"), 5);
	stop(&h);
}

/* The last one has put the light out: who comes next finds the scene as it was made. */
static void begins_anew(void **state)
{
	struct hall h = {.nue = 0};
	json_t *j;

	(void)state;
	rig_start(&h.r, NULL);
	enter(&h, 0, HALL);
	json_decref(ue_act(
		&h.ue[0], "{\"id\":1,\"name\":\"add\",\"shape\":\"box\",\"translation\":[0,1,0]}"));
	read_from(&h, 0);
	leave(&h, 0);
	assert_int_equal(post(&h, 1, HALL, &j), 201);
	json_decref(j);
	j = rig_get(&h.r);
	assert_int_equal(json_integer_value(json_pointer_get(j, "/x-ims-ar/room/calls")), 1);
	assert_int_equal(json_array_size(json_pointer_get(j, "/x-ims-ar/room/participants")), 2);
	json_decref(j);
	assert_int_equal(rig_counter(&h.r, "roomsJoined"), 0);
	stop(&h);
}

static void late_joiner(void **state)
{
	struct hall h = {.nue = 0};
	json_t *ack;

	(void)state;
	rig_start(&h.r, NULL);
	enter(&h, 0, HALL);
	read_from(&h, 0);
	ack = ue_act(&h.ue[0], "{\"id\":1,\"name\":\"grab\",\"node\":1}");
	assert_non_null(ack);
	json_decref(ack);
	ue_pose(&h.ue[0], 1, 7, 1, 1);
	read_from(&h, 0);
	enter(&h, 1, HALL);
	read_from(&h, 0);
	assert_int_equal(h.ue[2].scenes, 1);
	assert_float_equal(x_of(&h.ue[2], "t0"), 7, 1e-3);
	same_from(&h, 0);
	stop(&h);
}

static void other_names_are_other_scenes(void **state)
{
	static const char *const more[] = {"{}", "{\"share\":\"hall\"}", "{\"share\":\"other\"}"};
	struct hall h = {.nue = 0};

	(void)state;
	rig_start(&h.r, NULL);
	for (unsigned i = 0; i < CALLS; i++)
		enter(&h, i, more[i]);
	ue_pose(&h.ue[0], 1, 5, 1, 1);
	read_from(&h, 0);
	for (unsigned i = 0; i < CALLS; i++) {
		json_t *j;

		look_at(&h, i);
		ue_assert_same(&h.r, &h.ue[2 * i]);
		assert_null(avatar(&h.ue[2 * i], "t0.2"));
		j = rig_get(&h.r);
		assert_int_equal(
			json_object_get(json_object_get(j, "x-ims-ar"), "room") != NULL, i > 0);
		json_decref(j);
	}
	assert_float_equal(x_of(&h.ue[0], "t0"), 5, 1e-3);
	assert_int_equal(rig_counter(&h.r, "rooms"), 2);
	stop(&h);
}

/* One name, but another scene or another application: nobody gets into a scene that its policy has
 * not chosen. */
static void name_within_scene_and_application(void **state)
{
	struct hall h = {.nue = 0};

	(void)state;
	rig_start(&h.r, NULL);
	enter(&h, 0, HALL);
	enter(&h, 1, "{\"share\":\"hall\",\"scene\":\"tiny\"}");
	enter(&h, 2, "{\"share\":\"hall\",\"application\":\"pointer\"}");
	assert_int_equal(rig_counter(&h.r, "rooms"), 3);
	assert_int_equal(rig_counter(&h.r, "roomsJoined"), 0);
	leave(&h, 1);
	assert_int_equal(rig_counter(&h.r, "rooms"), 2);
	stop(&h);
}

static void assert_full(struct hall *h, int status, json_t *j)
{
	assert_int_equal(status, 403);
	assert_string_equal(json_string_value(json_object_get(j, "cause")), "SHARE_FULL");
	assert_non_null(strstr(json_string_value(json_object_get(j, "detail")), "limit"));
	json_decref(j);
	(void)h;
}

static void full(void **state)
{
	static const char three[] = "{\"share\":\"hall\",\"limits\":{\"maxParticipants\":3}}";
	struct hall h = {.nue = 0};
	json_t *j;
	int status;

	(void)state;
	rig_start(&h.r, NULL);
	enter(&h, 0, three);
	status = post(&h, 1, three, &j);
	assert_full(&h, status, j);
	assert_int_equal(rig_counter(&h.r, "roomsFull"), 1);
	assert_int_equal(rig_counter(&h.r, "contexts"), 1);
	/* those inside have noticed nothing */
	read_from(&h, 0);
	assert_null(avatar(&h.ue[0], "t0.2"));
	same_from(&h, 0);
	/* nor by the other door */
	status = rig_patch(&h.r,
		"[{\"op\":\"copy\",\"from\":\"/terminations/0\",\"path\":\"/terminations/-\"},"
		"{\"op\":\"replace\",\"path\":\"/terminations/2/terminationId\",\"value\":\"c\"},"
		"{\"op\":\"copy\",\"from\":\"/terminations/0\",\"path\":\"/terminations/-\"},"
		"{\"op\":\"replace\",\"path\":\"/terminations/3/terminationId\",\"value\":\"d\"}]",
		&j);
	assert_full(&h, status, j);
	assert_int_equal(rig_counter(&h.r, "roomsFull"), 2);
	leave(&h, 0);
	assert_int_equal(post(&h, 1, three, &j), 201);
	json_decref(j);
	stop(&h);
}

/* A room that is never empty: people come and go all day, and the scene does not grow. */
static void all_day(void **state)
{
	struct hall h = {.nue = 0};
	json_t *j;
	size_t nodes;

	(void)state;
	rig_start(&h.r, NULL);
	enter(&h, 0, HALL);
	enter(&h, 1, HALL);
	look_at(&h, 0);
	j = rig_scene(&h.r);
	nodes = json_array_size(json_object_get(j, "nodes"));
	json_decref(j);
	for (unsigned i = 0; i < 150; i++) {
		leave(&h, 1);
		h.nue = 4;
		assert_int_equal(post(&h, 1, HALL, NULL), 201);
		fake_connect(fake_peer(4 + 2 * i));
		fake_connect(fake_peer(5 + 2 * i));
		fake_drop_all(fake_peer(4 + 2 * i));
		rig_pass(&h.r, AR_MS);
	}
	h.nue = 2;
	read_from(&h, 0);
	look_at(&h, 0);
	same_from(&h, 0);
	assert_int_equal(json_array_size(json_object_get(h.ue[0].doc, "nodes")), nodes);
	assert_true(shown(&h.ue[0], "t1.2"));
	assert_int_equal(h.ue[0].lost, 0);
	stop(&h);
}

/* Limits of a UE are those of its own call. */
static void limits_of_the_call(void **state)
{
	struct hall h = {.nue = 0};

	(void)state;
	rig_start(&h.r, NULL);
	enter(&h, 0, HALL);
	enter(&h, 1, "{\"share\":\"hall\",\"limits\":{\"maxPoseHz\":1}}");
	for (unsigned i = 0; i < 10; i++) {
		ue_pose(&h.ue[0], 1 + i * 0.02, i, 1, 1);
		ue_pose(&h.ue[2], 1 + i * 0.02, i, 1, 1);
		rig_pass(&h.r, 20 * AR_MS);
	}
	assert_int_equal(rig_counter(&h.r, "posesLimited"), 9);
	stop(&h);
}

static void seen_from_outside(void **state)
{
	struct hall h = {.nue = 0};
	json_t *j, *list, *p;
	unsigned found = 0;
	size_t i;

	(void)state;
	rig_start(&h.r, NULL);
	enter(&h, 0, HALL);
	enter(&h, 1, HALL);
	ue_pose(&h.ue[3], 1, 1, 1, 1);
	read_from(&h, 0);
	look_at(&h, 0);
	j = rig_get(&h.r);
	/* the call's own members are about its own UEs */
	assert_int_equal(json_integer_value(json_pointer_get(j, "/x-ims-ar/poses")), 0);
	assert_int_equal(json_integer_value(json_pointer_get(j, "/x-ims-ar/room/calls")), 2);
	list = json_pointer_get(j, "/x-ims-ar/room/participants");
	assert_int_equal(json_array_size(list), 4);
	json_array_foreach(list, i, p)
	{
		if (strcmp(json_string_value(json_object_get(p, "name")), "t1.2") != 0)
			continue;
		found++;
		assert_string_equal(json_string_value(json_object_get(p, "callId")), "call-1@ue");
		assert_string_equal(
			json_string_value(json_object_get(p, "contextId")), h.context[1]);
		assert_string_equal(json_string_value(json_object_get(p, "user")), "sip:user1@ims");
		assert_int_equal(json_integer_value(json_object_get(p, "poses")), 1);
		assert_true(json_is_true(json_object_get(p, "joined")));
	}
	assert_int_equal(found, 1);
	json_decref(j);
	j = dcmf_list(h.r.d);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(j, 0), "share")), "hall");
	json_decref(j);
	/* which scene it shares is settled */
	assert_int_equal(rig_patch(&h.r,
				 "[{\"op\":\"replace\",\"path\":\"/x-ims-ar/share\","
				 "\"value\":\"attic\"}]",
				 NULL),
		400);
	stop(&h);
}

/* The UEs of one call vanish: its context ends in time, the others' does not. */
static void idle_alone(void **state)
{
	struct hall h = {.nue = 0};

	(void)state;
	rig_start(&h.r, NULL);
	enter(&h, 0, HALL);
	enter(&h, 1, HALL);
	for (unsigned i = 0; i < 2; i++)
		fake_state(h.ue[i].peer, PEER_CLOSED, "gone");
	rig_pass(&h.r, 62 * AR_SEC);
	assert_int_equal(rig_counter(&h.r, "contexts"), 1);
	assert_non_null(strstr(h.r.last_event, h.context[0]));
	h.nue = 4;
	ue_pose(&h.ue[2], 9, 3, 1, 1);
	read_from(&h, 2);
	look_at(&h, 1);
	same_from(&h, 2);
	stop(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_calls_one_scene),
		cmocka_unit_test(one_call_ends),
		cmocka_unit_test(begins_anew),
		cmocka_unit_test(late_joiner),
		cmocka_unit_test(other_names_are_other_scenes),
		cmocka_unit_test(name_within_scene_and_application),
		cmocka_unit_test(full),
		cmocka_unit_test(all_day),
		cmocka_unit_test(limits_of_the_call),
		cmocka_unit_test(seen_from_outside),
		cmocka_unit_test(idle_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
