/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kamailio's log macros, for tests: counted, printed with AR_TEST_LOG=1. */
#ifndef TEST_DPRINT_H
#define TEST_DPRINT_H

#include <stdio.h>
#include <stdlib.h>

extern int test_errors_logged;

#define TEST_LOG(...)                                                                              \
	do {                                                                                       \
		if (getenv("AR_TEST_LOG"))                                                         \
			fprintf(stderr, __VA_ARGS__);                                              \
	} while (0)
#define LM_DBG(...) TEST_LOG(__VA_ARGS__)
#define LM_INFO(...) TEST_LOG(__VA_ARGS__)
#define LM_NOTICE(...) TEST_LOG(__VA_ARGS__)
#define LM_WARN(...) TEST_LOG(__VA_ARGS__)
#define LM_ERR(...)                                                                                \
	do {                                                                                       \
		__atomic_fetch_add(&test_errors_logged, 1, __ATOMIC_RELAXED);                      \
		TEST_LOG(__VA_ARGS__);                                                             \
	} while (0)

#endif
