/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Call flow steps 8 to 11 with the real stacks on virtual time: two UEs connect to the DCMF, get
 * the scene, send poses and actions over lossy lines, and end with the scene that the DCMF has.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"
#include "mediad/ctl/json_patch.h"
#include "mediad/ctl/json_strict.h"
#include "mediad/dcmf/dcmf.h"
#include "tests/lib/dc_client.h"
#include "tests/lib/sim.h"
#include "tests/lib/vclock.h"

#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define SD 1000
#define META 1002
#define NUE 2
#define POSE_US 16667

struct call;

struct ue {
	struct call *call;
	unsigned index;
	struct transport *t;
	struct dc_client *c;
	struct sim_node *node;
	enum peer_state state;
	bool sd, meta;
	json_t *doc;
	unsigned scenes, patches, refused, acks;
	size_t longest;
	uint64_t first_scene, last_update, longest_gap, worst_age;
	bool measure;
};

struct call {
	struct sim *sim;
	struct sim_node *node;
	struct transport *t;
	struct dcmf *d;
	struct nets_list nets;
	struct library *scenes;
	struct assets *assets;
	uint64_t next, born;
	char id[MRM_MAX_ID + 1];
	struct ue ue[NUE];
};

/* ---- the DCMF as a node of the network ---- */

static void server_send(void *arg, int net, struct ar_span d, const struct peer_addr *to)
{
	struct call *c = arg;

	(void)net;
	sim_send(c->sim, c->node, d, to);
}

static void server_event(void *arg, const json_t *event)
{
	(void)arg, (void)event;
}

static void turn(struct call *c)
{
	c->next = dcmf_run(c->d, vclock_now());
}

static void server_input(void *arg, struct ar_span d, const struct peer_addr *from, uint64_t now)
{
	struct call *c = arg;

	dcmf_set_now(c->d, now);
	transport_input(c->t, d, from, now);
	turn(c);
}

static uint64_t server_next(void *arg)
{
	struct call *c = arg;
	uint64_t t = transport_next_timeout(c->t);

	return t < c->next ? t : c->next;
}

static void server_timer(void *arg, uint64_t now)
{
	struct call *c = arg;

	dcmf_set_now(c->d, now);
	transport_on_timer(c->t, now);
	turn(c);
}

/* ---- a UE ---- */

static void ue_send(void *arg, struct ar_span d, const struct peer_addr *to)
{
	struct ue *u = arg;

	sim_send(u->call->sim, u->node, d, to);
}

static void ue_state(void *arg, enum peer_state state, const char *reason)
{
	(void)reason;
	((struct ue *)arg)->state = state;
}

static void ue_channel(void *arg, const struct peer_channel *ch)
{
	struct ue *u = arg;

	u->sd = u->sd || ch->id == SD;
	u->meta = u->meta || ch->id == META;
}

static void ue_channel_closed(void *arg, uint16_t id)
{
	(void)arg, (void)id;
}

static void say(struct ue *u, const char *text)
{
	if (u->meta &&
		peer_send(dc_client_peer(u->c), META, PEER_TEXT, ar_span_str(text)) == -EMSGSIZE)
		fail_msg("too long: %s", text);
}

/* The other UE's x is the virtual second at which it was there. */
static void measure(struct ue *u)
{
	char path[64];
	uint64_t now = vclock_now(), gap = now - u->last_update;
	double x;

	snprintf(path, sizeof(path), "/nodes/%u/translation/0", 6 - u->index);
	x = json_number_value(json_pointer_get(u->doc, path));
	if (u->last_update && gap > u->longest_gap)
		u->longest_gap = gap;
	u->last_update = now;
	x = (double)(now - u->call->born) - x * 1e6;
	if (x > (double)u->worst_age && x < 1e7)
		u->worst_age = (uint64_t)x;
}

static void take_scene(struct ue *u, struct ar_span data)
{
	json_t *j = json_loadb(data.p, data.n, 0, NULL);

	if (!j)
		fail_msg("not JSON: %.*s", (int)data.n, data.p);
	if (data.n > u->longest)
		u->longest = data.n;
	if (json_is_object(j)) {
		json_decref(u->doc);
		u->doc = j;
		u->scenes++;
		if (!u->first_scene)
			u->first_scene = vclock_now();
		return;
	}
	u->patches++;
	if (!u->doc || json_patch_apply(&u->doc, j, NULL) != 0) {
		u->refused++;
		say(u, "{\"resync\":{}}");
	}
	json_decref(j);
	if (u->measure)
		measure(u);
}

static void ue_message(void *arg, uint16_t id, enum peer_kind kind, struct ar_span data)
{
	struct ue *u = arg;

	assert_int_equal(kind, PEER_TEXT);
	if (id == SD)
		take_scene(u, data);
	else if (memmem(data.p, data.n, "\"ok\":true", 9))
		u->acks++;
}

static void ue_writable(void *arg)
{
	(void)arg;
}

static void ue_input(void *arg, struct ar_span d, const struct peer_addr *from, uint64_t now)
{
	dc_client_input(((struct ue *)arg)->c, d, from, now);
}

static uint64_t ue_next(void *arg)
{
	struct ue *u = arg;
	uint64_t a = transport_next_timeout(u->t), b = dc_client_next_timeout(u->c);

	return a < b ? a : b;
}

static void ue_timer(void *arg, uint64_t now)
{
	struct ue *u = arg;

	dc_client_on_timer(u->c, now);
	transport_on_timer(u->t, now);
}

static void ue_make(struct call *c, unsigned i)
{
	static const struct peer_handlers h = {
		ue_send, ue_state, ue_channel, ue_channel_closed, ue_message, ue_writable, NULL};
	static const struct peer_channel ch[] = {{.id = SD,
							 .ordered = true,
							 .max_retr = -1,
							 .max_time = -1,
							 .subprotocol = "mpeg-sd"},
		{.id = META, .max_retr = 0, .max_time = -1, .subprotocol = "3gpp-ar-metadata"}};
	struct transport_conf tc = {.max_peers = 4};
	struct ue *u = &c->ue[i];
	char host[16];

	snprintf(host, sizeof(host), "10.0.0.%u", i + 2);
	*u = (struct ue){.call = c, .index = i};
	assert_int_equal(transport_new(&u->t, &tc), 0);
	u->node = sim_add(c->sim, host, 5000);
	u->node->arg = u;
	u->node->input = ue_input;
	u->node->next_timeout = ue_next;
	u->node->on_timer = ue_timer;
	u->c = dc_client_new(u->t, ch, 2, &h, u, vclock_now());
}

/* ---- signalling, as asd does it ---- */

static json_t *description(const struct ue *u, const char *setup, uint64_t max_message)
{
	char ip[64];

	nets_print_ip(&u->node->addr.ss, ip, sizeof(ip));
	return json_pack("{s:s, s:[{s:s, s:s, s:{s:{s:{s:s,s:b},s:{s:s,s:b,s:i}},s:s,s:{s:i,s:s}},"
			 "s:{s:{s:s},s:s,s:i}, s:{s:s,s:{s:I,s:{s:s,s:s}}}}]}",
		"terminationId", u->index ? "b" : "a", "medias", "mediaId", "1",
		"mediaResourceType", "DC", "dcMedia", "streams", "1000", "subprotocol", "mpeg-sd",
		"order", 1, "1002", "subprotocol", "3gpp-ar-metadata", "order", 0, "maxRetry", 0,
		"securitySetup", setup, "remoteDcEndpoint", "sctpPort", 5000, "fingerprint",
		transport_fingerprint(u->t), "remoteMbEndpoint", "ip", "ipv4Addr", ip, "transport",
		"UDP", "portNumber", 5000, "x-ims-ar", "user",
		u->index ? "sip:bob@ims" : "sip:alice@ims", "remote", "maxMessageSize",
		(json_int_t)max_message, "ice", "ufrag", dc_client_ufrag(u->c), "pwd",
		dc_client_pwd(u->c));
}

static void start_ue(struct call *c, struct ue *u, json_t *answer, enum ar_setup setup)
{
	char path[64];
	const json_t *m;
	struct dc_client_server to = {.addr = c->node->addr, .setup = setup};

	snprintf(path, sizeof(path), "/terminations/%u/medias/0", u->index);
	m = json_pointer_get(answer, path);
	to.ufrag = json_string_value(json_pointer_get((json_t *)m, "/x-ims-ar/ice/ufrag"));
	to.pwd = json_string_value(json_pointer_get((json_t *)m, "/x-ims-ar/ice/pwd"));
	to.fingerprint = json_string_value(
		json_pointer_get((json_t *)m, "/dcMedia/localDcEndpoint/fingerprint"));
	to.max_message_size = PEER_MAX_MESSAGE;
	dc_client_start(u->c, &to, vclock_now());
}

struct setting {
	struct sim_link link;
	uint64_t max_message[NUE];
	bool active; /* we are DTLS client towards the second UE */
	uint64_t seed;
};

static void start_server(struct call *c)
{
	static const struct dcmf_handlers h = {.send = server_send, .event = server_event};
	struct transport_conf tc = {.max_peers = 8};
	struct dcmf_conf dc = {.max_contexts = 4,
		.idle_s = 60,
		.port = 9000,
		.application = "shared-scene",
		.nets = &c->nets,
		.app = {.update_hz = 60, .own_hz = 2}};
	struct ar_buf why;

	ar_buf_init(&why, 1024);
	assert_int_equal(nets_add(&c->nets, "default/10.0.0.1", &why), 0);
	assert_int_equal(library_load(&c->scenes, SRC_DIR "/webapp/scenes", &why), 0);
	assert_int_equal(assets_load(&c->assets, SRC_DIR "/webapp/scenes"), 0);
	dc.scenes = c->scenes;
	dc.assets = c->assets;
	assert_int_equal(transport_new(&c->t, &tc), 0);
	assert_int_equal(dcmf_new(&c->d, &dc, c->t, &h, c), 0);
	c->node = sim_add(c->sim, "10.0.0.1", 9000);
	c->node->arg = c;
	c->node->input = server_input;
	c->node->next_timeout = server_next;
	c->node->on_timer = server_timer;
	ar_buf_free(&why);
}

static void call_start(struct call *c, const struct setting *s)
{
	struct dcmf_reply r;
	json_t *doc, *answer;
	char *body;

	ar_log_set_level(AR_LOG_ERR);
	*c = (struct call){.sim = sim_new(s->seed, &s->link), .born = vclock_now()};
	start_server(c);
	for (unsigned i = 0; i < NUE; i++)
		ue_make(c, i);
	doc = json_pack("{s:[o,o]}", "terminations",
		description(&c->ue[0], "PASSIVE", s->max_message[0]),
		description(&c->ue[1], s->active ? "ACTIVE" : "PASSIVE", s->max_message[1]));
	body = json_dumps(doc, 0);
	dcmf_create(c->d, ar_span_str(body), vclock_now(), &r);
	if (r.status != 201)
		fail_msg("%.*s", (int)r.body.n, r.body.p);
	memcpy(c->id, r.context, sizeof(c->id));
	answer = json_loadb(r.body.p, r.body.n, 0, NULL);
	start_ue(c, &c->ue[0], answer, AR_SETUP_ACTIVE);
	start_ue(c, &c->ue[1], answer, s->active ? AR_SETUP_PASSIVE : AR_SETUP_ACTIVE);
	turn(c);
	json_decref(answer);
	json_decref(doc);
	free(body);
	dcmf_reply_free(&r);
}

static void call_end(struct call *c)
{
	dcmf_free(c->d, vclock_now());
	transport_free(c->t);
	for (unsigned i = 0; i < NUE; i++) {
		dc_client_free(c->ue[i].c);
		transport_free(c->ue[i].t);
		json_decref(c->ue[i].doc);
	}
	library_free(c->scenes);
	assets_free(c->assets);
	sim_free(c->sim);
}

static bool both_have_scene(void *arg)
{
	struct call *c = arg;

	for (unsigned i = 0; i < NUE; i++) {
		if (!c->ue[i].doc || !c->ue[i].meta || !json_object_get(c->ue[i].doc, "nodes"))
			return false;
	}
	return true;
}

/* Both walk for a while; x tells the time, so that the other side can tell its age. */
static void walk(struct call *c, unsigned poses)
{
	char text[320];

	for (unsigned k = 0; k < poses; k++) {
		double t = (double)(vclock_now() - c->born) / 1e6;

		for (unsigned i = 0; i < NUE; i++) {
			snprintf(text, sizeof(text),
				"{\"poseInfo\":[{\"poseTime\":%.6f,\"xrSpaceId\":1,\"poses\":[{"
				"\"orientation\":{\"x\":0,\"y\":%.6f,\"z\":0,\"w\":%.6f},"
				"\"position\":"
				"{\"x\":%.5f,\"y\":1.6,\"z\":%.5f},\"confidence\":1}]}]}",
				t, sin(t), cos(t), t, sin(t * 3));
			say(&c->ue[i], text);
		}
		sim_run(c->sim, POSE_US, NULL, NULL);
	}
}

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
		cmocka_unit_test(one_vanishes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
