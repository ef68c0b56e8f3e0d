/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The VP8 splice beside libvpx: what it decodes, and what it writes, is the same to the bit. */
#include "mediad/armf/vp8/splice.h"

#include "sender.h"

#include "../common/cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rig {
	struct sender from;
	struct splice *s;
	struct codec_dec *before, *behind; /* libvpx: what comes, what goes */
	struct codec_picture in, out, drawn, mine;
	unsigned frames;
};

static void open_rig(struct rig *r, const struct sender_conf *c)
{
	*r = (struct rig){0};
	sender_open(&r->from, c);
	assert_int_equal(splice_new(&r->s), 0);
	assert_int_equal(codec_dec_new(&r->before, DEPAY_VP8), 0);
	assert_int_equal(codec_dec_new(&r->behind, DEPAY_VP8), 0);
	assert_int_equal(codec_picture_new(&r->drawn, c->width & ~1u, c->height & ~1u), 0);
}

static void close_rig(struct rig *r)
{
	sender_close(&r->from);
	splice_free(r->s);
	codec_dec_free(r->before);
	codec_dec_free(r->behind);
	codec_picture_free(&r->drawn);
}

static void same(const struct rig *r, const char *what, const struct codec_picture *a,
	const struct codec_picture *b)
{
	assert_int_equal(a->width, b->width);
	assert_int_equal(a->height, b->height);
	for (int i = 0; i < 3; i++) {
		unsigned w = i ? a->width / 2 : a->width, h = i ? a->height / 2 : a->height;

		for (unsigned y = 0; y < h; y++) {
			const uint8_t *p = a->plane[i] + y * (unsigned)a->stride[i];
			const uint8_t *q = b->plane[i] + y * (unsigned)b->stride[i];
			unsigned x = 0;

			while (x < w && p[x] == q[x])
				x++;
			if (x < w)
				fail_msg("%s: %s, frame %u, plane %d, %u,%u: %d is not %d",
					r->from.conf->name, what, r->frames, i, x, y, p[x], q[x]);
		}
	}
}

/* Decodes the frame twice. */
static bool decode(struct rig *r, struct ar_span frame)
{
	bool shown;
	int err = splice_decode(r->s, frame, &r->mine, &shown);

	if (err)
		fail_msg("%s, frame %u: %s", r->from.conf->name, r->frames, strerror(-err));
	err = codec_dec_frame(r->before, frame, &r->in);
	assert_int_equal(err, shown ? 0 : -EAGAIN);
	if (shown)
		same(r, "decoded", &r->mine, &r->in);
	return shown;
}

/* Writes it, and decodes that. */
static size_t put(struct rig *r, const struct splice_drawn *d, bool shown)
{
	struct codec_picture mine;
	struct ar_span out;

	assert_true(splice_can_write(r->s));
	assert_int_equal(splice_write(r->s, d, &out), 0);
	assert_false(splice_can_write(r->s));
	assert_int_equal(codec_dec_frame(r->behind, out, &r->out), shown ? 0 : -EAGAIN);
	splice_written(r->s, &mine);
	if (shown)
		same(r, "written", &mine, &r->out);
	r->frames++;
	return out.n;
}

/* ---- nothing changes ---- */

/* The whole picture counts as drawn upon, but is as it was: everything is written again. */
static void rewrite(const struct sender_conf *c)
{
	struct ar_span f[4];
	struct rig r;
	size_t in = 0, out = 0;

	open_rig(&r, c);
	for (unsigned i = 0; i < 30; i++) {
		for (unsigned k = 0, n = sender_next(&r.from, f); k < n; k++) {
			bool shown = decode(&r, f[k]);
			struct splice_drawn d = {
				&r.mine, 0, 0, (int)r.mine.width, (int)r.mine.height};

			in += f[k].n;
			out += put(&r, &d, shown);
			if (shown)
				same(&r, "copied", &r.in, &r.out);
		}
	}
	assert_in_range(out, in * 98 / 100, in * 102 / 100 + 16 * r.frames);
	close_rig(&r);
}

static void test_rewrite(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sender_nkinds; i++)
		rewrite(&sender_kinds[i]);
}

/* ---- something is drawn ---- */

struct box {
	int x, y, w, h;
};

static void draw(struct rig *r, const struct box *b)
{
	codec_picture_copy(&r->drawn, &r->mine);
	for (int y = b->y; y < b->y + b->h; y++) {
		for (int x = b->x; x < b->x + b->w; x++) {
			if (x < 0 || y < 0 || x >= (int)r->drawn.width || y >= (int)r->drawn.height)
				continue;
			r->drawn.plane[0][y * r->drawn.stride[0] + x] =
				(uint8_t)(60 + ((x - b->x) / 6 + (y - b->y) / 6) % 2 * 90);
			r->drawn.plane[1][y / 2 * r->drawn.stride[1] + x / 2] = 200;
			r->drawn.plane[2][y / 2 * r->drawn.stride[2] + x / 2] = 220;
		}
	}
}

/* Squared error inside of a box, and beside it. */
static void measure(const struct rig *r, const struct box *b, double sum[2], double count[2])
{
	for (int y = 0; y < (int)r->out.height; y++) {
		for (int x = 0; x < (int)r->out.width; x++) {
			int d = r->drawn.plane[0][y * r->drawn.stride[0] + x] -
				r->out.plane[0][y * r->out.stride[0] + x];
			int beside = x < b->x || y < b->y || x >= b->x + b->w || y >= b->y + b->h;

			sum[beside] += d * d;
			count[beside]++;
		}
	}
}

/* The largest difference in colour beside a box, and how many are as large as an object's. */
static unsigned ghosts(const struct rig *r, const struct box *b, int *most)
{
	unsigned n = 0;

	for (int i = 1; i < 3; i++) {
		for (int y = 0; y < (int)r->out.height / 2; y++) {
			for (int x = 0; x < (int)r->out.width / 2; x++) {
				int d = abs(r->drawn.plane[i][y * r->drawn.stride[i] + x] -
					    r->out.plane[i][y * r->out.stride[i] + x]);

				if (2 * x + 4 >= b->x && 2 * y + 4 >= b->y &&
					2 * x < b->x + b->w + 4 && 2 * y < b->y + b->h + 4)
					continue;
				*most = d > *most ? d : *most;
				n += d > 30;
			}
		}
	}
	return n;
}

static void overlay(const struct sender_conf *c, unsigned frames)
{
	unsigned nghost = 0;
	int most = 0;

	double sum[2] = {0}, count[2] = {1e-9, 1e-9};
	struct splice_stats st;
	struct ar_span f[4];
	struct rig r;
	size_t in = 0, out = 0;

	open_rig(&r, c);
	for (unsigned i = 0; i < frames; i++) {
		int w = (int)c->width, h = (int)c->height;
		struct box b = {
			w / 3 + (int)(i % 40) - 20, h / 3 + (int)(i % 30) - 15, w / 3, h / 3};

		for (unsigned k = 0, n = sender_next(&r.from, f); k < n; k++) {
			bool shown = decode(&r, f[k]);
			struct splice_drawn d = {&r.drawn, b.x, b.y, b.w, b.h};

			if (i % 25 > 20)
				b.w = d.width = 0; /* gone for some frames */
			draw(&r, &b);
			in += f[k].n;
			out += put(&r, &d, shown);
			if (shown) {
				measure(&r, &b, sum, count);
				nghost += ghosts(&r, &b, &most);
			}
		}
	}
	splice_get_stats(r.s, &st);
	/* as good as the sender's quantiser lets it be, and not worse with every frame */
	if (sum[0] / count[0] > (c->min_q ? 900 : c->noise ? 300 : 60))
		fail_msg("%s: squared error in the box %.1f", c->name, sum[0] / count[0]);
	if (sum[1] / count[1] > (c->min_q ? 100 : c->noise ? 50 : 8))
		fail_msg("%s: squared error beside the box %.2f", c->name, sum[1] / count[1]);
	assert_int_equal(st.frames, r.frames);
	assert_true(st.recoded > 0 && st.recoded < st.blocks / 2);
	/* what has gone is gone, also where one pixel is nothing to the quantiser */
	if (most > (c->min_q ? 90 : 60) || nghost > (c->min_q ? 500 : 30))
		fail_msg("%s: colour %d off beside the box, %u pixels", c->name, most, nghost);
	if (getenv("SPLICE_SHOW"))
		printf("ghosts %u most %d; ", nghost, most);
	if (getenv("SPLICE_SHOW"))
		printf("%-18s mse in %.1f beside %.2f bytes %zu -> %zu blocks %lu recoded %lu "
		       "patched %lu carried %lu untouched %lu of %lu\n",
			c->name, sum[0] / count[0], sum[1] / count[1], in, out,
			(unsigned long)st.blocks, (unsigned long)st.recoded,
			(unsigned long)st.patched, (unsigned long)st.carried,
			(unsigned long)st.untouched, (unsigned long)st.frames);
	close_rig(&r);
}

static void test_overlay(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sender_nkinds; i++)
		overlay(&sender_kinds[i], i == 0 ? 300 : 30);
}

/* ---- the chain ---- */

static struct ar_span next_frame(struct rig *r)
{
	struct ar_span f[4];

	assert_int_equal(sender_next(&r->from, f), 1);
	return f[0];
}

static const struct splice_drawn nothing;

/* Nothing drawn, nothing drawn before: the bytes that came. */
static void test_untouched(void **state)
{
	struct splice_stats st;
	struct ar_span f, out;
	struct rig r;

	(void)state;
	open_rig(&r, &sender_kinds[0]);
	for (unsigned i = 0; i < 5; i++) {
		f = next_frame(&r);
		decode(&r, f);
		assert_int_equal(splice_write(r.s, &nothing, &out), 0);
		assert_int_equal(out.n, f.n);
		assert_memory_equal(out.p, f.p, f.n);
	}
	splice_get_stats(r.s, &st);
	assert_int_equal(st.untouched, 5);
	close_rig(&r);
}

static void test_chain(void **state)
{
	struct sender_conf c = sender_kinds[0];
	struct rig r;
	unsigned i = 0;

	(void)state;
	c.key_every = 6;
	open_rig(&r, &c);
	assert_true(splice_needs_key(r.s));
	for (; i < 3; i++) {
		decode(&r, next_frame(&r));
		put(&r, &nothing, true);
	}
	decode(&r, next_frame(&r)); /* not written: what follows refers to it */
	for (i++; i < 6; i++) {
		decode(&r, next_frame(&r));
		assert_false(splice_can_write(r.s));
	}
	decode(&r, next_frame(&r));
	assert_true(splice_is_key(r.s));
	put(&r, &nothing, true);
	splice_break(r.s);
	decode(&r, next_frame(&r));
	assert_false(splice_can_write(r.s));
	close_rig(&r);
}

/* A frame that nothing refers to may be left out. */
static void test_layers_left_out(void **state)
{
	const struct sender_conf *c = &sender_kinds[5];
	struct rig r;

	(void)state;
	open_rig(&r, c);
	for (unsigned i = 0; i < 20; i++) {
		struct splice_drawn d = {&r.mine, 0, 0, 64, 64};

		decode(&r, next_frame(&r));
		if (i % 2 == 0)
			put(&r, &d, true);
	}
	close_rig(&r);
}

static void test_sizes(void **state)
{
	struct codec_picture p;
	struct splice *s;
	bool shown;

	(void)state;
	assert_int_equal(splice_new(&s), 0);
	for (unsigned i = 0; i < 3; i++) {
		const struct sender_conf *c = &sender_kinds[i % 2 ? 2 : 8];
		struct sender from;
		struct ar_span f[4], out;

		sender_open(&from, c);
		for (unsigned k = 0; k < 3; k++) {
			assert_int_equal(sender_next(&from, f), 1);
			assert_int_equal(splice_decode(s, f[0], &p, &shown), 0);
			assert_int_equal(p.width, c->width & ~1u);
			assert_int_equal(splice_write(s, &nothing, &out), 0);
		}
		sender_close(&from);
	}
	splice_free(s);
}

static void test_refused(void **state)
{
	struct codec_picture p;
	struct ar_span f[4];
	struct sender from;
	struct splice *s;
	char copy[65536];
	bool shown;

	(void)state;
	sender_open(&from, &sender_kinds[0]);
	assert_int_equal(splice_new(&s), 0);
	assert_int_equal(sender_next(&from, f), 1);
	assert_true(f[0].n < sizeof(copy));
	memcpy(copy, f[0].p, f[0].n);
	copy[0] |= 2; /* profile 1 */
	assert_int_equal(splice_decode(s, (struct ar_span){copy, f[0].n}, &p, &shown), -ENOTSUP);
	for (size_t n = 0; n < 40; n++)
		assert_true(splice_decode(s, (struct ar_span){f[0].p, n}, &p, &shown) < 0);
	copy[0] = f[0].p[0];
	memset(copy + 6, 0xff, 4); /* 16383x16383 */
	assert_int_equal(splice_decode(s, (struct ar_span){copy, f[0].n}, &p, &shown), -EFBIG);
	assert_true(splice_needs_key(s));
	assert_false(splice_can_write(s));
	splice_free(s);
	sender_close(&from);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rewrite),
		cmocka_unit_test(test_overlay),
		cmocka_unit_test(test_untouched),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_layers_left_out),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
