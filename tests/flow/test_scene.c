/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Call flow steps 8 to 11 with the real stacks on virtual time: two UEs connect to the DCMF, get
 * the scene, send poses and actions over lossy lines, and end with the scene that the DCMF has.
 */
#include "tests/flow/scene_call.h"
#include "mediad/ctl/json_strict.h"
#include "tests/lib/vclock.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void assert_same(struct call *c)
{
	struct dcmf_reply r;
	json_t *server;

	dcmf_get_scene(c->d, ar_span_str(c->id), &r);
	server = json_loadb(r.body.p, r.body.n, 0, NULL);
	for (unsigned i = 0; i < NUE; i++) {
		if (!json_strict_same(server, c->ue[i].doc))
			fail_msg("UE %u\nserver %s\nUE     %s", i, json_dumps(server, JSON_COMPACT),
				json_dumps(c->ue[i].doc, JSON_COMPACT));
	}
	json_decref(server);
	dcmf_reply_free(&r);
}

/* An action is repeated until acknowledged, as a UE does. */
static void act(struct call *c, struct ue *u, const char *action)
{
	unsigned before = u->acks;
	char text[256];

	snprintf(text, sizeof(text), "{\"action\":%s}", action);
	for (unsigned i = 0; i < 50 && u->acks == before; i++) {
		say(u, text);
		sim_run(c->sim, 100 * AR_MS, NULL, NULL);
	}
	assert_true(u->acks > before);
}

struct figures {
	uint64_t scene_ms, gap_ms, age_ms;
	unsigned patches;
};

static struct figures whole_call(const struct setting *s)
{
	struct figures f = {0, 0, 0, 0};
	struct call c;

	call_start(&c, s);
	assert_true(sim_run(c.sim, 20 * AR_SEC, both_have_scene, &c));
	for (unsigned i = 0; i < NUE; i++) {
		if ((c.ue[i].first_scene - c.born) / AR_MS > f.scene_ms)
			f.scene_ms = (c.ue[i].first_scene - c.born) / AR_MS;
	}
	walk(&c, 60);
	c.ue[0].measure = c.ue[1].measure = true;
	walk(&c, 300);
	c.ue[0].measure = c.ue[1].measure = false;
	act(&c, &c.ue[0], "{\"id\":1,\"name\":\"move\",\"target\":\"cube\",\"phase\":\"grab\"}");
	act(&c, &c.ue[0],
		"{\"id\":2,\"name\":\"move\",\"target\":\"cube\",\"phase\":\"release\","
		"\"position\":[0.1,1.2,0.3]}");
	act(&c, &c.ue[1], "{\"id\":1,\"name\":\"add\",\"shape\":\"ball\",\"color\":[0,1,0]}");
	sim_run(c.sim, 5 * AR_SEC, NULL, NULL);
	assert_same(&c);
	assert_int_equal(json_array_size(json_object_get(c.ue[0].doc, "nodes")), 8);
	for (unsigned i = 0; i < NUE; i++) {
		struct ue *u = &c.ue[i];

		assert_int_equal(u->refused, 0);
		assert_true(
			u->longest <= (s->max_message[i] ? s->max_message[i] : PEER_MAX_MESSAGE));
		f.gap_ms = u->longest_gap / AR_MS > f.gap_ms ? u->longest_gap / AR_MS : f.gap_ms;
		f.age_ms = u->worst_age / AR_MS > f.age_ms ? u->worst_age / AR_MS : f.age_ms;
		f.patches += u->patches;
	}
	print_message("scene after %d ms, longest gap %d ms, oldest pose %d ms, %u patches\n",
		(int)f.scene_ms, (int)f.gap_ms, (int)f.age_ms, f.patches);
	call_end(&c);
	return f;
}

static void on_a_good_line(void **state)
{
	struct setting s = {.link = {.delay = 5000}, .max_message = {65536, 0}, .seed = 1};
	struct figures f = whole_call(&s);

	(void)state;
	assert_true(f.scene_ms < 300);
	assert_in_range(f.patches, 2 * 340, 2 * 420);
	assert_true(f.gap_ms <= 35);
	assert_true(f.age_ms <= 45);
}

static void on_a_mobile_line(void **state)
{
	struct setting s = {.link = {.delay = 20000, .jitter = 8000, .loss = 2},
		.max_message = {65536, 262144},
		.active = true,
		.seed = 3};
	struct figures f = whole_call(&s);

	(void)state;
	assert_true(f.scene_ms < 3000);
	assert_true(f.age_ms <= 500);
}

static void on_a_bad_line(void **state)
{
	(void)state;
	for (uint64_t seed = 10; seed < 14; seed++) {
		struct setting s = {.link = {.delay = 30000, .jitter = 20000, .loss = 10, .dup = 2},
			.max_message = {1024, 65536},
			.active = seed & 1,
			.seed = seed};

		whole_call(&s);
	}
}

/* 256 kbit/s each way: pacing keeps the pose young instead of filling the queue. */
static void on_a_narrow_line(void **state)
{
	struct setting s = {.link = {.delay = 20000, .rate = 32000, .queue = 1000000},
		.max_message = {65536, 65536},
		.seed = 5};
	struct figures f = whole_call(&s);

	(void)state;
	assert_true(f.age_ms <= 500); /* 750 when the window follows the filled line */
}

struct thief { /* takes one patch */
	struct call *c;
	bool taken;
};

static bool steal(void *arg, const struct sim_node *from, struct ar_span d)
{
	struct thief *t = arg;

	/* longer than STUN and acknowledgements */
	if (from != t->c->node || d.n < 200 || t->taken)
		return true;
	t->taken = true;
	return false;
}

/* A lost patch comes again as soon as the UE has acknowledged a later one, 40 + 17 ms after it was
 * sent (96 ms old then); usrsctp alone waits for three (130 ms old then). */
static void one_patch_is_lost(void **state)
{
	struct setting s = {.link = {.delay = 20000}, .max_message = {65536, 65536}, .seed = 2};
	struct transport_stats st;
	struct call c;
	struct thief t = {.c = &c};

	(void)state;
	call_start(&c, &s);
	assert_true(sim_run(c.sim, 20 * AR_SEC, both_have_scene, &c));
	walk(&c, 60);
	c.ue[0].measure = c.ue[1].measure = true;
	for (unsigned i = 0; i < 10; i++) {
		t.taken = false;
		sim_on_datagram(c.sim, steal, &t);
		walk(&c, 30);
		assert_true(t.taken);
	}
	print_message("oldest pose %d and %d ms\n", (int)(c.ue[0].worst_age / AR_MS),
		(int)(c.ue[1].worst_age / AR_MS));
	assert_true(c.ue[0].worst_age < 110 * AR_MS && c.ue[1].worst_age < 110 * AR_MS);
	transport_get_stats(c.t, &st);
	assert_in_range(st.repeated, 10, 12);
	assert_int_equal(c.ue[0].refused + c.ue[1].refused, 0);
	call_end(&c);
}

static void make_big(char *folder, off_t bytes)
{
	char path[64];
	FILE *f;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/big.bin", folder);
	f = fopen(path, "w");
	assert_true(f && ftruncate(fileno(f), bytes) == 0 && fclose(f) == 0);
}

static void remove_big(const char *folder)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/big.bin", folder);
	unlink(path);
	rmdir(folder);
}

/* A file takes the line, wide or narrow, and the pose goes on beside it. */
static void download(uint64_t delay, uint64_t rate, off_t bytes)
{
	static const char get[] = "GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n";
	char folder[] = "/tmp/flow-scene-XXXXXX";
	struct setting s = {.link = {.delay = delay, .queue = 500000},
		.max_message = {65536, 65536},
		.seed = 1,
		.http = true,
		.assets = folder};
	struct ue *u;
	struct call c;

	make_big(folder, bytes);
	call_start(&c, &s);
	assert_true(sim_run(c.sim, 20 * AR_SEC, both_have_scene, &c));
	walk(&c, 30);
	u = &c.ue[1];
	u->node->down_rate = rate;
	u->measure = true;
	assert_int_equal(peer_send(dc_client_peer(u->c), HTTP, PEER_BINARY, AR_SPAN(get)), 0);
	walk(&c, (unsigned)((uint64_t)bytes * 60 * 15 / 10 / rate)); /* half as long again */
	print_message("%u kbit/s, %u ms: longest gap %d ms, oldest pose %d ms\n",
		(unsigned)(rate / 125), (unsigned)(delay / AR_MS), (int)(u->longest_gap / AR_MS),
		(int)(u->worst_age / AR_MS));
	assert_true(u->http_bytes >= (uint64_t)bytes);
	assert_true(u->longest_gap < 100 * AR_MS);
	assert_true(u->worst_age < 150 * AR_MS);
	call_end(&c);
	remove_big(folder);
}

static void beside_a_download(void **state)
{
	(void)state;
	download(10000, 1250000, 3000000);
	download(20000, 2500000, 5000000);
	download(20000, 500000, 1000000); /* where 64 KiB on the way would be 130 ms of queue */
	download(20000, 250000, 500000);
}

struct stall { /* what the second UE says inside DTLS is lost: it lives, but acknowledges nothing */
	struct call *c;
	bool on;
};

static bool swallow(void *arg, const struct sim_node *from, struct ar_span d)
{
	struct stall *t = arg;

	return !t->on || from != t->c->ue[1].node || d.n == 0 || d.p[0] < 20 || d.p[0] > 63;
}

/* The first UE alone: poses, and an action a second that must be acknowledged at once. */
static void first_goes_on(struct call *c, unsigned seconds)
{
	static unsigned id;
	struct ue *u = &c->ue[0];
	char text[160];

	for (unsigned k = 0; k < seconds * 60; k++) {
		unsigned before = u->acks;

		if (k % 60 == 0) {
			id++;
			snprintf(text, sizeof(text),
				"{\"action\":{\"id\":%u,\"name\":\"set-color\",\"target\":"
				"\"cube\",\"color\":[0.%u,0,1]}}",
				id, id % 10);
			say(u, text);
			sim_run(c->sim, 50 * AR_MS, NULL, NULL);
			assert_int_equal(u->acks, before + 1);
		}
		snprintf(text, sizeof(text),
			"{\"poseInfo\":[{\"poseTime\":%.6f,\"poses\":[{\"orientation\":{\"x\":0,"
			"\"y\":0,\"z\":0,\"w\":1},\"position\":{\"x\":%u,\"y\":1,\"z\":0}}]}]}",
			(double)vclock_now() / 1e6, k % 7);
		say(u, text);
		sim_run(c->sim, POSE_US, NULL, NULL);
	}
}

/* It stops acknowledging in the middle of a download: the other does not notice, what waits for it
 * is bounded, and afterwards it gets the newest state, not what has been in between. */
static void one_stalls(void **state)
{
	static const char get[] = "GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n";
	char folder[] = "/tmp/flow-scene-XXXXXX";
	struct setting s = {.link = {.delay = 10000},
		.max_message = {65536, 65536},
		.seed = 9,
		.http = true,
		.assets = folder};
	struct call c;
	struct stall t = {.c = &c};
	unsigned patches, before, others;
	uint64_t bytes;
	size_t heap;

	(void)state;
	make_big(folder, 2000000);
	call_start(&c, &s);
	assert_true(sim_run(c.sim, 20 * AR_SEC, both_have_scene, &c));
	before = c.ue[0].patches;
	first_goes_on(&c, 10);
	before = c.ue[0].patches - before;
	sim_on_datagram(c.sim, swallow, &t);
	assert_int_equal(peer_send(dc_client_peer(c.ue[1].c), HTTP, PEER_BINARY, AR_SPAN(get)), 0);
	sim_run(c.sim, 40 * AR_MS, NULL, NULL);
	t.on = true;
	first_goes_on(&c, 5);
	others = c.ue[0].patches;
	bytes = c.node->sent_bytes;
	heap = mallinfo2().uordblks; /* none with a sanitizer */
	first_goes_on(&c, 10);
	others = c.ue[0].patches - others;
	bytes = c.node->sent_bytes - bytes;
	heap = mallinfo2().uordblks - heap;
	print_message(
		"10 s are %u patches to the other, stalled %u, %u bytes to both, %d of heap\n",
		before, others, (unsigned)bytes, (int)heap);
	assert_in_range(others, before - before / 10, before + before / 10);
	assert_true(bytes < 200000);
	assert_true((ssize_t)heap < 65536);
	t.on = false;
	patches = c.ue[1].patches;
	sim_run(c.sim, 8 * AR_SEC, NULL, NULL);
	print_message("awake: %u patches, %u bytes of the file\n", c.ue[1].patches - patches,
		(unsigned)c.ue[1].http_bytes);
	assert_true(c.ue[1].patches - patches < 40);
	assert_true(c.ue[1].http_bytes >= 2000000);
	assert_int_equal(c.ue[1].refused, 0);
	assert_same(&c);
	call_end(&c);
	remove_big(folder);
}

/* One UE vanishes without a word: the other goes on, and the scene loses it in time. */
static void one_vanishes(void **state)
{
	struct setting s = {.link = {.delay = 5000}, .max_message = {65536, 65536}, .seed = 7};
	struct call c;
	unsigned before;

	(void)state;
	call_start(&c, &s);
	assert_true(sim_run(c.sim, 20 * AR_SEC, both_have_scene, &c));
	walk(&c, 30);
	c.ue[1].node->deaf = true;
	before = c.ue[0].patches;
	walk(&c, 60 * 45);
	assert_true(c.ue[0].patches > before);
	assert_int_equal(json_array_size(json_pointer_get(c.ue[0].doc, "/scenes/0/nodes")), 6);
	assert_int_equal(dcmf_contexts(c.d), 1);
	call_end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_a_good_line),
		cmocka_unit_test(on_a_mobile_line),
		cmocka_unit_test(on_a_bad_line),
		cmocka_unit_test(on_a_narrow_line),
		cmocka_unit_test(one_patch_is_lost),
		cmocka_unit_test(beside_a_download),
		cmocka_unit_test(one_stalls),
		cmocka_unit_test(one_vanishes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
