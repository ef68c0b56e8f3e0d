/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the media processors are told of a call's scene, and a UE's video of its UE's poses. */
#include "rig.h"

#include "mediad/ctl/json_strict.h"
#include "mediad/dcmf/dcmf_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MS 1000ull

/* A processor that keeps what it is told. */
struct processor {
	json_t *doc;
	unsigned opens, updates, poses, closes, unknown;
	int fail;
	uint64_t at;
	char call_id[64];
};

struct set {
	struct rig r;
	struct ue a, b;
	struct processor g;
	struct context *c;
	struct feed *f;
};

static int take_document(struct processor *g, struct ar_span text)
{
	if (g->fail)
		return g->fail;
	json_decref(g->doc);
	g->doc = json_loadb(text.p, text.n, 0, NULL);
	assert_non_null(g->doc);
	return 0;
}

static int do_open(struct armf_pool *p, struct ar_span text, const char *call_id, uint32_t *scene)
{
	struct processor *g = (struct processor *)p;

	*scene = 77;
	snprintf(g->call_id, sizeof(g->call_id), "%s", call_id);
	g->opens += g->fail == 0;
	return take_document(g, text);
}

static int do_update(struct armf_pool *p, uint32_t scene, struct ar_span text)
{
	struct processor *g = (struct processor *)p;

	assert_int_equal(scene, 77);
	g->updates++;
	return take_document(g, text);
}

static void do_pose(struct armf_pool *p, uint32_t scene, unsigned node, const float t[3],
	const float r[4], uint64_t at)
{
	struct processor *g = (struct processor *)p;
	json_t *n = json_array_get(json_object_get(g->doc, "nodes"), node);

	assert_int_equal(scene, 77);
	g->poses++;
	g->at = at;
	if (!n) {
		g->unknown++;
		return;
	}
	json_object_set_new(
		n, "translation", json_pack("[f,f,f]", (double)t[0], (double)t[1], (double)t[2]));
	json_object_set_new(n, "rotation",
		json_pack("[f,f,f,f]", (double)r[0], (double)r[1], (double)r[2], (double)r[3]));
}

static void do_close(struct armf_pool *p, uint32_t scene)
{
	assert_int_equal(scene, 77);
	((struct processor *)p)->closes++;
}

static struct context *only_context(struct dcmf *d)
{
	for (unsigned i = 0; i < DCMF_BUCKETS; i++) {
		if (d->bucket[i])
			return d->bucket[i];
	}
	return NULL;
}

static void start(struct set *s)
{
	rig_start(&s->r, NULL);
	s->g = (struct processor){.opens = 0};
	s->r.d->conf.armf = (struct feed_pool){
		(struct armf_pool *)&s->g, do_open, do_update, do_pose, do_close};
	rig_create(&s->r, 2);
	s->a = (struct ue){.peer = fake_peer(0)};
	s->b = (struct ue){.peer = fake_peer(1)};
	fake_connect(s->a.peer);
	fake_connect(s->b.peer);
	rig_pass(&s->r, 100 * MS);
	s->c = only_context(s->r.d);
	assert_int_equal(context_feed(s->c, &s->f), 0);
}

static void stop(struct set *s)
{
	ue_free(&s->a);
	ue_free(&s->b);
	rig_stop(&s->r);
	assert_int_equal(s->g.closes, s->g.opens);
	json_decref(s->g.doc);
}

static void act(struct ue *u, const char *action)
{
	json_t *ack = ue_act(u, action);

	assert_true(json_is_true(json_object_get(json_object_get(ack, "ack"), "ok")));
	json_decref(ack);
}

/* Numbers of 32 bits stand for those of the scene: compared with a tolerance. */
static bool same(const json_t *x, const json_t *y)
{
	const char *key;
	json_t *v;
	size_t i;

	if (json_is_number(x) && json_is_number(y))
		return fabs(json_number_value(x) - json_number_value(y)) < 2e-5;
	if (json_typeof(x) != json_typeof(y))
		return false;
	if (json_is_array(x)) {
		json_array_foreach(x, i, v)
		{
			if (!same(v, json_array_get(y, i)))
				return false;
		}
		return json_array_size(x) == json_array_size(y);
	}
	if (!json_is_object(x))
		return json_equal(x, y);
	json_object_foreach((json_t *)x, key, v)
	{
		if (!json_object_get(y, key) || !same(v, json_object_get(y, key)))
			return false;
	}
	return json_object_size(x) == json_object_size(y);
}

/* What the picture depends on: all but the revision and what is under extras. */
static void strip(json_t *doc)
{
	json_t *n;
	size_t i;

	json_object_del(json_array_get(json_object_get(doc, "scenes"), 0), "extras");
	json_array_foreach(json_object_get(doc, "nodes"), i, n)
	{
		json_object_del(n, "extras");
	}
}

static void assert_converged(struct set *s)
{
	json_t *server = rig_scene(&s->r), *mine = json_deep_copy(s->g.doc);

	strip(server);
	strip(mine);
	if (!same(server, mine))
		fail_msg("server %s\nfeed   %s", json_dumps(server, 0), json_dumps(mine, 0));
	json_decref(server);
	json_decref(mine);
}

static void opens_with_the_scene_of_now(void **state)
{
	struct feed *again = NULL;
	struct set s;

	(void)state;
	start(&s);
	assert_int_equal(s.g.opens, 1);
	assert_int_equal(feed_scene(s.f), 77);
	assert_string_equal(s.g.call_id, s.c->call_id);
	assert_converged(&s);
	assert_int_equal(context_feed(s.c, &again), 0);
	assert_ptr_equal(again, s.f);
	assert_int_equal(s.g.opens, 1);
	rig_pass(&s.r, 2000 * MS);
	assert_int_equal(s.g.updates + s.g.poses, 0);
	room_end_feed(s.c->room);
	assert_int_equal(s.g.closes, 1);
	ue_pose(&s.a, 2, 1, 1, 1);
	rig_pass(&s.r, 100 * MS);
	assert_int_equal(s.g.poses, 0);
	stop(&s);
}

static void no_processing(void **state)
{
	struct feed *f = NULL;
	struct set s;

	(void)state;
	start(&s);
	room_end_feed(s.c->room);
	s.g.fail = -ENOMEM;
	assert_int_equal(context_feed(s.c, &f), -ENOMEM);
	s.r.d->conf.armf.pool = NULL;
	assert_int_equal(context_feed(s.c, &f), -ENOSYS);
	assert_null(f);
	rig_pass(&s.r, 100 * MS);
	stop(&s);
}

static void poses_go_at_once(void **state)
{
	struct set s;

	(void)state;
	start(&s);
	for (unsigned i = 0; i < 50; i++) {
		ue_pose(&s.a, i, 0.01 * i, 1.5, -2);
		rig_pass(&s.r, 1);
		assert_int_equal(s.g.poses, i + 1);
		assert_true(s.r.now - s.g.at < 1 * MS);
		rig_pass(&s.r, 16 * MS);
	}
	assert_int_equal(s.g.updates, 0);
	assert_int_equal(feed_get_stats(s.f)->poses, 50);
	assert_converged(&s);
	stop(&s);
}

static void structure_is_gathered(void **state)
{
	char text[200];
	struct set s;

	(void)state;
	start(&s);
	rig_pass(&s.r, 1000 * MS);
	for (unsigned i = 0; i < 20; i++) {
		snprintf(text, sizeof(text),
			"{\"id\":\"c%u\",\"name\":\"set-color\",\"target\":\"cube\",\"color\":[0.%"
			"u,0,0,1]"
			"}",
			i, i % 9);
		act(&s.a, text);
		rig_pass(&s.r, 10 * MS);
	}
	rig_pass(&s.r, 200 * MS);
	assert_true(s.g.updates >= 2 && s.g.updates <= 4);
	assert_converged(&s);
	s.g.updates = 0;
	act(&s.a, "{\"id\":\"s\",\"name\":\"select\",\"target\":\"cube\"}");
	act(&s.a, "{\"id\":\"g\",\"name\":\"move\",\"target\":\"cube\",\"phase\":\"grab\"}");
	rig_pass(&s.r, 500 * MS);
	assert_int_equal(s.g.updates, 0); /* who holds it is not seen in a picture */
	act(&s.a, "{\"id\":\"m\",\"name\":\"move\",\"target\":\"cube\",\"phase\":\"move\","
		  "\"position\":"
		  "[1,1,1]}");
	rig_pass(&s.r, 20 * MS);
	assert_int_equal(s.g.updates, 0);
	assert_int_equal(s.g.poses, 1);
	stop(&s);
}

/* Both UEs do whatever comes to mind; in the end the processor draws what the call has. */
static void converges(void **state)
{
	char text[300];
	struct set s;

	(void)state;
	start(&s);
	for (unsigned i = 0; i < 3000; i++) {
		struct ue *u = rig_random() % 2 ? &s.a : &s.b;
		unsigned what = (unsigned)(rig_random() % 10);

		if (what < 7) {
			ue_pose(u, i, (double)(rig_random() % 1000) / 500, 1.6, 0.1 * what);
		} else if (what == 7) {
			snprintf(text, sizeof(text),
				"{\"id\":\"x%u\",\"name\":\"add\",\"shape\":\"cube\",\"position\":["
				"%u,1,0]}",
				i, i % 5);
			json_decref(ue_act(u, text));
		} else if (what == 8) {
			snprintf(text, sizeof(text),
				"{\"id\":\"x%u\",\"name\":\"remove\",\"target\":%u}", i, i % 40);
			json_decref(ue_act(u, text));
		} else {
			snprintf(text, sizeof(text),
				"{\"id\":\"x%u\",\"name\":\"move\",\"target\":\"cube\","
				"\"position\":[%u,1,0]}",
				i, i % 5);
			json_decref(ue_act(u, text));
		}
		rig_pass(&s.r, (rig_random() % 20) * MS);
	}
	fake_state(s.b.peer, PEER_CLOSED, "gone");
	rig_pass(&s.r, 500 * MS);
	assert_converged(&s);
	assert_true(s.g.updates > 10 && s.g.poses > 500);
	stop(&s);
}

static void tries_again(void **state)
{
	struct set s;

	(void)state;
	start(&s);
	rig_pass(&s.r, 1000 * MS);
	s.g.fail = -ENOMEM;
	act(&s.a,
		"{\"id\":\"c\",\"name\":\"set-color\",\"target\":\"cube\",\"color\":[0.5,0,0,1]}");
	rig_pass(&s.r, 5000 * MS);
	assert_true(s.g.updates >= 4 && s.g.updates <= 6);
	assert_true(feed_get_stats(s.f)->failed == s.g.updates);
	s.g.fail = 0;
	rig_pass(&s.r, 1500 * MS);
	assert_converged(&s);
	s.g.updates = 0;
	rig_pass(&s.r, 1500 * MS);
	assert_int_equal(s.g.updates, 0);
	feed_again(s.f);
	context_wake(s.c);
	rig_pass(&s.r, 10 * MS);
	assert_int_equal(s.g.updates, 1);
	stop(&s);
}

/* ---- poses to the video of the same UE ---- */

struct camera {
	struct feed *f;
	unsigned n;
	struct capture_pose last;
	uint64_t at;
	bool leave;
};

static void on_pose(void *arg, const struct capture_pose *p, uint64_t now)
{
	struct camera *c = arg;

	c->n++;
	c->last = *p;
	c->at = now;
	if (c->leave)
		feed_unlisten(c->f, c);
}

static const char *const tagged =
	"{\"poseInfo\":[{\"poseTime\":2,\"rtpTimestamp\":90000,\"ssrc\":5,\"poses\":[{"
	"\"orientation\":"
	"{\"x\":0,\"y\":0,\"z\":0,\"w\":1},\"fov\":{\"angleLeft\":-0.7,\"angleRight\":0.7,"
	"\"angleUp\":0.5,\"angleDown\":-0.5}}]}]}";
static const char *const eyes = "{\"poseInfo\":[{\"poseTime\":6,\"poses\":["
				"{\"orientation\":{\"x\":0,\"y\":0,\"z\":0,\"w\":1},\"position\":{"
				"\"x\":-0.03,\"y\":1,\"z\":0}},"
				"{\"orientation\":{\"x\":0,\"y\":0,\"z\":0,\"w\":1.05},"
				"\"position\":{\"x\":0.03,\"y\":1,\"z\":0}}"
				"]}]}";

static void poses_of_its_own_ue(void **state)
{
	struct camera a, b;
	struct set s;

	(void)state;
	start(&s);
	a = b = (struct camera){.f = s.f};
	assert_int_equal(feed_listen(s.f, s.c->term[0]->part, on_pose, &a), 0);
	assert_int_equal(feed_listen(s.f, s.c->term[1]->part, on_pose, &b), 0);
	ue_pose(&s.a, 5, 1, 2, 3);
	assert_int_equal(a.n, 1);
	assert_int_equal(b.n, 0);
	assert_true(a.last.has_time && a.last.time == 5 && a.last.position[0][2] == 3);
	assert_int_equal(a.last.views, 1);
	/* older than the last, for a frame: nothing for the scene; the place is the node's */
	fake_deliver(s.a.peer, META, tagged);
	assert_int_equal(a.n, 2);
	assert_true(a.last.has_rtp && a.last.rtp == 90000 && a.last.has_ssrc && a.last.ssrc == 5);
	assert_true(a.last.lens[0].kind == CAPTURE_LENS_FOV && a.last.lens[0].fov[2] == 0.5f);
	assert_true(a.last.position[0][2] == 3);
	ue_pose(&s.a, 4, 9, 9, 9); /* late: of use between two others */
	assert_int_equal(a.n, 3);
	fake_deliver(s.a.peer, META, eyes);
	assert_int_equal(a.last.views, 2);
	assert_true(fabsf(a.last.position[1][0] - 0.03f) < 1e-6f);
	assert_true(fabsf(a.last.orientation[1][3] - 1) < 1e-6f); /* normalised */
	ue_pose(&s.a, 7, 1e9, 2, 3); /* out of the world */
	fake_deliver(s.a.peer, META, "{\"poseInfo\":[{\"poses\":[{}]}]}");
	assert_int_equal(a.n, 4);
	a.leave = true;
	ue_pose(&s.a, 8, 1, 2, 3);
	ue_pose(&s.a, 9, 1, 2, 3);
	assert_int_equal(a.n, 5);
	ue_pose(&s.b, 9, 1, 2, 3);
	assert_int_equal(b.n, 1);
	feed_unlisten(s.f, &b);
	ue_pose(&s.b, 10, 1, 2, 3);
	assert_int_equal(b.n, 1);
	stop(&s);
}

static void listeners_are_bounded(void **state)
{
	static struct camera c[FEED_MAX_LISTENERS + 1];
	struct set s;

	(void)state;
	start(&s);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < FEED_MAX_LISTENERS; i++)
			assert_int_equal(feed_listen(s.f, s.c->term[0]->part, on_pose, &c[i]), 0);
		assert_int_equal(
			feed_listen(s.f, s.c->term[0]->part, on_pose, &c[FEED_MAX_LISTENERS]),
			-ENOSPC);
		ue_pose(&s.a, 5 + round, 1, 2, 3);
		assert_int_equal(c[FEED_MAX_LISTENERS - 1].n, round + 1);
		for (unsigned i = 0; i < FEED_MAX_LISTENERS; i++)
			feed_unlisten(s.f, &c[i]);
	}
	stop(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_with_the_scene_of_now),
		cmocka_unit_test(no_processing),
		cmocka_unit_test(poses_go_at_once),
		cmocka_unit_test(structure_is_gathered),
		cmocka_unit_test(converges),
		cmocka_unit_test(tries_again),
		cmocka_unit_test(poses_of_its_own_ue),
		cmocka_unit_test(listeners_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
