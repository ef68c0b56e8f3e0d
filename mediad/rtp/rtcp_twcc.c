/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Transport-wide feedback, draft-holmer-rmcat-transport-wide-cc-extensions-01 3.1. */
#include "mediad/rtp/rtcp.h"

#include "mediad/rtp/wire.h"

#include <errno.h>

#define PT_RTPFB 205
#define FMT_TWCC 15
#define HEAD 12 /* RTCP header, sender, media */
#define FIXED 8 /* base, count, reference time, feedback count */
#define REFERENCE 256 /* ticks in one unit (64 ms) of the reference time */

enum { MISSING, SMALL, LARGE };

static unsigned chunk_len(uint16_t word)
{
	if (!(word & 0x8000))
		return word & 0x1fff;
	return word & 0x4000 ? 7 : 14;
}

static unsigned symbol(uint16_t word, unsigned i)
{
	if (!(word & 0x8000))
		return word >> 13 & 3;
	if (word & 0x4000)
		return word >> (12 - 2 * i) & 3;
	return word >> (13 - i) & 1;
}

int rtcp_twcc_begin(const struct rtcp_packet *p, struct rtcp_twcc *it)
{
	const uint8_t *b = (const uint8_t *)p->body.p, *end, *at;
	unsigned covered = 0;
	int32_t ref;

	memset(it, 0, sizeof(*it));
	if (p->type != RTCP_TWCC || p->body.n < FIXED)
		return -EBADMSG;
	end = b + p->body.n;
	it->base = get16(b);
	it->left = get16(b + 2);
	ref = (int32_t)(get24(b + 4) << 8) / 256; /* signed 24 bits */
	it->at = (int64_t)ref * REFERENCE * RTCP_TWCC_TICK;
	it->count = b[7];
	for (at = b + FIXED; covered < it->left; at += 2) {
		if (end - at < 2 || chunk_len(get16(at)) == 0)
			return -EBADMSG;
		covered += chunk_len(get16(at));
	}
	it->chunk = b + FIXED;
	it->delta = at;
	it->end = end;
	return 0;
}

static bool take_delta(struct rtcp_twcc *it, unsigned sym)
{
	int delta;

	if (it->end - it->delta < (sym == LARGE ? 2 : 1))
		return false;
	delta = sym == LARGE ? (int16_t)get16(it->delta) : it->delta[0];
	it->delta += sym == LARGE ? 2 : 1;
	it->at += (int64_t)delta * RTCP_TWCC_TICK;
	return true;
}

bool rtcp_twcc_next(struct rtcp_twcc *it, struct rtcp_twcc_status *out)
{
	unsigned sym;

	if (!it->left)
		return false;
	if (it->used >= it->run) {
		it->word = get16(it->chunk);
		it->chunk += 2;
		it->run = (uint16_t)chunk_len(it->word);
		it->used = 0;
	}
	sym = symbol(it->word, it->used);
	if (it->word & 0x8000)
		it->used++;
	else
		it->run--;
	*out = (struct rtcp_twcc_status){.seq = it->base++};
	it->left--;
	if (sym == SMALL || sym == LARGE) {
		if (!take_delta(it, sym)) {
			it->left = 0;
			return false;
		}
		out->received = true;
		out->at = it->at;
	}
	return true;
}

/* How many of n statuses can be told, and how many bytes their deltas take. */
static unsigned fit(const int64_t *ticks, unsigned n, int64_t prev, uint8_t *sym, size_t *bytes)
{
	unsigned i;

	*bytes = 0;
	for (i = 0; i < n && i < RTCP_TWCC_MAX; i++) {
		int64_t d = ticks[i] - prev;

		sym[i] = MISSING;
		if (ticks[i] < 0)
			continue;
		if (d < INT16_MIN || d > INT16_MAX)
			break;
		sym[i] = d >= 0 && d <= 255 ? SMALL : LARGE;
		*bytes += sym[i];
		prev = ticks[i];
	}
	return i;
}

static uint8_t *write_chunks(uint8_t *b, const uint8_t *sym, unsigned n)
{
	for (unsigned i = 0; i < n; b += 2) {
		unsigned run = 1, word = 0xc000;

		while (i + run < n && sym[i + run] == sym[i])
			run++;
		if (run >= 7) {
			put16(b, (uint32_t)sym[i] << 13 | run);
			i += run;
			continue;
		}
		for (unsigned k = 0; k < 7 && i < n; k++, i++)
			word |= (unsigned)sym[i] << (12 - 2 * k);
		put16(b, word);
	}
	return b;
}

static void write_deltas(
	uint8_t *b, const uint8_t *sym, const int64_t *ticks, unsigned n, int64_t prev)
{
	for (unsigned i = 0; i < n; i++) {
		int64_t d = ticks[i] - prev;

		if (sym[i] == MISSING)
			continue;
		if (sym[i] == LARGE)
			put16(b, (uint32_t)d & 0xffff);
		else
			b[0] = (uint8_t)d;
		b += sym[i];
		prev = ticks[i];
	}
}

unsigned rtcp_write_twcc(struct rtcp_writer *w, uint32_t ssrc, uint32_t media, uint16_t base,
	uint8_t count, const int64_t *ticks, unsigned n)
{
	uint8_t sym[RTCP_TWCC_MAX], chunks[RTCP_TWCC_MAX * 2], *b = w->p + w->n;
	int64_t ref = 0;
	size_t nchunks, deltas, len;

	for (unsigned i = 0; i < n; i++)
		if (ticks[i] >= 0) {
			ref = ticks[i] / REFERENCE;
			break;
		}
	n = fit(ticks, n, ref * REFERENCE, sym, &deltas);
	nchunks = (size_t)(write_chunks(chunks, sym, n) - chunks);
	len = (HEAD + FIXED + nchunks + deltas + 3) / 4 * 4;
	if (w->cap - w->n < len) {
		w->err = -ENOBUFS;
		return 0;
	}
	memset(b, 0, len);
	b[0] = 0x80 | FMT_TWCC;
	b[1] = PT_RTPFB;
	put16(b + 2, (uint32_t)len / 4 - 1);
	put32(b + 4, ssrc);
	put32(b + 8, media);
	put16(b + 12, base);
	put16(b + 14, n);
	put24(b + 16, (uint32_t)ref & 0xffffff);
	b[19] = count;
	memcpy(b + HEAD + FIXED, chunks, nchunks);
	write_deltas(b + HEAD + FIXED + nchunks, sym, ticks, n, ref * REFERENCE);
	w->n += len;
	return n;
}
