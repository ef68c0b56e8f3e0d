/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ar_stat.h"

#include "ar_calls.h"
#include "ar_job.h"

#include "../../core/counters.h"
#include "../../core/dprint.h"

static counter_handle_t handle[AR_STAT_MAX];

enum { GAUGE_CALLS, GAUGE_PLAIN, GAUGE_ENDED, GAUGE_PLANS, GAUGE_OFFERS, GAUGE_UNACKED };

static counter_val_t gauge(counter_handle_t h, void *what)
{
	struct ar_calls_count n;

	(void)h;
	ar_calls_count(&n);
	switch ((int)(long)what) {
	case GAUGE_CALLS:
		return n.calls;
	case GAUGE_PLAIN:
		return n.plain;
	case GAUGE_ENDED:
		return n.dead;
	case GAUGE_PLANS:
		return n.plans;
	case GAUGE_OFFERS:
		return ar_jobs_pending();
	default:
		return ar_events_unacked();
	}
}

static counter_def_t defs[] = {
#define X(name, doc) {&handle[AR_STAT_##name], #name, 0, 0, 0, doc},
	AR_STATS(X)
#undef X
		{0, "calls", 0, gauge, (void *)GAUGE_CALLS, "AR calls now"},
	{0, "calls_plain", 0, gauge, (void *)GAUGE_PLAIN,
		"calls now that go on without a data channel"},
	{0, "calls_ended", 0, gauge, (void *)GAUGE_ENDED, "ended calls kept for late replies"},
	{0, "plans", 0, gauge, (void *)GAUGE_PLANS, "plans in shared memory"},
	{0, "offers_waiting", 0, gauge, (void *)GAUGE_OFFERS, "offers that wait for asd now"},
	{0, "events_unacked", 0, gauge, (void *)GAUGE_UNACKED,
		"events that asd has not acknowledged"},
	{0, 0, 0, 0, 0, 0},
};

int ar_stat_init(void)
{
	if (counter_register_array("ims_ar", defs) < 0) {
		LM_ERR("cannot register the statistics\n");
		return -1;
	}
	return 0;
}

void ar_stat_add(enum ar_stat s)
{
	counter_inc(handle[s]);
}

long ar_stat_get(enum ar_stat s)
{
	return counter_get_val(handle[s]);
}

const char *ar_stat_name(enum ar_stat s)
{
	static const char *const name[] = {
#define X(n, doc) #n,
		AR_STATS(X)
#undef X
	};

	return name[s];
}

bool ar_log_allowed(void)
{
	static int64_t second;
	static int lines;
	int64_t now = ar_now_ms() / 1000;

	if (now != second) {
		second = now;
		lines = 0;
	}
	if (lines < AR_LOG_LINES) {
		lines++;
		return true;
	}
	AR_COUNT(log_lines_left_out);
	return false;
}
