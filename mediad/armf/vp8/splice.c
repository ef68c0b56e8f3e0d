/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames in: a decoder. splice_write.c has frames out. */
#include "mediad/armf/vp8/splice_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAD 32 /* bytes around rows */
#define MAX_LEVELS 400 /* of a macroblock */
#define MEAN_SAID 512 /* bools of a macroblock that are noted, on average */

/* ---- memory ---- */

static int image_new(struct splice_image *img, int cols, int rows)
{
	size_t stride = (size_t)cols * 16 + (size_t)2 * PAD, cstride = (size_t)cols * 8 + 2 * PAD;
	size_t luma = stride * ((size_t)rows * 16 + 2);
	size_t chroma = cstride * ((size_t)rows * 8 + 2);
	uint8_t *p;

	if (posix_memalign(&img->memory, 64, luma + 2 * chroma) != 0) {
		img->memory = NULL;
		return -ENOMEM;
	}
	p = img->memory;
	memset(p, 0, luma + 2 * chroma);
	for (int i = 0; i < 3; i++) {
		size_t step = i ? cstride : stride;

		img->plane[i] = (struct splice_plane){p + step + PAD, (ptrdiff_t)step};
		p += i ? chroma : luma;
	}
	return 0;
}

static void free_sized(struct splice *s)
{
	free(s->in);
	free(s->out);
	free(s->segment);
	free(s->coefs);
	free(s->levels);
	free(s->levels_new);
	free(s->above);
	free(s->said);
	free(s->mode_said);
	free(s->changed);
	free(s->raw_dirty);
	free(s->raw.memory);
	free(s->raw_out.memory);
	free(s->joint.memory);
	for (int i = 0; i < SPLICE_FRAMES; i++) {
		free(s->frame[i].in.memory);
		free(s->frame[i].out.memory);
		free(s->frame[i].dirty);
		s->frame[i] = (struct splice_frame){0};
	}
	s->in = s->out = NULL;
	s->segment = s->raw_dirty = NULL;
	s->coefs = NULL;
	s->levels = s->levels_new = NULL;
	s->above = NULL;
	s->said = NULL;
	s->mode_said = NULL;
	s->changed = NULL;
	s->raw = s->raw_out = s->joint = (struct splice_image){0};
	memset(s->ref, 0, sizeof(s->ref));
	s->new_frame = NULL;
	s->cols = s->rows = 0;
}

static int frames_new(struct splice *s, int cols, int rows)
{
	int err = image_new(&s->raw, cols, rows);

	if (!err)
		err = image_new(&s->raw_out, cols, 1);
	if (!err)
		err = image_new(&s->joint, cols, (rows + 1) / 2);
	for (int i = 0; !err && i < SPLICE_FRAMES; i++) {
		struct splice_frame *f = &s->frame[i];

		f->dirty = calloc((size_t)cols * (size_t)rows, 1);
		err = f->dirty ? image_new(&f->in, cols, rows) : -ENOMEM;
		if (!err)
			err = image_new(&f->out, cols, rows);
	}
	return err;
}

static int resize(struct splice *s, int cols, int rows)
{
	size_t n = (size_t)cols * (size_t)rows;
	size_t bordered = ((size_t)cols + 1) * ((size_t)rows + 1) + 1;

	if (s->cols == cols && s->rows == rows)
		return 0;
	free_sized(s);
	s->in = calloc(bordered, sizeof(*s->in));
	s->out = calloc(bordered, sizeof(*s->out));
	s->segment = calloc(n, 1);
	s->raw_dirty = calloc(n, 1);
	s->coefs = calloc(n, sizeof(*s->coefs));
	s->levels = malloc(n * MAX_LEVELS * sizeof(*s->levels));
	/* what is coded twice is there twice for a moment */
	s->levels_new = malloc((n + 1) * MAX_LEVELS * sizeof(*s->levels_new));
	s->above = calloc((size_t)cols, sizeof(*s->above));
	s->changed = calloc(bordered, 1);
	s->mode_said = calloc(n, sizeof(*s->mode_said));
	s->most_said = n * MEAN_SAID;
	s->said = malloc((s->most_said + SPLICE_MB_SAID) * sizeof(*s->said));
	if (!s->in || !s->out || !s->segment || !s->raw_dirty || !s->coefs || !s->levels ||
		!s->levels_new || !s->above || !s->said || !s->mode_said || !s->changed ||
		frames_new(s, cols, rows) != 0) {
		free_sized(s);
		return -ENOMEM;
	}
	s->cols = cols;
	s->rows = rows;
	splice_image_edges(s, &s->raw, rows);
	splice_image_edges(s, &s->raw_out, 1);
	return 0;
}

int splice_new(struct splice **out)
{
	struct splice *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->need_key = true;
	s->px = splice_pixels_get(0);
	s->bytes = malloc(SPLICE_MAX_OUT);
	s->part_bytes = malloc((size_t)SPLICE_MAX_PARTS * SPLICE_MAX_OUT);
	if (!s->bytes || !s->part_bytes) {
		splice_free(s);
		return -ENOMEM;
	}
	*out = s;
	return 0;
}

void splice_free(struct splice *s)
{
	if (!s)
		return;
	free_sized(s);
	free(s->bytes);
	free(s->part_bytes);
	free(s);
}

/* ---- references, 9.7 ---- */

/* Does a later frame build on anything that this one leaves behind, probabilities included? */
static bool refers_later(const struct splice_head *h)
{
	return h->refresh[SPLICE_LAST] || h->refresh[SPLICE_GOLDEN] || h->refresh[SPLICE_ALTREF] ||
	       h->copy_golden || h->copy_altref || h->refresh_probs || h->new_deltas;
}

/* The last frame becomes what later ones refer to. */
static void commit(struct splice *s)
{
	const struct splice_head *h = &s->head;
	struct splice_frame **r = s->ref;

	if (!s->decoded)
		return;
	s->decoded = false;
	if (!s->written && refers_later(h))
		s->linked = false;
	if (h->map_update)
		s->map_lost = !s->written;
	if (h->data_update)
		s->data_lost = !s->written;
	if (h->copy_altref)
		r[SPLICE_ALTREF] = r[h->copy_altref == 1 ? SPLICE_LAST : SPLICE_GOLDEN];
	if (h->copy_golden)
		r[SPLICE_GOLDEN] = r[h->copy_golden == 1 ? SPLICE_LAST : SPLICE_ALTREF];
	for (int i = SPLICE_LAST; i < SPLICE_REFS; i++) {
		if (h->refresh[i])
			r[i] = s->new_frame;
	}
	if (!h->refresh_probs)
		s->now.probs = s->before.probs;
}

static struct splice_frame *spare(struct splice *s)
{
	for (int i = 0; i < SPLICE_FRAMES; i++) {
		struct splice_frame *f = &s->frame[i];

		if (f != s->ref[SPLICE_LAST] && f != s->ref[SPLICE_GOLDEN] &&
			f != s->ref[SPLICE_ALTREF])
			return f;
	}
	return &s->frame[0];
}

/* ---- a frame ---- */

static int partitions(const struct splice *s, const uint8_t *p, const uint8_t *end,
	struct splice_bool part[SPLICE_MAX_PARTS])
{
	const uint8_t *size = p;
	unsigned n = s->head.parts;

	if (end - p < (ptrdiff_t)(3 * (n - 1)) + 1)
		return -EBADMSG;
	p += (size_t)3 * (n - 1);
	for (unsigned i = 0; i < n; i++, size += 3) {
		size_t len = (size_t)(end - p);

		if (i + 1 < n)
			len = size[0] | (size_t)size[1] << 8 | (size_t)size[2] << 16;
		if (!len || len > (size_t)(end - p))
			return -EBADMSG;
		splice_bool_start(&part[i], p, p + len);
		p += len;
	}
	return 0;
}

void splice_copy_rows(const struct splice *s, const struct splice_image *to,
	const struct splice_image *from, int y0, int y1)
{
	for (int i = 0; i < 3; i++) {
		size_t n = (size_t)s->cols * (i ? 8 : 16);

		for (int y = y0 >> (i > 0); y < y1 >> (i > 0); y++)
			memcpy(splice_pixel(to, i, 0, y), splice_pixel(from, i, 0, y), n);
	}
}

void splice_copy_joint(const struct splice *s, const struct splice_image *to,
	const struct splice_image *from, struct splice_joint at)
{
	for (int i = 0; i < 3; i++) {
		const struct splice_plane *a = &to->plane[i], *b = &from->plane[i];
		int y0 = i ? at.to / 2 : at.to, y1 = i ? at.from / 2 : at.from;

		for (int y = -SPLICE_JOINT; y < 0; y++)
			memcpy(a->p + (y0 + y) * a->stride, b->p + (y1 + y) * b->stride,
				(size_t)s->cols * (i ? 8 : 16));
	}
}

/* What has been rebuilt, into the new frame, and through the loop filter. */
static void settle_row(struct splice *s, int row)
{
	const struct splice_image *to = &s->new_frame->in;

	splice_image_edge_row(s, &s->raw, row);
	splice_copy_rows(s, to, &s->raw, row * 16, row * 16 + 16);
	splice_filter_row(s, to, s->in, row);
	splice_copy_joint(s, &s->joint, to,
		(struct splice_joint){.to = (row + 1) * 2 * SPLICE_JOINT, .from = (row + 1) * 16});
}

static int decode_row(struct splice *s, struct splice_bool *b, int row)
{
	struct splice_context left = {0};

	for (int col = 0; col < s->cols; col++) {
		struct splice_mb *m = &s->in[splice_at(s, col, row)];
		struct splice_coefs *c = &s->coefs[row * s->cols + col];
		struct splice_source from = {s->ref[m->ref], false};
		int err = splice_tokens_read(s, b, m, c, &s->above[col], &left);

		if (err)
			return err;
		if (!splice_rebuild(s, from, &s->raw, m, c, col, row))
			return -EBADMSG;
	}
	settle_row(s, row);
	return 0;
}

static int decode(struct splice *s, const uint8_t *p, const uint8_t *end)
{
	struct splice_bool b, part[SPLICE_MAX_PARTS];
	int err;

	if (end - p < (ptrdiff_t)s->head.first_size)
		return -EBADMSG;
	splice_bool_start(&b, p, end);
	err = splice_head_read(s, &b);
	if (!err)
		err = partitions(s, p + s->head.first_size, end, part);
	if (err)
		return err;
	splice_head_quant(s);
	splice_filter_levels(s);
	s->nsaid = 0;
	splice_modes_read(s, &b);
	if (splice_bool_over(&b))
		return -EBADMSG;
	s->nlevels = 0;
	s->new_frame = spare(s);
	memset(s->above, 0, (size_t)s->cols * sizeof(*s->above));
	for (int row = 0; !err && row < s->rows; row++)
		err = decode_row(s, &part[(unsigned)row % s->head.parts], row);
	return err;
}

static int start(struct splice *s, struct ar_span f)
{
	int err;

	commit(s);
	err = splice_head_tag(&s->head, f);
	if (err)
		return err;
	if (!s->head.key)
		return s->need_key ? -EBADMSG : 0;
	err = resize(s, (int)(s->head.width + 15) / 16, (int)(s->head.height + 15) / 16);
	s->width = s->head.width & ~1u;
	s->height = s->head.height & ~1u;
	return err;
}

int splice_decode(struct splice *s, struct ar_span f, struct codec_picture *out, bool *shown)
{
	const uint8_t *p = (const uint8_t *)f.p;
	int err = start(s, f);

	s->written = false;
	if (!err)
		err = decode(s, p + (s->head.key ? 10 : 3), p + f.n);
	s->need_key = err != 0;
	if (err) {
		s->linked = false;
		return err;
	}
	s->decoded = true;
	s->bytes_in = f;
	*shown = s->head.show;
	*out = (struct codec_picture){.width = s->width, .height = s->height};
	for (int i = 0; i < 3; i++) {
		out->plane[i] = s->new_frame->in.plane[i].p;
		out->stride[i] = (int)s->new_frame->in.plane[i].stride;
	}
	return 0;
}

bool splice_needs_key(const struct splice *s)
{
	return s->need_key;
}

bool splice_is_key(const struct splice *s)
{
	return s->head.key;
}

bool splice_can_write(const struct splice *s)
{
	const struct splice_head *h = &s->head;

	if (h->segments && ((s->map_lost && !h->map_update) || (s->data_lost && !h->data_update)))
		return false;
	return s->decoded && !s->written && (s->linked || h->key);
}

bool splice_can_omit(const struct splice *s)
{
	return s->decoded && !s->written && !refers_later(&s->head);
}

void splice_break(struct splice *s)
{
	s->linked = false;
	s->written = false;
}

void splice_get_stats(const struct splice *s, struct splice_stats *out)
{
	*out = s->stats;
}

void splice_written(const struct splice *s, struct codec_picture *out)
{
	struct splice_frame *f = s->new_frame;
	const struct splice_image *img = f->same ? &f->in : &f->out;

	if (!f->same) {
		splice_copy_rows(s, img, &f->in, 0, f->from);
		splice_copy_rows(s, img, &f->in, f->to, s->rows * 16);
	}
	*out = (struct codec_picture){.width = s->width, .height = s->height};
	for (int i = 0; i < 3; i++) {
		out->plane[i] = img->plane[i].p;
		out->stride[i] = (int)img->plane[i].stride;
	}
}
