/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nmf_MRM from outside: a create body; after a zero byte, patches for the context that it made,
 * each ended by a zero byte. Whatever comes, a good context can still be made afterwards and no
 * peer is left over.
 */
#include "tests/unit/dcmf/fake_peer.h"
#include "mediad/dcmf/dcmf.h"

#include "common/daemon/ar_log.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct nets_list nets;
static struct library *scenes;
static struct assets *assets;

static void on_send(void *arg, int net, struct ar_span d, const struct peer_addr *to)
{
	(void)arg, (void)net, (void)d, (void)to;
}

static void on_event(void *arg, const json_t *event)
{
	(void)arg, (void)event;
}

static void set_up(void)
{
	struct ar_buf why;

	if (scenes)
		return;
	ar_log_set_level(AR_LOG_ERR);
	ar_buf_init(&why, 1024);
	if (nets_add(&nets, "default/192.0.2.1", &why) != 0 ||
		library_add(&scenes, "default",
			AR_SPAN("{\"asset\":{\"version\":\"2.0\"},\"scenes\":[{\"nodes\":[0]}],"
				"\"nodes\":[{\"name\":\"x\",\"extras\":{\"object\":true}}]}"),
			&why) != 0 ||
		assets_load(&assets, "/nonexistent") != 0)
		abort();
	ar_buf_free(&why);
}

static void use(struct dcmf *d, struct ar_span id, struct ar_span rest)
{
	struct dcmf_reply r;

	for (unsigned i = 0; rest.n && i < 32; i++) {
		const char *zero = memchr(rest.p, 0, rest.n);
		struct ar_span one = {rest.p, zero ? (size_t)(zero - rest.p) : rest.n};

		dcmf_patch(d, id, one, 2000000 + i, &r);
		dcmf_reply_free(&r);
		dcmf_run(d, 2000000 + i);
		rest.p += one.n + (zero ? 1 : 0);
		rest.n -= one.n + (zero ? 1 : 0);
	}
	dcmf_get(d, id, 3000000, &r);
	if (r.status != 200)
		abort();
	dcmf_reply_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct dcmf_handlers h = {.send = on_send, .event = on_event};
	struct transport_conf tc = {.max_peers = 300};
	struct dcmf_conf dc = {.max_contexts = 2,
		.idle_s = 60,
		.port = 40000,
		.application = "shared-scene",
		.app = {.update_hz = 60, .own_hz = 2},
		.av = {.max_legs = 6}};
	const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
	size_t n = zero ? (size_t)(zero - data) : size;
	struct dcmf_reply r;
	struct transport *t;
	struct dcmf *d;

	set_up();
	dc.nets = &nets;
	dc.scenes = scenes;
	dc.assets = assets;
	if (transport_new(&t, &tc) != 0 || dcmf_new(&d, &dc, t, &h, NULL) != 0)
		abort();
	dcmf_create(d, (struct ar_span){(const char *)data, n}, 1000000, &r);
	if (r.status != 201 && fake_live() != 0)
		abort();
	dcmf_reply_free(&r);
	if (r.status == 201 && zero)
		use(d, ar_span_str(r.context),
			(struct ar_span){(const char *)zero + 1, size - n - 1});
	dcmf_create(d,
		AR_SPAN("{\"terminations\":[{\"terminationId\":\"a\",\"medias\":[{\"mediaId\":"
			"\"1\","
			"\"mediaResourceType\":\"DC\",\"dcMedia\":{\"streams\":{}}}]}]}"),
		4000000, &r);
	if (r.status != 201)
		abort();
	dcmf_reply_free(&r);
	dcmf_free(d, 5000000);
	if (fake_live() != 0)
		abort();
	transport_free(t);
	return 0;
}
