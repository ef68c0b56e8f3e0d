/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/common/oom.h"

#include <stdbool.h>
#include <stddef.h>

void *__real_malloc(size_t n);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_realloc(void *p, size_t n);

static int left = -1;

void oom_after(int n)
{
	left = n;
}

static bool fails(void)
{
	if (left > 0)
		left--;
	return left == 0;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}
