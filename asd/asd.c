/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/asd.h"
#include "asd/admin/reload.h"
#include "asd/call/call_flow.h"
#include "asd/call/call_store.h"
#include "asd/dcsf/dcsf.h"
#include "asd/call/call_lookup.h"
#include "asd/front/front.h"
#include "asd/lookup/lookup.h"
#include "asd/metrics.h"
#include "asd/policy/policy.h"
#include "asd/store/store.h"
#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define STOP_MS 100 /* for the last answers and releases to leave */

uint64_t asd_now(const struct asd *a)
{
	(void)a;
	return ar_now();
}

/* ---- the end of a turn ---- */

static void on_settle(evutil_socket_t fd, short what, void *arg)
{
	struct asd *a = arg;

	(void)fd;
	(void)what;
	call_store_flush(a, true);
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	struct asd *a = arg;

	(void)fd;
	(void)what;
	call_store_flush(a, false);
	front_settle(a->front);
}

void asd_settle_soon(struct asd *a)
{
	event_active(a->settle, 0, 0);
}

void asd_settle_later(struct asd *a)
{
	const struct timeval t = {.tv_usec = ASD_LATER_MS * 1000};

	if (!event_pending(a->later, EV_TIMEOUT, NULL))
		event_add(a->later, &t);
}

/* ---- timers and signals ---- */

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	call_flow_tick(arg);
}

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	struct asd *a = arg;

	(void)fd;
	(void)what;
	sd_notifyf(0, "WATCHDOG=1\nSTATUS=%u calls", calls_n(&a->calls));
}

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
	struct timeval grace = {.tv_usec = STOP_MS * 1000};
	struct asd *a = arg;

	(void)what;
	ar_log(AR_LOG_NOTICE, "asd", "stopping on signal %d, %u calls stay in the store", (int)fd,
		a->store ? calls_n(&a->calls) : 0);
	sd_notify(0, "STOPPING=1");
	a->stopping = true;
	call_flow_stop(a);
	event_base_loopexit(a->base, &grace);
}

static void on_reload(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	reload_ask(arg, NULL); /* says itself what came of it */
}

static int add_signals(struct asd *a)
{
	static const struct {
		int sig;
		void (*on)(evutil_socket_t, short, void *);
	} signals[] = {{SIGTERM, on_stop}, {SIGINT, on_stop}, {SIGHUP, on_reload}};

	signal(SIGPIPE, SIG_IGN);
	for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		a->sig[i] = evsignal_new(a->base, signals[i].sig, signals[i].on, a);
		if (!a->sig[i] || event_add(a->sig[i], NULL) != 0)
			return -ENOMEM;
	}
	return 0;
}

static int add_timers(struct asd *a)
{
	struct timeval tick = {.tv_usec = CALL_TICK_MS * 1000}, half;
	uint64_t usec = 0;

	a->sweep = event_new(a->base, -1, EV_PERSIST, on_sweep, a);
	if (!a->sweep || event_add(a->sweep, &tick) != 0)
		return -ENOMEM;
	if (sd_watchdog_enabled(0, &usec) <= 0)
		return 0;
	half = (struct timeval){.tv_sec = (time_t)(usec / 2 / 1000000),
		.tv_usec = (suseconds_t)(usec / 2 % 1000000)};
	a->watchdog = event_new(a->base, -1, EV_PERSIST, on_watchdog, a);
	return a->watchdog && event_add(a->watchdog, &half) == 0 ? 0 : -ENOMEM;
}

/* ---- privileges ---- */

static int fail(struct ar_buf *err, int e, const char *what, const char *name)
{
	ar_buf_printf(err, "%s %s: %s", what, name, strerror(-e));
	return e;
}

static int drop_privileges(const struct asd_conf *c, struct ar_buf *err)
{
	const struct passwd *pw = c->user ? getpwnam(c->user) : NULL;
	const struct group *gr = c->group ? getgrnam(c->group) : NULL;
	gid_t gid;

	if (c->user && !pw)
		return fail(err, -ENOENT, "[asd] user", c->user);
	if (c->group && !gr)
		return fail(err, -ENOENT, "[asd] group", c->group);
	if (!pw || geteuid() != 0)
		return 0; /* nothing to drop */
	gid = gr ? gr->gr_gid : pw->pw_gid;
	if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 ||
		setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) != 0)
		return fail(err, -errno, "cannot become user", c->user);
	return 0;
}

/* ---- start ---- */

static void reload_later(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	reload_ask(arg, NULL);
}

/* Within a decision, whose generation a reload would end. */
static void on_full(void *arg)
{
	static const struct timeval now = {0, 0};
	struct asd *a = arg;

	event_base_once(a->base, -1, EV_TIMEOUT, reload_later, a, &now);
}

static int load_policy(struct asd *a, struct ar_buf *err)
{
	struct policy_conf pc = asd_policy_conf(&a->conf);

	pc.full = on_full;
	pc.full_user = a;
	return policy_load(&a->policy, &pc, err);
}

static int open_lookup(struct asd *a, struct ar_buf *err)
{
	struct lookup_conf lc = {.fact = a->conf.fact,
		.nfacts = a->conf.nfacts,
		.deadline_ms = (unsigned)a->conf.lookup_deadline_ms,
		.cache_entries = (unsigned)a->conf.lookup_cache,
		.on_facts = call_on_facts,
		.arg = a};

	return a->conf.nfacts ? lookup_new(&a->lookup, a->base, &lc, err) : 0;
}

/* A damaged store must not keep the service down: it goes aside, and the log says so. */
static int open_store(struct asd *a, struct ar_buf *err)
{
	const char *path = a->conf.store_file;
	char to[4096];
	int e;

	if (!path || !path[0])
		return 0;
	e = store_open(&a->store, path, err);
	if (e != -EUCLEAN)
		return e;
	e = store_move_aside(path, to, sizeof(to));
	if (e)
		return e;
	ar_log(AR_LOG_ERR, "store", "%.*s; moved to %s, starting without calls", (int)err->n,
		err->p, to);
	ar_buf_reset(err);
	return store_open(&a->store, path, err);
}

static int make_instance(struct asd *a)
{
	uint8_t r[8];

	if (getrandom(r, sizeof(r), 0) != (ssize_t)sizeof(r))
		return -EIO;
	for (unsigned i = 0; i < sizeof(r); i++)
		snprintf(a->instance + 2 * i, 3, "%02x", r[i]);
	return 0;
}

static int make_base(struct asd *a)
{
	a->started = asd_now(a);
	a->base = event_base_new();
	if (!a->base)
		return -ENOMEM;
	a->settle = event_new(a->base, -1, 0, on_settle, a);
	a->later = event_new(a->base, -1, 0, on_later, a);
	if (!a->settle || !a->later)
		return -ENOMEM;
	return make_instance(a);
}

/* What needs root, then what does not. */
int asd_open(struct asd *a, struct ar_buf *err)
{
	int e = make_base(a);

	if (!e)
		e = asd_parse_fallback(&a->fallback, a->conf.fallback);
	if (!e)
		e = front_open(&a->front, a, err);
	if (!e)
		e = metrics_open(&a->metrics, a, err);
	if (!e)
		e = drop_privileges(&a->conf, err);
	if (!e)
		e = load_policy(a, err);
	if (!e)
		e = open_lookup(a, err);
	if (!e)
		e = open_store(a, err);
	if (!e)
		e = calls_init(&a->calls, (unsigned)a->conf.max_calls);
	if (!e)
		e = dcsf_new(&a->dcsf, a);
	if (!e)
		e = dcmf_pool_new(&a->pool, a, err);
	if (!e)
		e = call_store_load(a);
	if (!e)
		e = front_start(a->front);
	if (!e)
		e = add_timers(a);
	if (!e)
		e = add_signals(a);
	if (e && err->n == 0)
		ar_buf_printf(err, "cannot start: %s", strerror(-e));
	return e;
}

static void free_event(struct event *ev)
{
	if (ev)
		event_free(ev);
}

void asd_close(struct asd *a)
{
	if (a->calls.nbuckets) {
		call_flow_close(a);
		call_store_flush(a, false);
	}
	if (a->front)
		front_settle(a->front);
	metrics_close(a->metrics);
	front_close(a->front);
	dcmf_pool_free(a->pool);
	dcsf_free(a->dcsf);
	store_close(a->store);
	if (a->calls.nbuckets)
		calls_free(&a->calls);
	lookup_free(a->lookup);
	reload_free(a->reload);
	policy_free(a->policy);
	for (unsigned i = 0; i < sizeof(a->sig) / sizeof(a->sig[0]); i++)
		free_event(a->sig[i]);
	free_event(a->sweep);
	free_event(a->settle);
	free_event(a->later);
	free_event(a->watchdog);
	if (a->base)
		event_base_free(a->base);
	asd_conf_free(&a->conf);
}
