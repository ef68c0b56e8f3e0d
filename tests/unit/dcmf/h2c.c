/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "h2c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static ssize_t on_send(nghttp2_session *s, const uint8_t *p, size_t n, int flags, void *arg)
{
	ssize_t rc = send(((struct h2c *)arg)->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);

	(void)s, (void)flags;
	return rc < 0 ? NGHTTP2_ERR_WOULDBLOCK : rc;
}

static ssize_t on_recv(nghttp2_session *s, uint8_t *p, size_t n, int flags, void *arg)
{
	ssize_t rc = recv(((struct h2c *)arg)->fd, p, n, MSG_DONTWAIT);

	(void)s, (void)flags;
	return rc > 0 ? rc : rc == 0 ? NGHTTP2_ERR_EOF : NGHTTP2_ERR_WOULDBLOCK;
}

static int on_header(nghttp2_session *s, const nghttp2_frame *f, const uint8_t *name, size_t nn,
	const uint8_t *v, size_t vn, uint8_t flags, void *arg)
{
	struct h2c *c = arg;

	(void)s, (void)f, (void)flags;
	if (nn == 7 && memcmp(name, ":status", 7) == 0)
		c->status = atoi((const char *)v);
	if (nn == 8 && memcmp(name, "location", 8) == 0)
		snprintf(c->location, sizeof(c->location), "%.*s", (int)vn, (const char *)v);
	return 0;
}

static int on_data(
	nghttp2_session *s, uint8_t flags, int32_t id, const uint8_t *p, size_t n, void *arg)
{
	(void)s, (void)flags, (void)id;
	ar_buf_add(&((struct h2c *)arg)->body, p, n);
	return 0;
}

static int on_close(nghttp2_session *s, int32_t id, uint32_t code, void *arg)
{
	struct h2c *c = arg;

	(void)s, (void)id;
	c->closed = true;
	c->code = code;
	return 0;
}

static ssize_t on_upload(nghttp2_session *s, int32_t id, uint8_t *p, size_t n, uint32_t *flags,
	nghttp2_data_source *src, void *arg)
{
	struct h2c *c = arg;

	(void)s, (void)id, (void)src;
	if (n > c->left)
		n = c->left;
	if (c->upload) {
		memcpy(p, c->upload, n);
		c->upload += n;
	} else {
		memset(p, 'x', n);
	}
	c->left -= n;
	if (c->left == 0)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

void h2c_open(struct h2c *c, uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	nghttp2_session_callbacks *cb;
	int on = 1;

	*c = (struct h2c){.fd = socket(AF_INET, SOCK_STREAM, 0)};
	assert_int_equal(connect(c->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	ar_buf_init(&c->body, 1 << 26);
	assert_int_equal(nghttp2_session_callbacks_new(&cb), 0);
	nghttp2_session_callbacks_set_send_callback(cb, on_send);
	nghttp2_session_callbacks_set_recv_callback(cb, on_recv);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
	assert_int_equal(nghttp2_session_client_new(&c->s, cb, c), 0);
	nghttp2_session_callbacks_del(cb);
	nghttp2_submit_settings(c->s, NGHTTP2_FLAG_NONE, NULL, 0);
}

void h2c_close(struct h2c *c)
{
	nghttp2_session_del(c->s);
	close(c->fd);
	ar_buf_free(&c->body);
}

void h2c_ask(struct h2c *c, const char *method, const char *path, const char *type,
	const char *text, size_t n)
{
	nghttp2_nv nv[] = {H2C_NV(":method", method), H2C_NV(":scheme", "http"),
		H2C_NV(":path", path), H2C_NV(":authority", "x"),
		H2C_NV("content-type", type ? type : "")};
	nghttp2_data_provider d = {.read_callback = on_upload};

	c->upload = text;
	c->left = n;
	c->closed = false;
	c->status = 0;
	c->location[0] = '\0';
	ar_buf_reset(&c->body);
	assert_true(nghttp2_submit_request(c->s, NULL, nv, type ? 5 : 4, n ? &d : NULL, NULL) > 0);
}

void h2c_send(struct h2c *c)
{
	nghttp2_session_send(c->s);
}

void h2c_recv(struct h2c *c)
{
	nghttp2_session_recv(c->s);
}
