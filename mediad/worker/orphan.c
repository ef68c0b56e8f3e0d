/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/worker/orphan.h"

#include "common/daemon/ar_log.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ADOPT 'A'
#define RETIRE 'R'
#define GONE_MS 5000 /* a retired one must have ended */

static socklen_t name_of(struct sockaddr_un *a, uint16_t port)
{
	int n;

	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	n = snprintf(a->sun_path + 1, sizeof(a->sun_path) - 1, "ims-ar-mediad-%u", port);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

json_t *orphan_identity(const struct mediad_conf *conf, unsigned index)
{
	json_t *nets = json_array();

	for (unsigned i = 0; i < conf->network.n; i++)
		json_array_append_new(nets, json_string(conf->network.item[i]));
	return json_pack("{s:s, s:i, s:i, s:o}", "version", IMS_AR_VERSION, "index", (int)index,
		"port", (int)conf->port, "networks", nets);
}

static bool trusted(int fd, uid_t user, pid_t *pid)
{
	struct ucred c;
	socklen_t n = sizeof(c);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n) != 0)
		return false;
	*pid = c.pid; /* 0: of a PID namespace that we do not see */
	return c.uid == 0 || c.uid == user || c.uid == geteuid();
}

static int ready(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};
	int rc = poll(&p, 1, ORPHAN_TALK_MS);

	return rc == 1 ? 0 : rc == 0 ? -ETIMEDOUT : -errno;
}

/* ---- the worker ---- */

int orphan_listen(uint16_t port)
{
	struct sockaddr_un a;
	socklen_t n = name_of(&a, port);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err;

	if (fd >= 0 && bind(fd, (struct sockaddr *)&a, n) == 0 && listen(fd, 4) == 0)
		return fd;
	err = -errno;
	if (fd >= 0)
		close(fd);
	return err;
}

/* The sockets go with the first bytes, the length of the greeting. */
static int send_head(int fd, uint32_t length, const int *sockets, unsigned n)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * NETS_MAX)];
		struct cmsghdr align;
	} control = {.buf = ""};
	struct iovec v = {.iov_base = &length, .iov_len = sizeof(length)};
	struct msghdr m = {.msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = CMSG_SPACE(sizeof(int) * n)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * n);
	memcpy(CMSG_DATA(c), sockets, sizeof(int) * n);
	return sendmsg(fd, &m, MSG_NOSIGNAL) == (ssize_t)sizeof(length) ? 0 : -EPIPE;
}

static int send_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		int err;

		if (sent < 0 && errno != EAGAIN)
			return -errno;
		if (sent > 0) {
			p += sent;
			n -= (size_t)sent;
			continue;
		}
		err = ready(fd, POLLOUT);
		if (err)
			return err;
	}
	return 0;
}

static int greet(int fd, const json_t *identity, const json_t *contexts, const int *sockets,
	unsigned nsocket)
{
	json_t *j = json_pack("{s:O, s:O}", "identity", identity, "contexts", contexts);
	char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	size_t n = text ? strlen(text) : 0;
	int err = text && n <= ORPHAN_MAX_GREETING ? 0 : -ENOMEM;

	if (!err)
		err = send_head(fd, (uint32_t)n, sockets, nsocket);
	if (!err)
		err = send_all(fd, text, n);
	free(text);
	json_decref(j);
	return err;
}

static int talk(int fd, const json_t *identity, const json_t *contexts, const int *sockets,
	unsigned nsocket)
{
	char verdict = 0;
	pid_t pid;

	if (!trusted(fd, geteuid(), &pid) || greet(fd, identity, contexts, sockets, nsocket) != 0 ||
		ready(fd, POLLIN) != 0 || recv(fd, &verdict, 1, MSG_DONTWAIT) != 1)
		return -EAGAIN;
	if (verdict == ADOPT)
		return 0;
	return verdict == RETIRE ? -ECANCELED : -EAGAIN;
}

int orphan_accept(int listener, const json_t *identity, const json_t *contexts, const int *sockets,
	unsigned nsocket)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), err;

	if (fd < 0)
		return -EAGAIN;
	err = talk(fd, identity, contexts, sockets, nsocket);
	if (!err)
		return fd;
	close(fd);
	return err;
}

/* ---- the parent ---- */

static int dial(uint16_t port)
{
	struct sockaddr_un a;
	socklen_t n = name_of(&a, port);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	/* does not wait: whoever holds the name may never take anybody */
	if (connect(fd, (struct sockaddr *)&a, n) == 0)
		return fd;
	close(fd);
	return -ENOENT;
}

static void take_sockets(struct orphan *o, struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		o->nsocket = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		if (o->nsocket > NETS_MAX)
			o->nsocket = NETS_MAX;
		memcpy(o->socket, CMSG_DATA(c), o->nsocket * sizeof(int));
	}
}

static int receive_head(struct orphan *o, uint32_t *length)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * NETS_MAX)];
		struct cmsghdr align;
	} control;
	struct iovec v = {.iov_base = length, .iov_len = sizeof(*length)};
	struct msghdr m = {.msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf)};
	int err = ready(o->link, POLLIN);

	if (err)
		return err;
	if (recvmsg(o->link, &m, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof(*length))
		return -EPIPE;
	take_sockets(o, &m);
	return *length <= ORPHAN_MAX_GREETING ? 0 : -E2BIG;
}

static int receive_all(int fd, char *p, size_t n)
{
	while (n) {
		int err = ready(fd, POLLIN);
		ssize_t got = err ? -1 : recv(fd, p, n, 0);

		if (err)
			return err;
		if (got <= 0)
			return -EPIPE;
		p += got;
		n -= (size_t)got;
	}
	return 0;
}

static json_t *receive_greeting(struct orphan *o)
{
	json_t *j = NULL;
	uint32_t n = 0;
	char *text;

	if (receive_head(o, &n) != 0)
		return NULL;
	text = malloc(n + 1u);
	if (text && receive_all(o->link, text, n) == 0)
		j = json_loadb(text, n, 0, NULL);
	free(text);
	return j;
}

void orphan_drop(struct orphan *o)
{
	if (o->link >= 0)
		close(o->link);
	if (o->process >= 0)
		close(o->process);
	for (unsigned i = 0; i < o->nsocket; i++)
		close(o->socket[i]);
	json_decref(o->contexts);
	*o = (struct orphan){.link = -1, .process = -1};
}

bool orphan_ended(int process, int wait_ms)
{
	struct pollfd p = {.fd = process, .events = POLLIN};

	return poll(&p, 1, wait_ms) == 1;
}

/* It ends by itself when it is asked to, and by force when not. */
static void retire(struct orphan *o, unsigned index)
{
	char verdict = RETIRE;

	ar_log(AR_LOG_WARN, "mediad",
		"worker %u (process %d) of an earlier mediad has another configuration or version: "
		"its calls end",
		index, (int)o->pid);
	if (send(o->link, &verdict, 1, MSG_NOSIGNAL) != 1 ||
		!orphan_ended(o->process, GONE_MS / 2)) {
		pidfd_send_signal(o->process, SIGKILL, NULL, 0);
		orphan_ended(o->process, GONE_MS / 2);
	}
	orphan_drop(o);
}

static bool fits(const struct orphan *o, const json_t *greeting, const struct mediad_conf *conf,
	unsigned index)
{
	json_t *mine = orphan_identity(conf, index);
	bool same = json_equal(mine, json_object_get(greeting, "identity")) &&
		    json_is_array(json_object_get(greeting, "contexts")) &&
		    o->nsocket == conf->networks.n;

	json_decref(mine);
	return same;
}

int orphan_find(struct orphan *out, const struct mediad_conf *conf, unsigned index, uid_t user)
{
	char verdict = ADOPT;
	json_t *greeting;

	*out = (struct orphan){.link = dial((uint16_t)(conf->port + index)), .process = -1};
	if (out->link < 0) {
		out->link = -1;
		return 0;
	}
	if (trusted(out->link, user, &out->pid) && out->pid > 0)
		out->process = pidfd_open(out->pid, 0);
	if (out->process < 0) {
		ar_log(AR_LOG_WARN, "mediad",
			"the process at the name of worker %u is not ours, or of another PID "
			"namespace: left alone",
			index);
		orphan_drop(out);
		return 0;
	}
	greeting = receive_greeting(out);
	if (!fits(out, greeting, conf, index)) {
		retire(out, index);
	} else if (send(out->link, &verdict, 1, MSG_NOSIGNAL) != 1) {
		orphan_drop(out);
	} else {
		out->contexts = json_incref(json_object_get(greeting, "contexts"));
		ar_log(AR_LOG_NOTICE, "mediad", "worker %u (process %d) adopted with %zu contexts",
			index, (int)out->pid, json_array_size(out->contexts));
	}
	json_decref(greeting);
	return 0;
}
