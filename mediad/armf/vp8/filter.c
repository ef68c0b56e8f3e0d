/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The loop filter over a picture, RFC 6386 9.6 and 15. */
#include "mediad/armf/vp8/pixels.h"
#include "mediad/armf/vp8/splice_int.h"

#define MAX_LEVEL 63

static uint8_t clamp_level(int v)
{
	return (uint8_t)(v < 0 ? 0 : v > MAX_LEVEL ? MAX_LEVEL : v);
}

void splice_filter_levels(struct splice *s)
{
	const struct splice_lasting *l = &s->now;

	for (int seg = 0; seg < 4; seg++) {
		int base = s->head.level;

		if (s->head.segments)
			base = clamp_level(
				l->segment_level[seg] + (l->segments_absolute ? 0 : base));
		for (int ref = 0; ref < SPLICE_REFS; ref++) {
			int of_ref = base + (l->deltas ? l->ref_delta[ref] : 0);

			for (int kind = 0; kind < 4; kind++) {
				/* of intra modes only SPLICE_B_PRED has a delta, of inter ones all
				 */
				bool delta = l->deltas && (ref ? kind > 0 : kind == 0);

				s->filter_level[seg][ref][kind] =
					clamp_level(of_ref + (delta ? l->mode_delta[kind] : 0));
			}
		}
	}
}

static int level_of(const struct splice *s, const struct splice_mb *m)
{
	static const uint8_t kind[] = {[SPLICE_DC_PRED] = 1,
		[SPLICE_V_PRED] = 1,
		[SPLICE_H_PRED] = 1,
		[SPLICE_TM_PRED] = 1,
		[SPLICE_B_PRED] = 0,
		[SPLICE_ZERO] = 1,
		[SPLICE_NEAREST] = 2,
		[SPLICE_NEAR] = 2,
		[SPLICE_NEW] = 2,
		[SPLICE_SPLIT] = 3};

	return s->filter_level[m->segment][m->ref][kind[m->mode]];
}

static struct splice_edge edge_of(const struct splice *s, int level)
{
	int sharp = s->head.sharpness, limit = level >> (sharp > 0) >> (sharp > 4);
	struct splice_edge e;

	if (sharp > 0 && limit > 9 - sharp)
		limit = 9 - sharp;
	limit = limit < 1 ? 1 : limit;
	e.limit = (uint8_t)limit;
	e.outer = (uint8_t)(2 * (level + 2) + limit);
	e.inner = (uint8_t)(2 * level + limit);
	if (s->head.key)
		e.variance = level >= 40 ? 2 : level >= 15 ? 1 : 0;
	else
		e.variance = level >= 40 ? 3 : level >= 20 ? 2 : level >= 15 ? 1 : 0;
	return e;
}

void splice_filter_row(const struct splice *s, const struct splice_image *img,
	const struct splice_mb *mbs, int row)
{
	struct splice_place p = {
		.ys = img->plane[0].stride, .cs = img->plane[1].stride, .above = row > 0};
	struct splice_edge e = {0};
	int last = 0;

	for (int col = 0; s->head.level && col < s->cols; col++) {
		const struct splice_mb *m = &mbs[splice_at(s, col, row)];
		int level = level_of(s, m);

		if (!level)
			continue;
		if (level != last)
			e = edge_of(s, level);
		last = level;
		p.y = img->plane[0].p + row * 16 * p.ys + (ptrdiff_t)col * 16;
		p.u = img->plane[1].p + row * 8 * p.cs + (ptrdiff_t)col * 8;
		p.v = img->plane[2].p + row * 8 * p.cs + (ptrdiff_t)col * 8;
		p.left = col > 0;
		p.inner = m->coded || !splice_has_y2(m);
		(s->head.simple_filter ? s->px->filter_simple : s->px->filter)(&p, &e);
	}
}
