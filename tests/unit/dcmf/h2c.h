/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A small HTTP/2 client without a loop: h2c_send(), let the server run, h2c_recv(). */
#ifndef H2C_H
#define H2C_H

#include "common/ar_buf.h"

#include <nghttp2/nghttp2.h>

struct h2c {
	int fd;
	nghttp2_session *s;
	int status; /* of the answer to the last request */
	char location[128]; /* and its header */
	struct ar_buf body;
	const char *upload; /* NULL: filler */
	size_t left;
	bool closed; /* the answer is whole, or the stream was reset */
	uint32_t code;
};

#define H2C_NV(n, v)                                                                               \
	{                                                                                          \
		(uint8_t *)(uintptr_t)(n), (uint8_t *)(uintptr_t)(v), strlen(n), strlen(v), 0      \
	}

void h2c_open(struct h2c *c, uint16_t port);
void h2c_close(struct h2c *c);
/* One request; n bytes of body (text, or filler when NULL). type NULL: no content-type. */
void h2c_ask(struct h2c *c, const char *method, const char *path, const char *type,
	const char *text, size_t n);
void h2c_send(struct h2c *c);
void h2c_recv(struct h2c *c);

#endif
