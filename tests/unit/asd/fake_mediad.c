/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_mediad.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <limits.h>
#include <netinet/in.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct stream {
	struct stream *next;
	struct conn *conn;
	int32_t id;
	char method[16], path[256];
	char *in, *out;
	size_t in_n, out_n, out_at;
	bool events, answered;
	int status;
	struct event *later;
};

struct conn {
	struct conn *next;
	struct fake_mediad *f;
	struct bufferevent *bev;
	nghttp2_session *session;
	struct stream *streams;
};

struct fake_mediad {
	struct event_base *base;
	struct evconnlistener *listener;
	struct event *load;
	struct fake_manners manners;
	struct conn *conns;
	json_t *contexts;
	char instance[64];
	unsigned next, posts, patches, deletes, gets;
	bool down;
};

static void flush(struct conn *c)
{
	const uint8_t *p;
	ssize_t n;

	while ((n = nghttp2_session_mem_send(c->session, &p)) > 0)
		bufferevent_write(c->bev, p, (size_t)n);
}

/* ---- answers ---- */

static ssize_t read_out(nghttp2_session *s, int32_t id, uint8_t *buf, size_t cap, uint32_t *flags,
	nghttp2_data_source *src, void *arg)
{
	struct stream *st = nghttp2_session_get_stream_user_data(s, id);
	size_t n = st ? st->out_n - st->out_at : 0;

	(void)src;
	(void)arg;
	if (n > cap)
		n = cap;
	if (n)
		memcpy(buf, st->out + st->out_at, n);
	if (st)
		st->out_at += n;
	if (!st || (!st->events && st->out_at == st->out_n))
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	else if (n == 0)
		return NGHTTP2_ERR_DEFERRED;
	return (ssize_t)n;
}

static void add_out(struct stream *st, const char *text, size_t n)
{
	st->out = realloc(st->out, st->out_n + n + 1);
	memcpy(st->out + st->out_n, text, n);
	st->out_n += n;
}

static void respond(struct stream *st, int status, json_t *body)
{
	nghttp2_data_provider data = {.read_callback = read_out};
	char code[8], *text = body ? json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	nghttp2_nv head[2] = {{(uint8_t *)":status", (uint8_t *)code, 7, 3, 0},
		{(uint8_t *)"content-type", (uint8_t *)"application/json", 12, 16, 0}};

	snprintf(code, sizeof(code), "%d", status);
	if (text)
		add_out(st, text, strlen(text));
	free(text);
	json_decref(body);
	st->answered = true;
	nghttp2_submit_response(
		st->conn->session, st->id, head, 2, st->out_n || st->events ? &data : NULL);
	flush(st->conn);
}

static void event_line(struct stream *st, const json_t *j)
{
	char *text = json_dumps(j, JSON_COMPACT);

	add_out(st, text, strlen(text));
	add_out(st, "\n", 1);
	free(text);
	nghttp2_session_resume_data(st->conn->session, st->id);
	flush(st->conn);
}

static json_t *problem(int status, const char *detail)
{
	return json_pack("{s:i, s:s}", "status", status, "detail", detail);
}

/* ---- contexts ---- */

static void local_dc(json_t *m)
{
	json_object_set_new(json_object_get(m, "dcMedia"), "localDcEndpoint",
		json_pack("{s:i, s:s, s:s}", "sctpPort", 5000, "fingerprint",
			"SHA-256 CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:"
			"CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD",
			"tlsId", "abcdefghijklmnopqrst"));
	json_object_set_new(
		json_object_get(m, "x-ims-ar"), "localMaxMessageSize", json_integer(262144));
}

static bool is_av(const json_t *m)
{
	const char *type = json_string_value(json_object_get(m, "mediaResourceType"));

	return type && strcmp(type, "AR") == 0;
}

static void local_medium(const struct fake_mediad *f, json_t *m, size_t t, size_t i)
{
	json_t *x = json_object_get(m, "x-ims-ar");
	char ufrag[32], candidate[80];
	int port = 20000 + (int)(10 * i + t);

	snprintf(ufrag, sizeof(ufrag), "%s%u%c", is_av(m) ? "av" : "uf", f->next, t ? 'b' : 'a');
	snprintf(candidate, sizeof(candidate), "1 1 UDP 2130706431 198.51.100.9 %d typ host", port);
	json_object_set_new(m, "localMbEndpoint",
		json_pack("{s:{s:s}, s:s, s:i}", "ip", "ipv4Addr", "198.51.100.9", "transport",
			"UDP", "portNumber", port));
	json_object_set_new(x, "ice",
		json_pack("{s:s, s:s, s:b, s:[s]}", "ufrag", ufrag, "pwd", "0123456789abcdefghijkl",
			"lite", 1, "candidates", candidate));
	if (is_av(m) && !f->manners.old_mask)
		json_object_set(
			x, "ssrcMask", json_object_get(json_object_get(x, "local"), "ssrcMask"));
	if (is_av(m))
		json_object_set_new(x, "fingerprint", json_string("SHA-256 EF:EF:EF:EF"));
	else
		local_dc(m);
}

/* again: those that have theirs get new ones. */
static void local_facts(const struct fake_mediad *f, json_t *context, bool again)
{
	json_t *t, *m;
	size_t i, k;

	json_array_foreach(json_object_get(context, "terminations"), i, t)
	{
		json_array_foreach(json_object_get(t, "medias"), k, m)
		{
			if (again || !json_object_get(m, "localMbEndpoint"))
				local_medium(f, m, i, k);
		}
	}
}

/* The first medium that the ARMF would have to take; NULL: none. */
static json_t *refused_medium(const json_t *medias_or_ops)
{
	char param[60];
	json_t *e;
	size_t i;

	json_array_foreach(medias_or_ops, i, e)
	{
		const json_t *m = json_object_get(e, "value") ? json_object_get(e, "value") : e;

		if (!is_av(m))
			continue;
		snprintf(param, sizeof(param), "/terminations/0/medias/%zu", i + (m != e));
		return json_pack("{s:i, s:s, s:s, s:[{s:s}]}", "status", 503, "cause",
			"INSUFFICIENT_RESOURCES", "detail", "told to be full", "invalidParams",
			"param", param);
	}
	return NULL;
}

static json_t *create(struct fake_mediad *f, const struct stream *st)
{
	json_t *c = json_loadb(st->in, st->in_n, 0, NULL);
	char id[32];

	if (f->manners.bad_doc) {
		json_decref(c);
		return json_object();
	}
	snprintf(id, sizeof(id), "c%u", ++f->next);
	json_object_set_new(c, "contextId", json_string(id));
	local_facts(f, c, true);
	json_object_set(f->contexts, id, c);
	return c;
}

static void apply_op(json_t *at, const char *last, const json_t *op)
{
	const char *what = json_string_value(json_object_get(op, "op"));

	if (!what || strcmp(what, "test") == 0)
		return;
	if (json_is_array(at) && strcmp(what, "remove") == 0)
		json_array_remove(at, (size_t)atoi(last));
	else if (json_is_array(at))
		json_array_append(at, json_object_get(op, "value"));
	else if (strcmp(what, "remove") == 0)
		json_object_del(at, last);
	else
		json_object_set(at, last, json_object_get(op, "value"));
}

/* Enough of RFC 6902 for what asd sends; tests hold. */
static void patch(json_t *c, const json_t *ops)
{
	json_t *op;
	size_t i;

	json_array_foreach(ops, i, op)
	{
		char path[256], *save = NULL, *tok, *next;
		json_t *at = c;

		snprintf(path, sizeof(path), "%s", json_string_value(json_object_get(op, "path")));
		tok = strtok_r(path, "/", &save);
		while (tok && (next = strtok_r(NULL, "/", &save))) {
			at = json_is_array(at) ? json_array_get(at, (size_t)atoi(tok))
					       : json_object_get(at, tok);
			tok = next;
		}
		if (tok)
			apply_op(at, tok, op);
	}
}

static json_t *list(struct fake_mediad *f)
{
	json_t *a = json_array(), *c;
	const char *id;

	json_object_foreach(f->contexts, id, c)
		json_array_append_new(a, json_pack("{s:s, s:O}", "contextId", id, "x-ims-ar",
						 json_object_get(c, "x-ims-ar")));
	return json_pack("{s:o}", "contexts", a);
}

static void serve_patch(struct fake_mediad *f, struct stream *st, json_t *c)
{
	json_t *ops = json_loadb(st->in, st->in_n, 0, NULL);
	json_t *no = f->manners.armf_full ? refused_medium(ops) : NULL;

	if (no) {
		respond(st, 503, no);
	} else {
		patch(c, ops);
		f->next += f->manners.new_ice != 0;
		local_facts(f, c, f->manners.new_ice != 0);
		respond(st, 200, json_incref(c));
	}
	json_decref(ops);
}

static void serve_create(struct fake_mediad *f, struct stream *st)
{
	json_t *c = f->manners.armf_full ? json_loadb(st->in, st->in_n, 0, NULL) : NULL;
	json_t *first = json_array_get(json_object_get(c, "terminations"), 0);
	json_t *no = refused_medium(json_object_get(first, "medias"));

	if (no)
		respond(st, 503, no);
	else
		respond(st, 201, create(f, st));
	json_decref(c);
}

/* With figures, as of a call that has been used. */
static json_t *live(const json_t *c)
{
	json_t *copy = json_deep_copy(c),
	       *figures = json_pack("{s:i, s:i, s:i}", "poses", 7, "actions", 3, "updates", 5);

	json_object_update_missing(json_object_get(copy, "x-ims-ar"), figures);
	json_decref(figures);
	return copy;
}

static void serve_context(struct fake_mediad *f, struct stream *st, const char *id)
{
	json_t *c = json_object_get(f->contexts, id);

	if (!c) {
		respond(st, 404, problem(404, "no such context"));
	} else if (strcmp(st->method, "DELETE") == 0) {
		if (f->manners.delete_status) {
			respond(st, f->manners.delete_status, problem(500, "told to"));
			return;
		}
		json_object_del(f->contexts, id);
		respond(st, 204, NULL);
	} else if (strcmp(st->method, "PATCH") == 0 && f->manners.patch_status) {
		respond(st, f->manners.patch_status, problem(400, "told to"));
	} else if (strcmp(st->method, "PATCH") == 0) {
		serve_patch(f, st, c);
	} else {
		respond(st, 200, live(c));
	}
}

/* GET /x-ims-ar/v1/contexts/c1/snapshot?termination=a&media=v1 */
static void serve_snapshot(struct fake_mediad *f, struct stream *st)
{
	if (f->manners.no_picture)
		respond(st, 409, problem(409, "not processed now"));
	else
		respond(st, 200, json_string(st->path));
}

static void open_events(struct fake_mediad *f, struct stream *st)
{
	st->events = true;
	respond(st, 200, NULL);
	if (f->manners.silent_events)
		return;
	json_t *hello = json_pack("{s:s, s:s}", "ev", "hello", "instance", f->instance);
	event_line(st, hello);
	json_decref(hello);
}

static void serve(struct stream *st)
{
	static const char contexts[] = "/nmf-mrm/v1/contexts";
	struct fake_mediad *f = st->conn->f;
	size_t n = sizeof(contexts) - 1;

	if (strncmp(st->path, "/x-ims-ar/v1/events", 19) == 0)
		open_events(f, st);
	else if (strncmp(st->path, "/x-ims-ar/v1/contexts/", 22) == 0 &&
		 strstr(st->path, "/snapshot?"))
		serve_snapshot(f, st);
	else if (strncmp(st->path, contexts, n) != 0)
		respond(st, 404, problem(404, "no such path"));
	else if (st->path[n] == '/')
		serve_context(f, st, st->path + n + 1);
	else if (strcmp(st->method, "GET") == 0)
		respond(st, f->manners.list_status ? f->manners.list_status : 200, list(f));
	else if (f->manners.post_status)
		respond(st, f->manners.post_status, problem(503, "told to refuse"));
	else if (f->manners.share_full && memmem(st->in, st->in_n, "\"share\"", 7))
		respond(st, 403,
			json_pack("{s:i, s:s, s:s}", "status", 403, "cause", "SHARE_FULL", "detail",
				"4 participants are the limit"));
	else
		serve_create(f, st);
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	serve(arg);
}

static void on_request(struct stream *st)
{
	struct fake_mediad *f = st->conn->f;
	bool post = strcmp(st->method, "POST") == 0, patching = strcmp(st->method, "PATCH") == 0,
	     del = strcmp(st->method, "DELETE") == 0;
	unsigned ms = post       ? f->manners.post_delay_ms
		      : patching ? f->manners.patch_delay_ms
		      : del      ? f->manners.delete_delay_ms
				 : 0;
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

	f->posts += post;
	f->patches += patching;
	f->deletes += del;
	f->gets += !post && !patching && !del;
	if (ms == UINT_MAX)
		return;
	if (ms == 0) {
		serve(st);
		return;
	}
	st->later = evtimer_new(f->base, on_later, st);
	evtimer_add(st->later, &tv);
}

/* ---- nghttp2 ---- */

static int on_begin(nghttp2_session *s, const nghttp2_frame *fr, void *arg)
{
	struct conn *c = arg;
	struct stream *st = calloc(1, sizeof(*st));

	st->conn = c;
	st->id = fr->hd.stream_id;
	st->next = c->streams;
	c->streams = st;
	nghttp2_session_set_stream_user_data(s, st->id, st);
	return 0;
}

static int on_header(nghttp2_session *s, const nghttp2_frame *fr, const uint8_t *name, size_t nn,
	const uint8_t *value, size_t vn, uint8_t flags, void *arg)
{
	struct stream *st = nghttp2_session_get_stream_user_data(s, fr->hd.stream_id);

	(void)flags;
	(void)arg;
	if (st && nn == 7 && memcmp(name, ":method", 7) == 0)
		snprintf(st->method, sizeof(st->method), "%.*s", (int)vn, (const char *)value);
	if (st && nn == 5 && memcmp(name, ":path", 5) == 0)
		snprintf(st->path, sizeof(st->path), "%.*s", (int)vn, (const char *)value);
	return 0;
}

static int on_data(
	nghttp2_session *s, uint8_t flags, int32_t id, const uint8_t *p, size_t n, void *arg)
{
	struct stream *st = nghttp2_session_get_stream_user_data(s, id);

	(void)flags;
	(void)arg;
	if (!st)
		return 0;
	st->in = realloc(st->in, st->in_n + n + 1);
	memcpy(st->in + st->in_n, p, n);
	st->in_n += n;
	return 0;
}

static int on_frame(nghttp2_session *s, const nghttp2_frame *fr, void *arg)
{
	struct stream *st = nghttp2_session_get_stream_user_data(s, fr->hd.stream_id);

	(void)arg;
	if (st && (fr->hd.flags & NGHTTP2_FLAG_END_STREAM) &&
		(fr->hd.type == NGHTTP2_DATA || fr->hd.type == NGHTTP2_HEADERS))
		on_request(st);
	return 0;
}

static void stream_free(struct stream *st)
{
	if (st->later)
		event_free(st->later);
	free(st->in);
	free(st->out);
	free(st);
}

static int on_close(nghttp2_session *s, int32_t id, uint32_t code, void *arg)
{
	struct conn *c = arg;
	struct stream **p = &c->streams, *st;

	(void)s;
	(void)code;
	while (*p && (*p)->id != id)
		p = &(*p)->next;
	st = *p;
	if (!st)
		return 0;
	*p = st->next;
	stream_free(st);
	return 0;
}

/* ---- connections ---- */

static void conn_free(struct conn *c)
{
	struct conn **p = &c->f->conns;
	struct stream *st;

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	while ((st = c->streams)) {
		c->streams = st->next;
		stream_free(st);
	}
	bufferevent_free(c->bev);
	nghttp2_session_del(c->session);
	free(c);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	size_t n = evbuffer_get_length(in);

	if (nghttp2_session_mem_recv(c->session, evbuffer_pullup(in, -1), n) < 0) {
		conn_free(c);
		return;
	}
	evbuffer_drain(in, n);
	flush(c);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		conn_free(arg);
}

static void on_accept(
	struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int n, void *arg)
{
	struct fake_mediad *f = arg;
	nghttp2_session_callbacks *cb;
	struct conn *c;

	(void)l;
	(void)sa;
	(void)n;
	if (f->down) {
		evutil_closesocket(fd);
		return;
	}
	c = calloc(1, sizeof(*c));
	c->f = f;
	c->bev = bufferevent_socket_new(
		f->base, fd, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	nghttp2_session_callbacks_new(&cb);
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
	nghttp2_session_server_new(&c->session, cb, c);
	nghttp2_session_callbacks_del(cb);
	nghttp2_submit_settings(c->session, 0, NULL, 0);
	c->next = f->conns;
	f->conns = c;
	bufferevent_setcb(c->bev, on_read, NULL, on_event, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	flush(c);
}

static void on_load(evutil_socket_t fd, short what, void *arg)
{
	struct fake_mediad *f = arg;

	(void)fd;
	(void)what;
	if (!f->manners.silent_events)
		fake_event(f, json_pack("{s:s, s:i, s:i, s:i}", "ev", "load", "load",
				      f->manners.load, "contexts",
				      (int)json_object_size(f->contexts), "maxContexts", 10000));
}

struct fake_mediad *fake_new(struct event_base *base, const char *instance, uint16_t *port)
{
	struct fake_mediad *f = calloc(1, sizeof(*f));
	struct sockaddr_in sin = {.sin_family = AF_INET,
		.sin_port = htons(*port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval tv = {.tv_sec = 2};
	socklen_t n = sizeof(sin);

	f->base = base;
	f->contexts = json_object();
	snprintf(f->instance, sizeof(f->instance), "%s", instance);
	f->listener = evconnlistener_new_bind(base, on_accept, f,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, 16, (struct sockaddr *)&sin,
		sizeof(sin));
	if (!f->listener) {
		json_decref(f->contexts);
		free(f);
		return NULL;
	}
	getsockname(evconnlistener_get_fd(f->listener), (struct sockaddr *)&sin, &n);
	*port = ntohs(sin.sin_port);
	f->load = event_new(base, -1, EV_PERSIST, on_load, f);
	event_add(f->load, &tv);
	return f;
}

void fake_free(struct fake_mediad *f)
{
	while (f->conns)
		conn_free(f->conns);
	evconnlistener_free(f->listener);
	event_free(f->load);
	json_decref(f->contexts);
	free(f);
}

struct fake_manners *fake_manners(struct fake_mediad *f)
{
	return &f->manners;
}

json_t *fake_contexts(struct fake_mediad *f)
{
	return f->contexts;
}

unsigned fake_seen(const struct fake_mediad *f, const char *method)
{
	return method[0] == 'D'   ? f->deletes
	       : method[0] == 'G' ? f->gets
	       : method[1] == 'O' ? f->posts
				  : f->patches;
}

void fake_event(struct fake_mediad *f, json_t *j)
{
	for (struct conn *c = f->conns; c; c = c->next) {
		for (struct stream *st = c->streams; st; st = st->next) {
			if (st->events)
				event_line(st, j);
		}
	}
	json_decref(j);
}

void fake_forget(struct fake_mediad *f, const char *instance)
{
	json_object_clear(f->contexts);
	snprintf(f->instance, sizeof(f->instance), "%s", instance);
}

void fake_down(struct fake_mediad *f, int on)
{
	f->down = on != 0;
	while (f->conns)
		conn_free(f->conns);
}
