/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a UE sends on its AR channels: messages, each ended by a zero byte, into a call of two.
 * Every answer is JSON, the other UE can follow the scene throughout, and both end with the
 * server's.
 */
#include "tests/unit/dcmf/fake_peer.h"
#include "mediad/ctl/json_patch.h"
#include "mediad/ctl/json_strict.h"
#include "mediad/dcmf/app.h"
#include "mediad/scene/library.h"

#include "common/daemon/ar_log.h"

#include <stdlib.h>

#define SD 1000
#define META 1002

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct library *scenes;
static struct app_conf conf = {.update_hz = 60, .own_hz = 2};

static const struct peer_channel channels[] = {
	{.id = SD, .ordered = true, .max_retr = -1, .max_time = -1, .subprotocol = "mpeg-sd"},
	{.id = META, .max_retr = 0, .max_time = -1, .subprotocol = "3gpp-ar-metadata"}};

static void set_up(void)
{
	struct ar_buf why;

	if (scenes)
		return;
	ar_log_set_level(AR_LOG_ERR);
	ar_buf_init(&why, 1024);
	if (library_add(&scenes, "x",
		    AR_SPAN("{\"asset\":{\"version\":\"2.0\"},\"scenes\":[{\"nodes\":[0]}],"
			    "\"materials\":"
			    "[{\"pbrMetallicRoughness\":{}}],\"meshes\":[{\"name\":\"cube\","
			    "\"primitives\":"
			    "[{\"attributes\":{\"POSITION\":0},\"material\":0}]}],\"accessors\":[{}"
			    "],"
			    "\"nodes\":[{\"name\":\"cube\",\"mesh\":0,\"extras\":{\"object\":true}}"
			    "]}"),
		    &why) != 0 ||
		app_types_add(&conf.types, "urn:x-imsar:pose:1", APP_TYPE_POSE) != 0 ||
		app_types_add(&conf.types, "urn:x-imsar:action:1", APP_TYPE_ACTION) != 0)
		abort();
	ar_buf_free(&why);
}

struct ue {
	struct peer *peer;
	struct participant *part;
	json_t *doc;
};

static void on_state(void *arg, enum peer_state s, const char *reason)
{
	(void)arg, (void)s, (void)reason;
}

static void on_channel(void *arg, const struct peer_channel *ch)
{
	struct ue *u = arg;

	app_on_channel(u->part, u->peer, ch, 1000000);
}

static void join(struct ue *u, struct app *a, struct transport *t, const char *name)
{
	static const struct peer_handlers h = {.on_state = on_state, .on_channel = on_channel};
	struct peer_conf pc = {.channel = channels, .nchannel = 2};

	*u = (struct ue){.peer = NULL};
	if (app_add(a, name, "sip:x@ims", &u->part) != 0 ||
		peer_new(&u->peer, t, &pc, &h, u, 1000000) != 0)
		abort();
	fake_connect(u->peer);
}

static void follow(struct ue *u)
{
	struct fake_message m;

	while (fake_take(u->peer, UINT16_MAX, &m)) {
		json_t *j = json_loadb(m.text, m.n, 0, NULL);

		if (!j)
			abort();
		if (m.id == META) {
			if (!json_is_object(json_object_get(j, "ack")))
				abort();
		} else if (json_is_object(j)) {
			json_decref(u->doc);
			u->doc = json_incref(j);
		} else if (json_patch_apply(&u->doc, j, NULL) != 0) {
			abort();
		}
		json_decref(j);
	}
}

static void compare(struct app *a, const struct ue *u)
{
	struct ar_buf b;
	json_t *j;

	ar_buf_init(&b, SCENE_MAX_BYTES);
	if (scene_write(app_scene(a), &b) != 0 || !(j = json_loadb(b.p, b.n, 0, NULL)) ||
		!json_strict_same(j, u->doc))
		abort();
	json_decref(j);
	ar_buf_free(&b);
}

static void deliver_all(struct app *a, struct ue *u, struct ue *other, struct ar_span rest)
{
	uint64_t now = 2000000;

	while (rest.n) {
		const char *zero = memchr(rest.p, 0, rest.n);
		size_t n = zero ? (size_t)(zero - rest.p) : rest.n;
		char *copy = malloc(n ? n : 1);

		if (!copy)
			abort();
		memcpy(copy, rest.p, n);
		app_on_message(u->part, u->peer, META, (struct ar_span){copy, n}, now);
		free(copy);
		now += 20000;
		app_run(a, now);
		follow(u);
		follow(other);
		rest.p += n + (zero ? 1 : 0);
		rest.n -= n + (zero ? 1 : 0);
	}
	for (unsigned i = 0; i < 40; i++) {
		now += 100000;
		app_run(a, now);
		follow(u);
		follow(other);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct transport_conf tc = {.max_peers = 2};
	struct transport *t;
	struct scene *s;
	struct app *a;
	struct ue u, v;

	set_up();
	if (size > 20000 || transport_new(&t, &tc) != 0 ||
		scene_clone(&s, library_find(scenes, AR_SPAN("x"))) != 0 ||
		app_new(&a, &conf, app_ops_find(AR_SPAN("shared-scene")), s) != 0)
		return 0;
	join(&u, a, t, "a");
	join(&v, a, t, "b");
	deliver_all(a, &u, &v, (struct ar_span){(const char *)data, size});
	compare(a, &u);
	compare(a, &v);
	app_free(a);
	peer_free(u.peer);
	peer_free(v.peer);
	json_decref(u.doc);
	json_decref(v.doc);
	transport_free(t);
	return 0;
}
