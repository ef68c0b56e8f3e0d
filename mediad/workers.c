/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/workers.h"

#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"
#include "mediad/worker/wlink.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK_MS 250
#define STOP_WAIT_MS 2000

struct one {
	struct workers *all;
	unsigned index;
	pid_t pid;
	struct wlink *link;
	bool up, lost, killed_hung;
	bool adopted; /* not our child, or not since we are: its link tells of its end */
	bool old, cut; /* drains; for too long */
	uint64_t since; /* draining */
	uint16_t port;
	int process; /* pidfd of one that was adopted, -1 */
	uint64_t last_beat, started, retry_at, starts, killed;
	unsigned retry_ms;
	json_t *stats;
};

struct workers {
	struct event_base *base;
	struct event *tick;
	struct worker_start common;
	const struct workers_place *place;
	struct workers_handlers h;
	void *arg;
	unsigned n, all; /* all: with those that drain */
	bool was_ready;
	uint64_t last_tick;
	struct one one[WORKERS_MAX_NUMBERS];
};

/* ---- the child ---- */

static void keep_only(int *keep, unsigned n)
{
	int from = 3;

	for (unsigned i = 0; i < n; i++) { /* keep is sorted */
		if (keep[i] > from)
			close_range((unsigned)from, (unsigned)keep[i] - 1, 0);
		from = keep[i] + 1;
	}
	close_range((unsigned)from, ~0u, 0);
}

static int compare_int(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void child(struct workers *w, unsigned index, int link)
{
	struct worker_start s = w->common;
	int keep[NETS_MAX + 1];
	unsigned n = 0;
	sigset_t none;
	char name[16];

	s.index = index;
	s.link = link;
	s.port = w->place[index].port;
	keep[n++] = link;
	for (unsigned i = 0; i < s.conf->networks.n; i++)
		keep[n++] = s.socket[i] = w->place[index].socket[i];
	qsort(keep, n, sizeof(keep[0]), compare_int);
	keep_only(keep, n);
	signal(SIGINT, SIG_IGN); /* Ctrl-C is for the parent */
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	snprintf(name, sizeof(name), "mediad/%u", index);
	prctl(PR_SET_NAME, name);
	_exit(worker_main(&s));
}

/* ---- the parent ---- */

static void check_ready(struct workers *w)
{
	for (unsigned i = 0; i < w->n; i++) {
		if (!w->one[i].up)
			return;
	}
	if (w->was_ready)
		return;
	w->was_ready = true;
	w->h.on_ready(w->arg);
}

static unsigned number_of(const struct one *o)
{
	return (unsigned)(o - o->all->one);
}

static void on_message(void *arg, const json_t *head, struct ar_span body)
{
	struct one *o = arg;
	struct workers *w = o->all;
	json_t *beat = json_object_get(head, "beat");
	const json_t *ev = json_object_get(head, "ev");

	o->last_beat = ar_now();
	if (beat) {
		json_decref(o->stats);
		o->stats = json_incref(beat);
		o->up = true;
		check_ready(w);
	} else if (ev) {
		w->h.on_event(w->arg, number_of(o), ev);
	} else {
		w->h.on_reply(w->arg, number_of(o), head, body);
	}
}

static void on_lost(void *arg, const char *reason)
{
	struct one *o = arg;

	(void)reason;
	o->lost = true; /* the process's end tells why */
}

static const struct wlink_handlers link_handlers = {.on_message = on_message, .on_lost = on_lost};

static void begin(struct one *o, bool adopted)
{
	o->up = o->lost = o->killed_hung = false;
	o->adopted = adopted;
	o->started = o->last_beat = ar_now();
	o->starts++;
}

static int start_one(struct one *o)
{
	struct workers *w = o->all;
	int pair[2], err;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return -errno;
	o->pid = fork();
	if (o->pid == 0)
		child(w, o->index, pair[1]);
	close(pair[1]);
	if (o->pid < 0) {
		err = -errno;
		o->pid = 0;
		close(pair[0]);
		return err;
	}
	begin(o, false);
	err = wlink_new(&o->link, w->base, pair[0], &link_handlers, o);
	ar_log(AR_LOG_NOTICE, "mediad", "worker %u is process %d", o->index, (int)o->pid);
	return err;
}

static void describe_end(const struct one *o, int status, char *buf, size_t cap)
{
	if (o->cut)
		snprintf(buf, cap, "upgraded, drain_seconds are over");
	else if (o->killed_hung)
		snprintf(buf, cap, "worker hung");
	else if (WIFSIGNALED(status))
		snprintf(buf, cap, "worker died of signal %d", WTERMSIG(status));
	else
		snprintf(buf, cap, "worker ended with status %d", WEXITSTATUS(status));
}

static void forget_process(struct one *o)
{
	if (o->process >= 0)
		close(o->process);
	o->process = -1;
}

static void retry_later(struct one *o)
{
	uint64_t now = ar_now();

	if (now - o->started > 10 * AR_SEC || o->retry_ms == 0)
		o->retry_ms = WORKERS_RETRY_MS / 2;
	o->retry_ms =
		o->retry_ms * 2 > WORKERS_RETRY_MAX_MS ? WORKERS_RETRY_MAX_MS : o->retry_ms * 2;
	o->retry_at = now + (now - o->started > 10 * AR_SEC ? 0 : o->retry_ms * AR_MS);
}

static void ended(struct one *o, const char *reason)
{
	struct workers *w = o->all;
	bool drained = o->old && o->stats &&
		       json_integer_value(json_object_get(o->stats, "contexts")) == 0;

	retry_later(o);
	if (drained)
		ar_log(AR_LOG_NOTICE, "mediad", "worker %u of before (process %d) has drained",
			o->index, (int)o->pid);
	else
		ar_log(AR_LOG_ERR, "mediad", "worker %u%s (process %d): %s; its calls are lost",
			o->index, o->old ? " of before" : "", (int)o->pid, reason);
	o->pid = 0;
	o->up = false;
	forget_process(o);
	wlink_free(o->link);
	o->link = NULL;
	json_decref(o->stats);
	o->stats = NULL;
	w->h.on_ended(w->arg, number_of(o), reason, drained);
}

bool workers_reaped(struct workers *w, pid_t pid, int status)
{
	for (unsigned i = 0; i < w->all; i++) {
		char reason[48];

		if (w->one[i].pid != pid)
			continue;
		describe_end(&w->one[i], status, reason, sizeof(reason));
		ended(&w->one[i], reason);
		return true;
	}
	return false;
}

/* The number of one that was adopted may be another process's by now. */
static void stop_it(const struct one *o, int sig)
{
	if (o->adopted)
		pidfd_send_signal(o->process, sig, NULL, 0);
	else
		kill(o->pid, sig);
}

static void cut(struct one *o, uint64_t now)
{
	if (o->cut || now - o->since < (uint64_t)o->all->common.conf->drain_seconds * AR_SEC)
		return;
	o->cut = true;
	stop_it(o, SIGTERM);
}

static void check(struct one *o, uint64_t now)
{
	if (o->old && o->pid)
		cut(o, now);
	if (!o->pid) {
		if (!o->old && now >= o->retry_at && start_one(o) != 0) {
			ar_log_limited(
				AR_LOG_ERR, "mediad", "worker %u cannot be started", o->index);
			o->retry_at = now + WORKERS_RETRY_MAX_MS * AR_MS;
		}
		return;
	}
	if (o->adopted && o->lost) {
		stop_it(o, SIGKILL); /* it is gone, or cannot be spoken to */
		ended(o, o->cut           ? "upgraded, drain_seconds are over"
			 : o->killed_hung ? "worker hung"
					  : "worker died");
		return;
	}
	if (o->killed_hung || now - o->last_beat < WORKERS_HUNG_MS * AR_MS)
		return;
	ar_log(AR_LOG_ERR, "mediad", "worker %u (process %d) gives no sign of life: killed",
		o->index, (int)o->pid);
	o->killed_hung = true;
	o->killed++;
	stop_it(o, SIGKILL);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct workers *w = arg;
	uint64_t now = ar_now();

	(void)fd, (void)what;
	/* when it is we who were held up, their signs of life wait unread */
	for (unsigned i = 0; i < w->all && now - w->last_tick > AR_SEC; i++)
		w->one[i].last_beat = now;
	w->last_tick = now;
	for (unsigned i = 0; i < w->all; i++)
		check(&w->one[i], now);
}

int workers_new(struct workers **wp, struct event_base *base, const struct worker_start *common,
	const struct workers_place *place, const struct workers_handlers *h, void *arg)
{
	struct workers *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->base = base;
	w->common = *common;
	w->place = place;
	w->h = *h;
	w->arg = arg;
	w->n = w->all = common->conf->nworker;
	w->tick = event_new(base, -1, EV_PERSIST, on_tick, w);
	if (!w->tick) {
		free(w);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < WORKERS_MAX_NUMBERS; i++) {
		w->one[i].all = w;
		w->one[i].index = i;
		w->one[i].process = -1;
		w->one[i].port = i < w->n ? place[i].port : 0;
	}
	*wp = w;
	return 0;
}

int workers_adopt(struct workers *w, struct orphan *o, unsigned *number)
{
	unsigned i = o->self.draining ? w->all : o->self.index;
	struct one *one = &w->one[i];
	int fd = o->link;

	if (i >= WORKERS_MAX_NUMBERS)
		return -ENOSPC;
	if (o->self.draining)
		w->all++;
	*number = i;
	o->link = -1;
	one->index = o->self.index;
	one->port = o->self.port;
	one->old = o->self.draining;
	one->since = o->self.since;
	one->pid = o->pid;
	one->process = o->process;
	o->process = -1;
	begin(one, true);
	return wlink_new(&one->link, w->base, fd, &link_handlers, one);
}

int workers_start(struct workers *w)
{
	struct timeval tick = {.tv_usec = TICK_MS * 1000};
	int err = 0;

	for (unsigned i = 0; !err && i < w->n; i++) {
		if (!w->one[i].pid)
			err = start_one(&w->one[i]);
	}
	if (!err && event_add(w->tick, &tick) != 0)
		err = -ENOMEM;
	return err;
}

static bool still_there(const struct one *o)
{
	if (o->adopted)
		return !orphan_ended(o->process, 0);
	return waitpid(o->pid, NULL, WNOHANG) == 0;
}

/* SIGTERM before the link closes: one that only loses its link waits for another parent. */
void workers_free(struct workers *w)
{
	uint64_t until = ar_now() + STOP_WAIT_MS * AR_MS;

	if (!w)
		return;
	for (unsigned i = 0; i < w->all; i++) {
		if (w->one[i].pid)
			stop_it(&w->one[i], SIGTERM);
	}
	for (unsigned i = 0; i < w->all; i++) {
		struct one *o = &w->one[i];

		while (o->pid && still_there(o)) {
			if (ar_now() > until)
				stop_it(o, SIGKILL);
			usleep(5000);
		}
		forget_process(o);
		wlink_free(o->link);
		json_decref(o->stats);
	}
	event_free(w->tick);
	free(w);
}

int workers_send(struct workers *w, unsigned i, const json_t *head, struct ar_span body)
{
	if (i >= w->all || !w->one[i].link || w->one[i].lost)
		return -ENOENT;
	return wlink_send(w->one[i].link, head, body);
}

unsigned workers_count(const struct workers *w)
{
	return w->all;
}

unsigned workers_draining(const struct workers *w)
{
	unsigned n = 0;

	for (unsigned i = w->n; i < w->all; i++)
		n += w->one[i].pid != 0;
	return n;
}

void workers_get(const struct workers *w, unsigned i, struct workers_info *out)
{
	const struct one *o = &w->one[i];

	*out = (struct workers_info){.pid = o->pid,
		.up = o->up,
		.draining = o->old,
		.index = o->index,
		.port = o->port,
		.starts = o->starts,
		.killed = o->killed,
		.stats = o->stats};
}
