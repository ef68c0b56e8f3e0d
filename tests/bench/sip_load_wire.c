/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/bench/sip_load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static struct ar_span trim(struct ar_span s)
{
	while (s.n && (*s.p == ' ' || *s.p == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n && (s.p[s.n - 1] == '\r' || s.p[s.n - 1] == '\n' || s.p[s.n - 1] == ' '))
		s.n--;
	return s;
}

static int add(struct ar_span *list, unsigned *n, unsigned max, struct ar_span line)
{
	if (*n == max)
		return -EBADMSG;
	list[(*n)++] = line;
	return 0;
}

static bool is(struct ar_span name, const char *s)
{
	return name.n == strlen(s) && strncasecmp(name.p, s, name.n) == 0;
}

static int header(struct sip_msg *m, struct ar_span line)
{
	const char *colon = memchr(line.p, ':', line.n);
	const struct {
		const char *name;
		struct ar_span *to;
	} plain[] = {{"From", &m->from}, {"To", &m->to}, {"Call-ID", &m->callid},
		{"CSeq", &m->cseq}, {"Contact", &m->contact}};
	struct ar_span name;

	if (!colon)
		return -EBADMSG;
	name = trim((struct ar_span){line.p, (size_t)(colon - line.p)});
	if (is(name, "Via"))
		return add(m->via, &m->nvia, SIP_VIAS, line);
	if (is(name, "Record-Route"))
		return add(m->route, &m->nroute, SIP_ROUTES, line);
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		if (is(name, plain[i].name))
			*plain[i].to = trim(
				(struct ar_span){colon + 1, (size_t)(line.p + line.n - colon - 1)});
	}
	return 0;
}

static int read_cseq(struct sip_msg *m)
{
	size_t i = 0;

	for (; i < m->cseq.n && m->cseq.p[i] >= '0' && m->cseq.p[i] <= '9'; i++)
		m->cseq_no = m->cseq_no * 10 + (unsigned)(m->cseq.p[i] - '0');
	m->method = trim((struct ar_span){m->cseq.p + i, m->cseq.n - i});
	return i && m->method.n ? 0 : -EBADMSG;
}

int sip_read(struct sip_msg *m, struct ar_span text)
{
	const char *p = text.p, *end = text.p + text.n;

	memset(m, 0, sizeof(*m));
	m->all = text;
	for (;;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		struct ar_span line = {p, nl ? (size_t)(nl + 1 - p) : 0};

		if (!nl)
			return -EBADMSG;
		p = nl + 1;
		if (trim(line).n == 0)
			break;
		if (!m->first.n)
			m->first = trim(line);
		else if (header(m, line) != 0)
			return -EBADMSG;
	}
	m->body = (struct ar_span){p, (size_t)(end - p)};
	if (m->first.n > 12 && memcmp(m->first.p, "SIP/2.0 ", 8) == 0)
		m->status = (m->first.p[8] - '0') * 100 + (m->first.p[9] - '0') * 10 +
			    (m->first.p[10] - '0');
	return m->callid.n && m->nvia ? read_cseq(m) : -EBADMSG;
}

void sip_port_open(struct sip_port *s, unsigned port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr = {htonl(INADDR_LOOPBACK)}};
	int size = 8 << 20;

	s->nout = 0;
	s->full = 0;
	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
		perror("bind");
		exit(2);
	}
	if (setsockopt(s->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
		setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

void sip_port_send(struct sip_port *s, struct ar_span text, const struct sockaddr_in *to)
{
	if (text.n > SIP_MAX)
		abort();
	if (s->nout == SIP_BATCH)
		sip_port_flush(s);
	memcpy(s->out[s->nout], text.p, text.n);
	s->len[s->nout] = text.n;
	s->to[s->nout++] = *to;
}

void sip_port_flush(struct sip_port *s)
{
	struct mmsghdr m[SIP_BATCH] = {0};
	struct iovec v[SIP_BATCH];
	unsigned at = 0;

	for (unsigned i = 0; i < s->nout; i++) {
		v[i] = (struct iovec){s->out[i], s->len[i]};
		m[i].msg_hdr = (struct msghdr){.msg_name = &s->to[i],
			.msg_namelen = sizeof(s->to[i]),
			.msg_iov = &v[i],
			.msg_iovlen = 1};
	}
	while (at < s->nout) {
		int n = sendmmsg(s->fd, m + at, s->nout - at, 0);

		if (n <= 0) { /* this one is lost, as on any path */
			s->full++;
			n = 1;
		}
		at += (unsigned)n;
	}
	s->nout = 0;
}

int sip_port_read(struct sip_port *s,
	void (*on)(void *arg, struct ar_span text, const struct sockaddr_in *from), void *arg)
{
	struct mmsghdr m[SIP_BATCH] = {0};
	struct sockaddr_in from[SIP_BATCH];
	struct iovec v[SIP_BATCH];
	int n;

	for (unsigned i = 0; i < SIP_BATCH; i++) {
		v[i] = (struct iovec){s->in[i], SIP_MAX};
		m[i].msg_hdr = (struct msghdr){.msg_name = &from[i],
			.msg_namelen = sizeof(from[i]),
			.msg_iov = &v[i],
			.msg_iovlen = 1};
	}
	n = recvmmsg(s->fd, m, SIP_BATCH, 0, NULL);
	for (int i = 0; i < n; i++)
		on(arg, (struct ar_span){s->in[i], m[i].msg_len}, &from[i]);
	return n < 0 ? 0 : n;
}
