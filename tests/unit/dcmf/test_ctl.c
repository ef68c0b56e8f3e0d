/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parent's control interface with workers to order and virtual time: who gets a request, what
 * becomes of late and missing answers, leases, events, draining, a worker's end.
 */
#include "h2c.h"
#include "mediad/ctl/ctl.h"
#include "tests/lib/vclock.h"

#include "common/daemon/ar_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define WORKERS 2
#define CONTEXTS "/nmf-mrm/v1/contexts"
#define SEC 1000000ull

/* ---- workers to order (mediad/workers.h) ---- */

struct sent {
	unsigned worker;
	json_int_t id;
	char op[16], ctx[80], body[512];
};

struct workers {
	bool up[WORKERS];
	int fail; /* of every send */
	unsigned n;
	struct sent sent[64];
	json_t *stats[WORKERS];
	bool draining[WORKERS];
};

int workers_send(struct workers *w, unsigned i, const json_t *head, struct ar_span body)
{
	struct sent *s = &w->sent[w->n % 64];

	if (w->fail)
		return w->fail;
	w->n++;
	*s = (struct sent){.worker = i, .id = json_integer_value(json_object_get(head, "id"))};
	snprintf(s->op, sizeof(s->op), "%s", json_string_value(json_object_get(head, "op")));
	snprintf(s->ctx, sizeof(s->ctx), "%s", json_string_value(json_object_get(head, "ctx")));
	snprintf(s->body, sizeof(s->body), "%.*s", (int)body.n, body.p);
	return 0;
}

unsigned workers_count(const struct workers *w)
{
	(void)w;
	return WORKERS;
}

void workers_get(const struct workers *w, unsigned i, struct workers_info *out)
{
	*out = (struct workers_info){.pid = 100 + (int)i,
		.up = w->up[i],
		.starts = 1,
		.stats = w->stats[i],
		.draining = w->draining[i],
		.index = 0};
}

/* ---- the box ---- */

struct box {
	struct event_base *base;
	struct ctl *c;
	struct workers w;
	struct mediad_conf conf;
	uint16_t port;
	struct h2c client;
};

static void box_open(struct box *b)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ar_log_set_level(AR_LOG_ERR);
	*b = (struct box){.w.up = {true, true}, .base = event_base_new()};
	b->conf = (struct mediad_conf){.max_contexts = 100,
		.max_connections = 10,
		.lease_seconds = 300,
		.nworker = WORKERS};
	for (unsigned i = 0; i < WORKERS; i++)
		b->w.stats[i] =
			json_pack("{s:i, s:f, s:i}", "contexts", 0, "cpu", 0.25, "poses", 7);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)) | listen(fd, 16), 0);
	getsockname(fd, (struct sockaddr *)&a, &n);
	b->port = ntohs(a.sin_port);
	assert_int_equal(ctl_new(&b->c, b->base, &b->conf), 0);
	ctl_set_workers(b->c, &b->w);
	assert_int_equal(ctl_listen(b->c, fd), 0);
	h2c_open(&b->client, b->port);
}

static void box_close(struct box *b)
{
	h2c_close(&b->client);
	ctl_free(b->c);
	event_base_free(b->base);
	for (unsigned i = 0; i < WORKERS; i++)
		json_decref(b->w.stats[i]);
}

static void turn(struct box *b, struct h2c *c)
{
	for (int i = 0; i < 12; i++) {
		h2c_send(c);
		event_base_loop(b->base, EVLOOP_NONBLOCK);
		h2c_recv(c);
		usleep(300);
	}
}

static void pass(struct box *b, unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++) {
		vclock_set(vclock_now() + SEC);
		turn(b, &b->client);
	}
}

static void ask(
	struct box *b, const char *method, const char *path, const char *type, const char *body)
{
	h2c_ask(&b->client, method, path, type, body, body ? strlen(body) : 0);
	turn(b, &b->client);
}

/* A worker's answer to the i-th request that was sent. */
static void reply(struct box *b, unsigned i, int status, const char *ctx, const char *owner,
	int lease, const char *body)
{
	const char *share = strstr(b->w.sent[i].body, "\"share\"") ? "hall" : "";
	json_t *head = json_pack("{s:I, s:i, s:s, s:s, s:s, s:s, s:s, s:i}", "id", b->w.sent[i].id,
		"status", status, "ctx", ctx, "owner", owner, "callId", "call@ue", "call", "9f",
		"share", share, "lease", lease);

	ctl_on_reply(b->c, b->w.sent[i].worker, head, ar_span_str(body));
	json_decref(head);
	turn(b, &b->client);
}

static void make(struct box *b, const char *ctx, const char *owner, int lease)
{
	unsigned i = b->w.n;

	ask(b, "POST", CONTEXTS, "application/json", "{}");
	assert_int_equal(b->w.n, i + 1);
	reply(b, i, 201, ctx, owner, lease, "{\"contextId\":\"x\"}");
	assert_int_equal(b->client.status, 201);
}

static bool answer_has(struct box *b, const char *text)
{
	return b->client.body.n &&
	       memmem(b->client.body.p, b->client.body.n, text, strlen(text)) != NULL;
}

/* ---- requests ---- */

static void create_and_location(void **state)
{
	struct box b;

	(void)state;
	box_open(&b);
	ask(&b, "POST", CONTEXTS, "application/json", "{\"a\":1}");
	assert_int_equal(b.w.n, 1);
	assert_string_equal(b.w.sent[0].op, "create");
	assert_string_equal(b.w.sent[0].body, "{\"a\":1}");
	assert_int_equal(b.client.status, 0);
	reply(&b, 0, 201, "0.abc", "asd1", 60, "{\"contextId\":\"0.abc\"}");
	assert_int_equal(b.client.status, 201);
	assert_string_equal(b.client.location, CONTEXTS "/0.abc");
	assert_int_equal(ctl_contexts(b.c), 1);
	ask(&b, "GET", CONTEXTS "/0.abc", NULL, NULL);
	assert_string_equal(b.w.sent[1].op, "get");
	assert_string_equal(b.w.sent[1].ctx, "0.abc");
	assert_int_equal(b.w.sent[1].worker, b.w.sent[0].worker);
	reply(&b, 1, 200, "", "", 0, "{\"live\":1}");
	assert_true(answer_has(&b, "live"));
	ask(&b, "GET", "/x-ims-ar/v1/contexts/0.abc/scene", NULL, NULL);
	assert_string_equal(b.w.sent[2].op, "scene");
	reply(&b, 2, 200, "", "", 0, "{}");
	ask(&b, "DELETE", CONTEXTS "/0.abc", NULL, NULL);
	reply(&b, 3, 204, "0.abc", "", 0, "");
	assert_int_equal(b.client.status, 204);
	assert_int_equal(ctl_contexts(b.c), 0);
	ask(&b, "GET", CONTEXTS "/0.abc", NULL, NULL);
	assert_int_equal(b.client.status, 404);
	assert_int_equal(b.w.n, 4);
	box_close(&b);
}

static void refused_create(void **state)
{
	struct box b;

	(void)state;
	box_open(&b);
	ask(&b, "POST", CONTEXTS, "application/json", "{");
	reply(&b, 0, 400, "", "", 0, "{\"status\":400}");
	assert_int_equal(b.client.status, 400);
	assert_int_equal(ctl_contexts(b.c), 0);
	box_close(&b);
}

static void post_share(struct box *b, const char *body)
{
	ask(b, "POST", CONTEXTS, "application/json", body);
}

/* A scene is in one worker: all that share it go there, also those that ask at the same time, and
 * those of a worker that a new parent has adopted. */
static void one_worker_for_a_shared_scene(void **state)
{
	static const char hall[] = "{\"x-ims-ar\":{\"share\":\"hall\"}}";
	json_t *list = json_pack("[{s:s, s:s}]", "ctx", "old", "share", "attic");
	struct box b;
	unsigned home;

	(void)state;
	box_open(&b);
	post_share(&b, hall);
	home = b.w.sent[0].worker;
	for (unsigned i = 1; i < 4; i++) { /* nothing has been answered yet */
		post_share(&b, hall);
		assert_int_equal(b.w.sent[i].worker, home);
	}
	reply(&b, 0, 201, "c0", "asd1", 60, "{\"contextId\":\"c0\"}");
	for (unsigned i = 1; i < 4; i++)
		reply(&b, i, 403, "", "", 0, "{}");
	make(&b, "c1", "asd1", 60); /* shares nothing: the other worker */
	assert_int_equal(b.w.sent[4].worker, !home);
	make(&b, "c2", "asd1", 60);
	make(&b, "c3", "asd1", 60);
	post_share(&b, hall);
	assert_int_equal(b.w.sent[b.w.n - 1].worker, home);
	ctl_adopt(b.c, !home, list);
	json_decref(list);
	post_share(&b, "{\"x-ims-ar\":{\"share\":\"attic\"}}");
	assert_int_equal(b.w.sent[b.w.n - 1].worker, !home);
	/* what cannot be read is the worker's to refuse */
	post_share(&b, "{\"x-ims-ar\":{\"share\":7}}");
	post_share(&b, "{\"share\"");
	assert_string_equal(b.w.sent[b.w.n - 1].op, "create");
	/* the worker dies, and the scene with it: it may begin anew anywhere */
	ctl_on_died(b.c, home, "worker died of signal 9");
	b.w.up[home] = false;
	post_share(&b, hall);
	assert_int_equal(b.w.sent[b.w.n - 1].worker, !home);
	box_close(&b);
}

/* The fewest contexts first, those just being made counted too; a dead worker gets none. */
static void least_loaded(void **state)
{
	struct box b;

	(void)state;
	box_open(&b);
	for (unsigned i = 0; i < 6; i++) {
		char ctx[16];

		snprintf(ctx, sizeof(ctx), "c%u", i);
		make(&b, ctx, "asd1", 0);
	}
	assert_int_equal(b.w.sent[0].worker + b.w.sent[1].worker + b.w.sent[2].worker +
				 b.w.sent[3].worker + b.w.sent[4].worker + b.w.sent[5].worker,
		3);
	b.w.up[0] = false;
	make(&b, "x", "asd1", 0);
	make(&b, "y", "asd1", 0);
	assert_int_equal(b.w.sent[6].worker, 1);
	assert_int_equal(b.w.sent[7].worker, 1);
	b.w.up[1] = false;
	ask(&b, "POST", CONTEXTS, "application/json", "{}");
	assert_int_equal(b.client.status, 503);
	b.w.up[0] = true;
	b.w.fail = -ENOBUFS;
	ask(&b, "POST", CONTEXTS, "application/json", "{}");
	assert_int_equal(b.client.status, 503);
	assert_true(answer_has(&b, "NF_CONGESTION"));
	box_close(&b);
}

/* One of before an upgrade: no new contexts, its own are served, its end is no death. */
static void worker_of_before(void **state)
{
	struct box b;

	(void)state;
	box_open(&b);
	make(&b, "0.a", "asd1", 0);
	make(&b, "1.b", "asd1", 0);
	b.w.draining[b.w.sent[1].worker] = true;
	make(&b, "x", "asd1", 0);
	assert_int_equal(b.w.sent[2].worker, b.w.sent[0].worker);
	ask(&b, "DELETE", CONTEXTS "/1.b", NULL, NULL);
	assert_int_equal(b.w.sent[3].worker, b.w.sent[1].worker);
	reply(&b, 3, 204, "1.b", "", 0, "");
	ask(&b, "GET", "/x-ims-ar/v1/status", NULL, NULL);
	assert_true(answer_has(&b, "\"workers\":1") || answer_has(&b, "\"workers\": 1"));
	assert_true(answer_has(&b, "workersDraining"));
	ask(&b, "GET", "/metrics", NULL, NULL);
	assert_true(answer_has(&b, "mediad_worker_draining{worker=\"old-0\"} 1"));
	assert_true(answer_has(&b, "mediad_poses_total{worker=\"old-0\"} 7"));
	ctl_on_drained(b.c, b.w.sent[1].worker);
	ask(&b, "GET", "/metrics", NULL, NULL);
	assert_true(answer_has(&b, "mediad_worker_drained_total 1"));
	assert_true(answer_has(&b, "mediad_worker_deaths_total 0"));
	assert_int_equal(ctl_contexts(b.c), 2);
	box_close(&b);
}

static void no_answer(void **state)
{
	struct box b;

	(void)state;
	box_open(&b);
	ask(&b, "POST", CONTEXTS, "application/json", "{}");
	pass(&b, CTL_ANSWER_S - 2);
	assert_int_equal(b.client.status, 0);
	pass(&b, 4);
	assert_int_equal(b.client.status, 504);
	/* the context that is made too late is deleted again */
	reply(&b, 0, 201, "0.late", "asd1", 0, "{}");
	assert_int_equal(b.w.n, 2);
	assert_string_equal(b.w.sent[1].op, "delete");
	assert_string_equal(b.w.sent[1].ctx, "0.late");
	assert_int_equal(ctl_contexts(b.c), 0);
	box_close(&b);
}

/* A client that leaves before it knows the id leaves no context. */
static void client_gone(void **state)
{
	struct box b;
	struct h2c other;

	(void)state;
	box_open(&b);
	h2c_open(&other, b.port);
	h2c_ask(&other, "POST", CONTEXTS, "application/json", "{}", 2);
	turn(&b, &other);
	assert_int_equal(b.w.n, 1);
	h2c_close(&other);
	turn(&b, &b.client);
	reply(&b, 0, 201, "0.orphan", "asd1", 0, "{}");
	assert_string_equal(b.w.sent[1].op, "delete");
	assert_string_equal(b.w.sent[1].ctx, "0.orphan");
	assert_int_equal(ctl_contexts(b.c), 0);
	reply(&b, 1, 204, "0.orphan", "", 0, "");
	box_close(&b);
}

static void strange_replies(void **state)
{
	json_t *head = json_pack("{s:i, s:i}", "id", 12345, "status", 200);
	struct box b;

	(void)state;
	box_open(&b);
	ctl_on_reply(b.c, 0, head, AR_SPAN("{}"));
	ask(&b, "POST", CONTEXTS, "application/json", "{}");
	/* the right number from the wrong worker */
	b.w.sent[0].worker ^= 1;
	reply(&b, 0, 200, "", "", 0, "{}");
	assert_int_equal(b.client.status, 0);
	b.w.sent[0].worker ^= 1;
	reply(&b, 0, 201, "0.x", "asd1", 0, "{}");
	assert_int_equal(b.client.status, 201);
	json_decref(head);
	box_close(&b);
}

static void routes(void **state)
{
	static const struct {
		const char *method, *path, *type;
		int status;
	} all[] = {{"GET", "/", NULL, 404}, {"GET", CONTEXTS "/", NULL, 404},
		{"GET", CONTEXTS "/a/b", NULL, 404}, {"PUT", CONTEXTS, NULL, 405},
		{"POST", CONTEXTS "/x", NULL, 405}, {"DELETE", "/metrics", NULL, 405},
		{"POST", CONTEXTS, "text/plain", 415},
		{"PATCH", CONTEXTS "/x", "application/json", 415},
		{"PATCH", CONTEXTS "/x", NULL, 415}, {"GET", CONTEXTS "/x", NULL, 404},
		{"GET", "/x-ims-ar/v1/contexts/x/scenery", NULL, 404},
		{"GET", "/x-ims-ar/v1/contexts//scene", NULL, 404}, {"GET", "/healthz", NULL, 200},
		{"GET", "/x-ims-ar/v1/status", NULL, 200}, {"GET", "/metrics?x=y", NULL, 200},
		{"GET", CONTEXTS "?owner=%", NULL, 200}};
	struct box b;

	(void)state;
	box_open(&b);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		ask(&b, all[i].method, all[i].path, all[i].type, NULL);
		if (b.client.status != all[i].status)
			fail_msg("%s %s: %d", all[i].method, all[i].path, b.client.status);
	}
	assert_int_equal(b.w.n, 0);
	box_close(&b);
}

/* ---- lists, status ---- */

static void lists(void **state)
{
	struct box b;

	(void)state;
	box_open(&b);
	make(&b, "c1", "asd 1", 0);
	make(&b, "c2", "asd2", 0);
	ask(&b, "GET", CONTEXTS, NULL, NULL);
	assert_true(answer_has(&b, "c1") && answer_has(&b, "c2"));
	ask(&b, "GET", CONTEXTS "?x=1&owner=asd%201", NULL, NULL);
	assert_true(answer_has(&b, "\"c1\"") && !answer_has(&b, "c2"));
	assert_true(answer_has(&b, "\"callId\":\"call@ue\"") && answer_has(&b, "\"worker\":"));
	ask(&b, "GET", CONTEXTS "?owner=", NULL, NULL);
	assert_true(answer_has(&b, "{\"contexts\":[]}"));
	ask(&b, "GET", "/x-ims-ar/v1/status", NULL, NULL);
	assert_true(answer_has(&b, "\"load\":25")); /* CPU; 2 of 200 contexts are less */
	assert_true(answer_has(&b, "\"maxContexts\":200") && answer_has(&b, "\"contexts\":2"));
	ask(&b, "GET", "/metrics", NULL, NULL);
	assert_true(answer_has(&b, "mediad_poses_total{worker=\"1\"} 7\n"));
	assert_true(answer_has(&b, "# TYPE mediad_poses_total counter\n"));
	assert_true(answer_has(&b, "mediad_control_answers_2xx_total "));
	box_close(&b);
}

static void draining(void **state)
{
	struct box b;

	(void)state;
	box_open(&b);
	make(&b, "c1", "asd1", 0);
	ctl_drain(b.c, true);
	ask(&b, "POST", CONTEXTS, "application/json", "{}");
	assert_int_equal(b.client.status, 503);
	ask(&b, "GET", CONTEXTS "/c1", NULL, NULL);
	assert_int_equal(b.w.n, 2); /* what is there goes on */
	reply(&b, 1, 200, "", "", 0, "{}");
	ask(&b, "GET", "/x-ims-ar/v1/status", NULL, NULL);
	assert_true(answer_has(&b, "\"draining\":true"));
	ctl_drain(b.c, false);
	make(&b, "c2", "asd1", 0);
	box_close(&b);
}

#define DRAIN "/x-ims-ar/v1/drain"

/* By its number: what is in it goes on, new ones go to the others, and when all drain mediad does.
 */
static void one_worker_drains(void **state)
{
	static const char *const bad[] = {"{\"draining\":true,\"worker\":2}",
		"{\"draining\":true,\"worker\":-1}", "{\"draining\":true,\"worker\":\"0\"}",
		"{\"worker\":0}"};
	struct box b;
	unsigned first;

	(void)state;
	box_open(&b);
	make(&b, "c1", "asd1", 0);
	first = b.w.sent[0].worker;
	for (unsigned i = 0; i < 4; i++) {
		ask(&b, "PUT", DRAIN, "application/json", bad[i]);
		assert_int_equal(b.client.status, 400);
	}
	ask(&b, "PUT", DRAIN, "application/json",
		first ? "{\"draining\":true,\"worker\":0}" : "{\"draining\":true,\"worker\":1}");
	assert_int_equal(b.client.status, 200);
	assert_true(answer_has(&b, "\"draining\":false"));
	for (unsigned i = 1; i < 6; i++) { /* however many the other has by now */
		char id[8];

		snprintf(id, sizeof(id), "d%u", i);
		make(&b, id, "asd1", 0);
		assert_int_equal(b.w.sent[i].worker, first);
	}
	ask(&b, "GET", "/metrics", NULL, NULL);
	assert_true(answer_has(&b, first ? "mediad_worker_draining{worker=\"0\"} 1\n"
					 : "mediad_worker_draining{worker=\"1\"} 1\n"));
	assert_true(answer_has(&b, first ? "mediad_worker_draining{worker=\"1\"} 0\n"
					 : "mediad_worker_draining{worker=\"0\"} 0\n"));
	ask(&b, "PUT", DRAIN, "application/json",
		first ? "{\"draining\":true,\"worker\":1}" : "{\"draining\":true,\"worker\":0}");
	assert_true(answer_has(&b, "\"draining\":true"));
	ask(&b, "POST", CONTEXTS, "application/json", "{}");
	assert_int_equal(b.client.status, 503);
	ask(&b, "GET", CONTEXTS "/c1", NULL, NULL);
	reply(&b, 6, 200, "", "", 0, "{}");
	ask(&b, "PUT", DRAIN, "application/json", "{\"draining\":false,\"worker\":0}");
	assert_true(answer_has(&b, "\"draining\":false"));
	make(&b, "c2", "asd1", 0);
	assert_int_equal(b.w.sent[7].worker, 0);
	box_close(&b);
}

/* ---- events and leases ---- */

static void events(void **state)
{
	json_t *ev =
		json_pack("{s:s, s:s, s:s}", "ev", "peer", "contextId", "c1", "state", "connected");
	struct box b;
	struct h2c c;

	(void)state;
	box_open(&b);
	h2c_open(&c, b.port);
	h2c_ask(&c, "GET", "/x-ims-ar/v1/events?owner=asd1", NULL, NULL, 0);
	turn(&b, &c);
	assert_int_equal(c.status, 200);
	assert_non_null(memmem(c.body.p, c.body.n, "{\"ev\":\"hello\",\"instance\":\"", 25));
	ctl_on_event(b.c, 0, ev);
	turn(&b, &c);
	assert_non_null(memmem(c.body.p, c.body.n, "\"connected\"}\n", 13));
	vclock_set(vclock_now() + SEC);
	turn(&b, &c);
	assert_non_null(memmem(c.body.p, c.body.n, "\"ev\":\"load\"", 11));
	h2c_close(&c);
	turn(&b, &b.client);
	ctl_on_event(b.c, 0, ev); /* to nobody */
	json_decref(ev);
	box_close(&b);
}

static void too_many_streams(void **state)
{
	struct box b;

	(void)state;
	box_open(&b);
	for (unsigned i = 0; i < CTL_MAX_SUBSCRIBERS; i++)
		ask(&b, "GET", "/x-ims-ar/v1/events", NULL, NULL);
	assert_int_equal(b.client.status, 200);
	ask(&b, "GET", "/x-ims-ar/v1/events", NULL, NULL);
	assert_int_equal(b.client.status, 503);
	box_close(&b);
}

static void leases(void **state)
{
	struct box b;
	struct h2c c;

	(void)state;
	box_open(&b);
	make(&b, "short", "nobody", 5);
	make(&b, "default", "nobody", 0);
	make(&b, "patched", "nobody", 5);
	make(&b, "heard", "asd1", 5);
	h2c_open(&c, b.port);
	h2c_ask(&c, "GET", "/x-ims-ar/v1/events?owner=asd1", NULL, NULL, 0);
	turn(&b, &c);
	pass(&b, 3);
	ask(&b, "PATCH", CONTEXTS "/patched", "application/json-patch+json", "[]");
	reply(&b, b.w.n - 1, 200, "patched", "nobody", 5, "{}");
	pass(&b, 4);
	ask(&b, "GET", CONTEXTS, NULL, NULL);
	assert_true(!answer_has(&b, "short") && answer_has(&b, "patched"));
	assert_true(answer_has(&b, "default") && answer_has(&b, "heard"));
	turn(&b, &c);
	assert_non_null(memmem(c.body.p, c.body.n, "\"short\",\"reason\":\"lease\"", 24));
	assert_string_equal(b.w.sent[b.w.n - 1].op, "delete"); /* the worker was told */
	pass(&b, 60);
	ask(&b, "GET", CONTEXTS, NULL, NULL);
	assert_true(answer_has(&b, "heard") && !answer_has(&b, "patched"));
	h2c_close(&c);
	pass(&b, 8);
	ask(&b, "GET", CONTEXTS, NULL, NULL);
	assert_true(!answer_has(&b, "heard") && answer_has(&b, "default"));
	pass(&b, 300);
	assert_int_equal(ctl_contexts(b.c), 0);
	box_close(&b);
}

static void worker_dies(void **state)
{
	struct box b;
	struct h2c c;
	char gone[64];
	unsigned dead;

	(void)state;
	box_open(&b);
	make(&b, "c0", "asd1", 0);
	make(&b, "c1", "asd1", 0);
	dead = b.w.sent[0].worker;
	h2c_open(&c, b.port);
	h2c_ask(&c, "GET", "/x-ims-ar/v1/events", NULL, NULL, 0);
	turn(&b, &c);
	ask(&b, "GET", CONTEXTS "/c0", NULL, NULL); /* under way when it happens */
	ctl_on_died(b.c, dead, "worker died of signal 9");
	turn(&b, &b.client);
	assert_int_equal(b.client.status, 503);
	assert_true(answer_has(&b, "signal 9"));
	turn(&b, &c);
	snprintf(gone, sizeof(gone), "\"c0\",\"reason\":\"worker died of signal 9\"");
	assert_non_null(memmem(c.body.p, c.body.n, gone, strlen(gone)));
	assert_int_equal(ctl_contexts(b.c), 1);
	ask(&b, "GET", CONTEXTS "/c0", NULL, NULL);
	assert_int_equal(b.client.status, 404);
	h2c_close(&c);
	box_close(&b);
}

/* A context that its worker ended, or no longer knows, is off the list. */
static void ended_by_its_worker(void **state)
{
	json_t *ev = json_pack(
		"{s:s, s:s, s:s}", "ev", "context-gone", "contextId", "c0", "reason", "idle");
	struct box b;

	(void)state;
	box_open(&b);
	make(&b, "c0", "asd1", 0);
	make(&b, "c1", "asd1", 0);
	ctl_on_event(b.c, b.w.sent[0].worker, ev);
	assert_int_equal(ctl_contexts(b.c), 1);
	ask(&b, "GET", CONTEXTS "/c1", NULL, NULL);
	reply(&b, 2, 404, "", "", 0, "{}");
	assert_int_equal(b.client.status, 404);
	assert_int_equal(ctl_contexts(b.c), 0);
	json_decref(ev);
	box_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(create_and_location),
		cmocka_unit_test(refused_create),
		cmocka_unit_test(one_worker_for_a_shared_scene),
		cmocka_unit_test(least_loaded),
		cmocka_unit_test(worker_of_before),
		cmocka_unit_test(no_answer),
		cmocka_unit_test(client_gone),
		cmocka_unit_test(strange_replies),
		cmocka_unit_test(routes),
		cmocka_unit_test(lists),
		cmocka_unit_test(draining),
		cmocka_unit_test(one_worker_drains),
		cmocka_unit_test(events),
		cmocka_unit_test(too_many_streams),
		cmocka_unit_test(leases),
		cmocka_unit_test(worker_dies),
		cmocka_unit_test(ended_by_its_worker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
