/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ar_ask.h"

#include "ar_conn.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct ask {
	int fd;
	int64_t deadline;
	struct ar_buf in, out;
};

static int wait_for(struct ask *a, short events)
{
	struct pollfd p = {.fd = a->fd, .events = events};

	for (;;) {
		int64_t left = a->deadline - ar_now_ms();
		int n = left > 0 ? poll(&p, 1, (int)left) : 0;

		if (n > 0)
			return 0;
		if (n == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

static int connect_wait(struct ask *a, const char *address)
{
	int err = 0, rc;
	socklen_t n = sizeof(err);

	a->fd = ar_conn_dial(address, true);
	if (a->fd < 0)
		return a->fd;
	rc = wait_for(a, POLLOUT);
	if (rc == 0 && getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &err, &n) < 0)
		rc = -errno;
	return rc < 0 ? rc : -err;
}

static int put(struct ask *a, uint64_t id, char *text)
{
	int rc = text ? ar_conn_frame(&a->out, "id", id, text) : -ENOMEM;

	free(text);
	while (rc == 0 && a->out.n) {
		ssize_t n = send(a->fd, a->out.p, a->out.n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0)
			ar_buf_consume(&a->out, (size_t)n);
		else if (errno == EAGAIN)
			rc = wait_for(a, POLLOUT);
		else if (errno != EINTR)
			rc = -errno;
	}
	return rc;
}

static int more(struct ask *a)
{
	char chunk[16384];
	ssize_t n;
	int rc = wait_for(a, POLLIN);

	if (rc < 0)
		return rc;
	n = recv(a->fd, chunk, sizeof(chunk), 0);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	return n == 0 ? -ECONNRESET : ar_buf_add(&a->in, chunk, (size_t)n);
}

/* The frame that answers id; asd may send others in between. */
static int get(struct ask *a, uint64_t id, json_t **answer)
{
	struct ar_span body;
	size_t used;
	int rc;

	for (;;) {
		json_t *j;

		while ((rc = ar_frame_next(ar_buf_span(&a->in), &body, &used)) == 0)
			if ((rc = more(a)) < 0)
				return rc;
		if (rc < 0)
			return rc;
		j = json_loadb(body.p, body.n, 0, NULL);
		ar_buf_consume(&a->in, used);
		if (!json_is_object(j)) {
			json_decref(j);
			return -EBADMSG;
		}
		if ((uint64_t)json_integer_value(json_object_get(j, "id")) == id) {
			*answer = j;
			return 0;
		}
		json_decref(j);
	}
}

static int talk(struct ask *a, const char *name, const char *cmd, const char *arg, json_t **answer)
{
	json_t *hello = NULL;
	int rc = put(a, 1, ar_wire_hello("admin", name, "rpc"));

	if (rc == 0)
		rc = get(a, 1, &hello);
	if (rc == 0 && !json_is_true(json_object_get(hello, "ok"))) {
		*answer = hello;
		return 0;
	}
	json_decref(hello);
	if (rc == 0)
		rc = put(a, 2, ar_wire_command(cmd, arg));
	return rc == 0 ? get(a, 2, answer) : rc;
}

int ar_ask(const char *address, const char *name, const char *cmd, const char *arg, int timeout_ms,
	json_t **answer)
{
	struct ask a = {.fd = -1, .deadline = ar_now_ms() + timeout_ms};
	int rc;

	*answer = NULL;
	ar_buf_init(&a.in, AR_FRAME_HEAD + AR_FRAME_MAX + 16384);
	ar_buf_init(&a.out, AR_FRAME_HEAD + AR_FRAME_MAX);
	rc = connect_wait(&a, address);
	if (rc == 0)
		rc = talk(&a, name, cmd, arg, answer);
	if (a.fd >= 0)
		close(a.fd);
	ar_buf_free(&a.in);
	ar_buf_free(&a.out);
	return rc;
}
