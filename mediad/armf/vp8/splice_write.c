/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames out: which macroblocks stay, which are coded anew, and what the receiver has then. */
#include "mediad/armf/vp8/pixels.h"
#include "mediad/armf/vp8/splice_int.h"

#include <errno.h>
#include <string.h>

/* Squared error of a pixel below which coefficients are kept though the prediction differs: that of
 * the quantiser is about step^2 / 48. */
#define KEEP_DIVISOR 96
#define KEEP_LEAST 1
#define FAR 24 /* in one pixel: what is left of an object that has gone is seen, however small */

struct writer {
	struct splice *s;
	const struct splice_drawn *d;
	struct splice_put first, part[SPLICE_MAX_PARTS];
	struct splice_context left;
	bool apart; /* the receiver's picture, so far as it is filtered, differs here */
};

/* ---- pixels of a macroblock ---- */

static uint8_t *pixels(const struct splice_image *img, int plane, int col, int row)
{
	int n = plane ? 8 : 16;

	return splice_pixel(img, plane, col * n, row * n);
}

static bool differs(const struct splice *s, const struct splice_image *a,
	const struct splice_image *b, int col, int row)
{
	for (int i = 0; i < 3; i++) {
		if (s->px->differ(pixels(a, i, col, row), a->plane[i].stride,
			    pixels(b, i, col, row), b->plane[i].stride, i ? 8 : 16))
			return true;
	}
	return false;
}

static void take(const struct splice *s, struct splice_target *t, const struct splice_image *from,
	int col, int row)
{
	t->plane[0] = t->luma;
	t->plane[1] = t->chroma[0];
	t->plane[2] = t->chroma[1];
	for (int i = 0; i < 3; i++) {
		int n = i ? 8 : 16;

		s->px->copy(t->plane[i], n, pixels(from, i, col, row), from->plane[i].stride, n);
	}
}

static bool take_part(const struct splice *s, struct splice_target *t,
	const struct codec_picture *p, int col, int row)
{
	bool any = false;

	take(s, t, &s->new_frame->in, col, row);
	for (int i = 0; i < 3; i++) {
		int n = i ? 8 : 16, w = (int)p->width >> (i > 0), h = (int)p->height >> (i > 0);
		int x = col * n, bw = w - x < n ? w - x : n;

		for (int y = 0; y < n && row * n + y < h && bw > 0; y++) {
			const uint8_t *from = p->plane[i] + (row * n + y) * p->stride[i] + x;

			if (memcmp(t->plane[i] + y * n, from, (size_t)bw) == 0)
				continue;
			any = true;
			memcpy(t->plane[i] + y * n, from, (size_t)bw);
		}
	}
	return any;
}

/* What is visible of the picture; around it stays what was decoded. True: anything differs. */
static bool take_drawn(const struct splice *s, struct splice_target *t,
	const struct codec_picture *p, int col, int row)
{
	struct splice_image drawn = {0};

	if (col * 16 + 16 > (int)p->width || row * 16 + 16 > (int)p->height)
		return take_part(s, t, p, col, row);
	for (int i = 0; i < 3; i++)
		drawn.plane[i] = (struct splice_plane){p->plane[i], p->stride[i]};
	if (!differs(s, &s->new_frame->in, &drawn, col, row))
		return false;
	take(s, t, &drawn, col, row);
	return true;
}

/* ---- what becomes of a macroblock ---- */

static bool in_box(const struct splice_drawn *d, int col, int row)
{
	return d->width > 0 && d->height > 0 && col * 16 < d->x + d->width &&
	       col * 16 + 16 > d->x && row * 16 < d->y + d->height && row * 16 + 16 > d->y;
}

static bool dirty_at(const struct splice *s, int col, int row)
{
	return col >= 0 && row >= 0 && col < s->cols && s->raw_dirty[row * s->cols + col];
}

static bool prediction_differs(const struct splice *s, const struct splice_mb *m, int col, int row)
{
	if (m->ref != SPLICE_INTRA)
		return splice_reaches_dirty(s, s->ref[m->ref], m, col, row);
	return dirty_at(s, col - 1, row) || dirty_at(s, col, row - 1) ||
	       dirty_at(s, col - 1, row - 1) || dirty_at(s, col + 1, row - 1);
}

enum nearness { SAME, NEAR_ENOUGH, TOO_FAR };

/* How far is what the receiver has, before the loop filter, from what the sender has? */
static enum nearness nearness(const struct splice *s, const struct splice_mb *m, int col, int row)
{
	int step = s->quant[m->segment].y1[1], limit = step * step / KEEP_DIVISOR;
	unsigned all = 0;

	limit = limit < KEEP_LEAST ? KEEP_LEAST : limit;
	for (int i = 0; i < 3; i++) {
		const struct splice_image *a = &s->raw, *b = &s->raw_out;
		int n = i ? 8 : 16;
		ptrdiff_t stride = a->plane[i].stride, out = b->plane[i].stride;
		const uint8_t *p = pixels(a, i, col, row), *q = pixels(b, i, col, row);
		unsigned sum = s->px->sse(p, stride, q, out, n);

		if (sum > (unsigned)(n * n) * (unsigned)limit)
			return TOO_FAR;
		if (sum > FAR * FAR && s->px->farthest(p, stride, q, out, n) > FAR)
			return TOO_FAR;
		all |= sum;
	}
	return all ? NEAR_ENOUGH : SAME;
}

static void keep(struct splice *s, int col, int row)
{
	for (int i = 0; i < 3; i++) {
		const struct splice_image *a = &s->raw, *b = &s->raw_out;

		s->px->copy(pixels(b, i, col, row), b->plane[i].stride, pixels(a, i, col, row),
			a->plane[i].stride, i ? 8 : 16);
	}
}

/* From here on this row is read from raw_out and not from raw: it is as it is there up to this
 * macroblock. */
static void touch(struct splice *s, int col, int row)
{
	if (s->touched == row)
		return;
	splice_image_above(s, &s->raw_out, s->touched == row - 1 ? &s->raw_out : &s->raw, row * 16);
	s->raw_out.top = row * 16;
	for (int i = 0; i < col; i++)
		keep(s, i, row);
	s->touched = row;
}

/* Coefficients are kept, or not when that is too far from what came. */
static void follow(struct splice *s, struct splice_mb *m, struct splice_coefs *c, int col, int row)
{
	struct splice_source from = {s->ref[m->ref], true};
	enum nearness n = TOO_FAR;
	struct splice_target t;

	touch(s, col, row);
	if (splice_rebuild(s, from, &s->raw_out, m, c, col, row))
		n = nearness(s, m, col, row);
	s->raw_dirty[row * s->cols + col] = n != SAME;
	s->stats.carried += n == NEAR_ENOUGH;
	if (n != TOO_FAR)
		return;
	take(s, &t, &s->raw, col, row);
	splice_recode(s, &t, m, c, col, row, false);
	s->stats.recoded++;
	s->stats.patched++;
}

static void redo(struct splice *s, const struct splice_target *t, struct splice_mb *m,
	struct splice_coefs *c, int col, int row)
{
	touch(s, col, row);
	splice_recode(s, t, m, c, col, row, true);
	s->raw_dirty[row * s->cols + col] = 1;
	s->stats.recoded++;
}

/* Are modes and vectors that say this macroblock's others than those that came with it? */
static bool neighbours_changed(const struct splice *s, size_t at)
{
	const uint8_t *c = s->changed + at, *above = c - (s->cols + 1);

	return c[-1] || above[0] || above[-1];
}

static void write_block(struct writer *w, int col, int row)
{
	struct splice *s = w->s;
	size_t at = splice_at(s, col, row);
	const struct splice_mb *in = &s->in[at];
	struct splice_mb *m = &s->out[at];
	struct splice_coefs *c = &s->coefs[row * s->cols + col];
	uint64_t recoded = s->stats.recoded;
	struct splice_target t;
	bool moved = neighbours_changed(s, at);

	splice_mb_copy(m, in);
	s->raw_dirty[row * s->cols + col] = 0;
	if (in_box(w->d, col, row) && take_drawn(s, &t, w->d->picture, col, row)) {
		redo(s, &t, m, c, col, row);
	} else if (moved && !splice_modes_fits(s, m, col, row)) {
		take(s, &t, &s->raw, col, row);
		redo(s, &t, m, c, col, row);
		s->stats.patched++;
	} else if (prediction_differs(s, m, col, row)) {
		follow(s, m, c, col, row);
	} else if (s->touched == row) {
		keep(s, col, row);
	}
	s->changed[at] = m->ref != in->ref || m->mode != in->mode || !splice_mv_same(m->mv, in->mv);
	splice_modes_write(s, &w->first, m, col, row, !moved && s->stats.recoded == recoded);
	splice_tokens_write(
		s, &w->part[(unsigned)row % s->head.parts], m, c, &s->above[col], &w->left);
}

/* ---- the receiver's picture ---- */

#define MARGIN 40 /* rows of pixels: farther than prediction reaches from what is dirty */

static void note_dirty(const struct splice *s, struct splice_frame *f, int row)
{
	for (int col = 0; row >= 0 && col < s->cols; col++) {
		/* what differs before the filter differs behind it, but for a rare exception */
		if (!s->raw_dirty[row * s->cols + col] && !differs(s, &f->in, &f->out, col, row))
			continue;
		f->dirty[row * s->cols + col] = 1;
		f->same = false;
		f->x0 = col < f->x0 ? col : f->x0;
		f->x1 = col > f->x1 ? col : f->x1;
		f->y0 = row < f->y0 ? row : f->y0;
		f->y1 = row;
	}
}

static bool joint_same(const struct splice *s, const struct splice_image *img, int row)
{
	for (int i = 0; i < 3; i++) {
		const struct splice_plane *a = &img->plane[i], *b = &s->joint.plane[i];
		int y0 = (row + 1) * (i ? 8 : 16), y1 = (row + 1) * SPLICE_JOINT * (i ? 1 : 2);

		for (int y = -SPLICE_JOINT; y < 0; y++) {
			if (memcmp(a->p + (y0 + y) * a->stride, b->p + (y1 + y) * b->stride,
				    (size_t)s->cols * (i ? 8 : 16)) != 0)
				return false;
		}
	}
	return true;
}

static bool row_dirty(const struct splice *s, int row)
{
	return memchr(s->raw_dirty + (ptrdiff_t)row * s->cols, 1, (size_t)s->cols) != NULL;
}

static void settle_begin(struct splice_frame *f, const struct splice *s)
{
	memset(f->dirty, 0, (size_t)s->cols * (size_t)s->rows);
	f->same = true;
	f->x0 = s->cols;
	f->y0 = s->rows;
	f->x1 = f->y1 = -1;
	f->from = f->to = -1;
}

/* Rows from here on are not as the sender has them. */
static void settle_start(struct splice *s, struct splice_frame *f, int row)
{
	if (f->to < 0) {
		f->from = row * 16 - MARGIN < 0 ? 0 : row * 16 - MARGIN;
		f->to = f->from;
	}
	splice_copy_rows(s, &f->out, &f->in, f->to, row * 16);
	if (row > 0)
		splice_copy_joint(s, &f->out, &s->joint,
			(struct splice_joint){row * 16, row * 2 * SPLICE_JOINT});
}

/* What differs goes through the loop filter, and so do rows behind it until they are as the sender
 * has them again; the rest is as in the sender's picture. */
static void settle_row(struct writer *w, int row)
{
	struct splice *s = w->s;
	struct splice_frame *f = s->new_frame;
	bool dirty = row_dirty(s, row);

	if (!w->apart && !dirty)
		return;
	if (!w->apart)
		settle_start(s, f, row);
	splice_copy_rows(s, &f->out, dirty ? &s->raw_out : &s->raw, row * 16, row * 16 + 16);
	splice_filter_row(s, &f->out, s->out, row);
	note_dirty(s, f, row - 1);
	f->to = row * 16 + 16;
	w->apart = row + 1 < s->rows && (dirty || !joint_same(s, &f->out, row));
	if (w->apart)
		return;
	if (row + 1 < s->rows)
		splice_copy_joint(
			s, &f->out, &f->in, (struct splice_joint){row * 16 + 16, row * 16 + 16});
	note_dirty(s, f, row);
}

static void settle_end(struct splice *s, struct splice_frame *f)
{
	int to = f->to + MARGIN > s->rows * 16 ? s->rows * 16 : f->to + MARGIN;

	if (f->to < 0)
		return;
	splice_copy_rows(s, &f->out, &f->in, f->to, to);
	f->to = to;
}

/* ---- bytes ---- */

static bool unchanged(const struct splice *s, const struct splice_drawn *d)
{
	if (d->width > 0 && d->height > 0)
		return false;
	return s->head.key || (s->ref[SPLICE_LAST]->same && s->ref[SPLICE_GOLDEN]->same &&
				      s->ref[SPLICE_ALTREF]->same);
}

static int assemble(struct writer *w, struct ar_span *out)
{
	struct splice *s = w->s;
	size_t head = s->head.key ? 10 : 3, n = head + w->first.n;
	uint32_t tag = (uint32_t)w->first.n << 5 | (s->head.tag[0] & 31u);
	bool full = w->first.full || w->first.n >= 1u << 19;

	for (unsigned i = 0; i < s->head.parts; i++) {
		full = full || w->part[i].full || w->part[i].n >= 1u << 24;
		n += w->part[i].n + (i ? 3 : 0);
	}
	if (full || n > SPLICE_MAX_OUT)
		return -EMSGSIZE;
	memcpy(s->bytes, s->head.tag, head);
	for (int i = 0; i < 3; i++)
		s->bytes[i] = (uint8_t)(tag >> 8 * i);
	n = head + w->first.n;
	for (unsigned i = 0; i + 1 < s->head.parts; i++, n += 3) {
		for (int k = 0; k < 3; k++)
			s->bytes[n + (size_t)k] = (uint8_t)(w->part[i].n >> 8 * k);
	}
	for (unsigned i = 0; i < s->head.parts; i++) {
		memcpy(s->bytes + n, w->part[i].p, w->part[i].n);
		n += w->part[i].n;
	}
	*out = (struct ar_span){(const char *)s->bytes, n};
	return 0;
}

static void begin(struct writer *w)
{
	struct splice *s = w->s;
	size_t head = s->head.key ? 10 : 3;

	splice_put_start(&w->first, s->bytes + head, SPLICE_MAX_OUT - head);
	for (unsigned i = 0; i < s->head.parts; i++)
		splice_put_start(
			&w->part[i], s->part_bytes + (size_t)i * SPLICE_MAX_OUT, SPLICE_MAX_OUT);
	splice_head_write(s, &w->first);
	splice_recode_begin(s);
	s->touched = -2;
	settle_begin(s->new_frame, s);
	memset(s->above, 0, (size_t)s->cols * sizeof(*s->above));
	s->nlevels_new = 0;
}

static void finish(struct writer *w)
{
	splice_put_end(&w->first);
	for (unsigned i = 0; i < w->s->head.parts; i++)
		splice_put_end(&w->part[i]);
	settle_end(w->s, w->s->new_frame);
}

int splice_write(struct splice *s, const struct splice_drawn *d, struct ar_span *out)
{
	struct writer w = {.s = s, .d = d};
	int err;

	if (!splice_can_write(s))
		return -EINVAL;
	s->stats.frames++;
	s->stats.blocks += (uint64_t)s->cols * (uint64_t)s->rows;
	s->written = s->linked = true;
	if (unchanged(s, d)) {
		s->stats.untouched++;
		s->new_frame->same = true;
		*out = s->bytes_in;
		return 0;
	}
	begin(&w);
	for (int row = 0; row < s->rows; row++) {
		w.left = (struct splice_context){0};
		for (int col = 0; col < s->cols; col++)
			write_block(&w, col, row);
		if (s->touched == row)
			splice_image_edge_row(s, &s->raw_out, row);
		settle_row(&w, row);
	}
	finish(&w);
	err = assemble(&w, out);
	if (err)
		splice_break(s);
	return err;
}
