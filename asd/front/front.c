/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/front/front.h"
#include "asd/admin/admin.h"
#include "asd/asd.h"
#include "asd/call/call_flow.h"
#include "asd/front/front_listen.h"
#include "asd/front/front_msg.h"
#include "common/ar_frame.h"
#include "common/ar_json.h"
#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum conn_kind { CONN_NEW, CONN_SIP, CONN_ADMIN };

struct conn {
	struct front *f;
	uint32_t id;
	struct bufferevent *bev;
	enum conn_kind kind;
	char name[64], instance[64], from[64];
	uint64_t heard; /* last whole frame */
	uint64_t ack; /* highest event to acknowledge, 0: none */
	uint32_t listing; /* the resync under way, 0: none */
	bool closing;
};

/* Event numbers of one module instance that were seen, to drop what is sent again. */
struct module {
	char instance[64];
	uint64_t last, used;
	uint64_t bits[FRONT_WINDOW / 64];
};

struct front {
	struct asd *asd;
	struct front_listener *listeners;
	struct ar_ids conns;
	struct event *tick, *reap;
	struct module modules[FRONT_MODULES];
};

/* ---- closing ---- */

static void conn_free(struct conn *c)
{
	ar_ids_remove(&c->f->conns, c->id);
	bufferevent_free(c->bev);
	free(c);
}

/* Never frees: the reader may be at work on this connection. on_reap() does. */
static void conn_close(struct conn *c, enum asd_counter why, const char *reason)
{
	if (c->closing)
		return;
	c->closing = true;
	bufferevent_disable(c->bev, EV_READ);
	event_active(c->f->reap, 0, 0);
	if (why == ASD_NCOUNTERS)
		return;
	asd_count(c->f->asd, why);
	ar_log_limited(AR_LOG_WARN, "front", "closing the connection of %s%s%s: %s", c->from,
		c->name[0] ? " " : "", c->name, reason);
}

/* ---- sending ---- */

static void conn_send(struct conn *c, json_t *j)
{
	size_t max = (size_t)c->f->asd->conf.send_buffer_kib * 1024;
	struct evbuffer *out = bufferevent_get_output(c->bev);
	char *text = j ? ar_json_text(j) : NULL;
	size_t n = text ? strlen(text) : 0;
	uint8_t head[AR_FRAME_HEAD] = {
		(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};

	json_decref(j);
	if (c->closing || n == 0) {
		free(text);
		return;
	}
	if (n > AR_FRAME_MAX) {
		ar_log(AR_LOG_ERR, "front", "an answer of %zu bytes is too long for a frame", n);
		free(text);
		return;
	}
	if (evbuffer_get_length(out) + n + sizeof(head) > max) {
		free(text);
		conn_close(c, ASD_FRONT_SLOW, "it does not read");
		return;
	}
	evbuffer_add(out, head, sizeof(head));
	evbuffer_add(out, text, n);
	free(text);
}

int front_answer(struct asd *a, struct front_ref ref, json_t *reply)
{
	struct conn *c = ar_ids_get(&a->front->conns, ref.conn);

	int err = reply ? 0 : -ENOMEM;

	if (!c || c->closing) {
		json_decref(reply);
		return c ? -ENOMEM : -ENOTCONN;
	}
	if (!reply) /* nobody may wait for nothing */
		reply = front_error("no_resources", "the answer has no JSON form");
	if (reply) {
		json_object_set_new(reply, "id", json_integer(ref.id));
		conn_send(c, reply);
	}
	return err;
}

bool front_tell(struct asd *a, const char *module, json_t *j)
{
	struct conn *c;
	bool told = false;

	for (uint32_t pos = 0; (c = ar_ids_next(&a->front->conns, &pos));) {
		if (c->kind != CONN_SIP || c->closing || strcmp(c->name, module) != 0)
			continue;
		conn_send(c, json_incref(j));
		told = true;
	}
	json_decref(j);
	return told;
}

/* Several connections of one instance to one asd are "x", "x.1", "x.2". */
static bool same_instance(const char *a, const char *b)
{
	size_t n = strcspn(a, ".");

	return n == strcspn(b, ".") && memcmp(a, b, n) == 0;
}

bool front_restarted(struct asd *a, const char *module, const char *instance)
{
	struct conn *c;
	bool other = false;

	for (uint32_t pos = 0; (c = ar_ids_next(&a->front->conns, &pos));) {
		if (c->kind != CONN_SIP || c->closing || strcmp(c->name, module) != 0)
			continue;
		if (same_instance(c->instance, instance))
			return false;
		other = true;
	}
	return other;
}

void front_settle(struct front *f)
{
	struct conn *c;

	for (uint32_t pos = 0; (c = ar_ids_next(&f->conns, &pos));) {
		if (!c->ack)
			continue;
		conn_send(c, json_pack("{s:I}", "ack", (json_int_t)c->ack));
		c->ack = 0;
	}
}

/* ---- events: each number once ---- */

static struct module *module_of(struct front *f, const char *instance)
{
	struct module *oldest = &f->modules[0];

	for (unsigned i = 0; i < FRONT_MODULES; i++) {
		struct module *m = &f->modules[i];

		if (m->used && strcmp(m->instance, instance) == 0) {
			m->used = asd_now(f->asd);
			return m;
		}
		if (m->used < oldest->used)
			oldest = m;
	}
	*oldest = (struct module){.used = asd_now(f->asd)};
	snprintf(oldest->instance, sizeof(oldest->instance), "%s", instance);
	return oldest;
}

static void forward(struct module *m, uint64_t seq)
{
	if (seq - m->last >= FRONT_WINDOW)
		memset(m->bits, 0, sizeof(m->bits));
	else
		for (uint64_t s = m->last + 1; s <= seq; s++)
			m->bits[s % FRONT_WINDOW / 64] &= ~(1ull << s % 64);
	m->last = seq;
}

/* Older than the window: not known to be a repetition; the call knows events by their meaning. */
static bool seen_before(struct module *m, uint64_t seq)
{
	uint64_t bit = 1ull << seq % 64, *word = &m->bits[seq % FRONT_WINDOW / 64];
	bool seen;

	if (seq > m->last)
		forward(m, seq);
	else if (m->last - seq >= FRONT_WINDOW)
		return false;
	seen = (*word & bit) != 0;
	*word |= bit;
	return seen;
}

static void take_event(struct conn *c, const json_t *j)
{
	struct asd *a = c->f->asd;
	json_int_t seq = json_integer_value(json_object_get(j, "seq"));
	struct front_event ev;
	char why[80];

	if (seq <= 0) {
		conn_close(c, ASD_FRONT_GARBAGE, "an event without seq");
		return;
	}
	asd_count(a, ASD_EVENTS);
	if (seen_before(module_of(c->f, c->instance), (uint64_t)seq)) {
		asd_count(a, ASD_EVENTS_REPEATED);
	} else if (front_read_event(&ev, j, why) != 0) {
		asd_count(a, ASD_EVENTS_UNKNOWN);
		ar_log_limited(
			AR_LOG_WARN, "front", "event %lld of %s: %s", (long long)seq, c->name, why);
	} else {
		if (strcmp(ev.pass, "through") != 0) /* another one may have anchored it */
			call_on_instance(a, ev.call, c->instance);
		call_on_event(a, &ev);
	}
	if ((uint64_t)seq > c->ack)
		c->ack = (uint64_t)seq;
	asd_settle_later(a);
}

/* ---- requests ---- */

static void refuse(struct conn *c, int64_t id, const char *code, const char *reason)
{
	asd_count(c->f->asd, ASD_FRONT_BAD_REQUEST);
	front_answer(
		c->f->asd, (struct front_ref){.conn = c->id, .id = id}, front_error(code, reason));
}

static void take_hello(struct conn *c, int64_t id, const json_t *j)
{
	struct asd *a = c->f->asd;
	struct front_hello h;
	char why[80];

	if (front_read_hello(&h, j, why) != 0) {
		refuse(c, id, "malformed", why);
		return;
	}
	if (h.v != FRONT_VERSION) {
		snprintf(why, sizeof(why), "asd speaks version %d", FRONT_VERSION);
		refuse(c, id, "version", why);
		return;
	}
	if (strcmp(h.kind, "sip") != 0 && strcmp(h.kind, "admin") != 0) {
		refuse(c, id, "malformed", "member kind: want \"sip\" or \"admin\"");
		return;
	}
	c->kind = *h.kind == 's' ? CONN_SIP : CONN_ADMIN;
	snprintf(c->name, sizeof(c->name), "%s", h.name);
	snprintf(c->instance, sizeof(c->instance), "%s", h.instance);
	front_answer(a, (struct front_ref){.conn = c->id, .id = id},
		json_pack("{s:b, s:i, s:s, s:s}", "ok", 1, "v", FRONT_VERSION, "instance",
			a->instance, "version", IMS_AR_VERSION));
	if (c->kind != CONN_SIP)
		return;
	ar_log(AR_LOG_NOTICE, "front", "module %s connected, instance %s", c->name, c->instance);
	call_on_module(a, c->name);
}

static void take_offer(struct conn *c, int64_t id, const json_t *j)
{
	struct front_offer o;
	char why[80];

	asd_count(c->f->asd, ASD_OFFERS);
	if (front_read_offer(&o, j, why) != 0) {
		asd_count(c->f->asd, ASD_OFFERS_MALFORMED);
		ar_log_limited(AR_LOG_WARN, "front", "offer of %s: %s", c->name, why);
		refuse(c, id, "malformed", why);
		return;
	}
	call_on_offer(c->f->asd, &o, c->name, (struct front_ref){.conn = c->id, .id = id});
	call_on_instance(c->f->asd, o.call, c->instance);
}

static void take_map(struct conn *c, int64_t id, const json_t *j)
{
	const char *token = json_string_value(json_object_get(j, "call"));
	json_t *reply = token ? call_map(c->f->asd, token) : NULL;

	if (reply)
		front_answer(
			c->f->asd, (struct front_ref){.conn = c->id, .id = id}, json_incref(reply));
	else
		refuse(c, id, "no_call", "asd has no answered call of that name");
	json_decref(reply);
}

static void take_resync(struct conn *c, int64_t id, const json_t *j)
{
	const json_t *calls = json_object_get(j, "calls"), *more = json_object_get(j, "more"), *t;
	struct asd *a = c->f->asd;
	size_t i;

	if (!json_is_array(calls) || !json_is_boolean(more)) {
		refuse(c, id, "malformed", "want members calls and more");
		return;
	}
	if (!c->listing)
		c->listing = call_listing(a);
	json_array_foreach(calls, i, t)
	{
		if (json_is_string(t))
			call_on_listed(a, c->listing, json_string_value(t));
	}
	if (json_is_false(more)) {
		call_on_all_listed(a, c->listing, c->instance);
		c->listing = 0;
	}
	front_answer(a, (struct front_ref){.conn = c->id, .id = id}, front_ok());
}

static void take_ping(struct conn *c, int64_t id, const json_t *j)
{
	(void)j;
	front_answer(c->f->asd, (struct front_ref){.conn = c->id, .id = id}, front_ok());
}

static void take_admin(struct conn *c, int64_t id, const json_t *j)
{
	struct front_admin m;
	char why[80];

	if (front_read_admin(&m, j, why) != 0)
		refuse(c, id, "malformed", why);
	else
		admin_command(c->f->asd, (struct front_ref){.conn = c->id, .id = id},
			json_string_value(json_object_get(j, "cmd")), m.arg);
}

static const struct {
	const char *cmd;
	enum conn_kind kind; /* CONN_NEW: both */
	void (*take)(struct conn *c, int64_t id, const json_t *j);
} commands[] = {
	{"ping", CONN_NEW, take_ping},
	{"offer", CONN_SIP, take_offer},
	{"map", CONN_SIP, take_map},
	{"resync", CONN_SIP, take_resync},
	{"status", CONN_ADMIN, take_admin},
	{"calls", CONN_ADMIN, take_admin},
	{"call", CONN_ADMIN, take_admin},
	{"reload", CONN_ADMIN, take_admin},
	{"policy", CONN_ADMIN, take_admin},
	{"media", CONN_ADMIN, take_admin},
	{"drain", CONN_ADMIN, take_admin},
};

static void take_request(struct conn *c, const char *cmd, const json_t *j)
{
	const json_t *id = json_object_get(j, "id");

	if (!json_is_integer(id)) {
		conn_close(c, ASD_FRONT_GARBAGE, "a request without id");
		return;
	}
	if (c->kind == CONN_NEW) {
		if (strcmp(cmd, "hello") == 0)
			take_hello(c, json_integer_value(id), j);
		else
			conn_close(c, ASD_FRONT_GARBAGE, "its first frame is not hello");
		return;
	}
	for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].cmd, cmd) != 0)
			continue;
		if (commands[i].kind == CONN_NEW || commands[i].kind == c->kind)
			commands[i].take(c, json_integer_value(id), j);
		else
			refuse(c, json_integer_value(id), "unknown_cmd",
				"not for this kind of connection");
		return;
	}
	refuse(c, json_integer_value(id), "unknown_cmd", "no such command");
}

static void take_frame(struct conn *c, struct ar_span body)
{
	json_error_t e;
	json_t *j = ar_json_load(body, JSON_REJECT_DUPLICATES, &e);
	const char *cmd = json_string_value(json_object_get(j, "cmd"));

	c->heard = asd_now(c->f->asd);
	if (!json_is_object(j))
		conn_close(c, ASD_FRONT_GARBAGE, j ? "a frame is not a JSON object" : e.text);
	else if (!cmd)
		conn_close(c, ASD_FRONT_GARBAGE, "a frame without cmd");
	else if (strcmp(cmd, "event") == 0 && c->kind == CONN_SIP)
		take_event(c, j);
	else
		take_request(c, cmd, j);
	json_decref(j);
}

/* ---- the socket ---- */

static int next_frame(struct evbuffer *in, struct ar_span *body, size_t *used)
{
	uint8_t head[AR_FRAME_HEAD];
	size_t have = evbuffer_get_length(in), want;
	int r;

	if (evbuffer_copyout(in, head, sizeof(head)) != (ev_ssize_t)sizeof(head))
		return 0;
	want = ((size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3]) +
	       AR_FRAME_HEAD;
	if (want > AR_FRAME_HEAD + AR_FRAME_MAX)
		return -EBADMSG;
	if (have < want)
		return 0;
	r = ar_frame_next(
		(struct ar_span){(const char *)evbuffer_pullup(in, (ev_ssize_t)want), want}, body,
		used);
	return r;
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	struct ar_span body;
	size_t used;
	int r = 0;

	while (!c->closing && (r = next_frame(in, &body, &used)) == 1) {
		take_frame(c, body);
		evbuffer_drain(in, used);
	}
	if (r < 0)
		conn_close(c, ASD_FRONT_GARBAGE, "a frame's length is 0 or too long");
}

static void on_socket(struct bufferevent *bev, short what, void *arg)
{
	struct conn *c = arg;

	(void)bev;
	(void)what;
	if (c->kind == CONN_SIP && !c->closing)
		ar_log(AR_LOG_NOTICE, "front", "module %s disconnected", c->name);
	conn_free(c);
}

/* A closing connection gets what was written to it, for at most a tick. */
static void on_reap(evutil_socket_t fd, short what, void *arg)
{
	struct front *f = arg;
	struct conn *c;

	(void)fd;
	(void)what;
	for (uint32_t pos = 0; (c = ar_ids_next(&f->conns, &pos));) {
		if (c->closing && evbuffer_get_length(bufferevent_get_output(c->bev)) == 0)
			conn_free(c);
	}
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct front *f = arg;
	uint64_t now = asd_now(f->asd);
	struct conn *c;

	(void)fd;
	(void)what;
	for (uint32_t pos = 0; (c = ar_ids_next(&f->conns, &pos));) {
		unsigned limit = c->kind == CONN_NEW ? FRONT_HELLO_S : FRONT_SILENCE_S;

		if (c->closing)
			conn_free(c);
		else if (now - c->heard > limit * AR_SEC)
			conn_close(c, ASD_FRONT_SILENT,
				c->kind == CONN_NEW ? "no hello" : "it fell silent");
	}
}

static void on_accept(void *arg, evutil_socket_t fd, const char *from)
{
	struct front *f = arg;
	struct conn *c = NULL;

	if (f->conns.used >= (uint32_t)f->asd->conf.max_connections) {
		asd_count(f->asd, ASD_FRONT_REFUSED);
		ar_log_limited(AR_LOG_WARN, "front",
			"refused a connection of %s: [front] max_connections = %ld reached", from,
			f->asd->conf.max_connections);
	} else {
		c = calloc(1, sizeof(*c));
	}
	if (c)
		c->bev = bufferevent_socket_new(
			f->asd->base, fd, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (!c || !c->bev || ar_ids_add(&f->conns, c, &c->id) != 0) {
		if (c && c->bev)
			bufferevent_free(c->bev);
		else
			evutil_closesocket(fd);
		free(c);
		return;
	}
	c->f = f;
	c->heard = asd_now(f->asd);
	snprintf(c->from, sizeof(c->from), "%s", from);
	asd_count(f->asd, ASD_FRONT_ACCEPTED);
	bufferevent_setwatermark(c->bev, EV_READ, 0, AR_FRAME_HEAD + AR_FRAME_MAX);
	bufferevent_setcb(c->bev, on_read, NULL, on_socket, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

/* ---- life ---- */

int front_open(struct front **fp, struct asd *a, struct ar_buf *err)
{
	struct front *f = calloc(1, sizeof(*f));
	int e;

	if (!f)
		return -ENOMEM;
	f->asd = a;
	ar_ids_init(&f->conns, (uint32_t)a->conf.max_connections + 1);
	f->reap = event_new(a->base, -1, 0, on_reap, f);
	if (!f->reap) {
		front_close(f);
		return -ENOMEM;
	}
	e = front_listen(&f->listeners, a->base, &a->conf, on_accept, f, err);
	if (e) {
		front_close(f);
		return e;
	}
	*fp = f;
	return 0;
}

int front_start(struct front *f)
{
	struct timeval second = {.tv_sec = 1};

	f->tick = event_new(f->asd->base, -1, EV_PERSIST, on_tick, f);
	if (!f->tick || event_add(f->tick, &second) != 0)
		return -ENOMEM;
	return front_listen_start(f->listeners);
}

void front_close(struct front *f)
{
	struct conn *c;

	if (!f)
		return;
	front_unlisten(f->listeners);
	for (uint32_t pos = 0; (c = ar_ids_next(&f->conns, &pos));)
		conn_free(c);
	ar_ids_free(&f->conns);
	if (f->tick)
		event_free(f->tick);
	if (f->reap)
		event_free(f->reap);
	free(f);
}

void front_counts(const struct front *f, unsigned *all, unsigned *modules)
{
	struct conn *c;

	*all = f->conns.used;
	*modules = 0;
	for (uint32_t pos = 0; (c = ar_ids_next(&f->conns, &pos));)
		*modules += c->kind == CONN_SIP && !c->closing;
}

void front_items(const struct front *f, json_t *items)
{
	struct conn *c;

	for (uint32_t pos = 0; (c = ar_ids_next(&f->conns, &pos));) {
		if (c->kind == CONN_SIP && !c->closing)
			json_array_append_new(
				items, json_pack("{s:s, s:s, s:s}", "module", c->name, "instance",
					       c->instance, "from", c->from));
	}
}
