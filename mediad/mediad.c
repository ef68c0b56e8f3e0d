/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/mediad.h"

#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"
#include "mediad/ctl/ctl.h"
#include "mediad/dcmf/app.h"
#include "mediad/net/peer_addr.h"
#include "mediad/privs.h"
#include "mediad/worker/udp.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define LISTEN_BACKLOG 128
#define PORT_WAIT_MS 5000 /* as ORPHAN_GREET_MS */
#define UPGRADE_WAIT_MS 10000 /* nobody else is to blame: a worker without calls is ending */
#define BECOME_TICK_MS 50
#define BECOME_WAIT_MS (CTL_ANSWER_S * 1000) /* for answers to requests that workers have */

struct mediad {
	const struct mediad_conf *conf;
	struct library *scenes;
	struct assets *assets;
	struct scripts *scripts;
	struct workers_place place[MEDIAD_MAX_WORKERS];
	struct orphan_list orphans; /* found at start */
	int listener[AR_CONF_MAX_LIST]; /* the control interface's from when it listens on */
	bool listens;
	struct upgrade *up;
	struct upgrade_from from;
	bool upgrade_waits; /* for those that drain since the last one */
	unsigned become_ms;
	int signals;
	struct event_base *base;
	struct event *on_signal, *watchdog, *become;
	struct ctl *ctl;
	struct workers *workers;
};

/* ---- sockets ---- */

static int bind_worker(struct mediad *m, unsigned w, uint16_t port, struct ar_buf *why)
{
	const struct nets_list *nets = &m->conf->networks;
	char ip[INET6_ADDRSTRLEN];

	for (unsigned i = 0; i < nets->n; i++) {
		int fd = udp_bind(&nets->line[i].bind, port);

		if (fd < 0) {
			ar_buf_printf(why, "UDP %s port %u: %s%s",
				nets_print_ip(&nets->line[i].bind.ss, ip, sizeof(ip)), port,
				strerror(-fd),
				fd == -EADDRINUSE ? " (does another mediad run?)" : "");
			return fd;
		}
		m->place[w].socket[i] = fd;
	}
	m->place[w].port = port;
	return 0;
}

static void unbind_worker(struct mediad *m, unsigned w)
{
	for (unsigned i = 0; i < NETS_MAX; i++) {
		if (m->place[w].socket[i] >= 0)
			close(m->place[w].socket[i]);
		m->place[w].socket[i] = -1;
	}
}

static struct orphan *successor(struct mediad *m, unsigned w)
{
	for (unsigned i = 0; i < m->orphans.n; i++) {
		struct orphan *o = &m->orphans.at[i];

		if (!o->self.draining && o->self.index == w)
			return o;
	}
	return NULL;
}

/* Not the one that a worker of before still has. */
static uint16_t choose_port(const struct mediad *m, unsigned w)
{
	uint16_t first = mediad_conf_port(m->conf, w, false);

	for (unsigned i = 0; i < m->orphans.n; i++) {
		if (m->orphans.at[i].self.port == first)
			return mediad_conf_port(m->conf, w, true);
	}
	return first;
}

static int find_orphans(struct mediad *m, uid_t user)
{
	uint16_t base = (uint16_t)m->conf->port;
	int err = orphan_find(&m->orphans, m->conf, base, user, m->from.upgraded);

	if (!err && m->from.upgraded && m->from.base != base)
		err = orphan_find(&m->orphans, m->conf, m->from.base, user, true);
	return err;
}

/* A worker may not have noticed yet that its parent died, or be about to end: it has its ports. */
static int place_worker(struct mediad *m, unsigned w, uid_t user, struct ar_buf *why)
{
	int wait = m->from.upgraded ? UPGRADE_WAIT_MS : PORT_WAIT_MS;

	for (int ms = 0;; ms += 100) {
		int err = find_orphans(m, user);
		struct orphan *o = successor(m, w);

		if (!err && o) {
			memcpy(m->place[w].socket, o->socket, o->nsocket * sizeof(int));
			m->place[w].port = o->self.port;
			o->nsocket = 0; /* not its own any more */
			return 0;
		}
		if (!err)
			err = bind_worker(m, w, choose_port(m, w), why);
		if (err != -EADDRINUSE || ms >= wait)
			return err;
		unbind_worker(m, w);
		ar_buf_reset(why);
		usleep(100000);
	}
}

static int open_media(struct mediad *m, struct ar_buf *why)
{
	uid_t user = privs_uid(m->conf->user);
	int err = 0;

	for (unsigned w = 0; !err && w < m->conf->nworker; w++)
		err = place_worker(m, w, user, why);
	return err;
}

/* One that the program before us has left open. */
static int inherited(struct mediad *m, const struct peer_addr *want)
{
	for (unsigned i = 0; i < m->from.nsocket; i++) {
		struct peer_addr a = {.len = sizeof(a.ss)};
		int fd = m->from.socket[i];

		if (fd < 0 || getsockname(fd, (struct sockaddr *)&a.ss, &a.len) != 0 ||
			!peer_addr_eq(&a, want))
			continue;
		m->from.socket[i] = -1;
		return fd;
	}
	return -1;
}

static int open_listener(struct mediad *m, const char *text, struct ar_buf *why)
{
	struct peer_addr a;
	int on = 1, err, fd;

	if (nets_addr_port_parse(&a, text) != 0)
		return -EINVAL;
	fd = inherited(m, &a);
	if (fd >= 0)
		return fd;
	fd = socket(a.ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
		bind(fd, (struct sockaddr *)&a.ss, a.len) == 0 && listen(fd, LISTEN_BACKLOG) == 0)
		return fd;
	err = -errno;
	ar_buf_printf(why, "listen = %s: %s", text, strerror(-err));
	if (fd >= 0)
		close(fd);
	return err;
}

static int open_sockets(struct mediad *m, struct ar_buf *why)
{
	int err = open_media(m, why);

	for (unsigned i = 0; !err && i < m->conf->listen.n; i++) {
		int fd = open_listener(m, m->conf->listen.item[i], why);

		if (fd < 0)
			err = fd;
		else
			m->listener[i] = fd;
	}
	for (unsigned i = 0; i < m->from.nsocket; i++) {
		if (m->from.socket[i] >= 0)
			close(m->from.socket[i]); /* not in the new configuration */
	}
	m->from.nsocket = 0;
	return err;
}

/* ---- upgrade ---- */

static void begin_upgrade(struct mediad *m)
{
	unsigned n = workers_draining(m->workers);
	int err;

	m->upgrade_waits = n > 0;
	if (n) {
		ar_log(AR_LOG_NOTICE, "mediad",
			"upgrade: waits for %u workers that drain since the last one", n);
		return;
	}
	err = upgrade_check(m->up);
	if (err)
		ar_log(AR_LOG_ERR, "mediad", "upgrade: %s cannot be started: %s", m->up->program,
			strerror(-err));
	else
		ar_log(AR_LOG_NOTICE, "mediad", "upgrade: %s checks the configuration",
			m->up->program);
}

static void upgrade_checked(struct mediad *m, int status)
{
	struct timeval tv = {.tv_usec = BECOME_TICK_MS * 1000};

	m->up->checker = 0;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		ar_log(AR_LOG_ERR, "mediad",
			"upgrade refused, nothing changes: '%s -t' ended with %d", m->up->program,
			WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
		return;
	}
	m->become_ms = 0;
	event_add(m->become, &tv);
}

/* When no request is being worked on; what comes meanwhile waits in the sockets. */
static void on_become(evutil_socket_t fd, short what, void *arg)
{
	struct timeval tv = {.tv_usec = BECOME_TICK_MS * 1000};
	struct mediad *m = arg;
	int err;

	(void)fd, (void)what;
	m->become_ms += BECOME_TICK_MS;
	if (ctl_busy(m->ctl) && m->become_ms < BECOME_WAIT_MS) {
		event_add(m->become, &tv);
		return;
	}
	ar_log(AR_LOG_NOTICE, "mediad", "upgrade: becoming %s, %u contexts go on", m->up->program,
		ctl_contexts(m->ctl));
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)ar_now());
	err = upgrade_become(m->up, (uint16_t)m->conf->port, m->listener, m->conf->listen.n);
	ar_log(AR_LOG_ERR, "mediad", "upgrade failed, nothing changes: %s", strerror(-err));
	sd_notify(0, "READY=1");
}

/* ---- signals, systemd ---- */

static void reap(struct mediad *m)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == m->up->checker)
			upgrade_checked(m, status);
		else
			workers_reaped(m->workers, pid, status);
	}
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct signalfd_siginfo s;
	struct mediad *m = arg;

	(void)what;
	while (read(fd, &s, sizeof(s)) == (ssize_t)sizeof(s)) {
		switch (s.ssi_signo) {
		case SIGCHLD:
			reap(m);
			break;
		case SIGUSR1:
			ctl_drain(m->ctl, !ctl_draining(m->ctl));
			break;
		case SIGUSR2:
			begin_upgrade(m);
			break;
		case SIGHUP:
			ar_log(AR_LOG_NOTICE, "mediad",
				"the configuration is read at start; SIGUSR2 (systemctl reload) "
				"starts anew, and calls go on");
			break;
		default:
			ar_log(AR_LOG_NOTICE, "mediad", "stopping with %u contexts",
				ctl_contexts(m->ctl));
			event_base_loopbreak(m->base);
		}
	}
}

static int start_signals(struct mediad *m)
{
	static const int all[] = {SIGTERM, SIGINT, SIGCHLD, SIGHUP, SIGUSR1, SIGUSR2};
	sigset_t set;

	sigemptyset(&set);
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		sigaddset(&set, all[i]);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -errno;
	m->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (m->signals < 0)
		return -errno;
	m->on_signal = event_new(m->base, m->signals, EV_READ | EV_PERSIST, on_signal, m);
	return m->on_signal && event_add(m->on_signal, NULL) == 0 ? 0 : -ENOMEM;
}

static void listen_all(struct mediad *m)
{
	for (unsigned i = 0; !m->listens && i < m->conf->listen.n; i++) {
		if (ctl_listen(m->ctl, m->listener[i]) != 0)
			ar_log(AR_LOG_ERR, "mediad", "listen = %s: out of memory",
				m->conf->listen.item[i]);
	}
	m->listens = true;
}

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	struct mediad *m = arg;

	(void)fd, (void)what;
	listen_all(m);
	sd_notifyf(0, "WATCHDOG=1\nSTATUS=%u contexts%s", ctl_contexts(m->ctl),
		ctl_draining(m->ctl) ? ", draining" : "");
}

static int start_timers(struct mediad *m)
{
	uint64_t us = 0;
	struct timeval tv = {.tv_sec = 10};

	if (sd_watchdog_enabled(0, &us) > 0 && us / 2 < 10000000)
		tv = (struct timeval){.tv_sec = (time_t)(us / 2000000),
			.tv_usec = (suseconds_t)(us / 2 % 1000000)};
	m->watchdog = event_new(m->base, -1, EV_PERSIST, on_watchdog, m);
	m->become = event_new(m->base, -1, 0, on_become, m);
	return m->watchdog && m->become && event_add(m->watchdog, &tv) == 0 ? 0 : -ENOMEM;
}

static void on_ready(void *arg)
{
	struct mediad *m = arg;

	listen_all(m);
	ar_log(AR_LOG_NOTICE, "mediad",
		"ready: version %s, %u workers, %u networks, UDP ports from %ld", IMS_AR_VERSION,
		m->conf->nworker, m->conf->networks.n, m->conf->port);
	sd_notify(0, "READY=1");
}

static void on_reply(void *arg, unsigned worker, const json_t *head, struct ar_span body)
{
	ctl_on_reply(((struct mediad *)arg)->ctl, worker, head, body);
}

static void on_event(void *arg, unsigned worker, const json_t *event)
{
	ctl_on_event(((struct mediad *)arg)->ctl, worker, event);
}

static void on_ended(void *arg, unsigned worker, const char *reason, bool drained)
{
	struct mediad *m = arg;

	if (drained)
		ctl_on_drained(m->ctl, worker);
	else
		ctl_on_died(m->ctl, worker, reason);
	if (m->upgrade_waits && !workers_draining(m->workers))
		begin_upgrade(m);
}

/* ---- life ---- */

static void warn_of_scenes(const struct library *scenes)
{
	struct ar_span rest = library_notes(scenes);

	while (rest.n) {
		const char *end = memchr(rest.p, '\n', rest.n);
		size_t n = end ? (size_t)(end - rest.p) : rest.n;

		ar_log(AR_LOG_WARN, "scene", "%.*s", (int)n, rest.p);
		rest = (struct ar_span){rest.p + n + (end != NULL), rest.n - n - (end != NULL)};
	}
}

static int load(struct mediad *m, struct ar_buf *why)
{
	int err = library_load(&m->scenes, m->conf->scenes, why);

	if (err)
		return err;
	warn_of_scenes(m->scenes);
	ar_buf_reset(why);
	err = scripts_load(&m->scripts, m->conf->applications, why);
	if (err)
		return err;
	if (!app_ops_find(ar_span_str(m->conf->application)) &&
		!scripts_find(m->scripts, ar_span_str(m->conf->application), 0)) {
		ar_buf_printf(why, "application = %s: there is no such application",
			m->conf->application);
		return -EINVAL;
	}
	err = assets_load(&m->assets, m->conf->webapp);
	if (err)
		ar_buf_printf(why, "webapp = %s: %s", m->conf->webapp, strerror(-err));
	else
		assets_add_scenes(m->assets, m->conf->scenes);
	return err;
}

static void unload(struct mediad *m)
{
	library_free(m->scenes);
	assets_free(m->assets);
	scripts_free(m->scripts);
}

int mediad_check(const struct mediad_conf *conf, struct ar_buf *why)
{
	struct mediad m = {.conf = conf};
	int err = load(&m, why);

	unload(&m);
	return err;
}

static int start_control(struct mediad *m)
{
	int err = ctl_new(&m->ctl, m->base, m->conf);

	if (!err && !m->from.upgraded) /* else when the workers are up: who asks waits till then */
		listen_all(m);
	return err;
}

static int start_workers(struct mediad *m)
{
	static const struct workers_handlers h = {.on_reply = on_reply,
		.on_event = on_event,
		.on_ended = on_ended,
		.on_ready = on_ready};
	struct worker_start common = {
		.conf = m->conf, .scenes = m->scenes, .assets = m->assets, .scripts = m->scripts};
	int err = workers_new(&m->workers, m->base, &common, m->place, &h, m);

	if (err)
		return err;
	ctl_set_workers(m->ctl, m->workers);
	for (unsigned i = 0; !err && i < m->orphans.n; i++) {
		unsigned number = 0;

		err = workers_adopt(m->workers, &m->orphans.at[i], &number);
		if (!err)
			ctl_adopt(m->ctl, number, m->orphans.at[i].contexts);
	}
	return err ? err : workers_start(m->workers);
}

static int start(struct mediad *m, struct ar_buf *why)
{
	int err = load(m, why);

	if (err)
		return err;
	privs_allow_files(1024 + m->conf->nworker * NETS_MAX);
	err = open_sockets(m, why);
	if (!err)
		err = privs_drop(m->conf->user, m->conf->group, why);
	if (err)
		return err;
	m->base = event_base_new();
	err = m->base ? start_signals(m) : -ENOMEM;
	if (!err)
		err = start_control(m);
	if (!err)
		err = start_workers(m);
	if (!err)
		err = start_timers(m);
	if (err)
		ar_buf_printf(why, "cannot start: %s", strerror(-err));
	return err;
}

static void close_all(struct mediad *m)
{
	for (unsigned i = 0; i < m->orphans.n; i++)
		orphan_drop(&m->orphans.at[i]);
	for (unsigned i = 0; !m->listens && i < AR_CONF_MAX_LIST; i++) {
		if (m->listener[i] >= 0)
			close(m->listener[i]);
	}
	for (unsigned w = 0; w < MEDIAD_MAX_WORKERS; w++)
		unbind_worker(m, w);
}

static void stop(struct mediad *m)
{
	workers_free(m->workers);
	ctl_free(m->ctl);
	if (m->on_signal)
		event_free(m->on_signal);
	if (m->watchdog)
		event_free(m->watchdog);
	if (m->become)
		event_free(m->become);
	if (m->base)
		event_base_free(m->base);
	if (m->signals >= 0)
		close(m->signals);
	close_all(m);
	unload(m);
}

int mediad_run(const struct mediad_conf *conf, struct upgrade *up, struct ar_buf *why)
{
	struct mediad *m = calloc(1, sizeof(*m));
	int err;

	if (!m)
		return -ENOMEM;
	m->conf = conf;
	m->up = up;
	m->signals = -1;
	upgrade_take(&m->from);
	for (unsigned w = 0; w < MEDIAD_MAX_WORKERS; w++)
		memset(m->place[w].socket, -1, sizeof(m->place[w].socket));
	memset(m->listener, -1, sizeof(m->listener));
	err = start(m, why);
	if (!err)
		event_base_dispatch(m->base);
	sd_notify(0, "STOPPING=1");
	stop(m);
	free(m);
	return err;
}
