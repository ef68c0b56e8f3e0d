/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/worker/orphan.h"

#include "common/ar_json.h"
#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define GONE_MS 5000 /* a retired one must have ended */
#define NAME "ims-ar-mediad-"
#define RANDOM 16 /* bytes of a name */

static int bind_name(int fd, uint16_t base)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	unsigned char r[RANDOM];
	int n;

	if (getrandom(r, sizeof(r), 0) != sizeof(r))
		return -EIO;
	n = snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, NAME "%u-", base);
	for (unsigned i = 0; i < sizeof(r); i++)
		n += snprintf(a.sun_path + 1 + n, sizeof(a.sun_path) - 1 - (size_t)n, "%02x", r[i]);
	n += (int)offsetof(struct sockaddr_un, sun_path) + 1;
	return bind(fd, (struct sockaddr *)&a, (socklen_t)n) == 0 ? 0 : -errno;
}

json_t *orphan_identity(const struct mediad_conf *conf, const struct orphan_self *self)
{
	return json_pack("{s:i, s:s, s:s, s:i, s:i, s:b, s:I}", "language", ORPHAN_LANGUAGE,
		"version", IMS_AR_VERSION, "made", conf->made, "index", (int)self->index, "port",
		(int)self->port, "draining", self->draining, "since", (json_int_t)self->since);
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

static int ready(int fd, short events, int ms)
{
	struct pollfd p = {.fd = fd, .events = events};
	int rc = poll(&p, 1, ms);

	return rc == 1 ? 0 : rc == 0 ? -ETIMEDOUT : -errno;
}

/* ---- the worker ---- */

int orphan_listen(uint16_t base)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err = fd < 0 ? -errno : bind_name(fd, base);

	if (!err && listen(fd, 4) == 0)
		return fd;
	err = err ? err : -errno;
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
		err = ready(fd, POLLOUT, ORPHAN_TALK_MS);
		if (err)
			return err;
	}
	return 0;
}

static int greet(int fd, const json_t *identity, const json_t *contexts, const int *sockets,
	unsigned nsocket)
{
	json_t *j = json_pack("{s:O, s:O}", "identity", identity, "contexts", contexts);
	char *text = j ? ar_json_text(j) : NULL;
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
	unsigned nsocket, enum orphan_verdict *verdict)
{
	char said = 0;
	pid_t pid;

	if (!trusted(fd, geteuid(), &pid) || greet(fd, identity, contexts, sockets, nsocket) != 0 ||
		ready(fd, POLLIN, ORPHAN_TALK_MS) != 0 || recv(fd, &said, 1, MSG_DONTWAIT) != 1)
		return -EAGAIN;
	*verdict = (enum orphan_verdict)said;
	if (said == ORPHAN_ADOPT || said == ORPHAN_DRAIN)
		return 0;
	return said == ORPHAN_RETIRE ? -ECANCELED : -EAGAIN;
}

int orphan_accept(int listener, const json_t *identity, const json_t *contexts, const int *sockets,
	unsigned nsocket, enum orphan_verdict *verdict)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), err;

	if (fd < 0)
		return -EAGAIN;
	err = talk(fd, identity, contexts, sockets, nsocket, verdict);
	if (!err)
		return fd;
	close(fd);
	return err;
}

/* ---- the parent ---- */

static int dial(const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int n = snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "%s", name);

	if (fd < 0)
		return -errno;
	n += (int)offsetof(struct sockaddr_un, sun_path) + 1;
	/* does not wait: whoever holds the name may never take anybody */
	if (connect(fd, (struct sockaddr *)&a, (socklen_t)n) == 0)
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
	int err = ready(o->link, POLLIN, ORPHAN_GREET_MS);

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
		int err = ready(fd, POLLIN, ORPHAN_GREET_MS);
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
static void end(struct orphan *o)
{
	if (!orphan_ended(o->process, GONE_MS / 2)) {
		pidfd_send_signal(o->process, SIGKILL, NULL, 0);
		orphan_ended(o->process, GONE_MS / 2);
	}
	orphan_drop(o);
}

static void retire(struct orphan *o)
{
	char verdict = ORPHAN_RETIRE;

	ar_log(AR_LOG_WARN, "mediad",
		"a worker (process %d) of an earlier mediad cannot be spoken to: its calls end",
		(int)o->pid);
	if (send(o->link, &verdict, 1, MSG_NOSIGNAL) != 1)
		pidfd_send_signal(o->process, SIGTERM, NULL, 0);
	end(o);
}

static bool understood(struct orphan *o, const json_t *greeting)
{
	const json_t *id = json_object_get(greeting, "identity");
	json_int_t index = json_integer_value(json_object_get(id, "index"));

	if (json_integer_value(json_object_get(id, "language")) != ORPHAN_LANGUAGE || index < 0 ||
		index >= MEDIAD_MAX_WORKERS ||
		!json_is_array(json_object_get(greeting, "contexts")))
		return false;
	o->self = (struct orphan_self){.index = (unsigned)index,
		.port = (uint16_t)json_integer_value(json_object_get(id, "port")),
		.draining = json_is_true(json_object_get(id, "draining")),
		.since = (uint64_t)json_integer_value(json_object_get(id, "since"))};
	return true;
}

/* Made from the same program and settings, and its place is free? */
static bool fits(const struct orphan_list *l, const struct orphan *o, const json_t *greeting,
	const struct mediad_conf *conf)
{
	json_t *mine = orphan_identity(conf, &o->self);
	bool same = !o->self.draining && json_equal(mine, json_object_get(greeting, "identity")) &&
		    o->nsocket == conf->networks.n && o->self.index < conf->nworker;

	for (unsigned i = 0; i < l->n; i++)
		same = same && (l->at[i].self.draining || l->at[i].self.index != o->self.index);
	json_decref(mine);
	return same;
}

static void settle(struct orphan_list *l, struct orphan *o, const json_t *greeting, bool adopt)
{
	char verdict = adopt ? ORPHAN_ADOPT : ORPHAN_DRAIN;

	if (!adopt && !o->self.draining)
		o->self.since = ar_now();
	o->self.draining = !adopt;
	if (send(o->link, &verdict, 1, MSG_NOSIGNAL) != 1) {
		orphan_drop(o);
		return;
	}
	o->contexts = json_incref(json_object_get(greeting, "contexts"));
	ar_log(AR_LOG_NOTICE, "mediad", "worker %u (process %d) %s with %zu contexts",
		o->self.index, (int)o->pid, adopt ? "adopted" : "of before drains,",
		json_array_size(o->contexts));
	l->at[l->n++] = *o;
}

static bool known(const struct orphan_list *l, pid_t pid)
{
	for (unsigned i = 0; i < l->n; i++) {
		if (l->at[i].pid == pid)
			return true;
	}
	return false;
}

static void meet(struct orphan_list *l, const struct mediad_conf *conf, const char *name,
	uid_t user, bool drain)
{
	struct orphan o = {.link = dial(name), .process = -1};
	json_t *greeting;

	if (o.link < 0)
		return;
	if (!trusted(o.link, user, &o.pid)) {
		ar_log_limited(
			AR_LOG_WARN, "mediad", "the process at @%s is not ours: left alone", name);
		orphan_drop(&o);
		return;
	}
	if (o.pid > 0 && !known(l, o.pid))
		o.process = pidfd_open(o.pid, 0);
	if (o.process < 0) { /* in the list already, or of another PID namespace */
		orphan_drop(&o);
		return;
	}
	greeting = receive_greeting(&o);
	if (!greeting || !understood(&o, greeting))
		retire(&o);
	else
		settle(l, &o, greeting, !drain && fits(l, &o, greeting, conf));
	json_decref(greeting);
}

/* Two generations have their ports (mediad_conf_port()); a third one has none. */
static void end_oldest(struct orphan_list *l)
{
	for (unsigned i = 0; i < l->n; i++) {
		for (unsigned k = 0; k < l->n; k++) {
			struct orphan *o = &l->at[i], *p = &l->at[k];

			if (i == k || !o->self.draining || !p->self.draining ||
				o->self.index != p->self.index || o->self.since > p->self.since)
				continue;
			ar_log(AR_LOG_ERR, "mediad",
				"worker %u (process %d) of the version before last still drains: "
				"its %zu calls end",
				o->self.index, (int)o->pid, json_array_size(o->contexts));
			pidfd_send_signal(o->process, SIGTERM, NULL, 0);
			end(o);
			*o = l->at[--l->n];
			i = UINT_MAX; /* from the start */
			break;
		}
	}
}

int orphan_find(struct orphan_list *l, const struct mediad_conf *conf, uint16_t base, uid_t user,
	bool drain)
{
	FILE *f = fopen("/proc/net/unix", "re");
	char line[256], want[32];
	unsigned seen = 0;

	if (!f)
		return -errno;
	snprintf(want, sizeof(want), "@" NAME "%u-", base);
	while (fgets(line, sizeof(line), f)) {
		char *name = strstr(line, want);

		if (!name || seen++ >= ORPHAN_MAX_NAMES || l->n == sizeof(l->at) / sizeof(l->at[0]))
			continue;
		name[strcspn(name, "\n")] = '\0';
		meet(l, conf, name + 1, user, drain);
	}
	fclose(f);
	if (seen > ORPHAN_MAX_NAMES)
		ar_log(AR_LOG_WARN, "mediad", "%u names like those of workers, %u were looked at",
			seen, ORPHAN_MAX_NAMES);
	end_oldest(l);
	return 0;
}
