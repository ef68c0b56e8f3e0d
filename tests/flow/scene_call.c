/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/flow/scene_call.h"
#include "common/daemon/ar_log.h"
#include "tests/lib/vclock.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

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
	u->http = u->http || ch->id == HTTP;
}

static void ue_channel_closed(void *arg, uint16_t id)
{
	(void)arg, (void)id;
}

void say(struct ue *u, const char *text)
{
	if (u->meta &&
		peer_send(dc_client_peer(u->c), META, PEER_TEXT, ar_span_str(text)) == -EMSGSIZE)
		fail_msg("too long: %s", text);
}

/* The other UE's node: who joined first has the lower one. */
static const json_t *other_node(const struct ue *u)
{
	const char *name = u->index ? "participant a" : "participant b";
	size_t i;
	json_t *n;

	json_array_foreach(json_object_get(u->doc, "nodes"), i, n)
	{
		const char *s = json_string_value(json_object_get(n, "name"));

		if (s && strcmp(s, name) == 0)
			return n;
	}
	return NULL;
}

/* The other UE's x is the virtual second at which it was there. */
static void measure(struct ue *u)
{
	uint64_t now = vclock_now(), gap = now - u->last_update;
	double x =
		json_number_value(json_array_get(json_object_get(other_node(u), "translation"), 0));

	u->stamp = u->call->born + (uint64_t)(x * 1e6);
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

	if (id == HTTP) {
		u->http_bytes += data.n;
		u->http_at = vclock_now();
		return;
	}
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

static void ue_make(struct call *c, unsigned i, bool http)
{
	static const struct peer_handlers h = {
		ue_send, ue_state, ue_channel, ue_channel_closed, ue_message, ue_writable, NULL};
	static const struct peer_channel ch[] = {{.id = SD,
							 .ordered = true,
							 .max_retr = -1,
							 .max_time = -1,
							 .subprotocol = "mpeg-sd"},
		{.id = META, .max_retr = 0, .max_time = -1, .subprotocol = "3gpp-ar-metadata"},
		{.id = HTTP,
			.ordered = true,
			.max_retr = -1,
			.max_time = -1,
			.subprotocol = "http"}};
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
	u->c = dc_client_new(u->t, ch, http ? 3 : 2, &h, u, vclock_now());
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

static void start_server(struct call *c, const struct setting *s)
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
	assert_int_equal(
		assets_load(&c->assets, s->assets ? s->assets : SRC_DIR "/webapp/scenes"), 0);
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

void call_start(struct call *c, const struct setting *s)
{
	struct dcmf_reply r;
	json_t *doc, *answer;
	char *body;

	ar_log_set_level(AR_LOG_ERR);
	*c = (struct call){.sim = sim_new(s->seed, &s->link), .born = vclock_now()};
	start_server(c, s);
	for (unsigned i = 0; i < NUE; i++)
		ue_make(c, i, s->http && i == 1);
	doc = json_pack("{s:[o,o]}", "terminations",
		description(&c->ue[0], "PASSIVE", s->max_message[0]),
		description(&c->ue[1], s->active ? "ACTIVE" : "PASSIVE", s->max_message[1]));
	if (s->http)
		json_object_set_new(
			json_pointer_get(doc, "/terminations/1/medias/0/dcMedia/streams"), "0",
			json_pack("{s:s,s:b}", "subprotocol", "http", "order", 1));
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

void call_end(struct call *c)
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

bool both_have_scene(void *arg)
{
	struct call *c = arg;

	for (unsigned i = 0; i < NUE; i++) {
		if (!c->ue[i].doc || !c->ue[i].meta || !json_object_get(c->ue[i].doc, "nodes"))
			return false;
	}
	return true;
}

/* Both walk for a while; x tells the time, so that the other side can tell its age. */
void walk(struct call *c, unsigned poses)
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
