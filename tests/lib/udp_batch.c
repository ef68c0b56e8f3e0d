/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/udp_batch.h"
#include "mediad/net/peer_addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

void udp_batch_open(struct udp_batch *u, const char *host, uint16_t *port)
{
	struct peer_addr a;
	int size = 8 << 20;

	u->nout = 0;
	u->lost = 0;
	if (peer_addr_parse(&a, host, *port) != 0) {
		fprintf(stderr, "%s: not an address\n", host);
		exit(2);
	}
	u->fd = socket(a.ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (u->fd < 0 || bind(u->fd, (struct sockaddr *)&a.ss, a.len) != 0) {
		perror("bind");
		exit(2);
	}
	setsockopt(u->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(u->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	getsockname(u->fd, (struct sockaddr *)&a.ss, &a.len);
	*port = ntohs(a.ss.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a.ss)->sin6_port
						 : ((struct sockaddr_in *)&a.ss)->sin_port);
}

void udp_batch_send(struct udp_batch *u, struct ar_span d, const struct peer_addr *to)
{
	if (d.n > UDP_BATCH_SIZE)
		abort();
	if (u->nout == UDP_BATCH)
		udp_batch_flush(u);
	memcpy(u->out[u->nout], d.p, d.n);
	u->len[u->nout] = d.n;
	u->to[u->nout++] = *to;
}

void udp_batch_flush(struct udp_batch *u)
{
	struct mmsghdr m[UDP_BATCH] = {0};
	struct iovec v[UDP_BATCH];
	unsigned at = 0;

	for (unsigned i = 0; i < u->nout; i++) {
		v[i] = (struct iovec){u->out[i], u->len[i]};
		m[i].msg_hdr = (struct msghdr){.msg_name = &u->to[i].ss,
			.msg_namelen = u->to[i].len,
			.msg_iov = &v[i],
			.msg_iovlen = 1};
	}
	while (at < u->nout) {
		int n = sendmmsg(u->fd, m + at, u->nout - at, 0);

		if (n <= 0) { /* this one is lost, as on any path */
			u->lost++;
			n = 1;
		}
		at += (unsigned)n;
	}
	u->nout = 0;
}

int udp_batch_read(struct udp_batch *u,
	void (*on)(void *arg, struct ar_span d, const struct peer_addr *from), void *arg)
{
	struct mmsghdr m[UDP_BATCH] = {0};
	struct iovec v[UDP_BATCH];
	struct peer_addr from[UDP_BATCH];
	int n;

	for (unsigned i = 0; i < UDP_BATCH; i++) {
		v[i] = (struct iovec){u->in[i], UDP_BATCH_SIZE};
		m[i].msg_hdr = (struct msghdr){.msg_name = &from[i].ss,
			.msg_namelen = sizeof(from[i].ss),
			.msg_iov = &v[i],
			.msg_iovlen = 1};
	}
	n = recvmmsg(u->fd, m, UDP_BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		from[i].len = m[i].msg_hdr.msg_namelen;
		on(arg, (struct ar_span){u->in[i], m[i].msg_len}, &from[i]);
	}
	return n;
}
