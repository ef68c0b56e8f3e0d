/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/ar_buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define AR_BUF_FIRST 256

void ar_buf_init(struct ar_buf *b, size_t max)
{
	*b = (struct ar_buf){.max = max};
}

void ar_buf_free(struct ar_buf *b)
{
	free(b->p);
	*b = (struct ar_buf){.max = b->max};
}

void ar_buf_reset(struct ar_buf *b)
{
	b->n = 0;
	b->err = 0;
}

int ar_buf_reserve(struct ar_buf *b, size_t more)
{
	size_t need, cap;
	char *p;

	if (b->err)
		return b->err;
	if (more > b->max || b->n > b->max - more)
		return b->err = -ENOBUFS;
	need = b->n + more;
	if (need <= b->cap)
		return 0;
	cap = b->cap ? b->cap : AR_BUF_FIRST;
	while (cap < need)
		cap *= 2;
	p = realloc(b->p, cap + 1); /* one over for the terminator that vsnprintf() writes */
	if (!p)
		return b->err = -ENOMEM;
	b->p = p;
	b->cap = cap;
	return 0;
}

int ar_buf_add(struct ar_buf *b, const void *p, size_t n)
{
	int err = ar_buf_reserve(b, n);

	if (err || n == 0)
		return err;
	memcpy(b->p + b->n, p, n);
	b->n += n;
	return 0;
}

int ar_buf_add_span(struct ar_buf *b, struct ar_span s)
{
	return ar_buf_add(b, s.p, s.n);
}

int ar_buf_add_str(struct ar_buf *b, const char *s)
{
	return ar_buf_add(b, s, strlen(s));
}

int ar_buf_printf(struct ar_buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || ar_buf_reserve(b, (size_t)n) != 0)
		return b->err ? b->err : (b->err = -EINVAL);
	va_start(ap, fmt);
	vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
	return 0;
}

void ar_buf_consume(struct ar_buf *b, size_t n)
{
	if (n >= b->n) {
		b->n = 0;
		return;
	}
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
}
