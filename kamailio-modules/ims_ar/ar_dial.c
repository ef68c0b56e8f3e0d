/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of asd: unix:/path, tcp:host:port, tcp:[v6]:port. */
#include "ar_conn.h"
#include "ar_conf.h"

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

/* A name that is being looked up, by a thread of the C library. One for each value of asd. */
struct lookup {
	char host[256], port[8];
	struct addrinfo hints;
	struct gaicb cb;
	bool busy;
};

static int lookup_start(struct lookup *l, const struct target *t)
{
	struct gaicb *list[1] = {&l->cb};

	memset(l, 0, sizeof(*l));
	snprintf(l->host, sizeof(l->host), "%s", t->host);
	snprintf(l->port, sizeof(l->port), "%s", t->port);
	l->hints.ai_socktype = SOCK_STREAM;
	l->cb = (struct gaicb){.ar_name = l->host, .ar_service = l->port, .ar_request = &l->hints};
	if (getaddrinfo_a(GAI_NOWAIT, list, 1, NULL) != 0)
		return -EHOSTUNREACH;
	l->busy = true;
	return -EAGAIN;
}

/* -EAGAIN while it goes on. */
static int lookup_run(const struct target *t, struct addrinfo **list)
{
	static struct lookup lookups[AR_ASD_MAX];
	struct lookup *l = NULL;
	int rc;

	for (int i = 0; i < AR_ASD_MAX && !l; i++)
		if (!lookups[i].busy || (strcmp(lookups[i].host, t->host) == 0 &&
						strcmp(lookups[i].port, t->port) == 0))
			l = &lookups[i];
	if (!l)
		return -EAGAIN;
	if (!l->busy)
		return lookup_start(l, t);
	rc = gai_error(&l->cb);
	if (rc == EAI_INPROGRESS)
		return -EAGAIN;
	l->busy = false;
	*list = l->cb.ar_result;
	return rc == 0 && *list ? 0 : -EHOSTUNREACH;
}

static int resolve(const struct target *t, bool wait, struct addrinfo **list)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};

	if (getaddrinfo(t->host, t->port, &hints, list) == 0)
		return 0;
	if (!wait)
		return lookup_run(t, list);
	hints.ai_flags = 0;
	return getaddrinfo(t->host, t->port, &hints, list) == 0 ? 0 : -EHOSTUNREACH;
}

int ar_conn_dial(const char *address, bool wait)
{
	struct addrinfo *list = NULL, *a;
	struct target t;
	int fd = read_target(&t, address);

	if (fd < 0)
		return fd;
	if (t.local)
		return dial(AF_UNIX, (const struct sockaddr *)&t.un, sizeof(t.un), SOCK_NONBLOCK);
	fd = resolve(&t, wait, &list);
	if (fd < 0)
		return fd;
	fd = -EHOSTUNREACH;
	for (a = list; a && fd < 0; a = a->ai_next)
		fd = dial(a->ai_family, a->ai_addr, a->ai_addrlen, SOCK_NONBLOCK);
	freeaddrinfo(list);
	return fd;
}
