/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prediction and residual of a macroblock, RFC 6386 12, 14 and 18. */
#include "mediad/armf/vp8/pixels.h"
#include "mediad/armf/vp8/splice_int.h"

#include <string.h>

/* ---- what lies around a picture that is predicted from itself, 12.2 and 12.3 ---- */

void splice_image_edges(const struct splice *s, const struct splice_image *img, int rows)
{
	for (int i = 0; i < 3; i++) {
		int w = s->cols * (i ? 8 : 16), h = rows * (i ? 8 : 16);

		memset(splice_pixel(img, i, -1, -1), 127, (size_t)w + 1 + 16);
		for (int y = 0; y < h; y++)
			*splice_pixel(img, i, -1, y) = 129;
	}
}

/* What the rightmost macroblock of the row below finds above and to the right of it. */
void splice_image_edge_row(const struct splice *s, const struct splice_image *img, int row)
{
	uint8_t *p = splice_pixel(img, 0, s->cols * 16, row * 16 + 15);

	memset(p, p[-1], 4);
}

/* The row above the image's first one, with what is beside it. */
void splice_image_above(const struct splice *s, const struct splice_image *to,
	const struct splice_image *from, int y)
{
	for (int i = 0; i < 3; i++) {
		uint8_t *p = splice_pixel(to, i, -1, to->top >> (i > 0)) - to->plane[i].stride;
		size_t n = (size_t)s->cols * (i ? 8 : 16) + 1 + 16;

		if (y > 0)
			memcpy(p, splice_pixel(from, i, -1, (y >> (i > 0)) - 1), n);
		else
			memset(p, 127, n);
	}
}

/* ---- inter ---- */

struct block {
	int plane, x, y, w, h;
	struct splice_mv mv; /* eighths */
};

static int within(int v, int n)
{
	return v < 0 ? 0 : v >= n ? n - 1 : v;
}

/* Is anything of these macroblocks dirty, or of those at the picture's edge when they are beyond?
 */
static bool any_dirty(
	const struct splice *s, const struct splice_frame *f, int x0, int y0, int x1, int y1)
{
	x0 = within(x0, s->cols);
	x1 = within(x1, s->cols);
	y0 = within(y0, s->rows);
	y1 = within(y1, s->rows);
	if (x0 > f->x1 || x1 < f->x0 || y0 > f->y1 || y1 < f->y0)
		return false;
	for (int j = y0; j <= y1; j++) {
		if (memchr(f->dirty + (ptrdiff_t)j * s->cols + x0, 1, (size_t)(x1 - x0) + 1))
			return true;
	}
	return false;
}

/* Does a block's vector reach what differs? */
static bool reaches(const struct splice *s, const struct splice_frame *f, const struct block *b)
{
	int shift = b->plane ? 3 : 4;
	int tx = b->mv.col & 7 ? 1 : 0, ty = b->mv.row & 7 ? 1 : 0;
	int x = b->x + (b->mv.col >> 3), y = b->y + (b->mv.row >> 3);

	return any_dirty(s, f, (x - 2 * tx) >> shift, (y - 2 * ty) >> shift,
		(x + b->w - 1 + 3 * tx) >> shift, (y + b->h - 1 + 3 * ty) >> shift);
}

/* Rows that a block of a reference needs: does the receiver's picture have them? It has more than
 * reaches what is dirty. */
static bool filled(const struct splice_frame *f, int y0, int y1, int height, int shift)
{
	y0 = within(y0, height) << shift;
	y1 = (within(y1, height) + 1) << shift;
	return y0 >= f->from && y1 <= f->to;
}

#define AROUND 32 /* bytes of a row */

/* w x h pixels from x, y on, with the picture's last ones repeated around it. */
static void surround(const struct splice_plane *p, int pw, int ph, const struct block *b,
	uint8_t to[AROUND * 21])
{
	for (int j = 0; j < b->h; j++, to += AROUND) {
		const uint8_t *row = p->p + within(b->y + j, ph) * p->stride;
		int left = b->x < 0 ? -b->x : 0, right = pw - b->x;

		if (b->x >= -AROUND && right >= 0) {
			memcpy(to, row + b->x, AROUND); /* rows have bytes beside them */
		} else {
			left = b->x < 0 ? AROUND : 0;
			right = b->x < 0 ? AROUND : 0;
		}
		for (int i = 0; i < left && i < b->w; i++)
			to[i] = row[0];
		for (int i = right; i < b->w; i++)
			to[i] = row[pw - 1];
	}
}

/* A block's pixels of a reference. */
static void fetch(const struct splice *s, struct splice_source from, const struct block *b,
	uint8_t *to, ptrdiff_t to_stride)
{
	int shift = b->plane > 0, mx = b->mv.col & 7, my = b->mv.row & 7;
	int pw = s->cols * 16 >> shift, ph = s->rows * 16 >> shift;
	int x = b->x + (b->mv.col >> 3), y = b->y + (b->mv.row >> 3);
	int x0 = mx ? x - 2 : x, x1 = mx ? x + b->w + 3 : x + b->w;
	int y0 = my ? y - 2 : y, y1 = my ? y + b->h + 3 : y + b->h;
	bool out = from.out && !from.f->same && filled(from.f, y0, y1 - 1, ph, shift);
	const struct splice_plane *p = &(out ? &from.f->out : &from.f->in)->plane[b->plane];
	uint8_t around[AROUND * 21 + 16];

	if (x0 >= 0 && y0 >= 0 && x1 <= pw && y1 <= ph) {
		s->px->sixtap(
			to, to_stride, p->p + y * p->stride + x, p->stride, b->w, b->h, mx, my);
		return;
	}
	surround(p, pw, ph, &(struct block){.x = x - 2, .y = y - 2, .w = b->w + 5, .h = b->h + 5},
		around);
	s->px->sixtap(to, to_stride, around + 2 * AROUND + 2, AROUND, b->w, b->h, mx, my);
}

static void fetch_to(const struct splice *s, struct splice_source from,
	const struct splice_image *to, const struct block *b)
{
	fetch(s, from, b, splice_pixel(to, b->plane, b->x, b->y), to->plane[b->plane].stride);
}

void splice_predict_luma(const struct splice *s, struct splice_source from, uint8_t *to,
	ptrdiff_t stride, struct splice_mv mv, int col, int row)
{
	struct block b = {0, col * 16, row * 16, 16, 16, mv};

	fetch(s, from, &b, to, stride);
}

static int half(int v)
{
	return (v + (v < 0 ? -1 : 1)) / 2;
}

/* The mean of four blocks' vectors, in chroma's eighths. */
static int mean(int sum)
{
	return (sum + (sum < 0 ? -4 : 4)) / 8;
}

static struct splice_mv chroma_mv(const struct splice_mb *m, int k)
{
	const struct splice_mv *v = m->bmv + k;

	return (struct splice_mv){(int16_t)mean(v[0].row + v[1].row + v[4].row + v[5].row),
		(int16_t)mean(v[0].col + v[1].col + v[4].col + v[5].col)};
}

/* Calls back with all blocks of a split macroblock. */
static void split_blocks(const struct splice_mb *m, int col, int row,
	void (*each)(void *arg, const struct block *b), void *arg)
{
	int size = m->split == 3 ? 4 : 8;

	for (int k = 0; k < 16; k++) {
		int x = (k & 3) * 4, y = (k >> 2) * 4;
		struct block b = {0, col * 16 + x, row * 16 + y, size, size, m->bmv[k]};

		if (x % size == 0 && y % size == 0)
			each(arg, &b);
	}
	for (int k = 0; k < 4; k++) {
		struct splice_mv v = chroma_mv(m, (k >> 1) * 8 + (k & 1) * 2);
		int x = col * 8 + (k & 1) * 4, y = row * 8 + (k >> 1) * 4;

		for (int i = 1; i < 3; i++)
			each(arg, &(struct block){i, x, y, 4, 4, v});
	}
}

struct fetching {
	const struct splice *s;
	struct splice_source from;
	const struct splice_image *to;
};

static void fetch_block(void *arg, const struct block *b)
{
	const struct fetching *f = arg;

	fetch_to(f->s, f->from, f->to, b);
}

void splice_predict_inter(const struct splice *s, struct splice_source from,
	const struct splice_image *to, const struct splice_mb *m, int col, int row)
{
	struct splice_mv v = {(int16_t)half(m->mv.row), (int16_t)half(m->mv.col)};

	if (m->mode == SPLICE_SPLIT) {
		split_blocks(m, col, row, fetch_block, &(struct fetching){s, from, to});
		return;
	}
	fetch_to(s, from, to, &(struct block){0, col * 16, row * 16, 16, 16, m->mv});
	for (int i = 1; i < 3; i++)
		fetch_to(s, from, to, &(struct block){i, col * 8, row * 8, 8, 8, v});
}

struct reach {
	const struct splice *s;
	const struct splice_frame *f;
	bool dirty;
};

static void reach_block(void *arg, const struct block *b)
{
	struct reach *r = arg;

	r->dirty = r->dirty || reaches(r->s, r->f, b);
}

/* Of a macroblock with one vector. Chroma's taps reach twice as far as luma's. */
static bool whole_reaches(
	const struct splice *s, const struct splice_frame *f, struct splice_mv mv, int col, int row)
{
	int x = col * 16 + (mv.col >> 3), y = row * 16 + (mv.row >> 3);
	int tx = mv.col ? 1 : 0, ty = mv.row ? 1 : 0;

	return any_dirty(s, f, (x - 5 * tx) >> 4, (y - 5 * ty) >> 4, (x + 15 + 7 * tx) >> 4,
		(y + 15 + 7 * ty) >> 4);
}

bool splice_reaches_dirty(const struct splice *s, const struct splice_frame *f,
	const struct splice_mb *m, int col, int row)
{
	struct reach r = {.s = s, .f = f};

	if (f->same)
		return false;
	if (m->mode == SPLICE_SPLIT)
		split_blocks(m, col, row, reach_block, &r);
	else
		r.dirty = whole_reaches(s, f, m->mv, col, row);
	return r.dirty;
}

/* ---- intra ---- */

#define ALWAYS static inline __attribute__((always_inline)) /* for what n is constant */

static uint8_t clamp255(int v)
{
	return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

ALWAYS void true_motion(uint8_t *p, ptrdiff_t stride, int n)
{
	const uint8_t *above = p - stride;
	int corner = above[-1];

	for (int y = 0; y < n; y++, p += stride) {
		int d = p[-1] - corner;

		for (int x = 0; x < n; x++)
			p[x] = clamp255(above[x] + d);
	}
}

ALWAYS int mean_around(const uint8_t *p, ptrdiff_t stride, int n, bool above, bool left)
{
	int sum = 0, shift = (n == 16 ? 3 : 2) + above + left;

	for (int i = 0; above && i < n; i++)
		sum += p[i - stride];
	for (int i = 0; left && i < n; i++)
		sum += p[i * stride - 1];
	return above || left ? (sum + (1 << (shift - 1))) >> shift : 128;
}

ALWAYS void predict_square(uint8_t *p, ptrdiff_t stride, int n, int mode, bool above, bool left)
{
	int dc = mode == SPLICE_DC_PRED ? mean_around(p, stride, n, above, left) : 0;
	uint8_t *top = p - stride;

	if (mode == SPLICE_TM_PRED) {
		true_motion(p, stride, n);
		return;
	}
	for (int y = 0; y < n; y++, p += stride) {
		if (mode == SPLICE_V_PRED)
			memcpy(p, top, (size_t)n);
		else
			memset(p, mode == SPLICE_H_PRED ? p[-1] : dc, (size_t)n);
	}
}

void splice_predict_intra(const struct splice *s, const struct splice_image *img,
	const struct splice_mb *m, int col, int row)
{
	(void)s;
	if (m->mode != SPLICE_B_PRED)
		predict_square(splice_pixel(img, 0, col * 16, row * 16), img->plane[0].stride, 16,
			m->mode, row > 0, col > 0);
	for (int i = 1; i < 3; i++)
		predict_square(splice_pixel(img, i, col * 8, row * 8), img->plane[i].stride, 8,
			m->uv_mode, row > 0, col > 0);
}

/* The pixels around a block: e[0..3] left, from below; e[4] the corner; e[5..12] above. */
static void around_block(
	const struct splice_image *img, int x, int y, int block, int mb_row, uint8_t e[13])
{
	uint8_t *p = splice_pixel(img, 0, x, y);
	ptrdiff_t stride = img->plane[0].stride;

	for (int i = 0; i < 4; i++)
		e[i] = p[(3 - i) * stride - 1];
	memcpy(e + 4, p - stride - 1, 9);
	if ((block & 3) == 3 && block > 3) /* as above the macroblock, 12.3 */
		memcpy(e + 9, splice_pixel(img, 0, x + 4, mb_row * 16 - 1), 4);
}

static uint8_t two(const uint8_t *e, int i)
{
	return (uint8_t)((e[i] + e[i + 1] + 1) >> 1);
}

static uint8_t three(const uint8_t *e, int i) /* around i */
{
	return (uint8_t)((e[i - 1] + 2 * e[i] + e[i + 1] + 2) >> 2);
}

/* The six diagonal ones. Each pixel is a mean of two or of three of e: code = place, or 16 + place.
 */
static void diagonal(uint8_t *p, ptrdiff_t stride, int mode, const uint8_t *e)
{
	static const uint8_t code[6][16] = {
		/* left down: E(x + y + 1) */
		{22, 23, 24, 25, 23, 24, 25, 26, 24, 25, 26, 27, 25, 26, 27, 28},
		/* right down */
		{20, 21, 22, 23, 19, 20, 21, 22, 18, 19, 20, 21, 17, 18, 19, 20},
		/* vertical right */
		{4, 5, 6, 7, 20, 21, 22, 23, 19, 4, 5, 6, 18, 20, 21, 22},
		/* vertical left */
		{5, 6, 7, 8, 22, 23, 24, 25, 6, 7, 8, 26, 23, 24, 25, 27},
		/* horizontal down */
		{3, 20, 21, 22, 2, 19, 3, 20, 1, 18, 2, 19, 0, 17, 1, 18},
		/* horizontal up: below */
		{0},
	};
	const uint8_t *c = code[mode - 4];

	for (int i = 0; i < 16; i++) {
		int k = c[i] & 15;
		uint8_t last = (uint8_t)((e[11] + 3 * e[12] + 2) >> 2);

		p[(i >> 2) * stride + (i & 3)] = c[i] < 16 ? two(e, k)
						 : k == 12 ? last
							   : three(e, k);
	}
}

static void horizontal_up(uint8_t *p, ptrdiff_t stride, const uint8_t *e)
{
	uint8_t l = e[0], end = (uint8_t)((e[1] + 3 * l + 2) >> 2);
	uint8_t v[10] = {
		two(e, 2), three(e, 2), two(e, 1), three(e, 1), two(e, 0), end, l, l, l, l};

	for (int y = 0; y < 4; y++)
		memcpy(p + y * stride, v + (ptrdiff_t)2 * y, 4);
}

static void predict4(uint8_t *p, ptrdiff_t stride, int mode, const uint8_t *e)
{
	int sum = 4;

	switch (mode) {
	case 0:
		for (int i = 0; i < 4; i++)
			sum += e[i] + e[5 + i];
		for (int y = 0; y < 4; y++)
			memset(p + y * stride, sum >> 3, 4);
		break;
	case 1:
		true_motion(p, stride, 4);
		break;
	case 2:
		for (int i = 0; i < 16; i++)
			p[(i >> 2) * stride + (i & 3)] = three(e, 5 + (i & 3));
		break;
	case 3:
		for (int y = 0; y < 4; y++)
			memset(p + y * stride, y < 3 ? three(e, 3 - y) : (e[1] + 3 * e[0] + 2) >> 2,
				4);
		break;
	case 9:
		horizontal_up(p, stride, e);
		break;
	default:
		diagonal(p, stride, mode, e);
		break;
	}
}

void splice_predict_block(const struct splice *s, const struct splice_image *img, int mode, int col,
	int row, int block)
{
	int x = col * 16 + (block & 3) * 4, y = row * 16 + (block >> 2) * 4;
	uint8_t e[13];

	(void)s;
	around_block(img, x, y, block, row, e);
	predict4(splice_pixel(img, 0, x, y), img->plane[0].stride, mode, e);
}

/* ---- all of it ---- */

static bool rebuild_blocks(const struct splice *s, const struct splice_image *to,
	const struct splice_mb *m, const struct splice_coefs *c, int col, int row)
{
	static const int16_t none[16];
	const int16_t *level = c->level;
	bool ok = true;

	for (int i = 0; i < 16; i++) {
		int x = col * 16 + (i & 3) * 4, y = row * 16 + (i >> 2) * 4;
		int16_t v[16] = {0};

		splice_predict_block(s, to, m->bmode[i], col, row, i);
		if (!c->end[i])
			continue;
		ok = splice_dequantise(v, level, 0, c->end[i], s->quant[m->segment].y1) && ok;
		level += c->end[i];
		s->px->idct_add(splice_pixel(to, 0, x, y), to->plane[0].stride, v, none);
	}
	return splice_add_chroma(s, to, m, c, col, row) && ok;
}

bool splice_rebuild(const struct splice *s, struct splice_source from,
	const struct splice_image *to, const struct splice_mb *m, const struct splice_coefs *c,
	int col, int row)
{
	if (m->ref != SPLICE_INTRA)
		splice_predict_inter(s, from, to, m, col, row);
	else
		splice_predict_intra(s, to, m, col, row);
	if (m->mode == SPLICE_B_PRED)
		return rebuild_blocks(s, to, m, c, col, row);
	return splice_add_residual(s, to, m, c, col, row);
}
