/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arithmetic on pixels: interpolation, transforms, edges. As tables of functions, one for each kind
 * of machine: plain C, SSE2, SSSE3 and AVX2, all the same to the bit. With SPLICE_PLAIN there is
 * only plain C. Pure.
 */
#ifndef SPLICE_PIXELS_H
#define SPLICE_PIXELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 15: what an edge is filtered with. */
struct splice_edge {
	uint8_t outer, inner, limit, variance; /* limits of a macroblock's edge, of others */
};

/* A macroblock in a picture, and which of its edges are filtered. */
struct splice_place {
	uint8_t *y, *u, *v;
	ptrdiff_t ys, cs; /* strides */
	bool left, above, inner;
};

/* How coefficients are divided by the quantiser's step, DC first, in the order of a block: (size +
 * round) * by >> 16. */
struct splice_divide {
	int16_t step[16], round[16];
	uint16_t by[16];
};
#define SPLICE_MOST_LEVEL 2047

struct splice_pixels {
	const char *name;

	/* RFC 6386 18.3: w x h pixels, w 4, 8 or 16, h 4 to 16 and even; mx and my in eighths.
	 * Reads two pixels before and three behind in a direction that is not 0, and 24 in a row
	 * from two before. */
	void (*sixtap)(uint8_t *to, ptrdiff_t to_stride, const uint8_t *from, ptrdiff_t stride,
		int w, int h, int mx, int my);

	/* 14.3; two blocks side by side, 4x4 each, added to what is there. */
	void (*idct_add)(uint8_t *to, ptrdiff_t stride, const int16_t a[16], const int16_t b[16]);

	/* Two side by side at a, two at b; and such that have only their DC. */
	void (*idct_add4)(uint8_t *a, uint8_t *b, ptrdiff_t stride, const int16_t c[4][16]);
	void (*dc_add4)(uint8_t *a, uint8_t *b, ptrdiff_t stride, const int16_t dc[4]);

	/* 14.3, of Y2; the sum of what comes in has 15 bits, and room for rounding. */
	void (*iwht)(const int16_t in[16], int16_t out[16]);

	/* Two blocks side by side: what is in a picture less the prediction. */
	void (*fdct)(const uint8_t *want, ptrdiff_t want_stride, const uint8_t *have,
		ptrdiff_t stride, int16_t a[16], int16_t b[16]);

	/* Coefficients of n blocks, below 16,384, become those that a decoder has; level: of a
	 * block with any, divided and in the order of the zigzag; end: behind the last one, 0
	 * without. */
	void (*quantise)(int16_t (*c)[16], int n, const struct splice_divide *d,
		int16_t (*level)[16], uint8_t *end);

	/* Do n x n pixels differ, n 16 or 8? */
	bool (*differ)(
		const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride, int n);
	void (*copy)(
		uint8_t *to, ptrdiff_t to_stride, const uint8_t *from, ptrdiff_t stride, int n);
	/* Differences of 16x16 pixels, or of 8x8. */
	unsigned (*sad16)(
		const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride);
	unsigned (*sse)(
		const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride, int n);
	/* The largest difference of a pixel. */
	unsigned (*farthest)(
		const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride, int n);

	/* 15.3 and 15.2: all edges of a macroblock. */
	void (*filter)(const struct splice_place *p, const struct splice_edge *e);
	void (*filter_simple)(const struct splice_place *p, const struct splice_edge *e);
};

extern const struct splice_pixels splice_plain, splice_sse2, splice_ssse3, splice_avx2;
/* All that this machine can run, the best one first; `at` from 0. NULL: no more. */
const struct splice_pixels *splice_pixels_get(unsigned at);

void splice_fwht(const int16_t *in, int16_t out[16]); /* in: the first of every 16 */

#endif
