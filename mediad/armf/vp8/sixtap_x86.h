/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An interpolation by its two passes. Who includes this has them: along() a row and across() rows,
 * which are inlined with what is constant. */

/* Odd places have four taps. */
ALWAYS void along_any(struct splice_strip to, struct splice_strip_in from, int w, int h, int k)
{
	if (k & 1)
		along(to, from, w, h, k, false);
	else
		along(to, from, w, h, k, true);
}

ALWAYS void across_any(struct splice_strip to, struct splice_strip_in from, int w, int h, int k)
{
	if (k & 1)
		across(to, from, w, h, k, false);
	else
		across(to, from, w, h, k, true);
}

ALWAYS void sixtap_of(
	struct splice_strip to, struct splice_strip_in from, int w, int h, int mx, int my)
{
	uint8_t mid[16 * 24];
	struct splice_strip_in above = {from.p - 2 * from.stride, from.stride};

	if (!mx && !my) {
		splice_strip_copy(to, from, w, h);
	} else if (!my) {
		along_any(to, from, w, h, mx);
	} else if (!mx) {
		across_any(to, from, w, h, my);
	} else {
		along_any((struct splice_strip){mid, 16}, above, w, h + 5, mx);
		across_any(to, (struct splice_strip_in){mid + 2 * 16, 16}, w, h, my);
	}
}

static void sixtap(uint8_t *to, ptrdiff_t to_stride, const uint8_t *from, ptrdiff_t stride, int w,
	int h, int mx, int my)
{
	struct splice_strip out = {to, to_stride};
	struct splice_strip_in in = {from, stride};

	if (w == 16)
		sixtap_of(out, in, 16, h, mx, my);
	else if (w == 8)
		sixtap_of(out, in, 8, h, mx, my);
	else
		sixtap_of(out, in, 4, h, mx, my);
}
