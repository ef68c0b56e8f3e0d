/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/worker/wlink.h"

#include "common/ar_frame.h"
#include "common/ar_json.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIECE (AR_FRAME_MAX - 1)

struct wlink {
	struct bufferevent *bev;
	struct wlink_handlers h;
	void *arg;
	struct ar_buf in; /* the message being put together */
	bool lost;
};

static void lose(struct wlink *l, const char *reason)
{
	if (l->lost)
		return;
	l->lost = true;
	bufferevent_disable(l->bev, EV_READ | EV_WRITE);
	l->h.on_lost(l->arg, reason);
}

static void deliver(struct wlink *l)
{
	const char *nl = memchr(l->in.p, '\n', l->in.n);
	json_t *head = NULL;

	if (nl)
		head = ar_json_load((struct ar_span){l->in.p, (size_t)(nl - l->in.p)}, 0, NULL);
	if (!json_is_object(head)) {
		json_decref(head);
		lose(l, "broken message");
		return;
	}
	nl++;
	l->h.on_message(l->arg, head, (struct ar_span){nl, l->in.n - (size_t)(nl - l->in.p)});
	json_decref(head);
	ar_buf_reset(&l->in);
}

static void take_frame(struct wlink *l, struct ar_span body)
{
	if (ar_buf_add(&l->in, body.p + 1, body.n - 1) != 0)
		lose(l, "message too long");
	else if (body.p[0] == '.')
		deliver(l);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct wlink *l = arg;
	struct ar_span body;
	size_t used, n;
	uint8_t h[AR_FRAME_HEAD];
	int rc;

	while (!l->lost && evbuffer_copyout(in, h, sizeof(h)) == (ssize_t)sizeof(h)) {
		n = (size_t)h[0] << 24 | (size_t)h[1] << 16 | (size_t)h[2] << 8 | h[3];
		if (n <= AR_FRAME_MAX && evbuffer_get_length(in) < n + sizeof(h))
			return;
		if (n > AR_FRAME_MAX)
			n = 0;
		rc = ar_frame_next(
			(struct ar_span){(char *)evbuffer_pullup(in, (ssize_t)(n + sizeof(h))),
				n + sizeof(h)},
			&body, &used);
		if (rc != 1) {
			lose(l, "broken frame");
			return;
		}
		take_frame(l, body);
		evbuffer_drain(in, used);
	}
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	lose(arg, (what & BEV_EVENT_EOF) ? "closed" : "socket error");
}

int wlink_new(struct wlink **lp, struct event_base *base, int fd, const struct wlink_handlers *h,
	void *arg)
{
	struct wlink *l = calloc(1, sizeof(*l));

	if (l)
		l->bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!l || !l->bev) {
		free(l);
		close(fd);
		return -ENOMEM;
	}
	l->h = *h;
	l->arg = arg;
	ar_buf_init(&l->in, WLINK_MAX_MESSAGE);
	evutil_make_socket_nonblocking(fd);
	bufferevent_setcb(l->bev, on_read, NULL, on_event, l);
	bufferevent_enable(l->bev, EV_READ | EV_WRITE);
	*lp = l;
	return 0;
}

void wlink_free(struct wlink *l)
{
	if (!l)
		return;
	/* the other side shall know now: bufferevent_free() closes in a later turn */
	shutdown(bufferevent_getfd(l->bev), SHUT_RDWR);
	bufferevent_free(l->bev);
	ar_buf_free(&l->in);
	free(l);
}

static int send_piece(struct evbuffer *out, char flag, struct ar_span piece)
{
	uint32_t n = (uint32_t)piece.n + 1;
	uint8_t head[AR_FRAME_HEAD + 1] = {n >> 24, n >> 16, n >> 8, n, (uint8_t)flag};

	if (evbuffer_add(out, head, sizeof(head)) != 0 || evbuffer_add(out, piece.p, piece.n) != 0)
		return -ENOMEM;
	return 0;
}

static int send_pieces(struct evbuffer *out, struct ar_span s, bool last)
{
	int err = 0;

	while (!err && s.n > PIECE) {
		err = send_piece(out, '+', (struct ar_span){s.p, PIECE});
		s.p += PIECE;
		s.n -= PIECE;
	}
	return err ? err : send_piece(out, last ? '.' : '+', s);
}

int wlink_send(struct wlink *l, const json_t *head, struct ar_span body)
{
	struct evbuffer *out = bufferevent_get_output(l->bev);
	char *text;
	size_t n;
	int err;

	if (l->lost)
		return -EPIPE;
	text = ar_json_text(head);
	if (!text)
		return -ENOMEM;
	n = strlen(text);
	text[n++] = '\n';
	if (n + body.n > WLINK_MAX_MESSAGE)
		err = -EMSGSIZE;
	else if (evbuffer_get_length(out) + n + body.n > WLINK_MAX_QUEUE)
		err = -ENOBUFS;
	else
		err = send_pieces(out, (struct ar_span){text, n}, body.n == 0);
	if (!err && body.n)
		err = send_pieces(out, body, true);
	free(text);
	return err;
}
