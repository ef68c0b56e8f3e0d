/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clocks that daemons read; protocol layers are given `now` instead. */
#ifndef AR_CLOCK_H
#define AR_CLOCK_H

#include <stdint.h>
#include <time.h>

#define AR_MS 1000ull
#define AR_SEC 1000000ull
#define AR_NEVER UINT64_MAX

/* Monotonic, microseconds. */
static inline uint64_t ar_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * AR_SEC + (uint64_t)t.tv_nsec / 1000;
}

/* Wall clock, milliseconds since 1970; for people and records only. */
static inline uint64_t ar_wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

#endif
