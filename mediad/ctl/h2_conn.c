/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/ctl/h2_internal.h"

#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define NV_STATIC(n, v, vn)                                                                        \
	{                                                                                          \
		(uint8_t *)(n), (uint8_t *)(v), sizeof(n) - 1, (vn), NGHTTP2_NV_FLAG_NONE          \
	}

static struct h2_stream *stream_of(nghttp2_session *session, int32_t stream_id)
{
	return nghttp2_session_get_stream_user_data(session, stream_id);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct h2_stream *st;

	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	st = h2_stream_new(arg, frame->hd.stream_id);
	if (!st)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, st);
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
	size_t namelen, const uint8_t *value, size_t valuelen, uint8_t flags, void *arg)
{
	struct h2_stream *st = stream_of(session, frame->hd.stream_id);
	struct ar_span n = {(const char *)name, namelen}, v = {(const char *)value, valuelen};

	(void)flags, (void)arg;
	if (!st || frame->hd.type != NGHTTP2_HEADERS)
		return 0;
	st->headers += namelen + valuelen + 32; /* RFC 9113 6.5.2 */
	if (st->headers > H2_MAX_HEADERS) {
		st->conn->server->stats.garbage++;
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	if (ar_span_eq(n, AR_SPAN(":path")))
		h2_stream_set_path(st, v);
	else if (ar_span_eq(n, AR_SPAN("content-type")))
		h2_stream_set_type(st, v);
	else if (ar_span_eq(n, AR_SPAN(":method")))
		snprintf(st->method, sizeof(st->method), "%.*s", (int)v.n, v.p);
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data,
	size_t len, void *arg)
{
	struct h2_stream *st = stream_of(session, stream_id);

	(void)flags, (void)arg;
	if (st)
		h2_stream_body(st, (struct ar_span){(const char *)data, len});
	return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct h2_stream *st;

	(void)arg;
	if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
		return 0;
	if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		return 0;
	st = stream_of(session, frame->hd.stream_id);
	if (st && !st->whole)
		h2_stream_request(st);
	return 0;
}

/* We hang up because of something that is not HTTP/2. */
static int on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct h2_conn *c = arg;

	(void)session;
	if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR) {
		c->server->stats.garbage++;
		ar_log_limited(AR_LOG_WARN, "ctl", "HTTP/2: %s: connection closed",
			nghttp2_http2_strerror(frame->goaway.error_code));
	}
	return 0;
}

static int on_close(nghttp2_session *session, int32_t stream_id, uint32_t code, void *arg)
{
	struct h2_stream *st = stream_of(session, stream_id);

	(void)code, (void)arg;
	if (st)
		h2_stream_free(st);
	return 0;
}

int h2_two_start(struct h2_conn *c)
{
	static const nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, H2_MAX_STREAMS},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, H2_MAX_HEADERS},
		{NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};
	nghttp2_session_callbacks *cb;
	int rc;

	if (nghttp2_session_callbacks_new(&cb) != 0)
		return -ENOMEM;
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_sent);
	rc = nghttp2_session_server_new(&c->session, cb, c);
	nghttp2_session_callbacks_del(cb);
	if (rc != 0)
		return -ENOMEM;
	return nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings,
		       sizeof(settings) / sizeof(settings[0])) == 0
		       ? 0
		       : -ENOMEM;
}

void h2_two_input(struct h2_conn *c, struct ar_span in)
{
	ssize_t n;

	c->in_recv = true;
	n = nghttp2_session_mem_recv(c->session, (const uint8_t *)in.p, in.n);
	c->in_recv = false;
	if (n < 0) {
		c->server->stats.garbage++;
		ar_log_limited(AR_LOG_WARN, "ctl", "HTTP/2: %s: connection closed",
			nghttp2_strerror((int)n));
		h2_conn_kill(c);
		return;
	}
	h2_two_flush(c);
}

void h2_two_flush(struct h2_conn *c)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);
	const uint8_t *p;
	ssize_t n;

	if (c->in_recv || c->dead)
		return;
	while (evbuffer_get_length(out) < H2_OUT_MARK) {
		n = nghttp2_session_mem_send(c->session, &p);
		if (n < 0 || (n > 0 && evbuffer_add(out, p, (size_t)n) != 0)) {
			h2_conn_kill(c);
			return;
		}
		if (n == 0)
			break;
	}
	if (!nghttp2_session_want_read(c->session) && !nghttp2_session_want_write(c->session)) {
		c->closing = true;
		if (evbuffer_get_length(out) == 0)
			h2_conn_kill(c);
	}
}

static ssize_t read_out(nghttp2_session *session, int32_t stream_id, uint8_t *buf, size_t len,
	uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct h2_stream *st = source->ptr;
	size_t left = st->out.n - st->sent, n = left < len ? left : len;

	(void)session, (void)stream_id, (void)arg;
	if (n == 0 && st->endless)
		return NGHTTP2_ERR_DEFERRED;
	if (n) {
		memcpy(buf, st->out.p + st->sent, n);
		st->moved = ar_now();
	}
	st->sent += n;
	if (n == left) {
		ar_buf_reset(&st->out);
		st->sent = 0;
		if (!st->endless)
			*flags |= NGHTTP2_DATA_FLAG_EOF;
	}
	return (ssize_t)n;
}

int h2_two_answer(struct h2_stream *st, const struct h2_response *r)
{
	nghttp2_data_provider data = {.source.ptr = st, .read_callback = read_out};
	char status[4];
	nghttp2_nv nv[4] = {NV_STATIC(":status", status, 3)};
	size_t n = 1;
	int rc;

	snprintf(status, sizeof(status), "%03u", (unsigned)r->status % 1000u);
	if (r->content_type)
		nv[n++] = (nghttp2_nv)NV_STATIC(
			"content-type", r->content_type, strlen(r->content_type));
	for (unsigned i = 0; i < 2 && r->name[i]; i++)
		nv[n++] = (nghttp2_nv){(uint8_t *)r->name[i], (uint8_t *)r->value[i],
			strlen(r->name[i]), strlen(r->value[i]), NGHTTP2_NV_FLAG_NONE};
	rc = nghttp2_submit_response(
		st->conn->session, st->stream_id, nv, n, st->out.n || st->endless ? &data : NULL);
	if (rc != 0) {
		h2_two_reset(st, NGHTTP2_INTERNAL_ERROR);
		return -ENOMEM;
	}
	h2_two_flush(st->conn);
	return 0;
}

void h2_two_resume(struct h2_stream *st)
{
	nghttp2_session_resume_data(st->conn->session, st->stream_id);
	h2_two_flush(st->conn);
}

void h2_two_reset(struct h2_stream *st, uint32_t code)
{
	struct h2_conn *c = st->conn;

	if (!c->session ||
		nghttp2_submit_rst_stream(c->session, NGHTTP2_FLAG_NONE, st->stream_id, code) != 0)
		h2_conn_kill(c);
	else
		h2_two_flush(c);
}
