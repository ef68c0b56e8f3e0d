/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/dcsf/dcmf_pool.h"
#include "asd/asd.h"
#include "asd/dcsf/dcsf.h"
#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define EVENTS_PATH "/x-ims-ar/v1/events?owner="

struct dcmf_pool {
	struct asd *asd;
	unsigned n;
	struct dcmf dcmf[ASD_MAX_DCMFS];
	struct event *tick;
};

/* ---- the event stream ---- */

static unsigned number(const json_t *j, const char *key, unsigned max)
{
	double v = json_number_value(json_object_get(j, key));

	return v > 0 ? v < max ? (unsigned)v : max : 0;
}

static void on_hello(struct dcmf *d, const json_t *j)
{
	const char *instance = json_string_value(json_object_get(j, "instance"));
	const char *version = json_string_value(json_object_get(j, "version"));

	snprintf(d->instance, sizeof(d->instance), "%s", instance ? instance : "");
	snprintf(d->version, sizeof(d->version), "%s", version ? version : "");
	d->state = DCMF_READY;
	d->failures = 0;
	d->complained = false;
	d->up_since = asd_now(d->asd);
	ar_log(AR_LOG_NOTICE, "dcmf", "%s: ready, instance %s", d->at.name, d->instance);
	dcsf_on_dcmf_ready(d->asd, d);
}

static void on_load(struct dcmf *d, const json_t *j)
{
	d->load = number(j, "load", 100);
	d->contexts = number(j, "contexts", 1000000);
	d->max_contexts = number(j, "maxContexts", 1000000);
	d->draining = json_is_true(json_object_get(j, "draining"));
	d->pending = 0;
}

static void on_line(struct dcmf *d, struct ar_span line)
{
	json_t *j = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, NULL);
	const char *ev = json_string_value(json_object_get(j, "ev"));

	if (!ev)
		ar_log_limited(AR_LOG_WARN, "dcmf", "%s: an event is not a JSON object with ev",
			d->at.name);
	else if (strcmp(ev, "hello") == 0)
		on_hello(d, j);
	else if (strcmp(ev, "load") == 0)
		on_load(d, j);
	else
		dcsf_on_dcmf_event(d->asd, d, ev, j);
	json_decref(j);
}

static void on_stream_data(void *arg, uint64_t cookie, struct ar_span data)
{
	struct dcmf *d = arg;
	char *nl;

	(void)cookie;
	d->heard = asd_now(d->asd);
	if (ar_buf_add_span(&d->line, data) != 0) {
		h2_client_restart(d->h2, "an event line is too long");
		return;
	}
	while ((nl = memchr(d->line.p, '\n', d->line.n))) {
		size_t n = (size_t)(nl - d->line.p);

		if (n)
			on_line(d, (struct ar_span){d->line.p, n});
		ar_buf_consume(&d->line, n + 1);
	}
}

static void on_stream_end(void *arg, uint64_t cookie, const struct h2_response *r)
{
	struct dcmf *d = arg;

	(void)cookie;
	if (r->err == -ECONNRESET)
		return; /* on_down follows */
	ar_log(AR_LOG_WARN, "dcmf", "%s: the event stream ended with status %d", d->at.name,
		r->status);
	h2_client_restart(d->h2, "event stream ended");
}

static void on_up(void *arg)
{
	struct dcmf *d = arg;
	char path[sizeof(EVENTS_PATH) + ASD_MAX_NAME + 1];
	struct h2_request q = {
		.method = "GET", .path = path, .on_data = on_stream_data, .on_done = on_stream_end};

	snprintf(path, sizeof(path), EVENTS_PATH "%s", d->asd->conf.name);
	asd_count(d->asd, ASD_DCMF_UP);
	d->state = DCMF_CONNECTED;
	d->heard = asd_now(d->asd);
	ar_buf_reset(&d->line);
	if (h2_request(d->h2, &q) != 0)
		h2_client_restart(d->h2, "cannot open the event stream");
}

static void on_down(void *arg, const char *reason)
{
	struct dcmf *d = arg;
	bool was_ready = d->state == DCMF_READY;

	asd_count(d->asd, ASD_DCMF_DOWN);
	d->state = DCMF_DOWN;
	if (was_ready)
		ar_log(AR_LOG_WARN, "dcmf", "%s: down: %s", d->at.name, reason);
	else
		ar_log_limited(AR_LOG_WARN, "dcmf", "%s: unusable: %s", d->at.name, reason);
	dcsf_on_dcmf_lost(d->asd, d);
}

/* Told once, not at every try. */
static void on_failed(void *arg, const char *reason)
{
	struct dcmf *d = arg;

	if (!d->complained)
		ar_log(AR_LOG_WARN, "dcmf", "%s at %s port %u: %s; trying on", d->at.name,
			d->at.host, d->at.port, reason);
	d->complained = true;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct dcmf_pool *p = arg;
	uint64_t now = asd_now(p->asd);

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < p->n; i++) {
		struct dcmf *d = &p->dcmf[i];

		if (d->state != DCMF_DOWN && now - d->heard > DCMF_SILENCE_S * AR_SEC)
			h2_client_restart(d->h2, "no event for 10 s");
	}
}

/* ---- choice ---- */

/* One that hangs is noticed by its connection some 8 s later; until then each call would wait. */
static bool hangs(const struct dcmf *d)
{
	return d->failures && asd_now(d->asd) - d->heard > DCMF_QUIET_S * AR_SEC;
}

bool dcmf_usable(const struct dcmf *d)
{
	return d->state == DCMF_READY && !d->draining && !hangs(d) && h2_client_up(d->h2);
}

/* Lower is better; what was sent since the last load report counts as load. */
static uint64_t score(const struct dcmf *d, uint64_t now)
{
	uint64_t avoid = d->avoid_until > now ? 1ull << 40 : 0;
	uint64_t share = d->max_contexts ? 10000ull * d->pending / d->max_contexts : d->pending;

	return avoid + 100ull * d->load + share;
}

/* Better than what we have? Near first, then little load. */
static bool better(
	const struct dcmf *d, int near, const struct dcmf *best, int best_near, uint64_t now)
{
	if (!best || near != best_near)
		return !best || near > best_near;
	return score(d, now) < score(best, now);
}

int dcmf_pool_choose(
	const struct dcmf_pool *p, const char *prefer, const char *source, uint32_t tried)
{
	bool nearest = prefer && source && strcmp(prefer, "nearest") == 0;
	const struct dcmf *best = NULL;
	uint64_t now = asd_now(p->asd);
	int best_near = -1;

	for (unsigned i = 0; i < p->n; i++) {
		const struct dcmf *d = &p->dcmf[i];
		int near;

		if ((tried & (1u << i)) || !dcmf_usable(d))
			continue;
		if (prefer && strcmp(prefer, d->at.name) == 0)
			return (int)i;
		near = nearest && d->avoid_until <= now ? near_bits(&d->near, source) : -1;
		if (better(d, near, best, best_near, now)) {
			best = d;
			best_near = near;
		}
	}
	return best ? (int)best->index : -1;
}

void dcmf_note(struct dcmf *d, bool ok)
{
	if (ok) {
		d->failures = 0;
		d->avoid_until = 0;
	} else if (++d->failures >= DCMF_FAILURES) {
		if (d->failures == DCMF_FAILURES)
			ar_log(AR_LOG_WARN, "dcmf", "%s: %d failures in a row, avoiding it",
				d->at.name, DCMF_FAILURES);
		d->avoid_until = asd_now(d->asd) + DCMF_AVOID_S * AR_SEC;
	}
}

const char *dcmf_state_name(const struct dcmf *d)
{
	if (d->state == DCMF_READY)
		return d->draining ? "draining" : "ready";
	return d->state == DCMF_CONNECTED ? "connected" : "down";
}

/* ---- life ---- */

static int add_dcmf(struct dcmf_pool *p, const char *text)
{
	static const struct h2_handlers handlers = {
		.on_up = on_up, .on_down = on_down, .on_failed = on_failed};
	struct dcmf *d = &p->dcmf[p->n];
	struct h2_conf conf;
	int err;

	*d = (struct dcmf){.asd = p->asd, .index = p->n};
	err = asd_parse_dcmf(&d->at, text);
	if (err)
		return err;
	for (unsigned i = 0; i < p->asd->conf.near.n; i++)
		(void)!asd_parse_near(
			&d->near, d->at.name, p->asd->conf.near.item[i]); /* checked */
	ar_buf_init(&d->line, DCMF_MAX_LINE);
	conf = (struct h2_conf){.host = d->at.host, .port = d->at.port};
	err = h2_client_new(&d->h2, p->asd->base, &conf, &handlers, d);
	if (!err)
		p->n++;
	return err;
}

int dcmf_pool_new(struct dcmf_pool **pp, struct asd *a, struct ar_buf *err)
{
	struct timeval second = {.tv_sec = 1};
	struct dcmf_pool *p = calloc(1, sizeof(*p));
	int e = p ? 0 : -ENOMEM;

	if (p)
		p->asd = a;
	for (unsigned i = 0; !e && i < a->conf.dcmf.n && i < ASD_MAX_DCMFS; i++)
		e = add_dcmf(p, a->conf.dcmf.item[i]);
	if (!e) {
		p->tick = event_new(a->base, -1, EV_PERSIST, on_tick, p);
		e = p->tick && event_add(p->tick, &second) == 0 ? 0 : -ENOMEM;
	}
	if (e) {
		ar_buf_printf(err, "cannot set up the DCMFs: %s", strerror(-e));
		dcmf_pool_free(p);
		return e;
	}
	*pp = p;
	return 0;
}

void dcmf_pool_free(struct dcmf_pool *p)
{
	if (!p)
		return;
	for (unsigned i = 0; i < p->n; i++) {
		h2_client_free(p->dcmf[i].h2);
		ar_buf_free(&p->dcmf[i].line);
	}
	if (p->tick)
		event_free(p->tick);
	free(p);
}

unsigned dcmf_pool_n(const struct dcmf_pool *p)
{
	return p->n;
}

struct dcmf *dcmf_pool_get(const struct dcmf_pool *p, unsigned index)
{
	return index < p->n ? (struct dcmf *)&p->dcmf[index] : NULL;
}

int dcmf_pool_find(const struct dcmf_pool *p, const char *name)
{
	for (unsigned i = 0; i < p->n; i++) {
		if (strcmp(p->dcmf[i].at.name, name) == 0)
			return (int)i;
	}
	return -1;
}

void dcmf_pool_print(const struct dcmf_pool *p, struct ar_buf *out)
{
	ar_buf_add_str(out, "# TYPE asd_dcmf_up gauge\n# TYPE asd_dcmf_load gauge\n"
			    "# TYPE asd_dcmf_contexts gauge\n");
	for (unsigned i = 0; i < p->n; i++) {
		const struct dcmf *d = &p->dcmf[i];

		ar_buf_printf(out,
			"asd_dcmf_up{dcmf=\"%s\"} %d\nasd_dcmf_load{dcmf=\"%s\"} %u\n"
			"asd_dcmf_contexts{dcmf=\"%s\"} %u\n",
			d->at.name, d->state == DCMF_READY, d->at.name, d->load, d->at.name,
			d->contexts);
	}
}
