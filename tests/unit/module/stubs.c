/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stubs.h"

#include "../../core/dprint.h"
#include "../../core/mem/shm_mem.h"

#include <string.h>

int test_errors_logged;
int test_shm_live;
int test_shm_countdown = -1;
long test_stat[AR_STAT_MAX];

struct ar_conf ar_conf = {.queue_max = 4, .event_max = 10};

void *shm_malloc(size_t n)
{
	void *p;

	if (test_shm_countdown >= 0 && test_shm_countdown-- == 0)
		return NULL;
	p = malloc(n);
	if (p)
		__atomic_fetch_add(&test_shm_live, 1, __ATOMIC_RELAXED);
	return p;
}

void shm_free(void *p)
{
	if (p)
		__atomic_fetch_sub(&test_shm_live, 1, __ATOMIC_RELAXED);
	free(p);
}

void ar_stat_add(enum ar_stat s)
{
	__atomic_fetch_add(&test_stat[s], 1, __ATOMIC_RELAXED);
}

void test_stubs_reset(void)
{
	test_shm_countdown = -1;
	memset(test_stat, 0, sizeof(test_stat));
}

bool ar_log_allowed(void)
{
	return true;
}
