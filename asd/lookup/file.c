/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts from a file of keys and values (the maps of asd/policy/lists.h). A thread looks once a
 * second whether the file has changed and reads it anew, so that neither a large file nor a slow
 * disk holds up the loop, which is told through a pipe. A file that cannot be read, or has a bad
 * line, changes nothing but the log.
 */
#include "asd/lookup/lookup_int.h"
#include "asd/policy/lists.h"
#include "common/daemon/ar_log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_ENTRIES 2000000
#define MAX_BYTES (128u * 1024 * 1024)
#define LOOK_S 1

/* One version of the file. */
struct table {
	struct lists lists;
	const struct policy_list *map;
};

struct file {
	struct fact *fact;
	struct table *table; /* the loop's */
	pthread_t thread;
	bool started;
	int wake_loop[2]; /* pipe; -1: none */
	struct event *woken;
	/* Of both, under the mutex. */
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	bool stop;
	struct table *fresh; /* read, not yet taken */
	char why[400]; /* or why not */
	/* The thread's. */
	struct stat seen;
};

static void table_free(struct table *t)
{
	if (!t)
		return;
	lists_free(&t->lists);
	free(t);
}

static int table_read(struct table **tp, const char *path, char *why, size_t cap)
{
	struct table *t = calloc(1, sizeof(*t));
	int err;

	if (!t) {
		snprintf(why, cap, "out of memory");
		return -ENOMEM;
	}
	lists_init(&t->lists, MAX_ENTRIES, MAX_BYTES);
	err = lists_open(&t->lists, path, true, &t->map, why, cap);
	if (err) {
		table_free(t);
		return err;
	}
	*tp = t;
	return 0;
}

/* ---- the thread ---- */

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_size == b->st_size && a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

/* The log is the loop's, too: what there is to say goes along. */
static void hand_over(struct file *f, struct table *t, const char *why)
{
	struct table *old;

	pthread_mutex_lock(&f->mutex);
	old = f->fresh;
	f->fresh = t;
	snprintf(f->why, sizeof(f->why), "%s", why);
	pthread_mutex_unlock(&f->mutex);
	table_free(old);
	if (write(f->wake_loop[1], "", 1) < 0)
		return; /* full: it will wake anyhow */
}

static void look(struct file *f)
{
	const char *path = f->fact->conf->file;
	struct table *t = NULL;
	struct stat st;
	char why[400] = "";

	if (stat(path, &st) != 0)
		st = (struct stat){.st_size = -1};
	if (same(&st, &f->seen))
		return;
	f->seen = st;
	(void)!table_read(&t, path, why, sizeof(why));
	hand_over(f, t, why);
}

static void *watch(void *arg)
{
	struct file *f = arg;
	struct timespec until;

	pthread_mutex_lock(&f->mutex);
	while (!f->stop) {
		clock_gettime(CLOCK_MONOTONIC, &until); /* of f->wake */
		until.tv_sec += LOOK_S;
		(void)pthread_cond_timedwait(&f->wake, &f->mutex, &until);
		if (f->stop)
			break;
		pthread_mutex_unlock(&f->mutex);
		look(f);
		pthread_mutex_lock(&f->mutex);
	}
	pthread_mutex_unlock(&f->mutex);
	return NULL;
}

/* Signals are the loop's. */
static int start_thread(struct file *f)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&f->thread, NULL, watch, f);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	f->started = err == 0;
	return -err;
}

/* ---- the loop's side ---- */

static void on_woken(evutil_socket_t fd, short what, void *arg)
{
	struct file *f = arg;
	const char *name = f->fact->conf->name;
	struct table *t;
	char why[400], byte;

	(void)what;
	while (read(fd, &byte, 1) > 0)
		;
	pthread_mutex_lock(&f->mutex);
	t = f->fresh;
	f->fresh = NULL;
	memcpy(why, f->why, sizeof(why));
	pthread_mutex_unlock(&f->mutex);
	if (!t) {
		if (why[0])
			ar_log(AR_LOG_ERR, "lookup", "fact %s: %s; what was read before stays",
				name, why);
		return;
	}
	table_free(f->table);
	f->table = t;
	ar_log(AR_LOG_NOTICE, "lookup", "fact %s: %zu entries read anew", name, list_size(t->map));
}

/* The n-th of values separated by commas, from 1. */
static struct ar_span column(struct ar_span s, long n)
{
	for (; n > 1; n--) {
		const char *comma = memchr(s.p, ',', s.n);

		if (!comma)
			return AR_SPAN_NONE;
		s.n -= (size_t)(comma + 1 - s.p);
		s.p = comma + 1;
	}
	if (n == 1 && memchr(s.p, ',', s.n))
		s.n = (size_t)((const char *)memchr(s.p, ',', s.n) - s.p);
	return ar_span_trim(s);
}

static void file_now(struct fact *fact, const struct lookup_query *q, struct lookup_fact *out)
{
	struct file *f = fact->state;
	const char *party = fact->conf->party;
	const struct policy_party *p = strcmp(party, "callee") == 0     ? &q->callee
				       : strcmp(party, "asserted") == 0 ? &q->asserted
									: &q->caller;
	struct ar_span v;

	v = list_party_value(f->table->map, p->user, p->host);
	if (v.p)
		v = column(v, fact->conf->column);
	*out = (struct lookup_fact){.state = v.p && v.n ? LOOKUP_OK : LOOKUP_NONE};
	if (out->state != LOOKUP_OK)
		return;
	out->why = lookup_text_bad(v);
	if (out->why)
		out->state = LOOKUP_FAILED;
	out->text = v.p;
	out->len = v.n;
}

static int file_open(struct fact *fact, struct ar_buf *err)
{
	struct file *f = calloc(1, sizeof(*f));
	pthread_condattr_t mono;
	char why[400];
	int e;

	if (!f)
		return -ENOMEM;
	fact->state = f;
	f->fact = fact;
	f->wake_loop[0] = f->wake_loop[1] = -1;
	pthread_mutex_init(&f->mutex, NULL);
	/* a wall clock that is set back by hours would leave the file unread for as long */
	pthread_condattr_init(&mono);
	pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
	pthread_cond_init(&f->wake, &mono);
	pthread_condattr_destroy(&mono);
	if (stat(fact->conf->file, &f->seen) != 0)
		f->seen = (struct stat){.st_size = -1};
	e = table_read(&f->table, fact->conf->file, why, sizeof(why));
	if (e) {
		ar_buf_printf(err, "[fact %s] %s", fact->conf->name, why);
		return e;
	}
	if (pipe2(f->wake_loop, O_CLOEXEC | O_NONBLOCK) != 0)
		return -errno;
	f->woken = event_new(fact->l->base, f->wake_loop[0], EV_READ | EV_PERSIST, on_woken, f);
	if (!f->woken || event_add(f->woken, NULL) != 0)
		return -ENOMEM;
	return start_thread(f);
}

static void file_close(struct fact *fact)
{
	struct file *f = fact->state;

	if (!f)
		return;
	if (f->started) {
		pthread_mutex_lock(&f->mutex);
		f->stop = true;
		pthread_cond_signal(&f->wake);
		pthread_mutex_unlock(&f->mutex);
		pthread_join(f->thread, NULL);
	}
	if (f->woken)
		event_free(f->woken);
	for (int i = 0; i < 2; i++) {
		if (f->wake_loop[i] >= 0)
			close(f->wake_loop[i]);
	}
	table_free(f->table);
	table_free(f->fresh);
	pthread_cond_destroy(&f->wake);
	pthread_mutex_destroy(&f->mutex);
	free(f);
	fact->state = NULL;
}

const struct lookup_source lookup_file = {
	.kind = "file", .open = file_open, .close = file_close, .now = file_now};
