/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The policy's limits for one call: poses a second, scene traffic, nodes (docs/mrm.md); and its
 * trace. */
#include "rig.h"

#include "common/daemon/ar_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MS 1000ull

static struct rig r;
static struct ue a, b;

/* The answer to a create with these members in its x-ims-ar. */
static int create(json_t *vendor, json_t **out)
{
	char *body = rig_body(2);
	json_t *doc = json_loads(body, 0, NULL), *x = json_object_get(doc, "x-ims-ar");
	int status;

	assert_non_null(doc);
	if (!x) {
		x = json_object();
		json_object_set_new(doc, "x-ims-ar", x);
	}
	json_object_update(x, vendor);
	json_decref(vendor);
	free(body);
	body = json_dumps(doc, 0);
	json_decref(doc);
	status = rig_post(&r, body, out);
	free(body);
	return status;
}

static void start(json_t *vendor)
{
	json_t *doc = NULL;

	rig_start(&r, NULL);
	assert_int_equal(create(vendor, &doc), 201);
	snprintf(r.context, sizeof(r.context), "%s",
		json_string_value(json_object_get(doc, "contextId")));
	json_decref(doc);
	a = (struct ue){.peer = fake_peer(0)};
	b = (struct ue){.peer = fake_peer(1)};
	fake_connect(a.peer);
	fake_connect(b.peer);
	rig_pass(&r, 100 * MS);
	ue_read(&r, &a, 0);
	ue_read(&r, &b, 0);
}

static void limited(const char *name, int value)
{
	start(json_pack("{s:{s:i}}", "limits", name, value));
}

static void done(void)
{
	ue_free(&a);
	ue_free(&b);
	rig_stop(&r);
}

static long counter(const char *name)
{
	json_t *o = json_object();
	long v;

	dcmf_get_stats(r.d, o);
	assert_non_null(json_object_get(o, name));
	v = (long)json_integer_value(json_object_get(o, name));
	json_decref(o);
	return v;
}

static long of_participant(const char *name)
{
	json_t *doc = rig_get(&r), *t = json_array_get(json_object_get(doc, "terminations"), 0);
	json_t *p = json_object_get(json_object_get(t, "x-ims-ar"), "participant");
	long v = (long)json_integer_value(json_object_get(p, name));

	assert_non_null(json_object_get(p, name));
	json_decref(doc);
	return v;
}

static unsigned poses_seen_by_b(void)
{
	struct fake_message m;
	unsigned n = 0;

	while (fake_take(b.peer, SD, &m))
		n += strstr(m.text, "/nodes/5/") != NULL;
	return n;
}

/* 120 a second come, 20 may: 20 go on, and the last one is where the UE stopped. */
static void poses_a_second(void **state)
{
	json_t *scene, *x;

	(void)state;
	limited("maxPoseHz", 20);
	fake_drop_all(b.peer);
	for (int i = 0; i < 240; i++) {
		ue_pose(&a, i, i / 100.0, 1, 1);
		rig_pass(&r, 8333);
	}
	assert_in_range(poses_seen_by_b(), 38, 43); /* in two seconds */
	assert_in_range(counter("poses"), 38, 43);
	assert_in_range(counter("posesLimited"), 197, 202);
	assert_in_range(of_participant("posesLimited"), 197, 202);
	rig_pass(&r, 300 * MS);
	scene = rig_scene(&r);
	x = json_array_get(
		json_object_get(json_array_get(json_object_get(scene, "nodes"), 5), "translation"),
		0);
	assert_true(json_number_value(x) > 2.38 && json_number_value(x) < 2.40);
	json_decref(scene);
	done();
}

/* One that keeps to the limit, with jitter, loses nothing. */
static void poses_within_the_limit(void **state)
{
	(void)state;
	limited("maxPoseHz", 60);
	for (int i = 0; i < 120; i++) {
		ue_pose(&a, i, i / 100.0, 1, 1);
		rig_pass(&r, 16667 + (i % 2 ? 6000 : -6000));
	}
	assert_int_equal(counter("posesLimited"), 0);
	assert_int_equal(counter("poses"), 120);
	done();
}

static size_t bytes_to_b(void)
{
	struct fake_message m;
	size_t n = 0;

	while (fake_take(b.peer, SD, &m))
		n += strlen(m.text);
	return n;
}

/* Scene messages wait; the newest state goes, and nothing is lost. */
static void scene_traffic(void **state)
{
	size_t without = 0, with;

	(void)state;
	for (int round = 0; round < 2; round++) {
		if (round)
			limited("maxKbps", 16); /* 2000 bytes a second */
		else
			start(json_object());
		rig_pass(&r, 3000 * MS); /* the first scene is paid for */
		fake_drop_all(b.peer);
		for (int i = 0; i < 240; i++) {
			ue_pose(&a, i, i / 100.0, 1, 1);
			rig_pass(&r, 16667);
		}
		if (round) {
			with = bytes_to_b();
			assert_in_range(with, 7000, 9000); /* four seconds */
			assert_true(counter("kbpsWaits") > 0);
			assert_true(with < without / 2);
		} else {
			without = bytes_to_b();
			assert_int_equal(counter("kbpsWaits"), 0);
		}
		done();
	}
}

static void limited_line_converges(void **state)
{
	(void)state;
	limited("maxKbps", 40);
	for (int i = 0; i < 100; i++) {
		ue_pose(&a, i, i / 100.0, 1, 1);
		rig_pass(&r, 16667);
	}
	rig_pass(&r, 3000 * MS);
	ue_read(&r, &a, 0);
	ue_read(&r, &b, 0);
	ue_assert_same(&r, &a);
	ue_assert_same(&r, &b);
	assert_int_equal(a.lost + b.lost, 0);
	done();
}

static unsigned nodes(void)
{
	json_t *scene = rig_scene(&r);
	unsigned n = (unsigned)json_array_size(json_object_get(scene, "nodes"));

	json_decref(scene);
	return n;
}

static void nodes_of_the_scene(void **state)
{
	unsigned before;
	char action[80];
	json_t *ack;

	(void)state;
	start(json_object());
	before = nodes();
	done();
	limited("maxNodes", (int)before + 2);
	for (int i = 0; i < 4; i++) {
		snprintf(action, sizeof(action), "{\"id\":%d,\"name\":\"add\",\"shape\":\"cube\"}",
			i);
		ack = ue_act(&a, action);
		assert_non_null(ack);
		json_decref(ack);
	}
	assert_int_equal(nodes(), before + 2);
	assert_int_equal(counter("actionsRefused"), 2);
	done();
}

static void nonsense_is_refused(void **state)
{
	static const char *const bad[] = {"{\"limits\":7}", "{\"limits\":{\"maxKbps\":0}}",
		"{\"limits\":{\"maxKbps\":-1}}", "{\"limits\":{\"maxPoseHz\":\"60\"}}",
		"{\"limits\":{\"maxNodes\":1.5}}", "{\"limits\":{\"maxNodes\":99999999999}}"};

	(void)state;
	rig_start(&r, NULL);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_t *out = NULL;

		if (create(json_loads(bad[i], 0, NULL), &out) != 400)
			fail_msg("%s was taken", bad[i]);
		json_decref(out);
	}
	rig_stop(&r);
}

/* What a traced call logs, at a level where others say nothing. */
static size_t logged(bool trace)
{
	char path[] = "/tmp/test_limits.XXXXXX", action[80];
	int fd = mkstemp(path), err = dup(2);
	json_t *ack;
	off_t n;

	assert_true(fd >= 0 && err >= 0);
	fflush(stderr);
	dup2(fd, 2);
	ar_log_set_level(AR_LOG_ERR);
	start(json_pack("{s:b, s:s}", "trace", trace, "callId", "traced@ims"));
	snprintf(action, sizeof(action), "{\"id\":1,\"name\":\"add\",\"shape\":\"cube\"}");
	ack = ue_act(&a, action);
	json_decref(ack);
	done();
	assert_false(ar_log_on(AR_LOG_DEBUG));
	dup2(err, 2);
	close(err);
	n = lseek(fd, 0, SEEK_END);
	close(fd);
	unlink(path);
	return (size_t)n;
}

static void trace_takes_effect(void **state)
{
	(void)state;
	assert_int_equal(logged(false), 0);
	assert_true(logged(true) > 200);
	assert_int_equal(logged(false), 0); /* it ends with its call */
}

static double fact(const json_t *call, unsigned ue, const char *name)
{
	const json_t *t = json_array_get(json_object_get(call, "terminations"), ue);

	return json_number_value(json_object_get(
		json_object_get(json_object_get(t, "x-ims-ar"), "participant"), name));
}

/* What `kamcmd ims_ar.call` shows of each UE: how it goes now, not since the beginning. */
static void rates_of_a_ue(void **state)
{
	json_t *call, *scene;

	(void)state;
	start(json_object());
	for (unsigned i = 0; i < 150; i++) {
		ue_pose(&a, 10 + i * 0.02, i * 0.01, 1.6, 0);
		rig_pass(&r, 20 * MS);
	}
	call = rig_get(&r);
	scene = rig_scene(&r);
	assert_float_equal(fact(call, 0, "poseHz"), 50, 2);
	assert_float_equal(fact(call, 0, "updateHz"), 2, 1); /* its own pose comes back seldom */
	assert_float_equal(fact(call, 1, "poseHz"), 0, 0.01);
	assert_float_equal(fact(call, 1, "updateHz"), 50, 2);
	assert_true(fact(call, 1, "revision") > 100);
	assert_true(fact(call, 1, "revision") <=
		    (double)json_integer_value(json_object_get(
			    json_object_get(
				    json_array_get(json_object_get(scene, "scenes"), 0), "extras"),
			    "rev")));
	json_decref(call);
	json_decref(scene);
	rig_pass(&r, 5000 * MS);
	json_decref(rig_get(&r));
	rig_pass(&r, 1000 * MS);
	call = rig_get(&r);
	assert_float_equal(fact(call, 0, "poseHz"), 0, 0.01);
	assert_float_equal(fact(call, 1, "updateHz"), 0, 0.01);
	json_decref(call);
	ue_free(&a);
	ue_free(&b);
	rig_stop(&r);
}

/* What a reliable channel has promised is not left out: the channel of a UE that does not read
 * ends, and nothing of the others'. */
static void reliable_overflow_closes(void **state)
{
	(void)state;
	limited("maxNodes", 500);
	fake_fail_send(b.peer, -ENOBUFS);
	fake_deliver(b.peer, META, "{\"action\":{\"id\":1,\"name\":\"tap\",\"target\":\"x\"}}");
	assert_int_equal(counter("channelsOverflowed"), 0); /* unreliable: the UE asks again */
	fake_open(b.peer, 21, "3gpp-ar-metadata", true, -1);
	fake_deliver(b.peer, 21, "{\"action\":{\"id\":2,\"name\":\"tap\",\"target\":\"x\"}}");
	assert_int_equal(counter("channelsOverflowed"), 1);
	fake_deliver(b.peer, 21, "{\"action\":{\"id\":3,\"name\":\"tap\",\"target\":\"x\"}}");
	assert_int_equal(counter("channelsOverflowed"), 1);
	fake_fail_send(b.peer, 0);
	fake_close_channel(b.peer, 21);
	ue_pose(&a, 1, 1, 1, 1);
	rig_pass(&r, 1000 * MS);
	assert_true(fake_queued(a.peer) > 0 && fake_queued(b.peer) > 0);
	fake_drop_all(a.peer);
	fake_drop_all(b.peer);
	done();
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(poses_a_second),
		cmocka_unit_test(poses_within_the_limit), cmocka_unit_test(scene_traffic),
		cmocka_unit_test(limited_line_converges), cmocka_unit_test(nodes_of_the_scene),
		cmocka_unit_test(nonsense_is_refused), cmocka_unit_test(trace_takes_effect),
		cmocka_unit_test(rates_of_a_ue), cmocka_unit_test(reliable_overflow_closes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
