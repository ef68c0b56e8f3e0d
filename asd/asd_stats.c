/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/asd_stats.h"

static const struct {
	const char *name, *help;
} counters[] = {
#define X(id, name, help) {name, help},
	ASD_COUNTERS(X)
#undef X
};

static const unsigned bounds_ms[ASD_BUCKETS - 1] = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000};

const char *asd_counter_name(enum asd_counter c)
{
	return counters[c].name;
}

const char *asd_counter_help(enum asd_counter c)
{
	return counters[c].help;
}

void asd_stats_verdict(struct asd_stats *s, uint64_t us)
{
	unsigned i = 0;

	while (i < ASD_BUCKETS - 1 && us > bounds_ms[i] * 1000ull)
		i++;
	s->bucket[i]++;
	s->sum_us += us;
}

static void print_histogram(const struct asd_stats *s, struct ar_buf *out)
{
	uint64_t n = 0;

	ar_buf_add_str(out, "# HELP asd_verdict_seconds time from offer to verdict\n"
			    "# TYPE asd_verdict_seconds histogram\n");
	for (unsigned i = 0; i < ASD_BUCKETS - 1; i++) {
		n += s->bucket[i];
		ar_buf_printf(out, "asd_verdict_seconds_bucket{le=\"%g\"} %llu\n",
			bounds_ms[i] / 1000.0, (unsigned long long)n);
	}
	n += s->bucket[ASD_BUCKETS - 1];
	ar_buf_printf(out,
		"asd_verdict_seconds_bucket{le=\"+Inf\"} %llu\nasd_verdict_seconds_sum %.6f\n"
		"asd_verdict_seconds_count %llu\n",
		(unsigned long long)n, (double)s->sum_us / 1e6, (unsigned long long)n);
}

void asd_stats_print(const struct asd_stats *s, struct ar_buf *out)
{
	for (unsigned i = 0; i < ASD_NCOUNTERS; i++)
		ar_buf_printf(out,
			"# HELP asd_%s_total %s\n# TYPE asd_%s_total counter\n"
			"asd_%s_total %llu\n",
			counters[i].name, counters[i].help, counters[i].name, counters[i].name,
			(unsigned long long)s->n[i]);
	print_histogram(s, out);
}
