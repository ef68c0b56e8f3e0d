/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/vclock.h"

#include <sys/time.h>
#include <time.h>

#define EXPORT __attribute__((visibility("default")))

static uint64_t now_us = 1700000000ull * 1000000;

uint64_t vclock_now(void)
{
	return now_us;
}

void vclock_set(uint64_t now)
{
	if (now > now_us)
		now_us = now;
}

EXPORT int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	(void)tz;
	tv->tv_sec = (time_t)(now_us / 1000000);
	tv->tv_usec = (suseconds_t)(now_us % 1000000);
	return 0;
}

EXPORT int clock_gettime(clockid_t id, struct timespec *t)
{
	(void)id;
	t->tv_sec = (time_t)(now_us / 1000000);
	t->tv_nsec = (long)(now_us % 1000000) * 1000;
	return 0;
}

EXPORT time_t time(time_t *t)
{
	time_t s = (time_t)(now_us / 1000000);

	if (t)
		*t = s;
	return s;
}
