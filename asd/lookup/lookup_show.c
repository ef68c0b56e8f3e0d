/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The facts for kamcmd and Prometheus. */
#include "asd/lookup/lookup_int.h"
#include "common/daemon/ar_clock.h"

#include <stdio.h>

static const char *const counters[] = {
#define X(id, name) name,
	LOOKUP_COUNTERS(X)
#undef X
};

static void add(json_t *o, const char *name, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	json_object_set_new(o, name, json_string(text));
}

static const char *state_of(const struct fact *f)
{
	return f->failures >= FACT_TRIES ? "down" : "up";
}

void lookup_items(const struct lookup *l, json_t *items)
{
	for (unsigned i = 0; i < l->conf.nfacts; i++) {
		const struct fact *f = &l->fact[i];
		json_t *o = json_object();

		json_object_set_new(o, "fact", json_string(f->conf->name));
		json_object_set_new(o, "kind", json_string(f->conf->kind));
		json_object_set_new(o, "state", json_string(state_of(f)));
		add(o, "asked", f->asked);
		for (unsigned k = 0; k < LOOKUP_NCOUNTERS; k++) {
			if (f->n[k])
				add(o, counters[k], f->n[k]);
		}
		if (!f->source->now) {
			add(o, "under_way", f->jobs);
			add(o, "mean_us",
				f->asked > f->jobs ? f->sum_us / (f->asked - f->jobs) : 0);
			add(o, "max_us", f->max_us);
		}
		json_array_append_new(items, o);
	}
}

static void head(struct ar_buf *out, const char *name, const char *type, const char *help)
{
	ar_buf_printf(out, "# HELP asd_%s %s\n# TYPE asd_%s %s\n", name, help, name, type);
}

void lookup_print(const struct lookup *l, struct ar_buf *out)
{
	head(out, "lookups_total", "counter", "look-ups of facts by result");
	for (unsigned i = 0; i < l->conf.nfacts; i++) {
		for (unsigned k = 0; k < LOOKUP_NCOUNTERS; k++)
			ar_buf_printf(out, "asd_lookups_total{fact=\"%s\",result=\"%s\"} %llu\n",
				l->conf.fact[i].name, counters[k],
				(unsigned long long)l->fact[i].n[k]);
	}
	head(out, "lookup_seconds_total", "counter", "time that sources took to answer");
	for (unsigned i = 0; i < l->conf.nfacts; i++)
		ar_buf_printf(out, "asd_lookup_seconds_total{fact=\"%s\"} %.6f\n",
			l->conf.fact[i].name, (double)l->fact[i].sum_us / 1e6);
	head(out, "lookup_up", "gauge", "1 unless the source has failed several times in a row");
	for (unsigned i = 0; i < l->conf.nfacts; i++)
		ar_buf_printf(out, "asd_lookup_up{fact=\"%s\"} %d\n", l->conf.fact[i].name,
			l->fact[i].failures < FACT_TRIES);
	head(out, "lookup_cache_entries", "gauge", "answers in the cache");
	ar_buf_printf(out, "asd_lookup_cache_entries %u\n", l->cache.n);
	head(out, "lookup_cache_evictions_total", "counter", "answers pushed out of the cache");
	ar_buf_printf(out, "asd_lookup_cache_evictions_total %llu\n",
		(unsigned long long)l->cache.evictions);
}
