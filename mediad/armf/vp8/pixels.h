/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arithmetic on pixels: interpolation, transforms, edges. Each twice: with SSE2 where the machine
 * has it, and in plain C (SPLICE_PLAIN), the same to the bit.
 */
#ifndef SPLICE_PIXELS_H
#define SPLICE_PIXELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RFC 6386 18.3: w x h pixels, w 4, 8 or 16, h up to 16; mx and my in eighths. Reads two pixels
 * before and three behind in a direction that is not 0, and up to 16 in a row. */
void splice_sixtap(uint8_t *to, ptrdiff_t to_stride, const uint8_t *from, ptrdiff_t stride, int w,
	int h, int mx, int my);

/* 14.3; two blocks side by side, 4x4 each, added to what is there. */
void splice_idct_add(uint8_t *to, ptrdiff_t stride, const int16_t a[16], const int16_t b[16]);
/* False: it overflows. out: the first of every 16. */
bool splice_iwht(const int16_t in[16], int16_t *out);

/* Two blocks side by side: what is in a picture less the prediction. */
void splice_fdct(const uint8_t *want, ptrdiff_t want_stride, const uint8_t *have, ptrdiff_t stride,
	int16_t a[16], int16_t b[16]);
void splice_fwht(const int16_t *in, int16_t out[16]); /* in: the first of every 16 */

unsigned splice_sad16(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride);
unsigned splice_sse16(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride);

/* 15: what an edge is filtered with. */
struct splice_edge {
	uint8_t outer, inner, limit, variance; /* limits of a macroblock's edge, of others */
};
/* 16 pixels along an edge; a vertical one is to the left of p. whole: a macroblock's edge. */
void splice_edge_v(uint8_t *p, ptrdiff_t stride, const struct splice_edge *e, bool whole);
void splice_edge_h(uint8_t *p, ptrdiff_t stride, const struct splice_edge *e, bool whole);
/* 8 pixels along an edge of both chroma planes. */
void splice_edge_v2(
	uint8_t *u, uint8_t *v, ptrdiff_t stride, const struct splice_edge *e, bool whole);
void splice_edge_h2(
	uint8_t *u, uint8_t *v, ptrdiff_t stride, const struct splice_edge *e, bool whole);
void splice_simple_v(uint8_t *p, ptrdiff_t stride, unsigned limit);
void splice_simple_h(uint8_t *p, ptrdiff_t stride, unsigned limit);

#endif
