/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/mediad.h"

#include "common/daemon/ar_log.h"
#include "mediad/ctl/ctl.h"
#include "mediad/dcmf/app.h"
#include "mediad/privs.h"
#include "mediad/worker/udp.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define LISTEN_BACKLOG 128
#define PORT_WAIT_MS 1000

struct mediad {
	const struct mediad_conf *conf;
	struct library *scenes;
	struct assets *assets;
	struct scripts *scripts;
	int sockets[MEDIAD_MAX_WORKERS][NETS_MAX];
	struct orphan orphan[MEDIAD_MAX_WORKERS]; /* found at start */
	int listener[AR_CONF_MAX_LIST];
	int signals;
	struct event_base *base;
	struct event *on_signal, *watchdog;
	struct ctl *ctl;
	struct workers *workers;
};

/* ---- sockets ---- */

static int bind_worker(struct mediad *m, unsigned w, struct ar_buf *why)
{
	const struct nets_list *nets = &m->conf->networks;
	uint16_t port = (uint16_t)(m->conf->port + w);
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
		m->sockets[w][i] = fd;
	}
	return 0;
}

static void unbind_worker(struct mediad *m, unsigned w)
{
	for (unsigned i = 0; i < NETS_MAX; i++) {
		if (m->sockets[w][i] >= 0)
			close(m->sockets[w][i]);
		m->sockets[w][i] = -1;
	}
}

/* A worker may not have noticed yet that its parent died, or be about to end: it has its ports. */
static int find_or_bind(struct mediad *m, unsigned w, uid_t user, struct ar_buf *why)
{
	struct orphan *o = &m->orphan[w];

	for (int ms = 0;; ms += 100) {
		int err = orphan_find(o, m->conf, w, user);

		if (err || o->link >= 0)
			return err;
		err = bind_worker(m, w, why);
		if (err != -EADDRINUSE || ms >= PORT_WAIT_MS)
			return err;
		unbind_worker(m, w);
		ar_buf_reset(why);
		usleep(100000);
	}
}

/* Sockets of workers that are still there come from them. */
static int open_media(struct mediad *m, struct ar_buf *why)
{
	uid_t user = privs_uid(m->conf->user);
	int err = 0;

	for (unsigned w = 0; !err && w < m->conf->nworker; w++) {
		struct orphan *o = &m->orphan[w];

		err = find_or_bind(m, w, user, why);
		if (err || o->link < 0)
			continue;
		memcpy(m->sockets[w], o->socket, o->nsocket * sizeof(int));
		o->nsocket = 0;
	}
	return err;
}

static int open_listener(const char *text, struct ar_buf *why)
{
	struct peer_addr a;
	int on = 1, err, fd;

	if (nets_addr_port_parse(&a, text) != 0)
		return -EINVAL;
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
		int fd = open_listener(m->conf->listen.item[i], why);

		if (fd < 0)
			err = fd;
		else
			m->listener[i] = fd;
	}
	return err;
}

/* ---- signals, systemd ---- */

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct signalfd_siginfo s;
	struct mediad *m = arg;

	(void)what;
	while (read(fd, &s, sizeof(s)) == (ssize_t)sizeof(s)) {
		switch (s.ssi_signo) {
		case SIGCHLD:
			workers_reap(m->workers);
			break;
		case SIGUSR1:
			ctl_drain(m->ctl, !ctl_draining(m->ctl));
			break;
		case SIGHUP:
			ar_log(AR_LOG_NOTICE, "mediad", "the configuration is read at start only");
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
	static const int all[] = {SIGTERM, SIGINT, SIGCHLD, SIGHUP, SIGUSR1};
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

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	struct mediad *m = arg;

	(void)fd, (void)what;
	sd_notifyf(0, "WATCHDOG=1\nSTATUS=%u contexts%s", ctl_contexts(m->ctl),
		ctl_draining(m->ctl) ? ", draining" : "");
}

static int start_watchdog(struct mediad *m)
{
	uint64_t us = 0;
	struct timeval tv = {.tv_sec = 10};

	if (sd_watchdog_enabled(0, &us) > 0 && us / 2 < 10000000)
		tv = (struct timeval){.tv_sec = (time_t)(us / 2000000),
			.tv_usec = (suseconds_t)(us / 2 % 1000000)};
	m->watchdog = event_new(m->base, -1, EV_PERSIST, on_watchdog, m);
	return m->watchdog && event_add(m->watchdog, &tv) == 0 ? 0 : -ENOMEM;
}

static void on_ready(void *arg)
{
	struct mediad *m = arg;

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

static void on_died(void *arg, unsigned worker, const char *reason)
{
	ctl_on_died(((struct mediad *)arg)->ctl, worker, reason);
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

	for (unsigned i = 0; !err && i < m->conf->listen.n; i++) {
		int fd = m->listener[i];

		m->listener[i] = -1;
		err = ctl_listen(m->ctl, fd);
	}
	return err;
}

static int start_workers(struct mediad *m)
{
	static const struct workers_handlers h = {.on_reply = on_reply,
		.on_event = on_event,
		.on_died = on_died,
		.on_ready = on_ready};
	struct worker_start common = {
		.conf = m->conf, .scenes = m->scenes, .assets = m->assets, .scripts = m->scripts};
	int err = workers_new(&m->workers, m->base, &common, m->sockets, &h, m);

	if (err)
		return err;
	ctl_set_workers(m->ctl, m->workers);
	for (unsigned i = 0; !err && i < m->conf->nworker; i++) {
		if (m->orphan[i].link < 0)
			continue;
		err = workers_adopt(m->workers, i, &m->orphan[i]);
		ctl_adopt(m->ctl, i, m->orphan[i].contexts);
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
		err = start_watchdog(m);
	if (err)
		ar_buf_printf(why, "cannot start: %s", strerror(-err));
	return err;
}

static void close_all(struct mediad *m)
{
	for (unsigned i = 0; i < MEDIAD_MAX_WORKERS; i++)
		orphan_drop(&m->orphan[i]);
	for (unsigned i = 0; i < AR_CONF_MAX_LIST; i++) {
		if (m->listener[i] >= 0)
			close(m->listener[i]);
	}
	for (unsigned w = 0; w < MEDIAD_MAX_WORKERS; w++) {
		for (unsigned i = 0; i < NETS_MAX; i++) {
			if (m->sockets[w][i] >= 0)
				close(m->sockets[w][i]);
		}
	}
}

static void stop(struct mediad *m)
{
	workers_free(m->workers);
	ctl_free(m->ctl);
	if (m->on_signal)
		event_free(m->on_signal);
	if (m->watchdog)
		event_free(m->watchdog);
	if (m->base)
		event_base_free(m->base);
	if (m->signals >= 0)
		close(m->signals);
	close_all(m);
	unload(m);
}

int mediad_run(const struct mediad_conf *conf, struct ar_buf *why)
{
	struct mediad m = {.conf = conf, .signals = -1};
	int err;

	memset(m.sockets, -1, sizeof(m.sockets));
	for (unsigned i = 0; i < MEDIAD_MAX_WORKERS; i++)
		m.orphan[i] = (struct orphan){.link = -1, .process = -1};
	memset(m.listener, -1, sizeof(m.listener));
	err = start(&m, why);
	if (!err)
		event_base_dispatch(m.base);
	sd_notify(0, "STOPPING=1");
	stop(&m);
	return err;
}
