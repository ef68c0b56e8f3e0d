/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kamailio's locks, for tests: as little re-entrant as those. */
#ifndef TEST_LOCKING_H
#define TEST_LOCKING_H

#include <pthread.h>
#include <stdlib.h>

typedef pthread_mutex_t gen_lock_t;

static inline gen_lock_t *lock_init(gen_lock_t *l)
{
	pthread_mutexattr_t a;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_settype(&a, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(l, &a);
	pthread_mutexattr_destroy(&a);
	return l;
}

static inline void lock_get(gen_lock_t *l)
{
	if (pthread_mutex_lock(l) != 0)
		abort();
}

static inline void lock_release(gen_lock_t *l)
{
	if (pthread_mutex_unlock(l) != 0)
		abort();
}

static inline void lock_destroy(gen_lock_t *l)
{
	pthread_mutex_destroy(l);
}

#endif
