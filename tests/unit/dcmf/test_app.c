/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The AR call application on its channels: scene, poses, actions, pacing (docs/messages.md). */
#include "pair.h"

#include "mediad/ctl/json_patch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- scene ---- */

static void scene_comes_first(void **state)
{
	struct pair p;
	struct fake_message m;

	(void)state;
	rig_start(&p.r, NULL);
	rig_create(&p.r, 2);
	fake_connect(fake_peer(0));
	rig_pass(&p.r, 1 * MS);
	assert_true(fake_take(fake_peer(0), UINT16_MAX, &m));
	assert_int_equal(m.id, SD);
	assert_int_equal(m.text[0], '{');
	assert_non_null(strstr(m.text, "MPEG_node_avatar"));
	assert_non_null(strstr(m.text, "sip:user0@ims"));
	rig_stop(&p.r);
}

static void both_see_each_other(void **state)
{
	struct pair p;

	(void)state;
	connect_two(&p);
	ue_pose(&p.a, 1, 0.5, 1.5, -0.25);
	ue_pose(&p.b, 1, -0.5, 1.6, 0.125);
	settle(&p);
	assert_true(json_number_value(at(&p.b, "/nodes/5/translation/0")) == 0.5);
	assert_true(json_number_value(at(&p.a, "/nodes/6/translation/2")) == 0.125);
	assert_int_equal(p.a.scenes, 1);
	done(&p);
}

static void late_joiner(void **state)
{
	struct pair p;

	(void)state;
	rig_start(&p.r, NULL);
	rig_create(&p.r, 2);
	p.a = (struct ue){.peer = fake_peer(0)};
	p.b = (struct ue){.peer = fake_peer(1)};
	fake_connect(p.a.peer);
	for (int i = 0; i < 100; i++) {
		ue_pose(&p.a, i, i / 100.0, 1, 1);
		rig_pass(&p.r, 16 * MS);
	}
	fake_connect(p.b.peer);
	settle(&p);
	assert_int_equal(p.b.scenes, 1);
	assert_true(p.b.patches <= 2);
	done(&p);
}

static void comes_and_goes(void **state)
{
	struct pair p;
	char path[64];

	(void)state;
	connect_two(&p);
	assert_int_equal(json_array_size(at(&p.a, "/scenes/0/nodes")), 7);
	fake_state(p.b.peer, PEER_CLOSED, "gone");
	rig_pass(&p.r, 1500 * MS);
	ue_read(&p.r, &p.a, 0);
	assert_int_equal(json_array_size(at(&p.a, "/scenes/0/nodes")), 6);
	snprintf(path, sizeof(path), "/nodes/6/extras/participant");
	assert_string_equal(json_string_value(at(&p.a, path)), "t1"); /* indices stay */
	ue_assert_same(&p.r, &p.a);
	done(&p);
}

static void channel_closed_and_opened_again(void **state)
{
	struct pair p;

	(void)state;
	connect_two(&p);
	fake_close_channel(p.b.peer, SD);
	fake_close_channel(p.b.peer, META);
	rig_pass(&p.r, 100 * MS);
	ue_read(&p.r, &p.a, 0);
	assert_int_equal(json_array_size(at(&p.a, "/scenes/0/nodes")), 6);
	fake_open(p.b.peer, SD, "mpeg-sd", true, -1);
	fake_open(p.b.peer, META, "3gpp-ar-metadata", false, 0);
	settle(&p);
	assert_int_equal(p.b.scenes, 2);
	assert_int_equal(json_array_size(at(&p.a, "/scenes/0/nodes")), 7);
	assert_int_equal(json_array_size(at(&p.a, "/nodes")), 7); /* the same node again */
	done(&p);
}

static void in_band_channels(void **state)
{
	struct rig r;
	struct ue u;

	(void)state;
	rig_start(&r, NULL);
	assert_int_equal(
		rig_post(&r,
			"{\"terminations\":[{\"terminationId\":\"a\",\"medias\":[{\"mediaId\":"
			"\"1\",\"mediaResourceType\":\"DC\",\"dcMedia\":{\"streams\":{}}}]}]}",
			NULL),
		201);
	u = (struct ue){.peer = fake_peer(0)};
	fake_connect(u.peer);
	fake_open(u.peer, 2, "mpeg-sd", false, -1);
	rig_pass(&r, 20 * MS);
	assert_int_equal(fake_queued(u.peer), 0); /* unordered: closed */
	fake_open(u.peer, 4, "mpeg-sd", true, 3);
	rig_pass(&r, 20 * MS);
	assert_int_equal(fake_queued(u.peer), 0); /* unreliable: closed */
	fake_open(u.peer, 6, "something else", true, -1);
	fake_deliver(u.peer, 6, "hello");
	assert_int_equal(counter(&r, "messagesUnknown"), 1);
	fake_open(u.peer, 8, "mpeg-sd", true, -1);
	rig_pass(&r, 20 * MS);
	assert_int_equal(fake_queued(u.peer), 1);
	rig_stop(&r);
}

#define MEDIUM(id, streams)                                                                        \
	"{\"mediaId\":\"" id "\",\"mediaResourceType\":\"DC\",\"dcMedia\":{\"streams\":{" streams  \
	"}}}"

/* Bootstrap and application on connections of their own; the second comes with a re-INVITE. */
static void two_media(void **state)
{
	struct rig r;
	struct ue u;

	(void)state;
	rig_start(&r, NULL);
	assert_int_equal(rig_post(&r,
				 "{\"terminations\":[{\"terminationId\":\"a\",\"medias\":[" MEDIUM(
					 "1", "\"0\":{\"subprotocol\":\"http\"}") "]}]}",
				 NULL),
		201);
	fake_connect(fake_peer(0));
	assert_int_equal(
		rig_patch(&r,
			"[{\"op\":\"add\",\"path\":\"/terminations/0/medias/-\",\"value\":" MEDIUM(
				"2", "\"1000\":{\"subprotocol\":\"mpeg-sd\"},\"1002\":{"
				     "\"subprotocol\":\"3gpp-ar-metadata\"}") "}]",
			NULL),
		200);
	u = (struct ue){.peer = fake_peer(1)};
	fake_connect(u.peer);
	ue_pose(&u, 1, 1, 2, 3);
	rig_pass(&r, 1000 * MS);
	ue_read(&r, &u, 0);
	ue_assert_same(&r, &u);
	assert_int_equal(counter(&r, "poses"), 1);
	fake_state(fake_peer(0), PEER_CLOSED, "bootstrap is over");
	assert_int_equal(counter(&r, "participants"), 1);
	ue_pose(&u, 2, 2, 2, 3);
	assert_int_equal(counter(&r, "poses"), 2);
	assert_int_equal(
		rig_patch(&r, "[{\"op\":\"remove\",\"path\":\"/terminations/0/medias/0\"}]", NULL),
		200);
	assert_int_equal(fake_live(), 1);
	fake_state(u.peer, PEER_CLOSED, "gone");
	assert_int_equal(counter(&r, "participants"), 0);
	ue_free(&u);
	rig_stop(&r);
}

static void small_messages(void **state)
{
	struct pair p;

	(void)state;
	rig_start(&p.r, NULL);
	rig_create(&p.r, 2);
	p.a = (struct ue){.peer = fake_peer(0)};
	p.b = (struct ue){.peer = fake_peer(1)};
	fake_set_max(p.a.peer, 1024);
	fake_connect(p.a.peer);
	fake_connect(p.b.peer);
	for (int i = 0; i < 30; i++) {
		ue_pose(&p.a, i, 1, i / 10.0, 1);
		ue_pose(&p.b, i, 2, i / 10.0, 1);
		rig_pass(&p.r, 16 * MS);
	}
	settle(&p);
	assert_true(p.a.longest <= 1024);
	assert_int_equal(p.a.scenes, 1);
	assert_true(p.b.longest > 4096);
	done(&p);
}

static void message_size_too_small(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, NULL);
	rig_create(&r, 1);
	fake_set_max(fake_peer(0), 256);
	fake_connect(fake_peer(0));
	rig_pass(&r, 100 * MS);
	assert_int_equal(counter(&r, "sceneMisfit"), 1);
	assert_int_equal(fake_queued(fake_peer(0)), 0);
	fake_deliver(
		fake_peer(0), META, "{\"action\":{\"id\":1,\"name\":\"tap\",\"target\":\"cube\"}}");
	assert_int_equal(counter(&r, "actions"), 1); /* the rest goes on */
	rig_stop(&r);
}

/* ---- rates and pacing ---- */

static void rates(void **state)
{
	struct pair p;
	unsigned own = 0, others = 0;
	struct fake_message m;

	(void)state;
	connect_two(&p);
	fake_drop_all(p.a.peer);
	fake_drop_all(p.b.peer);
	for (int i = 0; i < 120; i++) { /* two seconds at 60 Hz */
		ue_pose(&p.a, i, i / 100.0, 1, 1);
		rig_pass(&p.r, 16667);
	}
	while (fake_take(p.a.peer, SD, &m))
		own += strstr(m.text, "/nodes/5/") != NULL;
	while (fake_take(p.b.peer, SD, &m))
		others += strstr(m.text, "/nodes/5/") != NULL;
	assert_in_range(own, 3, 6);
	assert_in_range(others, 115, 121);
	done(&p);
}

/* A pose that finds the line idle leaves at once, not at the next tick. */
static void no_needless_wait(void **state)
{
	struct pair p;

	(void)state;
	connect_two(&p);
	rig_pass(&p.r, 2000 * MS);
	fake_drop_all(p.b.peer);
	ue_pose(&p.a, 1, 1, 1, 1);
	p.r.next = dcmf_run(p.r.d, p.r.now);
	assert_int_equal(fake_queued(p.b.peer), 1);
	done(&p);
}

static unsigned take_all(struct peer *p)
{
	struct fake_message m;
	unsigned n = 0;

	while (fake_take(p, SD, &m))
		n++;
	return n;
}

/* Two UEs move, out of step and each a few milliseconds early or late: what one sends leaves for
 * the other at once. A UE's own pose, told now and then, rides on the other's. */
static void nobody_waits_for_a_slot(void **state)
{
	struct pair p;
	unsigned late = 0, sent = 0;

	(void)state;
	connect_two(&p);
	rig_pass(&p.r, 2000 * MS);
	fake_drop_all(p.a.peer);
	fake_drop_all(p.b.peer);
	for (int i = 0; i < 180; i++) {
		uint64_t jitter = (uint64_t)(i % 5) * MS;

		ue_pose(&p.a, i, i / 100.0, 1, 1);
		p.r.next = dcmf_run(p.r.d, p.r.now);
		late += take_all(p.b.peer) == 0;
		rig_pass(&p.r, 3 * MS + jitter);
		ue_pose(&p.b, i, 1, i / 100.0, 1);
		p.r.next = dcmf_run(p.r.d, p.r.now);
		late += take_all(p.a.peer) == 0;
		sent++;
		rig_pass(&p.r, 16667 - 3 * MS - jitter);
		sent += take_all(p.a.peer) + take_all(p.b.peer);
	}
	assert_in_range(late, 0, 4);
	assert_in_range(sent, 180, 184);
	done(&p);
}

/* Poses that come faster than the rate are put together. */
static void rate_has_an_end(void **state)
{
	struct pair p;
	unsigned n;

	(void)state;
	connect_two(&p);
	rig_pass(&p.r, 2000 * MS);
	fake_drop_all(p.b.peer);
	for (int i = 0; i < 1000; i++) {
		ue_pose(&p.a, i, i / 100.0, 1, 1);
		rig_pass(&p.r, 2 * MS);
	}
	n = take_all(p.b.peer);
	assert_in_range(n, 115, 2 * 66 + 3);
	done(&p);
}

/* A line that takes nothing costs its own UE updates, not memory and not the other UE. */
static void slow_line(void **state)
{
	struct pair p;
	struct fake_message m;
	unsigned n = 0;

	(void)state;
	connect_two(&p);
	fake_hold(p.b.peer, true);
	fake_set_rtt(p.b.peer, 40000);
	for (int i = 0; i < 600; i++) {
		ue_pose(&p.a, i, i / 100.0, 1, 1);
		ue_pose(&p.b, i, 1, i / 100.0, 1);
		rig_pass(&p.r, 16667);
	}
	n = fake_queued(p.b.peer);
	assert_in_range(n, 1, 16);
	assert_in_range(fake_queued(p.a.peer), 580, 640);
	/* and when it moves again, the newest state is one message away */
	while (fake_take(p.b.peer, SD, &m)) {
		json_t *j = json_loadb(m.text, m.n, 0, NULL);

		assert_int_equal(json_patch_apply(&p.b.doc, j, NULL), 0);
		json_decref(j);
	}
	fake_hold(p.b.peer, false);
	fake_ack(p.b.peer);
	rig_pass(&p.r, 20 * MS);
	assert_in_range(fake_queued(p.b.peer), 1, 2);
	settle(&p);
	done(&p);
}

static void send_failure_means_all_again(void **state)
{
	struct pair p;

	(void)state;
	connect_two(&p);
	fake_fail_send(p.b.peer, -ENOBUFS);
	ue_pose(&p.a, 1, 1, 1, 1);
	rig_pass(&p.r, 200 * MS);
	fake_fail_send(p.b.peer, 0);
	settle(&p);
	assert_int_equal(p.b.scenes, 2);
	assert_true(counter(&p.r, "sendFailed") > 0);
	done(&p);
}

/* After the last change a few patches that only test: a lost last message shows itself. */
static void keepalives(void **state)
{
	struct pair p;
	unsigned before;

	(void)state;
	connect_two(&p);
	rig_pass(&p.r, 3000 * MS);
	ue_read(&p.r, &p.b, 0);
	before = p.b.tests;
	ue_pose(&p.a, 1, 1, 1, 1);
	rig_pass(&p.r, 16 * MS);
	fake_drop_all(p.b.peer); /* the update is lost */
	rig_pass(&p.r, 3000 * MS);
	ue_read(&p.r, &p.b, 0);
	assert_int_equal(p.b.tests - before, APP_KEEPALIVES);
	assert_true(p.b.resync);
	rig_pass(&p.r, 60000 * MS); /* then silence */
	assert_int_equal(fake_queued(p.b.peer), 0);
	done(&p);
}

static void resync(void **state)
{
	static const char *const ways[] = {"{\"resync\":{\"reason\":\"x\"}}",
		"{\"type\":\"urn:x-imsar:resync:1\"}", "{\"messages\":[{\"resync\":1}]}"};
	struct pair p;

	(void)state;
	connect_two(&p);
	for (unsigned i = 0; i < 3; i++) {
		fake_deliver(p.b.peer, i == 1 ? SD : META, ways[i]);
		rig_pass(&p.r, 1000 * MS);
		ue_read(&p.r, &p.b, 0);
		assert_int_equal(p.b.scenes, 2 + i);
	}
	for (unsigned i = 0; i < 100; i++) { /* a UE that asks all the time */
		fake_deliver(p.b.peer, META, ways[0]);
		rig_pass(&p.r, 10 * MS);
	}
	ue_read(&p.r, &p.b, 0);
	assert_in_range(p.b.scenes, 5, 7);
	settle(&p);
	done(&p);
}

/* ---- poses ---- */

static void poses_dropped(void **state)
{
	static const struct {
		const char *text, *counter;
	} all[] = {
		{"{\"poseInfo\":[{\"poses\":[{\"orientation\":{\"x\":0,\"y\":0,\"z\":0,\"w\":0}}]}]"
		 "}",
			"posesQuaternion"},
		{"{\"poseInfo\":[{\"poses\":[{\"orientation\":{\"x\":9,\"y\":0,\"z\":0,\"w\":1}}]}]"
		 "}",
			"posesQuaternion"},
		{"{\"poseInfo\":[{\"poses\":[{\"orientation\":{\"x\":0,\"y\":0,\"z\":0,\"w\":1},"
		 "\"position\":{\"x\":1e999,\"y\":0,\"z\":0}}]}]}",
			"posesNotFinite"},
		{"{\"poseInfo\":[{\"poses\":[{\"orientation\":{\"x\":0,\"y\":0,\"z\":0,\"w\":1},"
		 "\"position\":{\"x\":1e5,\"y\":0,\"z\":0}}]}]}",
			"posesRange"},
		{"{\"poseInfo\":[{\"poses\":[{\"position\":{\"x\":1,\"y\":0,\"z\":0}}]}]}",
			"posesBad"},
		{"{\"poseInfo\":[]}", "posesBad"},
		{"{\"type\":\"urn:x-imsar:pose:1\"}", "posesBad"},
		{"{\"poseInfo\":[{\"poses\":[{\"orientation\":{\"x\":NaN}}]}]}", "metaBad"},
		{"garbage", "metaBad"},
		{"{\"type\":\"urn:unknown\"}", "metaUnknown"},
	};
	struct pair p;
	json_t *before, *after;

	(void)state;
	connect_two(&p);
	before = rig_scene(&p.r);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		long n = counter(&p.r, all[i].counter);

		fake_deliver(p.a.peer, META, all[i].text);
		if (counter(&p.r, all[i].counter) != n + 1)
			fail_msg("%s not counted for %s", all[i].counter, all[i].text);
	}
	after = rig_scene(&p.r);
	assert_true(json_equal(before, after));
	assert_int_equal(counter(&p.r, "poses"), 0);
	json_decref(before);
	json_decref(after);
	done(&p);
}

static void time_backwards(void **state)
{
	struct pair p;

	(void)state;
	connect_two(&p);
	ue_pose(&p.a, 100, 1, 1, 1);
	ue_pose(&p.a, 100, 2, 1, 1); /* the same time is not before */
	ue_pose(&p.a, 99.9, 3, 1, 1);
	assert_int_equal(counter(&p.r, "posesStale"), 1);
	ue_pose(&p.a, 1e15, 4, 1, 1);
	rig_pass(&p.r, 900 * MS);
	ue_pose(&p.a, 101, 5, 1, 1);
	assert_int_equal(counter(&p.r, "posesStale"), 2);
	rig_pass(&p.r, 200 * MS); /* none has been accepted for more than a second */
	ue_pose(&p.a, 102, 6, 1, 1);
	ue_pose(&p.a, 103, 7, 1, 1);
	assert_int_equal(counter(&p.r, "posesStale"), 2);
	settle(&p);
	assert_true(json_number_value(at(&p.b, "/nodes/5/translation/0")) == 7);
	done(&p);
}

static void three_degrees(void **state)
{
	struct pair p;

	(void)state;
	connect_two(&p);
	ue_pose(&p.a, 1, 1, 2, 3);
	fake_deliver(p.a.peer, META,
		"{\"poseInfo\":[{\"poses\":[{\"orientation\":{\"x\":0,\"y\":1,\"z\":0,\"w\":0}}]}]"
		"}");
	settle(&p);
	assert_true(json_number_value(at(&p.b, "/nodes/5/translation/1")) == 2);
	assert_true(json_number_value(at(&p.b, "/nodes/5/rotation/1")) == 1);
	done(&p);
}

/* ---- actions ---- */

/* While a long scene comes in pieces, nothing may test the revision at its end. */
static void no_keepalive_between_pieces(void **state)
{
	struct pair p;
	char action[64];

	(void)state;
	connect_two(&p);
	for (int i = 0; i < 150; i++) {
		snprintf(action, sizeof(action), "{\"id\":%d,\"name\":\"add\",\"shape\":\"cube\"}",
			i);
		act(&p.a, action, "ok");
	}
	settle(&p);
	fake_set_max(p.b.peer, 1024);
	fake_hold(p.b.peer, true);
	for (int i = 0; i < 8; i++) { /* fills the line */
		fake_deliver(p.b.peer, META, "{\"resync\":{}}");
		rig_pass(&p.r, 600 * MS);
	}
	fake_hold(p.b.peer, false);
	fake_ack(p.b.peer);
	settle(&p);
	done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scene_comes_first),
		cmocka_unit_test(both_see_each_other),
		cmocka_unit_test(late_joiner),
		cmocka_unit_test(comes_and_goes),
		cmocka_unit_test(channel_closed_and_opened_again),
		cmocka_unit_test(in_band_channels),
		cmocka_unit_test(two_media),
		cmocka_unit_test(small_messages),
		cmocka_unit_test(message_size_too_small),
		cmocka_unit_test(rates),
		cmocka_unit_test(no_needless_wait),
		cmocka_unit_test(nobody_waits_for_a_slot),
		cmocka_unit_test(rate_has_an_end),
		cmocka_unit_test(slow_line),
		cmocka_unit_test(send_failure_means_all_again),
		cmocka_unit_test(keepalives),
		cmocka_unit_test(no_keepalive_between_pieces),
		cmocka_unit_test(resync),
		cmocka_unit_test(poses_dropped),
		cmocka_unit_test(time_backwards),
		cmocka_unit_test(three_degrees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
