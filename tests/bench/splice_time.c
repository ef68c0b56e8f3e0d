/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VP8 splice by itself, beside libvpx: CPU of a frame. splice_time FILE.ivf [WHAT] where WHAT
 * is libvpx (its decoder), decode, or splice (decoding, a checked square that moves on 15 % of the
 * picture, and writing). For profilers that count instructions too.
 */
#include "mediad/armf/vp8/splice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_BYTES (64u << 20)

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void square(struct codec_picture *p, const struct codec_picture *from, unsigned n,
	struct splice_drawn *d)
{
	d->picture = p;
	d->width = (int)p->width * 3 / 10 & ~1;
	d->height = (int)p->height / 2 & ~1;
	d->x = (int)(p->width * 7 / 20 + n % 32) & ~1;
	d->y = (int)p->height / 4 & ~1;
	codec_picture_copy(p, from);
	for (int y = d->y; y < d->y + d->height; y++) {
		for (int x = d->x; x < d->x + d->width; x++)
			p->plane[0][y * p->stride[0] + x] =
				(uint8_t)(90 + ((x - d->x) / 24 + (y - d->y) / 24) % 2 * 70);
	}
}

struct bench {
	struct splice *s;
	struct codec_dec *dec;
	struct codec_picture drawn;
	double decode, write;
	size_t in, out;
};

static int splice_one(struct bench *b, struct ar_span f, unsigned n, bool write)
{
	struct codec_picture pic;
	struct splice_drawn d = {0};
	struct ar_span out;
	double t = cpu_ms();
	bool shown;
	int err = splice_decode(b->s, f, &pic, &shown);

	b->decode += cpu_ms() - t;
	if (err || !write)
		return err;
	if (!b->drawn.plane[0])
		err = codec_picture_new(&b->drawn, pic.width, pic.height);
	if (err)
		return err;
	square(&b->drawn, &pic, n, &d);
	t = cpu_ms();
	err = splice_write(b->s, &d, &out);
	b->write += cpu_ms() - t;
	b->out += err ? 0 : out.n;
	return err;
}

static int one(struct bench *b, struct ar_span f, unsigned n, const char *what)
{
	struct codec_picture pic;
	double t = cpu_ms();
	int err;

	b->in += f.n;
	if (strcmp(what, "libvpx") != 0)
		return splice_one(b, f, n, strcmp(what, "splice") == 0);
	err = codec_dec_frame(b->dec, f, &pic);
	b->decode += cpu_ms() - t;
	return err;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[2] : "splice";
	uint8_t *p = malloc(MAX_BYTES);
	FILE *f = argc > 1 ? fopen(argv[1], "re") : NULL;
	size_t n = f && p ? fread(p, 1, MAX_BYTES, f) : 0;
	struct bench b = {0};
	struct splice_stats st;
	unsigned frames = 0;

	if (!n || splice_new(&b.s) != 0 || codec_dec_new(&b.dec, DEPAY_VP8) != 0) {
		fprintf(stderr, "splice_time FILE.ivf [libvpx|decode|splice]\n");
		free(p);
		return 2;
	}
	for (size_t at = 32, size; at + 12 < n; at += 12 + size, frames++) {
		size = p[at] | (size_t)p[at + 1] << 8 | (size_t)p[at + 2] << 16;
		if (at + 12 + size > n ||
			one(&b, (struct ar_span){(char *)p + at + 12, size}, frames, what) != 0)
			break;
	}
	splice_get_stats(b.s, &st);
	printf("splice %s: %u frames, decode %.3f ms, write %.3f ms, bytes %zu -> %zu, "
	       "recoded "
	       "%.1f %%, patched %.1f %%, carried %.1f %%\n",
		what, frames, b.decode / frames, b.write / frames, b.in, b.out,
		100.0 * (double)st.recoded / ((double)st.blocks + 1e-9),
		100.0 * (double)st.patched / ((double)st.blocks + 1e-9),
		100.0 * (double)st.carried / ((double)st.blocks + 1e-9));
	splice_free(b.s);
	codec_dec_free(b.dec);
	codec_picture_free(&b.drawn);
	free(p);
	fclose(f);
	return 0;
}
