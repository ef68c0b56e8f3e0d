/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a VP8 splice is made of; splice.h says what it does. Files: head.c the frame header, modes.c
 * and tokens.c what is coded of a macroblock (both directions), predict.c, residual.c,
 * filter.c and pixels.h its pixels, recode.c macroblocks that are coded anew, splice.c the order of
 * it all. Numbers of sections are RFC 6386's.
 */
#ifndef SPLICE_INT_H
#define SPLICE_INT_H

#include "mediad/armf/vp8/bool.h"
#include "mediad/armf/vp8/pixels.h"
#include "mediad/armf/vp8/splice.h"
#include "mediad/armf/vp8/tables.h"

#define SPLICE_MAX_COLS ((CODEC_MAX_WIDTH + 15) / 16)
#define SPLICE_MAX_PARTS 8
#define SPLICE_MAX_HEAD 10240 /* bools of a header: 1,056 probabilities of 9 each, and some 500 */
#define SPLICE_MAX_OUT DEPAY_MAX_FRAME
#define SPLICE_MB_SAID 8192 /* bools of a macroblock: 400 coefficients of 19 each, and some */
#define SPLICE_FRAMES 5 /* last, golden, altref, the new one, and one to spare */
#define SPLICE_JOINT                                                                               \
	4 /* rows of pixels that a macroblock's edge is filtered with, on either side */
#define SPLICE_MAX_MV 1023 /* 17.2: of a difference, in quarters of a pixel */

enum splice_mode {
	SPLICE_DC_PRED,
	SPLICE_V_PRED,
	SPLICE_H_PRED,
	SPLICE_TM_PRED,
	SPLICE_B_PRED,
	SPLICE_NEAREST,
	SPLICE_NEAR,
	SPLICE_ZERO,
	SPLICE_NEW,
	SPLICE_SPLIT
};

enum splice_ref { SPLICE_INTRA, SPLICE_LAST, SPLICE_GOLDEN, SPLICE_ALTREF, SPLICE_REFS };

struct splice_mv {
	int16_t row, col; /* eighths of a pixel of luma; always even */
};

static inline bool splice_mv_same(struct splice_mv a, struct splice_mv b)
{
	return a.row == b.row && a.col == b.col;
}

static inline bool splice_mv_zero(struct splice_mv a)
{
	return !a.row && !a.col;
}

struct splice_mb {
	uint8_t mode, uv_mode, ref, segment;
	uint8_t skip; /* as coded */
	uint8_t split; /* kind of SPLICE_SPLIT */
	uint8_t coded; /* has coefficients: its inner edges are filtered */
	struct splice_mv mv; /* of an intra macroblock 0, of a split one its last */
	union {
		struct splice_mv bmv[16]; /* SPLICE_SPLIT */
		uint8_t bmode[16]; /* SPLICE_B_PRED */
	};
};

/* Less than all of it: most have one vector and one mode. */
static inline void splice_mb_copy(struct splice_mb *to, const struct splice_mb *from)
{
	memcpy(to, from, offsetof(struct splice_mb, bmv));
	if (from->mode == SPLICE_SPLIT || from->mode == SPLICE_B_PRED)
		memcpy(to->bmv, from->bmv, sizeof(to->bmv));
}

static inline bool splice_has_y2(const struct splice_mb *m)
{
	return m->mode != SPLICE_B_PRED && m->mode != SPLICE_SPLIT;
}

/* Are there coefficients in what lies above a macroblock's blocks, or left of them? */
struct splice_context {
	uint8_t y[4], u[2], v[2], y2;
};

/* Bools as they came, among those of the frame; n 0: not noted. */
struct splice_said {
	uint32_t at, n;
};

/* Quantised coefficients: of each block those up to its end, in the order of the zigzag. */
struct splice_coefs {
	const int16_t *level;
	uint8_t end[25]; /* 0: none; blocks beside a Y2 block begin at 1 */
	struct splice_context before[2], behind[2]; /* above and left, as it was read, and then */
	struct splice_said said;
};

struct splice_probs {
	uint8_t coef[4][8][3][11];
	uint8_t mv[2][19];
	uint8_t ymode[4], uv_mode[3];
};

struct splice_head {
	bool key, show, segments, map_update, skip_flags, refresh_probs;
	bool data_update; /* of all segments */
	bool new_deltas; /* of the loop filter, not as they were */
	bool refresh[SPLICE_REFS];
	uint8_t copy_golden, copy_altref;
	bool bias[SPLICE_REFS];
	unsigned width, height; /* of a key frame */
	uint8_t tree_probs[3];
	bool simple_filter;
	uint8_t level, sharpness;
	unsigned parts;
	uint8_t q_index;
	int8_t q_delta[5]; /* y1dc, y2dc, y2ac, uvdc, uvac */
	uint8_t prob_skip, prob_intra, prob_last, prob_golden;
	uint32_t first_size;
	uint8_t tag[10]; /* as it came */
	/* all bools of the header, to be written again: probability << 1 | bit */
	uint16_t said[SPLICE_MAX_HEAD];
	unsigned nsaid;
};

/* What lasts from frame to frame. */
struct splice_lasting {
	bool segments_absolute;
	int8_t segment_q[4], segment_level[4];
	bool deltas;
	int8_t ref_delta[4], mode_delta[4];
	struct splice_probs probs;
};

struct splice_quant {
	int16_t y1[2], y2[2], uv[2]; /* steps: DC, AC */
};

/* The same, to divide by. */
struct splice_dividers {
	struct splice_divide y1, y2, uv;
};

struct splice_plane {
	uint8_t *p;
	ptrdiff_t stride;
};

/* Three planes of whole macroblocks. */
struct splice_image {
	struct splice_plane plane[3];
	int top; /* row of luma that they begin with */
	void *memory;
};

static inline uint8_t *splice_pixel(const struct splice_image *img, int plane, int x, int y)
{
	const struct splice_plane *p = &img->plane[plane];

	return p->p + (y - (img->top >> (plane > 0))) * p->stride + x;
}

/* A reference twice: as the sender's decoder has it and as the receiver's has. */
struct splice_frame {
	struct splice_image in, out;
	uint8_t *dirty; /* a macroblock each: in and out differ */
	bool same; /* they do nowhere; out is not filled */
	int x0, y0, x1, y1; /* macroblocks around all dirty ones; out is filled there and some way
			       above and below */
	int from, to; /* rows of pixels of out that are filled */
};

struct splice {
	const struct splice_pixels *px; /* what this machine can do */
	bool need_key; /* to decode */
	bool linked; /* the receiver's references are known */
	bool map_lost, data_lost; /* of segments: in a frame that was left out */
	bool decoded, written; /* the new frame, not yet among the references */
	int cols, rows;
	struct splice_head head;
	struct splice_lasting now, before; /* before: probabilities that a frame does not keep */
	struct splice_mb *in, *out; /* with a border: one row above, one column left */
	uint8_t *changed; /* with a border as well: the mode or vector that goes is not what came */
	uint8_t *segment; /* lasts */
	struct splice_coefs *coefs;
	int16_t *levels, *levels_new;
	size_t nlevels, nlevels_new;
	uint16_t *said; /* bools behind the header: probability << 1 | bit; and SPLICE_MB_SAID */
	size_t nsaid, most_said;
	struct splice_said *mode_said; /* a macroblock each */
	unsigned width, height;
	struct ar_span bytes_in; /* the frame as it came */
	struct splice_context *above;
	struct splice_quant quant[4];
	struct splice_dividers divide[4];
	uint8_t filter_level[4][SPLICE_REFS][4];
	struct splice_image raw; /* before the loop filter */
	struct splice_image raw_out; /* the same of the receiver: a row of macroblocks, and what the
					one above ends with */
	struct splice_image joint; /* the last four rows of each row of macroblocks, through the
				      filter but for the next row's */
	int touched; /* the row of macroblocks that raw_out has, if any differs from raw */
	uint8_t *raw_dirty;
	struct splice_frame frame[SPLICE_FRAMES];
	struct splice_frame *ref[SPLICE_REFS], *new_frame;
	uint8_t *bytes, *part_bytes; /* what goes out; its partitions */
	struct splice_stats stats;
};

/* A reference as one side has it. */
struct splice_source {
	const struct splice_frame *f;
	bool out;
};

static inline size_t splice_at(const struct splice *s, int col, int row)
{
	return (size_t)(row + 1) * (size_t)(s->cols + 1) + (size_t)col + 1;
}

/* The next n bools of s->said are this; those that there is no room for are not noted. */
static inline void splice_said(struct splice *s, struct splice_said *said, size_t n)
{
	bool room = s->nsaid + n <= s->most_said;

	*said = (struct splice_said){(uint32_t)s->nsaid, room ? (uint32_t)n : 0};
	s->nsaid += room ? n : 0;
}

/* ---- head.c ---- */

int splice_head_tag(struct splice_head *h, struct ar_span frame);
/* Leaves the reader behind the header. -EBADMSG, -ENOTSUP (a profile other than 0). */
int splice_head_read(struct splice *s, struct splice_bool *b);
void splice_head_write(const struct splice *s, struct splice_put *e);
void splice_head_quant(struct splice *s);

/* ---- modes.c ---- */

void splice_modes_read(struct splice *s, struct splice_bool *b);
struct splice_near {
	struct splice_mv nearest, near, best; /* clamped */
	uint8_t prob[4];
};
void splice_modes_near(const struct splice *s, const struct splice_mb *m, int col, int row,
	unsigned ref, struct splice_near *near);
/* Can this macroblock's vectors be written where it is now? */
bool splice_modes_fits(const struct splice *s, const struct splice_mb *m, int col, int row);
/* as_came: neither it nor its neighbours' vectors and modes are others. */
void splice_modes_write(const struct splice *s, struct splice_put *e, const struct splice_mb *m,
	int col, int row, bool as_came);

/* ---- tokens.c ---- */

/* -EBADMSG: numbers that no picture has. */
int splice_tokens_read(struct splice *s, struct splice_bool *b, struct splice_mb *m,
	struct splice_coefs *c, struct splice_context *above, struct splice_context *left);
void splice_tokens_write(const struct splice *s, struct splice_put *e, const struct splice_mb *m,
	struct splice_coefs *c, struct splice_context *above, struct splice_context *left);
void splice_tokens_none(
	const struct splice_mb *m, struct splice_context *above, struct splice_context *left);

/* ---- splice.c ---- */

/* Rows of pixels y0 to y1 (both even), of all planes. */
void splice_copy_rows(const struct splice *s, const struct splice_image *to,
	const struct splice_image *from, int y0, int y1);
/* The last SPLICE_JOINT rows of all planes before these, in rows of luma. */
struct splice_joint {
	int to, from;
};
void splice_copy_joint(const struct splice *s, const struct splice_image *to,
	const struct splice_image *from, struct splice_joint at);

/* ---- predict.c ---- */

void splice_predict_inter(const struct splice *s, struct splice_source from,
	const struct splice_image *to, const struct splice_mb *m, int col, int row);
void splice_predict_luma(const struct splice *s, struct splice_source from, uint8_t *to,
	ptrdiff_t stride, struct splice_mv mv, int col, int row);
void splice_predict_intra(const struct splice *s, const struct splice_image *img,
	const struct splice_mb *m, int col, int row); /* all but the luma of SPLICE_B_PRED */
void splice_predict_block(const struct splice *s, const struct splice_image *img, int mode, int col,
	int row, int block);
/* The macroblock's pixels in to. False: residuals that overflow. */
bool splice_rebuild(const struct splice *s, struct splice_source from,
	const struct splice_image *to, const struct splice_mb *m, const struct splice_coefs *c,
	int col, int row);
/* Do vectors of this macroblock reach what is dirty in its reference? */
bool splice_reaches_dirty(const struct splice *s, const struct splice_frame *f,
	const struct splice_mb *m, int col, int row);
/* What lies around a picture that is predicted from itself, of so many rows of macroblocks. */
void splice_image_edges(const struct splice *s, const struct splice_image *img, int rows);
/* What lies above row y of pixels, as `from` has it, is above the first row of `to`. */
void splice_image_above(const struct splice *s, const struct splice_image *to,
	const struct splice_image *from, int y);
void splice_image_edge_row(const struct splice *s, const struct splice_image *img, int row);

/* ---- residual.c ---- */

/* A macroblock's blocks from `first` on, 0 or 16, as they are after 14.1; those beside a Y2 block
 * have their DC. */
struct splice_blocks {
	int16_t (*v)[16];
	const uint8_t *end; /* of 25 */
	int first;
};
void splice_add_blocks(const struct splice *s, const struct splice_image *to,
	const struct splice_blocks *b, int col, int row);
/* False: numbers that no picture has. */
bool splice_dequantise(
	int16_t out[16], const int16_t *level, int first, int end, const int16_t step[2]);
bool splice_add_residual(const struct splice *s, const struct splice_image *to,
	const struct splice_mb *m, const struct splice_coefs *c, int col, int row);
bool splice_add_chroma(const struct splice *s, const struct splice_image *to,
	const struct splice_mb *m, const struct splice_coefs *c, int col, int row);

/* ---- filter.c ---- */

void splice_filter_levels(struct splice *s);
/* One row of macroblocks, in place; those above have been through it. */
void splice_filter_row(const struct splice *s, const struct splice_image *img,
	const struct splice_mb *mbs, int row);

/* ---- recode.c ---- */

void splice_recode_begin(struct splice *s); /* a frame */

/* What a macroblock is to look like. */
struct splice_target {
	uint8_t luma[256], chroma[2][64];
	uint8_t *plane[3];
};

/* Codes the macroblock so that it looks like that; fills m, which is among those that go out, c and
 * its pixels in raw_out. search: its vector has nothing to do with what it shows. */
void splice_recode(struct splice *s, const struct splice_target *t, struct splice_mb *m,
	struct splice_coefs *c, int col, int row, bool search);

#endif
