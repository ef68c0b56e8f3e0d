/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/front/front_listen.h"
#include "common/daemon/ar_log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/listener.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 128

struct front_listener {
	struct front_listener *next;
	struct event_base *base;
	struct evconnlistener *ev;
	struct event *again;
	int fd;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* "": TCP */
	front_accept_h *h;
	void *arg;
};

/* ---- binding ---- */

/* A socket file without a listener is left over; with one, another asd is at work. */
static int clear_path(const struct sockaddr_un *un)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)un, sizeof(*un)) == 0)
		err = -EADDRINUSE;
	else if (errno == ECONNREFUSED && unlink(un->sun_path) != 0)
		err = -errno;
	close(fd);
	return err;
}

static int own_path(const char *path, const struct asd_conf *conf)
{
	const struct group *g = conf->group ? getgrnam(conf->group) : NULL;

	if (chmod(path, (mode_t)strtol(conf->unix_mode, NULL, 8)) != 0)
		return -errno;
	if (g && chown(path, (uid_t)-1, g->gr_gid) != 0)
		return -errno;
	return 0;
}

static int bind_unix(struct front_listener *l, const char *path, const struct asd_conf *conf)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	mode_t before;
	int err;

	if (strlen(path) >= sizeof(un.sun_path))
		return -ENAMETOOLONG;
	memcpy(un.sun_path, path, strlen(path) + 1);
	err = clear_path(&un);
	if (err)
		return err;
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return -errno;
	before = umask(0177); /* nobody gets in before the mode is set */
	err = bind(l->fd, (struct sockaddr *)&un, sizeof(un)) == 0 ? 0 : -errno;
	umask(before);
	if (err)
		return err;
	memcpy(l->path, un.sun_path, sizeof(l->path));
	return own_path(path, conf);
}

static int bind_tcp(struct front_listener *l, const struct asd_endpoint *e)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *ai;
	char port[8];
	int on = 1, err = 0;

	snprintf(port, sizeof(port), "%u", e->port);
	if (getaddrinfo(e->host, port, &hints, &ai) != 0)
		return -EADDRNOTAVAIL;
	l->fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0) {
		err = -errno;
	} else {
		setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		if (bind(l->fd, ai->ai_addr, ai->ai_addrlen) != 0)
			err = -errno;
	}
	freeaddrinfo(ai);
	return err;
}

static int add(struct front_listener **lp, struct event_base *base, const struct asd_conf *conf,
	const char *text)
{
	struct front_listener *l = calloc(1, sizeof(*l));
	struct asd_endpoint e;
	int err;

	if (!l)
		return -ENOMEM;
	l->fd = -1;
	l->base = base;
	l->next = *lp;
	*lp = l;
	err = asd_parse_listen(&e, text);
	if (err)
		return err;
	err = e.port ? bind_tcp(l, &e) : bind_unix(l, e.host, conf);
	if (!err && listen(l->fd, BACKLOG) != 0)
		err = -errno;
	return err;
}

static const char *advice(int err)
{
	if (err == -EADDRINUSE)
		return " (is another asd running?)";
	if (err == -ENOENT)
		return " (the folder is missing; as a service asd has it from systemd, "
		       "RuntimeDirectory=)";
	if (err == -EACCES)
		return " (start as root, or give the user that folder)";
	return "";
}

int front_listen(struct front_listener **lp, struct event_base *base, const struct asd_conf *conf,
	front_accept_h *h, void *arg, struct ar_buf *err)
{
	for (unsigned i = 0; i < conf->listen.n; i++) {
		int e = add(lp, base, conf, conf->listen.item[i]);

		if (e) {
			ar_buf_printf(err, "[front] listen = %s: %s%s", conf->listen.item[i],
				strerror(-e), advice(e));
			return e;
		}
		(*lp)->h = h;
		(*lp)->arg = arg;
	}
	return 0;
}

/* ---- accepting ---- */

static void name_peer(evutil_socket_t fd, const struct sockaddr *sa, char *buf, size_t cap)
{
	char host[INET6_ADDRSTRLEN] = "?";
	struct ucred who;
	socklen_t n = sizeof(who);

	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)sa;

		inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		snprintf(buf, cap, "%s:%u", host, ntohs(in->sin_port));
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;

		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
		snprintf(buf, cap, "[%s]:%u", host, ntohs(in6->sin6_port));
	} else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0) {
		snprintf(buf, cap, "pid %d, uid %u", (int)who.pid, (unsigned)who.uid);
	} else {
		snprintf(buf, cap, "a local process");
	}
}

static void on_accept(
	struct evconnlistener *ev, evutil_socket_t fd, struct sockaddr *sa, int n, void *arg)
{
	struct front_listener *l = arg;
	char from[64];
	int on = 1;

	(void)ev;
	(void)n;
	if (!l->path[0])
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	name_peer(fd, sa, from, sizeof(from));
	l->h(l->arg, fd, from);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct front_listener *l = arg;

	(void)fd;
	(void)what;
	evconnlistener_enable(l->ev);
}

/* Out of descriptors, as a rule: trying again at once would only burn the CPU. */
static void on_error(struct evconnlistener *ev, void *arg)
{
	struct front_listener *l = arg;
	struct timeval second = {.tv_sec = 1};

	ar_log_limited(AR_LOG_ERR, "front", "cannot accept: %s; again in a second",
		evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
	evconnlistener_disable(ev);
	evtimer_add(l->again, &second);
}

int front_listen_start(struct front_listener *l)
{
	for (; l; l = l->next) {
		l->again = evtimer_new(l->base, on_again, l);
		l->ev = evconnlistener_new(l->base, on_accept, l, LEV_OPT_CLOSE_ON_EXEC, 0, l->fd);
		if (!l->ev || !l->again)
			return -ENOMEM;
		evconnlistener_set_error_cb(l->ev, on_error);
	}
	return 0;
}

void front_unlisten(struct front_listener *l)
{
	while (l) {
		struct front_listener *next = l->next;

		if (l->ev)
			evconnlistener_free(l->ev);
		if (l->again)
			event_free(l->again);
		if (l->fd >= 0)
			close(l->fd);
		if (l->path[0])
			unlink(l->path);
		free(l);
		l = next;
	}
}
