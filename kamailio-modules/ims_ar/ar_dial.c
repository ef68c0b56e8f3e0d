/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of asd: unix:/path, tcp:host:port, tcp:[v6]:port. */
#include "ar_conn.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct target {
	bool local;
	char host[256], port[8];
	struct sockaddr_un un;
};

static int read_unix(struct target *t, const char *path)
{
	size_t n = strlen(path);

	if (path[0] != '/' || n >= sizeof(t->un.sun_path))
		return -EINVAL;
	t->local = true;
	t->un.sun_family = AF_UNIX;
	memcpy(t->un.sun_path, path, n + 1);
	return 0;
}

static int read_tcp(struct target *t, const char *s)
{
	const char *port, *end;
	size_t n;

	if (*s == '[') {
		end = strchr(++s, ']');
		if (!end || end[1] != ':')
			return -EINVAL;
		port = end + 2;
	} else {
		end = strrchr(s, ':');
		if (!end || memchr(s, ':', (size_t)(end - s)))
			return -EINVAL;
		port = end + 1;
	}
	n = (size_t)(end - s);
	if (!n || n >= sizeof(t->host) || !*port || strlen(port) >= sizeof(t->port) ||
		strspn(port, "0123456789") != strlen(port) || atoi(port) < 1 || atoi(port) > 65535)
		return -EINVAL;
	memcpy(t->host, s, n);
	t->host[n] = 0;
	snprintf(t->port, sizeof(t->port), "%s", port);
	return 0;
}

static int read_target(struct target *t, const char *address)
{
	memset(t, 0, sizeof(*t));
	if (strncmp(address, "unix:", 5) == 0)
		return read_unix(t, address + 5);
	if (strncmp(address, "tcp:", 4) == 0)
		return read_tcp(t, address + 4);
	return -EINVAL;
}

int ar_conn_check(const char *address)
{
	struct target t;

	return read_target(&t, address);
}

static int dial(int family, const struct sockaddr *sa, socklen_t n, int flags)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0), one = 1, err;

	if (fd < 0)
		return -errno;
	if (family != AF_UNIX)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, sa, n) == 0 || errno == EINPROGRESS)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int ar_conn_dial(const char *address, bool blocking)
{
	int flags = blocking ? 0 : SOCK_NONBLOCK;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list, *a;
	struct target t;
	int fd = read_target(&t, address);

	if (fd < 0)
		return fd;
	if (t.local)
		return dial(AF_UNIX, (const struct sockaddr *)&t.un, sizeof(t.un), flags);
	if (getaddrinfo(t.host, t.port, &hints, &list) != 0)
		return -EHOSTUNREACH;
	fd = -EHOSTUNREACH;
	for (a = list; a && fd < 0; a = a->ai_next)
		fd = dial(a->ai_family, a->ai_addr, a->ai_addrlen, flags);
	freeaddrinfo(list);
	return fd;
}
