/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The facts of one offer: what the cache has, what is asked, and the time that all have together.
 */
#include "asd/lookup/lookup.h"
#include "asd/lookup/lookup_int.h"
#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"

#include <errno.h>
#include <event2/dns.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define MAX_BATCHES 16384
#define MAX_JOBS (LOOKUP_MAX_JOBS * LOOKUP_MAX_FACTS)

static const struct lookup_source *const sources[] = {&lookup_http, &lookup_file, &lookup_redis};

/* ---- the facts of a call ---- */

/* A copy in one piece. */
static struct lookup_facts *pack(const struct lookup_facts *from)
{
	struct lookup_facts *f;
	size_t room = 0;
	char *at;

	for (unsigned i = 0; i < from->n; i++)
		room += from->fact[i].text ? from->fact[i].len + 1 : 0;
	f = malloc(sizeof(*f) + room);
	if (!f)
		return NULL;
	*f = *from;
	at = (char *)(f + 1);
	for (unsigned i = 0; i < f->n; i++) {
		struct lookup_fact *x = &f->fact[i];

		if (!x->text)
			continue;
		memcpy(at, x->text, x->len + 1);
		x->text = at;
		at += x->len + 1;
	}
	return f;
}

struct lookup_facts *lookup_facts_failed(const struct lookup *l, const char *why)
{
	struct lookup_facts *f = calloc(1, sizeof(*f));

	for (unsigned i = 0; f && i < l->conf.nfacts; i++)
		f->fact[f->n++] = (struct lookup_fact){
			.name = l->conf.fact[i].name, .state = LOOKUP_FAILED, .why = why};
	return f;
}

/* ---- batches ---- */

static void batch_free(struct batch *b)
{
	ar_ids_remove(&b->l->batches, b->id);
	if (b->timer)
		event_free(b->timer);
	for (unsigned i = 0; i < b->facts.n; i++)
		free((char *)(uintptr_t)b->facts.fact[i].text);
	free(b);
}

static void deliver(struct batch *b)
{
	struct lookup *l = b->l;
	struct lookup_facts *f = pack(&b->facts);
	uint32_t call = b->call, id = b->id;

	batch_free(b);
	if (!f)
		f = lookup_facts_failed(l, "no memory");
	l->conf.on_facts(l->conf.arg, call, id, f);
}

/* What is not there now is late for this call; its job goes on, for the cache. */
static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct batch *b = arg;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < b->facts.n; i++) {
		if (!b->open[i])
			continue;
		b->facts.fact[i].state = LOOKUP_FAILED;
		b->facts.fact[i].why = "late";
		b->l->fact[i].n[LOOKUP_N_LATE]++;
	}
	deliver(b);
}

static void set_slot(
	struct lookup_fact *x, enum lookup_state state, const char *why, struct ar_span text)
{
	x->state = state;
	x->why = why;
	if (state != LOOKUP_OK)
		return;
	x->text = strndup(text.p ? text.p : "", text.n);
	x->len = text.n;
	if (!x->text) {
		x->state = LOOKUP_FAILED;
		x->why = "no memory";
	}
}

/* Only the loop ends a batch: while lookup_begin() fills it, `waiting` counts one more. */
void lookup_batch_set(
	struct batch *b, unsigned i, enum lookup_state state, const char *why, struct ar_span text)
{
	set_slot(&b->facts.fact[i], state, why, text);
	b->open[i] = false;
	if (--b->waiting == 0)
		deliver(b);
}

/* ---- begin ---- */

static void unusable(struct batch *b, unsigned i, int err)
{
	if (err == -ENODATA) {
		lookup_batch_set(b, i, LOOKUP_NONE, NULL, AR_SPAN_NONE);
		return;
	}
	b->l->fact[i].n[LOOKUP_N_UNUSABLE]++;
	lookup_batch_set(b, i, LOOKUP_FAILED, "unusable", AR_SPAN_NONE);
}

static void ask_at_once(struct batch *b, unsigned i, const struct lookup_query *q)
{
	struct fact *f = &b->l->fact[i];
	struct lookup_fact x = {.state = LOOKUP_NONE};

	f->asked++;
	f->source->now(f, q, &x);
	f->n[x.state == LOOKUP_OK        ? LOOKUP_N_OK
		: x.state == LOOKUP_NONE ? LOOKUP_N_NONE
					 : LOOKUP_N_FAILED]++;
	lookup_batch_set(b, i, x.state, x.why, (struct ar_span){x.text, x.len});
}

/* The key is the fact's number and what its source is asked. */
static void ask(struct batch *b, unsigned i, const struct lookup_query *q, struct ar_buf *key)
{
	struct lookup *l = b->l;
	const struct fact *f = &l->fact[i];
	const struct cache_entry *e;
	char number = (char)i;
	int err;

	if (f->source->now) {
		ask_at_once(b, i, q);
		return;
	}
	ar_buf_reset(key);
	err = ar_buf_add(key, &number, 1);
	if (!err)
		err = f->source->request(f, q, key);
	if (err) {
		unusable(b, i, err);
		return;
	}
	e = f->conf->ttl_s ? cache_get(&l->cache, ar_buf_span(key), ar_now()) : NULL;
	if (!e) {
		lookup_job_start(b, i, ar_buf_span(key));
		return;
	}
	l->fact[i].n[LOOKUP_N_CACHED]++;
	lookup_batch_set(b, i, e->none ? LOOKUP_NONE : LOOKUP_OK, NULL, cache_value(e));
}

static struct batch *batch_new(struct lookup *l, uint32_t call)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->l = l;
	b->call = call;
	b->waiting = l->conf.nfacts + 1; /* until all have been asked */
	for (unsigned i = 0; i < l->conf.nfacts; i++) {
		b->facts.fact[b->facts.n++].name = l->conf.fact[i].name;
		b->open[i] = true;
	}
	if (ar_ids_add(&l->batches, b, &b->id) != 0) {
		free(b);
		return NULL;
	}
	return b;
}

int lookup_begin(struct lookup *l, const struct lookup_query *q, uint32_t call,
	struct lookup_facts **facts, uint32_t *batch)
{
	struct timeval tv = lookup_tv(l->conf.deadline_ms);
	struct batch *b = batch_new(l, call);
	struct ar_buf key;

	if (!b)
		return -ENOSPC;
	ar_buf_init(&key, LOOKUP_MAX_REQUEST);
	for (unsigned i = 0; i < l->conf.nfacts; i++)
		ask(b, i, q, &key);
	ar_buf_free(&key);
	if (--b->waiting == 0) {
		*facts = pack(&b->facts);
		batch_free(b);
		return *facts ? 0 : -ENOMEM;
	}
	b->timer = evtimer_new(l->base, on_deadline, b);
	if (!b->timer || evtimer_add(b->timer, &tv) != 0) {
		batch_free(b); /* its jobs find none */
		return -ENOMEM;
	}
	*batch = b->id;
	return -EINPROGRESS;
}

/* ---- life ---- */

/* Without name servers (an empty resolv.conf is an error to libevent) the hosts file still counts.
 */
struct evdns_base *lookup_dns(struct lookup *l)
{
	if (l->dns)
		return l->dns;
	l->dns = evdns_base_new(
		l->base, EVDNS_BASE_INITIALIZE_NAMESERVERS | EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (l->dns)
		return l->dns;
	l->dns = evdns_base_new(l->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (l->dns)
		evdns_base_load_hosts(l->dns, "/etc/hosts");
	return l->dns;
}

static const struct lookup_source *source_of(const char *kind)
{
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		if (strcmp(sources[i]->kind, kind) == 0)
			return sources[i];
	}
	return NULL;
}

static int open_facts(struct lookup *l, struct ar_buf *err)
{
	for (unsigned i = 0; i < l->conf.nfacts; i++) {
		struct fact *f = &l->fact[i];
		int e;

		*f = (struct fact){.l = l, .conf = &l->conf.fact[i], .index = i};
		f->source = source_of(f->conf->kind);
		e = f->source ? f->source->open(f, err) : -EINVAL;
		if (e)
			return e;
	}
	return 0;
}

int lookup_new(struct lookup **lp, struct event_base *base, const struct lookup_conf *conf,
	struct ar_buf *err)
{
	struct lookup *l = calloc(1, sizeof(*l));
	uint64_t key[2];
	int e = -ENOMEM;

	if (!l)
		return -ENOMEM;
	l->base = base;
	l->conf = *conf;
	l->done_end = &l->done;
	ar_ids_init(&l->jobs, MAX_JOBS);
	ar_ids_init(&l->batches, MAX_BATCHES);
	l->ready = event_new(base, -1, 0, lookup_on_ready, l);
	if (getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key))
		e = -EIO;
	else if (l->ready)
		e = cache_init(&l->cache, conf->cache_entries, key);
	if (!e)
		e = open_facts(l, err);
	if (e) {
		lookup_free(l);
		return e;
	}
	*lp = l;
	return 0;
}

void lookup_free(struct lookup *l)
{
	struct batch *b;
	struct job *j;

	if (!l)
		return;
	for (uint32_t pos = 0; (b = ar_ids_next(&l->batches, &pos));)
		batch_free(b);
	for (unsigned i = 0; i < l->conf.nfacts; i++) {
		if (l->fact[i].source)
			l->fact[i].source->close(&l->fact[i]);
	}
	for (uint32_t pos = 0; (j = ar_ids_next(&l->jobs, &pos));)
		lookup_job_free(l, j);
	if (l->dns)
		evdns_base_free(l->dns, 0);
	if (l->ready)
		event_free(l->ready);
	ar_ids_free(&l->jobs);
	ar_ids_free(&l->batches);
	cache_free(&l->cache);
	free(l);
}
