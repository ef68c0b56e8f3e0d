/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions to a source: their time, their end, and what a source that fails costs. */
#include "asd/lookup/lookup_int.h"
#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"

#include <errno.h>
#include <stdlib.h>

struct timeval lookup_tv(uint64_t ms)
{
	return (struct timeval){
		.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000) * 1000};
}

void lookup_job_free(struct lookup *l, struct job *j)
{
	ar_ids_remove(&l->jobs, j->id);
	j->fact->jobs--;
	if (j->timer)
		event_free(j->timer);
	free(j->text);
	free(j);
}

/* ---- a source that is down ---- */

/* Must this question fail at once? One a second goes out to see. */
static bool is_down(struct fact *f, uint64_t now)
{
	if (f->failures < FACT_TRIES)
		return false;
	if (now < f->down_until || f->probing)
		return true;
	f->probing = true;
	return false;
}

/* An answer that makes no sense is the subscriber's, not the server's. */
static bool says_nothing(const struct job *j)
{
	static const char *const why[] = {LOOKUP_TIMEOUT, LOOKUP_UNREACHABLE, LOOKUP_SERVER_ERROR};

	for (size_t i = 0; j->state == LOOKUP_FAILED && i < sizeof(why) / sizeof(why[0]); i++) {
		if (strcmp(j->why, why[i]) == 0)
			return true;
	}
	return false;
}

static void note(struct fact *f, const struct job *j, uint64_t now)
{
	bool was_down = f->failures >= FACT_TRIES;

	f->probing = false;
	if (!says_nothing(j)) {
		f->failures = 0;
		if (was_down)
			ar_log(AR_LOG_NOTICE, "lookup", "%s answers again", f->conf->name);
		return;
	}
	f->failures++;
	f->down_until = now + FACT_DOWN_US;
	if (!was_down && f->failures >= FACT_TRIES)
		ar_log(AR_LOG_WARN, "lookup", "%s fails: %s; asked once a second until it answers",
			f->conf->name, j->why);
}

/* ---- the end of a job ---- */

static void count(struct fact *f, const struct job *j, uint64_t now)
{
	uint64_t us = now - j->began;

	f->sum_us += us;
	if (us > f->max_us)
		f->max_us = us;
	if (j->state == LOOKUP_FAILED)
		f->n[strcmp(j->why, LOOKUP_TIMEOUT) == 0 ? LOOKUP_N_TIMEOUT : LOOKUP_N_FAILED]++;
	else
		f->n[j->state == LOOKUP_OK ? LOOKUP_N_OK : LOOKUP_N_NONE]++;
}

static void finish(struct lookup *l, struct job *j)
{
	struct fact *f = j->fact;
	uint64_t now = ar_now();
	struct ar_span text =
		j->state == LOOKUP_OK ? (struct ar_span){j->text, j->len} : AR_SPAN_NONE;
	struct batch *b = ar_ids_get(&l->batches, j->batch);

	count(f, j, now);
	note(f, j, now);
	if (j->state != LOOKUP_FAILED && f->conf->ttl_s)
		cache_put(&l->cache, j->key, text, now + (uint64_t)f->conf->ttl_s * AR_SEC);
	else if (j->state == LOOKUP_FAILED)
		ar_log_limited(AR_LOG_INFO, "lookup", "%s: %s", f->conf->name, j->why);
	if (b && b->open[f->index])
		lookup_batch_set(b, f->index, j->state, j->why, text);
	lookup_job_free(l, j);
}

void lookup_on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct lookup *l = arg;
	struct job *j = l->done;

	(void)fd;
	(void)what;
	l->done = NULL;
	l->done_end = &l->done;
	while (j) {
		struct job *next = j->next_done;

		finish(l, j);
		j = next;
	}
}

/* Sources may be deep in a library's callback here: what follows waits for the loop. */
static void done(struct lookup *l, struct job *j, enum lookup_state state, const char *why)
{
	j->done = true;
	j->state = state;
	j->why = why;
	evtimer_del(j->timer);
	*l->done_end = j;
	l->done_end = &j->next_done;
	event_active(l->ready, 0, 0);
}

void lookup_done(struct lookup *l, uint32_t job, enum lookup_state state, const char *why,
	struct ar_span text)
{
	struct job *j = ar_ids_get(&l->jobs, job);
	const char *bad = state == LOOKUP_OK ? lookup_text_bad(text) : NULL;

	if (!j || j->done)
		return;
	if (!bad && state == LOOKUP_OK) {
		j->text = strndup(text.p ? text.p : "", text.n);
		j->len = text.n;
		bad = j->text ? NULL : "no memory";
	}
	done(l, j, bad ? LOOKUP_FAILED : state, bad ? bad : why);
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct job *j = arg;
	struct fact *f = j->fact;

	(void)fd;
	(void)what;
	if (j->done)
		return;
	done(f->l, j, LOOKUP_FAILED, LOOKUP_TIMEOUT);
	f->source->abandon(f, j->id);
}

/* ---- the start ---- */

static struct job *job_new(struct batch *b, struct fact *f, struct ar_span key)
{
	struct lookup *l = b->l;
	struct job *j = calloc(1, sizeof(*j) + key.n);

	if (!j)
		return NULL;
	*j = (struct job){.batch = b->id, .fact = f, .began = ar_now()};
	memcpy(j + 1, key.p, key.n);
	j->key = (struct ar_span){(const char *)(j + 1), key.n};
	j->timer = evtimer_new(l->base, on_timeout, j);
	if (!j->timer || ar_ids_add(&l->jobs, j, &j->id) != 0) {
		if (j->timer)
			event_free(j->timer);
		free(j);
		return NULL;
	}
	f->jobs++;
	return j;
}

void lookup_job_start(struct batch *b, unsigned i, struct ar_span key)
{
	struct fact *f = &b->l->fact[i];
	struct timeval tv = lookup_tv((uint64_t)f->conf->timeout_ms);
	struct job *j;

	if (f->jobs >= LOOKUP_MAX_JOBS) {
		f->n[LOOKUP_N_BUSY]++;
		lookup_batch_set(b, i, LOOKUP_FAILED, "busy", AR_SPAN_NONE);
		return;
	}
	if (is_down(f, ar_now())) {
		f->n[LOOKUP_N_SKIPPED]++;
		lookup_batch_set(b, i, LOOKUP_FAILED, "down", AR_SPAN_NONE);
		return;
	}
	j = job_new(b, f, key);
	if (!j || evtimer_add(j->timer, &tv) != 0) {
		f->probing = false;
		if (j)
			lookup_job_free(b->l, j);
		lookup_batch_set(b, i, LOOKUP_FAILED, "no memory", AR_SPAN_NONE);
		return;
	}
	f->asked++;
	/* behind the index stands what the source understands */
	f->source->start(f, j->id, (struct ar_span){j->key.p + 1, j->key.n - 1});
}
