/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/worker/udp.h"

#include "common/daemon/ar_log.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define SOCKET_BUFFER (4 * 1024 * 1024)

struct batch {
	struct mmsghdr msg[UDP_BATCH];
	struct iovec iov[UDP_BATCH];
	struct sockaddr_storage addr[UDP_BATCH];
	char data[UDP_BATCH][UDP_MAX];
};

struct udp {
	int fd;
	struct event *ev;
	udp_input *input;
	void (*turn)(void *arg);
	void *arg;
	unsigned nout;
	struct udp_stats stats;
	struct batch in, out;
};

static void big_buffers(int fd)
{
	static const int which[2][2] = {{SO_RCVBUFFORCE, SO_RCVBUF}, {SO_SNDBUFFORCE, SO_SNDBUF}};
	int n = SOCKET_BUFFER;

	for (unsigned i = 0; i < 2; i++) {
		if (setsockopt(fd, SOL_SOCKET, which[i][0], &n, sizeof(n)) != 0)
			setsockopt(fd, SOL_SOCKET, which[i][1], &n, sizeof(n));
	}
}

int udp_bind(const struct peer_addr *at, uint16_t port)
{
	struct peer_addr a = *at;
	int on = 1, err;
	int fd = socket(a.ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	nets_set_port(&a, port);
	if (a.ss.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	big_buffers(fd);
	if (bind(fd, (struct sockaddr *)&a.ss, a.len) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static void prepare(struct batch *b, unsigned i)
{
	b->iov[i] = (struct iovec){b->data[i], UDP_MAX};
	b->msg[i].msg_hdr = (struct msghdr){.msg_name = &b->addr[i],
		.msg_namelen = sizeof(b->addr[i]),
		.msg_iov = &b->iov[i],
		.msg_iovlen = 1};
}

static void hand_up(struct udp *u, unsigned i)
{
	const struct msghdr *h = &u->in.msg[i].msg_hdr;
	struct peer_addr from = {.len = h->msg_namelen};
	size_t n = u->in.msg[i].msg_len;

	if (h->msg_flags & MSG_TRUNC) {
		u->stats.rx_too_long++;
		return;
	}
	memcpy(&from.ss, &u->in.addr[i], h->msg_namelen);
	u->stats.rx++;
	u->stats.rx_bytes += n;
	u->input(u->arg, (struct ar_span){u->in.data[i], n}, &from);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct udp *u = arg;
	int n = UDP_BATCH;

	(void)what;
	for (unsigned round = 0; round < UDP_ROUNDS && n == UDP_BATCH; round++) {
		for (unsigned i = 0; i < UDP_BATCH; i++)
			prepare(&u->in, i);
		n = recvmmsg(fd, u->in.msg, UDP_BATCH, 0, NULL);
		for (int i = 0; i < n; i++)
			hand_up(u, (unsigned)i);
		if (n > 0)
			u->turn(u->arg);
	}
}

int udp_new(struct udp **up, struct event_base *base, int fd, udp_input *input,
	void (*turn)(void *arg), void *arg)
{
	struct udp *u = calloc(1, sizeof(*u));

	if (u)
		u->ev = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, u);
	if (!u || !u->ev || event_add(u->ev, NULL) != 0) {
		if (u && u->ev)
			event_free(u->ev);
		free(u);
		close(fd);
		return -ENOMEM;
	}
	u->fd = fd;
	u->input = input;
	u->turn = turn;
	u->arg = arg;
	*up = u;
	return 0;
}

void udp_free(struct udp *u)
{
	if (!u)
		return;
	event_free(u->ev);
	close(u->fd);
	free(u);
}

void udp_send(struct udp *u, struct ar_span datagram, const struct peer_addr *to)
{
	unsigned i = u->nout;

	if (datagram.n > UDP_MAX) {
		u->stats.tx_failed++;
		return;
	}
	memcpy(u->out.data[i], datagram.p, datagram.n);
	memcpy(&u->out.addr[i], &to->ss, to->len);
	prepare(&u->out, i);
	u->out.iov[i].iov_len = datagram.n;
	u->out.msg[i].msg_hdr.msg_namelen = to->len;
	if (++u->nout == UDP_BATCH)
		udp_flush(u);
}

/* An address that cannot be reached must not hold up the others: skip it. */
void udp_flush(struct udp *u)
{
	unsigned at = 0;

	while (at < u->nout) {
		int n = sendmmsg(u->fd, u->out.msg + at, u->nout - at, 0);

		if (n <= 0) {
			u->stats.tx_failed++;
			ar_log_limited(AR_LOG_INFO, "udp", "cannot send: %s", strerror(errno));
			at++;
			continue;
		}
		for (int i = 0; i < n; i++)
			u->stats.tx_bytes += u->out.msg[at + (unsigned)i].msg_len;
		u->stats.tx += (unsigned)n;
		at += (unsigned)n;
	}
	u->nout = 0;
}

const struct udp_stats *udp_get_stats(const struct udp *u)
{
	return &u->stats;
}
