/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ar_conn.h"

#include "ar_stat.h"

#include "../../core/dprint.h"
#include "common/ar_json.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_CHUNK 65536

void ar_conn_init(struct ar_conn *c, unsigned index, const char *address, const char *name,
	const char *instance)
{
	memset(c, 0, sizeof(*c));
	c->index = index;
	c->address = address;
	c->name = name;
	c->instance = instance;
	c->fd = -1;
	c->next_id = 1ull << 32;
	c->next_seq = 1;
	ar_buf_init(&c->in, AR_FRAME_HEAD + AR_FRAME_MAX + READ_CHUNK);
	ar_buf_init(&c->out, AR_CONN_OUT);
}

void ar_conn_free(struct ar_conn *c)
{
	struct ar_event *e, *next;

	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	for (e = ar_conn_take_events(c); e; e = next) {
		next = e->next;
		ar_event_free(e);
	}
	ar_buf_free(&c->in);
	ar_buf_free(&c->out);
}

int ar_conn_frame(struct ar_buf *out, const char *what, uint64_t n, const char *text)
{
	struct ar_buf b;
	int rc;

	ar_buf_init(&b, AR_FRAME_MAX);
	ar_buf_printf(&b, "{\"%s\":%llu,%s", what, (unsigned long long)n, text + 1);
	rc = ar_buf_err(&b) ? -EMSGSIZE : ar_frame_add(out, ar_buf_span(&b));
	ar_buf_free(&b);
	return rc;
}

/* What an operator can do about it. */
static const char *remedy(const char *why)
{
	if (!strcmp(why, strerror(EACCES)))
		return " (Kamailio's user is not in the group of asd's socket: usermod -aG, then "
		       "restart)";
	if (!strcmp(why, strerror(ENOENT)) || !strcmp(why, strerror(ECONNREFUSED)))
		return " (does asd run, and listen there?)";
	return "";
}

static void go_down(
	struct ar_conn *c, int64_t now, const char *why, const struct ar_conn_handler *h)
{
	bool was_up = c->phase == AR_CONN_UP;

	/* said once per change, not at every attempt */
	if (was_up)
		LM_ERR("asd %s is away: %s\n", c->address, why);
	else if (strcmp(c->why, why) != 0)
		LM_WARN("asd %s: %s%s; trying again every %d ms\n", c->address, why, remedy(why),
			AR_CONN_RETRY);
	snprintf(c->why, sizeof(c->why), "%s", why);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->phase = AR_CONN_DOWN;
	c->due = now + AR_CONN_RETRY;
	c->pinging = false;
	c->sent = c->head;
	ar_buf_reset(&c->in);
	ar_buf_reset(&c->out);
	if (was_up)
		h->down(c, h->arg);
}

static void go_hello(struct ar_conn *c, int64_t now, const struct ar_conn_handler *h)
{
	char instance[48], *text;
	int rc = -ENOMEM;

	/* events are numbered on each connection: two that lead to one asd must not look alike */
	if (c->index)
		snprintf(instance, sizeof(instance), "%.36s.%u", c->instance, c->index);
	else
		snprintf(instance, sizeof(instance), "%s", c->instance);
	text = ar_wire_hello("sip", c->name, instance);

	c->phase = AR_CONN_HELLO;
	c->due = now + AR_CONN_SETUP;
	c->wait_id = c->next_id++;
	if (text)
		rc = ar_conn_frame(&c->out, "id", c->wait_id, text);
	free(text);
	if (rc < 0)
		go_down(c, now, "no memory", h);
}

static void go_connect(struct ar_conn *c, int64_t now, const struct ar_conn_handler *h)
{
	int fd = ar_conn_dial(c->address, false);

	if (fd == -EAGAIN) {
		c->due = now + AR_CONN_LOOKUP;
		return;
	}
	if (fd < 0) {
		go_down(c, now, strerror(-fd), h);
		return;
	}
	c->fd = fd;
	c->phase = AR_CONN_CONNECTING;
	c->due = now + AR_CONN_SETUP;
}

static void connected(struct ar_conn *c, int64_t now, const struct ar_conn_handler *h)
{
	int err = 0;
	socklen_t n = sizeof(err);

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &n) < 0)
		err = errno;
	if (err)
		go_down(c, now, strerror(err), h);
	else
		go_hello(c, now, h);
}

/* ---- frames in */

static void hello_answered(
	struct ar_conn *c, const json_t *j, int64_t now, const struct ar_conn_handler *h)
{
	const char *s = json_string_value(json_object_get(j, "instance"));
	const char *v = json_string_value(json_object_get(j, "version"));
	const char *reason = json_string_value(json_object_get(j, "reason"));
	const char *code = json_string_value(json_object_get(j, "code"));

	if (!json_is_true(json_object_get(j, "ok"))) {
		char why[sizeof(c->why)];

		snprintf(why, sizeof(why), "hello refused: %s",
			reason ? reason
			: code ? code
			       : "no reason given");
		go_down(c, now, why, h);
		return;
	}
	snprintf(c->peer_instance, sizeof(c->peer_instance), "%s", s ? s : "");
	snprintf(c->peer_version, sizeof(c->peer_version), "%s", v ? v : "");
	c->phase = AR_CONN_UP;
	c->due = now + AR_CONN_PING;
	c->why[0] = 0;
	c->sent = c->head;
	LM_NOTICE("asd %s is there (version %s)\n", c->address, c->peer_version);
	h->up(c, h->arg);
}

static void acknowledged(struct ar_conn *c, uint64_t seq)
{
	struct ar_event *e;

	while ((e = c->head) && e->seq <= seq && e != c->sent) {
		c->head = e->next;
		if (!c->head)
			c->tail = NULL;
		c->unacked--;
		ar_event_free(e);
	}
}

static int take_object(
	struct ar_conn *c, const json_t *j, int64_t now, const struct ar_conn_handler *h)
{
	const json_t *ack = json_object_get(j, "ack"), *id = json_object_get(j, "id");

	if (json_is_integer(id) && (uint64_t)json_integer_value(id) == c->wait_id && c->wait_id) {
		c->wait_id = 0;
		if (c->phase == AR_CONN_HELLO) {
			hello_answered(c, j, now, h);
		} else {
			c->pinging = false;
			c->due = now + AR_CONN_PING;
		}
		return 0;
	}
	if (c->phase != AR_CONN_UP)
		return -EBADMSG;
	if (json_is_integer(ack)) {
		acknowledged(c, (uint64_t)json_integer_value(ack));
		return 0;
	}
	return h->frame(c, j, h->arg);
}

static int take_frame(
	struct ar_conn *c, struct ar_span body, int64_t now, const struct ar_conn_handler *h)
{
	json_t *j = ar_json_load(body, JSON_REJECT_DUPLICATES, NULL);
	int rc = json_is_object(j) ? take_object(c, j, now, h) : -EBADMSG;

	json_decref(j);
	return rc;
}

static void take_frames(struct ar_conn *c, int64_t now, const struct ar_conn_handler *h)
{
	struct ar_span body;
	size_t used;
	int rc = 0;

	while (c->fd >= 0 && (rc = ar_frame_next(ar_buf_span(&c->in), &body, &used)) > 0) {
		rc = take_frame(c, body, now, h);
		if (c->fd < 0)
			return;
		if (rc < 0)
			break;
		ar_buf_consume(&c->in, used);
	}
	if (rc < 0) {
		AR_COUNT(link_garbage);
		go_down(c, now, "sent what is not the protocol", h);
	}
}

static void readable(struct ar_conn *c, int64_t now, const struct ar_conn_handler *h)
{
	char chunk[READ_CHUNK];
	ssize_t n = recv(c->fd, chunk, sizeof(chunk), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		go_down(c, now, n < 0 ? strerror(errno) : "closed the connection", h);
		return;
	}
	if (ar_buf_add(&c->in, chunk, (size_t)n) < 0) {
		go_down(c, now, "no memory", h);
		return;
	}
	take_frames(c, now, h);
}

/* ---- frames out */

static void queue_events(struct ar_conn *c)
{
	while (c->sent && c->out.n < AR_CONN_OUT / 2) {
		if (ar_conn_frame(&c->out, "seq", c->sent->seq, c->sent->text) < 0) {
			if (ar_buf_err(&c->out))
				return; /* the caller closes */
			AR_LIMITED(LM_ERR, "an event is longer than a frame; left out\n");
		}
		c->sent = c->sent->next;
	}
}

static void writable(struct ar_conn *c, int64_t now, const struct ar_conn_handler *h)
{
	ssize_t n;

	if (c->phase == AR_CONN_UP)
		queue_events(c);
	if (ar_buf_err(&c->out)) {
		go_down(c, now, "does not read what it is sent", h);
		return;
	}
	if (!c->out.n)
		return;
	n = send(c->fd, c->out.p, c->out.n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		go_down(c, now, strerror(errno), h);
	else if (n > 0)
		ar_buf_consume(&c->out, (size_t)n);
}

static void ping(struct ar_conn *c, int64_t now, const struct ar_conn_handler *h)
{
	if (c->pinging) {
		go_down(c, now, "does not answer", h);
		return;
	}
	c->pinging = true;
	c->wait_id = c->next_id++;
	c->due = now + AR_CONN_PONG;
	if (ar_conn_frame(&c->out, "id", c->wait_id, "{\"cmd\":\"ping\"}") < 0)
		go_down(c, now, "does not read what it is sent", h);
}

static void due(struct ar_conn *c, int64_t now, const struct ar_conn_handler *h)
{
	switch (c->phase) {
	case AR_CONN_DOWN:
		go_connect(c, now, h);
		break;
	case AR_CONN_CONNECTING:
		go_down(c, now, "connect timed out", h);
		break;
	case AR_CONN_HELLO:
		go_down(c, now, "no answer to hello", h);
		break;
	case AR_CONN_UP:
		ping(c, now, h);
		break;
	}
}

int64_t ar_conn_poll(const struct ar_conn *c, struct pollfd *p)
{
	bool want =
		c->phase == AR_CONN_CONNECTING || c->out.n || (c->phase == AR_CONN_UP && c->sent);

	*p = (struct pollfd){.fd = c->fd, .events = (short)(POLLIN | (want ? POLLOUT : 0))};
	return c->due;
}

void ar_conn_run(struct ar_conn *c, short revents, int64_t now, const struct ar_conn_handler *h)
{
	if (c->fd >= 0 && c->phase == AR_CONN_CONNECTING && revents)
		connected(c, now, h);
	else if (c->fd >= 0 && revents & (POLLIN | POLLHUP | POLLERR))
		readable(c, now, h);
	if (now >= c->due)
		due(c, now, h);
	if (c->fd >= 0 && c->phase != AR_CONN_CONNECTING)
		writable(c, now, h);
}

int ar_conn_request(struct ar_conn *c, uint64_t id, const char *text)
{
	int rc;

	if (c->phase != AR_CONN_UP)
		return -ENOTCONN;
	rc = ar_conn_frame(&c->out, "id", id, text);
	return rc < 0 && rc != -EMSGSIZE ? -ENOBUFS : rc;
}

void ar_conn_event(struct ar_conn *c, struct ar_event *e)
{
	e->next = NULL;
	e->asd = c->index;
	e->seq = c->next_seq++;
	if (c->tail)
		c->tail->next = e;
	else
		c->head = e;
	c->tail = e;
	if (!c->sent)
		c->sent = e;
	c->unacked++;
}

struct ar_event *ar_conn_take_events(struct ar_conn *c)
{
	struct ar_event *list = c->head;

	c->head = c->tail = c->sent = NULL;
	c->unacked = 0;
	return list;
}
