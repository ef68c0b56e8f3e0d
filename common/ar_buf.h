/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Growable byte buffer with a hard maximum.
 *
 * An error sticks: after a failed append every further one fails too, so a builder checks once at
 * its end with ar_buf_err(). Memory is malloc's; the owner calls ar_buf_free().
 */
#ifndef AR_BUF_H
#define AR_BUF_H

#include "common/ar_span.h"

#include <stdint.h>

struct ar_buf {
	char *p;
	size_t n, cap, max;
	int err; /* 0, -ENOMEM or -ENOBUFS (maximum reached) */
};

/* max: the largest n this buffer may reach. */
void ar_buf_init(struct ar_buf *b, size_t max);
void ar_buf_free(struct ar_buf *b);
/* Empties it, keeps the memory, clears the error. */
void ar_buf_reset(struct ar_buf *b);
int ar_buf_reserve(struct ar_buf *b, size_t more);
int ar_buf_add(struct ar_buf *b, const void *p, size_t n);
int ar_buf_add_span(struct ar_buf *b, struct ar_span s);
int ar_buf_add_str(struct ar_buf *b, const char *s);
int ar_buf_printf(struct ar_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Drops the first n bytes (n <= b->n). */
void ar_buf_consume(struct ar_buf *b, size_t n);
static inline int ar_buf_err(const struct ar_buf *b)
{
	return b->err;
}
static inline struct ar_span ar_buf_span(const struct ar_buf *b)
{
	return (struct ar_span){b->p, b->n};
}

#endif
