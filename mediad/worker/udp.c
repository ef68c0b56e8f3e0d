/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/worker/udp.h"

#include "common/daemon/ar_log.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <unistd.h>

#define SOCKET_BUFFER (4 * 1024 * 1024)
#define GSO_SEGMENTS 44 /* of one send: below the kernel's 64, and 65507 bytes at our MTU */
#define GSO_BYTES 65000

struct batch {
	struct mmsghdr msg[UDP_BATCH];
	struct iovec iov[UDP_BATCH];
	struct sockaddr_storage addr[UDP_BATCH];
	char data[UDP_BATCH][UDP_MAX];
};

struct groups { /* what is sent: datagrams to one address that follow one another go as one */
	struct mmsghdr msg[UDP_BATCH];
	unsigned first[UDP_BATCH]; /* of its datagrams */
	union {
		struct cmsghdr align;
		char data[CMSG_SPACE(sizeof(uint16_t))];
	} control[UDP_BATCH];
};

struct udp {
	int fd;
	struct event *ev;
	udp_input *input;
	void (*turn)(void *arg);
	void *arg;
	unsigned nout;
	struct udp_stats stats;
	bool no_gso, gso_refused; /* in this flush, for good */
	struct batch in, out;
	struct groups groups;
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

/* What a call may have changed is set anew by ready(). */
static void prepare(struct batch *b)
{
	for (unsigned i = 0; i < UDP_BATCH; i++) {
		b->iov[i] = (struct iovec){b->data[i], UDP_MAX};
		b->msg[i].msg_hdr = (struct msghdr){.msg_name = &b->addr[i],
			.msg_namelen = sizeof(b->addr[i]),
			.msg_iov = &b->iov[i],
			.msg_iovlen = 1};
	}
}

static void ready(struct batch *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		b->msg[i].msg_hdr.msg_namelen = sizeof(b->addr[i]);
		b->msg[i].msg_hdr.msg_flags = 0;
	}
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
		n = recvmmsg(fd, u->in.msg, UDP_BATCH, 0, NULL);
		for (int i = 0; i < n; i++)
			hand_up(u, (unsigned)i);
		if (n > 0) {
			ready(&u->in, (unsigned)n);
			u->turn(u->arg);
		}
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
	prepare(&u->in);
	prepare(&u->out);
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
	u->out.iov[i].iov_len = datagram.n;
	u->out.msg[i].msg_hdr.msg_namelen = to->len;
	if (++u->nout == UDP_BATCH)
		udp_flush(u);
}

/* Does datagram b go where a goes, so that both can be segments of one send? */
static bool follows(const struct batch *o, unsigned a, unsigned b)
{
	socklen_t n = o->msg[a].msg_hdr.msg_namelen;

	return o->msg[b].msg_hdr.msg_namelen == n && o->iov[b].iov_len <= o->iov[a].iov_len &&
	       memcmp(&o->addr[a], &o->addr[b], n) == 0;
}

static void segment(struct msghdr *h, void *control, size_t room, size_t size)
{
	uint16_t n = (uint16_t)size;
	struct cmsghdr *c;

	h->msg_control = control;
	h->msg_controllen = room;
	c = CMSG_FIRSTHDR(h);
	c->cmsg_level = SOL_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(n));
	memcpy(CMSG_DATA(c), &n, sizeof(n));
}

/* Datagrams from `at` on as messages. All segments of one have the first one's size, the last may
 * be shorter (udp(7)). Returns how many there are. */
static unsigned make_groups(struct udp *u, unsigned at)
{
	struct groups *g = &u->groups;
	struct batch *o = &u->out;
	unsigned n = 0, first;

	while (at < u->nout) {
		size_t size = o->iov[at].iov_len, bytes = size;

		first = at++;
		while (!u->no_gso && at < u->nout && at - first < GSO_SEGMENTS &&
			follows(o, first, at) && o->iov[at - 1].iov_len == size &&
			bytes + o->iov[at].iov_len <= GSO_BYTES)
			bytes += o->iov[at++].iov_len;
		g->first[n] = first;
		g->msg[n].msg_hdr = o->msg[first].msg_hdr;
		g->msg[n].msg_hdr.msg_iovlen = at - first;
		if (at - first > 1)
			segment(&g->msg[n].msg_hdr, &g->control[n], sizeof(g->control[n]), size);
		n++;
	}
	return n;
}

/* Some drivers and tunnels have no segmentation; too small an MTU or a bad address is a matter of
 * this flush only. */
static bool retry_without_gso(struct udp *u, const struct mmsghdr *m)
{
	bool ever = errno == EIO || errno == EOPNOTSUPP || errno == ENOPROTOOPT;

	if (m->msg_hdr.msg_iovlen == 1 || !(ever || errno == EINVAL || errno == EMSGSIZE))
		return false;
	if (ever && !u->gso_refused)
		ar_log(AR_LOG_INFO, "udp", "no segmentation offload here: %s", strerror(errno));
	u->gso_refused |= ever;
	u->no_gso = true;
	return true;
}

/* An address that cannot be reached must not hold up the others: skip it. */
void udp_flush(struct udp *u)
{
	struct groups *g = &u->groups;
	unsigned ngroup = make_groups(u, 0), at = 0;

	while (at < ngroup) {
		int n = sendmmsg(u->fd, g->msg + at, ngroup - at, 0);

		if (n <= 0 && retry_without_gso(u, &g->msg[at])) {
			ngroup = make_groups(u, g->first[at]);
			at = 0;
			continue;
		}
		if (n <= 0) {
			u->stats.tx_failed += g->msg[at].msg_hdr.msg_iovlen;
			ar_log_limited(AR_LOG_INFO, "udp", "cannot send: %s", strerror(errno));
			at++;
			continue;
		}
		for (int i = 0; i < n; i++, at++) {
			u->stats.tx_bytes += g->msg[at].msg_len;
			u->stats.tx += g->msg[at].msg_hdr.msg_iovlen;
		}
	}
	u->nout = 0;
	u->no_gso = u->gso_refused;
}

const struct udp_stats *udp_get_stats(const struct udp *u)
{
	return &u->stats;
}
