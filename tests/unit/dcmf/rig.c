/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rig.h"

#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"
#include "mediad/ctl/json_patch.h"
#include "mediad/ctl/json_strict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

static void on_send(void *arg, int net, struct ar_span datagram, const struct peer_addr *to)
{
	(void)arg, (void)net, (void)datagram, (void)to;
}

static void on_event(void *arg, const json_t *event)
{
	struct rig *r = arg;
	char *text = json_dumps(event, JSON_COMPACT);

	r->events++;
	snprintf(r->last_event, sizeof(r->last_event), "%s", text);
	free(text);
}

static void add_scenes(struct rig *r, struct ar_buf *why)
{
	if (library_load(&r->scenes, SRC_DIR "/webapp/scenes", why) != 0)
		fail_msg("%.*s", (int)why->n, why->p);
	assert_int_equal(
		library_add(&r->scenes, "tiny",
			AR_SPAN("{\"asset\":{\"version\":\"2.0\"},\"scenes\":[{\"nodes\":[0]}],"
				"\"nodes\":[{\"name\":\"thing\",\"extras\":{\"object\":true}}]}"),
			why),
		0);
}

unsigned rig_transports;
const char *rig_scene_name = "default";
unsigned rig_interest = 6;
const char *rig_apps = SRC_DIR "/lua/apps";

void rig_start(struct rig *r, const char *webapp)
{
	static const struct dcmf_handlers h = {.send = on_send, .event = on_event};
	struct transport_conf tc = {.max_peers = 400};
	struct dcmf_conf dc = {.worker = 0,
		.max_contexts = 3,
		.idle_s = 60,
		.port = 40000,
		.application = "shared-scene",
		.app = {.update_hz = 60, .own_hz = 2, .interest_from = rig_interest}};
	struct ar_buf why;

	*r = (struct rig){.now = 1000 * AR_SEC};
	ar_log_set_level(AR_LOG_ERR);
	ar_buf_init(&why, 4096);
	assert_int_equal(nets_add(&r->nets, "default/192.0.2.1", &why), 0);
	assert_int_equal(nets_add(&r->nets, "default/[2001:db8::1]", &why), 0);
	assert_int_equal(nets_add(&r->nets, "core/10.0.0.1!198.51.100.7", &why), 0);
	add_scenes(r, &why);
	assert_int_equal(assets_load(&r->assets, webapp ? webapp : "/nonexistent"), 0);
	assert_int_equal(
		app_types_add(&dc.app.types, "urn:x-imsar:pose:1, urn:other:pose", APP_TYPE_POSE),
		0);
	assert_int_equal(app_types_add(&dc.app.types, "urn:x-imsar:action:1", APP_TYPE_ACTION), 0);
	assert_int_equal(app_types_add(&dc.app.types, "urn:x-imsar:resync:1", APP_TYPE_RESYNC), 0);
	dc.nets = &r->nets;
	dc.av.max_legs = 10;
	dc.transports = rig_transports;
	dc.scenes = r->scenes;
	dc.assets = r->assets;
	if (scripts_load(&r->scripts, rig_apps, &why) != 0)
		fail_msg("%.*s", (int)why.n, why.p);
	dc.scripts = r->scripts;
	dc.script = (struct app_lua_conf){.memory_kb = 1024, .cpu_percent = 50};
	assert_int_equal(transport_new(&r->t, &tc), 0);
	assert_int_equal(dcmf_new(&r->d, &dc, r->t, &h, r), 0);
	ar_buf_free(&why);
}

void rig_stop(struct rig *r)
{
	dcmf_free(r->d, r->now);
	transport_free(r->t);
	library_free(r->scenes);
	assets_free(r->assets);
	scripts_free(r->scripts);
	assert_int_equal(fake_live(), 0);
}

void rig_pass(struct rig *r, uint64_t us)
{
	uint64_t end = r->now + us;

	r->next = dcmf_run(r->d, r->now);
	while (r->next <= end) {
		assert_true(r->next > r->now);
		r->now = r->next;
		r->next = dcmf_run(r->d, r->now);
	}
	r->now = end;
	dcmf_set_now(r->d, end);
}

#define FP                                                                                         \
	"SHA-256 AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:"                                 \
	"AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89"

char *rig_body(unsigned n)
{
	json_t *list = json_array(), *doc;
	char *text;

	for (unsigned i = 0; i < n; i++) {
		char id[16], user[32];

		snprintf(id, sizeof(id), "t%u", i);
		snprintf(user, sizeof(user), "sip:user%u@ims", i);
		json_array_append_new(list,
			json_pack("{s:s, s:[{s:s, s:s, s:{s:{s:{s:i,s:s,s:b},s:{s:i,s:s,s:b,s:i}},"
				  "s:s,s:{s:i,s:s}}, s:{s:{s:s},s:s,s:i}, "
				  "s:{s:s,s:s,s:{s:i,s:{s:s,s:s}}}}]}",
				"terminationId", id, "medias", "mediaId", "1", "mediaResourceType",
				"DC", "dcMedia", "streams", "1000", "streamId", SD, "subprotocol",
				"mpeg-sd", "order", 1, "1002", "streamId", META, "subprotocol",
				"3gpp-ar-metadata", "order", 0, "maxRetry", 0, "securitySetup",
				"PASSIVE", "remoteDcEndpoint", "sctpPort", 5000, "fingerprint", FP,
				"remoteMbEndpoint", "ip", "ipv4Addr", "192.0.2.7", "transport",
				"UDP", "portNumber", 5000 + (int)i, "x-ims-ar", "network",
				"default", "user", user, "remote", "maxMessageSize", 65536, "ice",
				"ufrag", "abcd", "pwd", "0123456789012345678901"));
	}
	doc = json_pack("{s:o, s:{s:s, s:s, s:s, s:s}}", "terminations", list, "x-ims-ar", "owner",
		"asd1", "callId", "call@ue", "call", "9f3c", "scene", rig_scene_name);
	text = json_dumps(doc, JSON_COMPACT);
	json_decref(doc);
	return text;
}

static int take(struct dcmf_reply *reply, json_t **out)
{
	int status = reply->status;

	if (out) {
		*out = reply->body.n ? json_loadb(reply->body.p, reply->body.n, 0, NULL) : NULL;
		assert_true(*out || status == 204);
	}
	dcmf_reply_free(reply);
	return status;
}

int rig_post(struct rig *r, const char *body, json_t **out)
{
	struct dcmf_reply reply;

	dcmf_create(r->d, ar_span_str(body), r->now, &reply);
	if (reply.status == 201)
		snprintf(r->context, sizeof(r->context), "%s", reply.context);
	return take(&reply, out);
}

void rig_create(struct rig *r, unsigned n)
{
	char *body = rig_body(n);
	json_t *j;

	if (rig_post(r, body, &j) != 201)
		fail_msg("%s\n%s", body, json_dumps(j, 0));
	json_decref(j);
	free(body);
}

int rig_patch(struct rig *r, const char *ops, json_t **out)
{
	struct dcmf_reply reply;

	dcmf_patch(r->d, ar_span_str(r->context), ar_span_str(ops), r->now, &reply);
	return take(&reply, out);
}

json_t *rig_get(struct rig *r)
{
	struct dcmf_reply reply;
	json_t *j;

	dcmf_get(r->d, ar_span_str(r->context), r->now, &reply);
	assert_int_equal(take(&reply, &j), 200);
	return j;
}

json_t *rig_scene(struct rig *r)
{
	struct dcmf_reply reply;
	json_t *j;

	dcmf_get_scene(r->d, ar_span_str(r->context), &reply);
	assert_int_equal(take(&reply, &j), 200);
	return j;
}

json_int_t rig_counter(struct rig *r, const char *name)
{
	json_t *o = json_object(), *v;
	json_int_t n;

	dcmf_get_stats(r->d, o);
	v = json_object_get(o, name);
	n = v ? json_integer_value(v) : -1;
	json_decref(o);
	return n;
}

/* ---- UEs ---- */

uint64_t rig_random(void)
{
	static uint64_t x = 88172645463325252ull;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

static void take_message(struct ue *u, const struct fake_message *m)
{
	json_t *j = json_loadb(m->text, m->n, 0, NULL);

	assert_int_equal(m->kind, PEER_TEXT);
	if (!j)
		fail_msg("not JSON: %s", m->text);
	if (m->n > u->longest)
		u->longest = m->n;
	if (json_is_object(j)) {
		json_decref(u->doc);
		u->doc = j;
		u->scenes++;
		u->resync = false;
		return;
	}
	if (json_array_size(j) == 1)
		u->tests++;
	else
		u->patches++;
	if (!u->doc || json_patch_apply(&u->doc, j, NULL) != 0) {
		u->lost++;
		u->resync = true;
	}
	json_decref(j);
}

void ue_read(struct rig *r, struct ue *u, unsigned drop)
{
	struct fake_message m;

	(void)r;
	while (fake_take(u->peer, SD, &m)) {
		if (rig_random() % 100 >= drop)
			take_message(u, &m);
	}
}

void ue_pose(struct ue *u, double time, double x, double y, double z)
{
	char text[300];

	snprintf(text, sizeof(text),
		"{\"poseInfo\":[{\"poseTime\":%.3f,\"poses\":[{\"orientation\":{\"x\":0,\"y\":0,"
		"\"z\":0,"
		"\"w\":1},\"position\":{\"x\":%.6f,\"y\":%.6f,\"z\":%.6f}}]}]}",
		time, x, y, z);
	fake_deliver(u->peer, META, text);
}

json_t *ue_act(struct ue *u, const char *action)
{
	struct fake_message m;
	char text[1024];

	snprintf(text, sizeof(text), "{\"action\":%s}", action);
	fake_deliver(u->peer, META, text);
	if (!fake_take(u->peer, META, &m))
		return NULL;
	return json_loadb(m.text, m.n, 0, NULL);
}

void ue_free(struct ue *u)
{
	json_decref(u->doc);
}

void ue_assert_same(struct rig *r, const struct ue *u)
{
	json_t *server = rig_scene(r);

	if (!json_strict_same(server, u->doc)) {
		char *a = json_dumps(server, JSON_COMPACT), *b = json_dumps(u->doc, JSON_COMPACT);

		fail_msg("server %s\nUE     %s", a, b);
	}
	json_decref(server);
}
