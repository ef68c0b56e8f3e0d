/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/rtp/depay_int.h"

#include "mediad/rtp/wire.h"

#include <errno.h>

enum { NAL_SLICE = 1, NAL_PART_A = 2, NAL_IDR = 5, NAL_SPS = 7, NAL_PPS = 8 };
enum { STAP_A = 24, FU_A = 28 };

/* Bits of an RBSP: emulation prevention bytes (H.264 7.4.1) are skipped. Past the end: zeros, and
 * over says so. */
struct bits {
	const uint8_t *p;
	size_t n, at;
	unsigned bit, zeros;
	bool over;
};

static unsigned bit(struct bits *s)
{
	unsigned v;

	if (s->bit == 0 && s->zeros >= 2 && s->at < s->n && s->p[s->at] == 3) {
		s->at++;
		s->zeros = 0;
	}
	if (s->at >= s->n) {
		s->over = true;
		return 0;
	}
	v = s->p[s->at] >> (7 - s->bit) & 1;
	if (++s->bit == 8) {
		s->zeros = s->p[s->at] ? 0 : s->zeros + 1;
		s->bit = 0;
		s->at++;
	}
	return v;
}

static uint32_t read_bits(struct bits *s, unsigned n)
{
	uint32_t v = 0;

	while (n--)
		v = v << 1 | bit(s);
	return v;
}

static uint32_t ue(struct bits *s)
{
	unsigned zeros = 0;

	while (!bit(s)) {
		if (s->over || ++zeros > 31) {
			s->over = true;
			return 0;
		}
	}
	return (1u << zeros) - 1 + read_bits(s, zeros);
}

static int32_t se(struct bits *s)
{
	uint32_t v = ue(s);

	return v & 1 ? (int32_t)(v / 2 + 1) : -(int32_t)(v / 2);
}

/* H.264 7.3.2.1.1.1, only to get past it */
static void skip_scaling_lists(struct bits *s, unsigned lists)
{
	for (unsigned i = 0; i < lists && !s->over; i++) {
		int32_t last = 8, next = 8;

		if (!bit(s))
			continue;
		for (unsigned j = 0; j < (i < 6 ? 16u : 64u) && !s->over; j++) {
			if (next)
				next = (int32_t)(((uint32_t)last + (uint32_t)se(s)) & 255);
			last = next ? next : last;
		}
	}
}

static bool has_chroma(uint32_t profile)
{
	static const uint8_t high[] = {
		100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135};

	for (size_t i = 0; i < sizeof(high); i++)
		if (high[i] == profile)
			return true;
	return false;
}

static void read_sps(struct h264_state *h, struct bits *s)
{
	uint32_t profile = read_bits(s, 8), id, log2, type;

	read_bits(s, 16);
	id = ue(s);
	if (has_chroma(profile)) {
		uint32_t format = ue(s);

		if (format == 3)
			bit(s);
		ue(s);
		ue(s);
		bit(s);
		if (bit(s))
			skip_scaling_lists(s, format == 3 ? 12 : 8);
	}
	log2 = ue(s) + 4;
	type = ue(s);
	if (type == 0) {
		ue(s);
	} else if (type == 1) {
		uint32_t n;

		bit(s);
		se(s);
		se(s);
		n = ue(s);
		for (uint32_t i = 0; i < n && i < 256; i++)
			se(s);
	}
	ue(s); /* max_num_ref_frames */
	if (id > 31 || log2 > 16 || type > 2)
		return;
	h->gaps_allowed[id] = bit(s);
	if (!s->over)
		h->log2_frame_num[id] = (uint8_t)log2;
}

static void read_pps(struct h264_state *h, struct bits *s)
{
	uint32_t pps = ue(s), sps = ue(s);

	if (!s->over && pps < 256 && sps < 32)
		h->sps_of[pps] = (uint8_t)(sps + 1);
}

/* False: not decodable whatever else is there. */
static bool read_slice(struct depay *d, uint8_t head, struct bits *s)
{
	struct h264_state *h = &d->h264;
	uint32_t first_mb = ue(s), pps;

	ue(s);
	pps = ue(s);
	h->ref |= (head & 0x60) != 0;
	if (h->has_slice)
		return !s->over;
	h->has_slice = true;
	h->idr = (head & 31) == NAL_IDR;
	if (s->over || pps > 255)
		return false;
	/* slices in arbitrary order are Extended and old Baseline only; here it means a lost one */
	if (first_mb != 0 && d->gap)
		return false;
	if (!h->sps_of[pps] || !h->log2_frame_num[h->sps_of[pps] - 1]) {
		d->need_key = true;
		h->idr = false;
		return true;
	}
	h->sps = h->sps_of[pps] - 1;
	h->frame_num = read_bits(s, h->log2_frame_num[h->sps]);
	return !s->over;
}

static bool inspect(struct depay *d, const uint8_t *nal, size_t n)
{
	struct bits s = {.p = nal + 1, .n = n - 1};

	switch (nal[0] & 31) {
	case NAL_SPS:
		read_sps(&d->h264, &s);
		d->h264.has_sps = true;
		return true;
	case NAL_PPS:
		read_pps(&d->h264, &s);
		return true;
	case NAL_SLICE:
	case NAL_PART_A:
	case NAL_IDR:
		return read_slice(d, nal[0], &s);
	default:
		return true;
	}
}

static bool add_nal(struct depay *d, struct ar_span nal)
{
	if (nal.n == 0 || (uint8_t)nal.p[0] & 0x80)
		return false;
	ar_buf_add(&d->buf, "\0\0\0\1", 4);
	ar_buf_add_span(&d->buf, nal);
	return inspect(d, (const uint8_t *)nal.p, nal.n);
}

static bool stap(struct depay *d, struct ar_span p)
{
	size_t at = 1;

	while (at < p.n) {
		size_t len;

		if (p.n - at < 2)
			return false;
		len = get16((const uint8_t *)p.p + at);
		at += 2;
		if (len > p.n - at || !add_nal(d, (struct ar_span){p.p + at, len}))
			return false;
		at += len;
	}
	return p.n > 1;
}

/* RFC 6184 5.8 */
static bool fragment(struct depay *d, struct ar_span p)
{
	struct h264_state *h = &d->h264;
	const uint8_t *b = (const uint8_t *)p.p;
	bool first, last;
	uint8_t head;

	if (p.n < 3)
		return false;
	first = b[1] & 0x80;
	last = b[1] & 0x40;
	head = (uint8_t)((b[0] & 0x60) | (b[1] & 31));
	if (first == h->in_fu || (first && last) || (!first && h->fu_type != (b[1] & 31)))
		return false;
	if (first) {
		h->fu_type = b[1] & 31;
		ar_buf_add(&d->buf, "\0\0\0\1", 4);
		h->fu_at = d->buf.n;
		ar_buf_add(&d->buf, &head, 1);
	}
	h->in_fu = !last;
	if (ar_buf_add(&d->buf, b + 2, p.n - 2) != 0)
		return true; /* the caller sees the buffer's error */
	return !last || inspect(d, (const uint8_t *)d->buf.p + h->fu_at, d->buf.n - h->fu_at);
}

static bool packet(struct depay *d, const struct rtp_packet *p)
{
	unsigned type = (uint8_t)p->payload.p[0] & 31;

	if (type == FU_A)
		return fragment(d, p->payload);
	if (d->h264.in_fu)
		return false;
	if (type == STAP_A)
		return stap(d, p->payload);
	return type >= 1 && type < STAP_A && add_nal(d, p->payload);
}

static bool begin(struct depay *d, const struct rtp_packet *p)
{
	struct h264_state *h = &d->h264;

	h->has_slice = h->idr = h->ref = h->in_fu = false;
	h->has_sps = h->has_sps && d->buf.n; /* kept from the access unit before */
	h->stale |= d->gap != 0;
	/* the middle of a NAL unit: its beginning is lost */
	return p->payload.n >= 2 &&
	       !(((uint8_t)p->payload.p[0] & 31) == FU_A && !((uint8_t)p->payload.p[1] & 0x80));
}

static bool drop(struct depay *d)
{
	d->h264.stale = true;
	/* without a slice seen it may have been anything */
	return d->h264.ref || !d->h264.has_slice;
}

static bool refers_ok(struct depay *d)
{
	struct h264_state *h = &d->h264;
	uint32_t mask = (1u << h->log2_frame_num[h->sps]) - 1;

	if (d->gap > mask) /* frame_num may have gone round */
		return false;
	if (h->frame_num == ((h->prev_ref + 1) & mask))
		return true;
	/* H.264 7.4.3: a second field has the number of the first */
	return !d->gap && (h->frame_num == h->prev_ref || h->gaps_allowed[h->sps]);
}

static bool complete(struct depay *d, struct depay_frame *f)
{
	struct h264_state *h = &d->h264;

	h->in_band |= h->has_sps;
	if (h->in_fu) {
		d->need_key = true;
		return false;
	}
	if (!h->has_slice)
		return true; /* f->data stays empty: kept for the next one */
	f->data = ar_buf_span(&d->buf);
	f->key = h->idr;
	if (h->idr && h->stale && h->in_band && !h->has_sps)
		f->key = false; /* its parameter sets may be the ones that are lost */
	if (h->idr && !f->key)
		d->need_key = true;
	if (!f->key && !d->need_key && !refers_ok(d))
		d->need_key = true;
	if (!f->key && d->need_key)
		return false;
	h->stale = h->stale && !f->key;
	if (h->ref)
		h->prev_ref = h->frame_num;
	h->has_sps = false;
	return true;
}

static bool begins_key(struct ar_span payload)
{
	unsigned type = (uint8_t)payload.p[0] & 31;

	if (type == STAP_A && payload.n > 3)
		type = (uint8_t)payload.p[3] & 31;
	return type == NAL_SPS;
}

const struct depay_ops depay_h264 = {packet, complete, drop, begin, begins_key, true};

int depay_prime(struct depay *d, struct ar_span nal)
{
	unsigned type = nal.n ? (uint8_t)nal.p[0] & 31 : 0;

	if (d->ops != &depay_h264 || d->open || (type != NAL_SPS && type != NAL_PPS))
		return -EINVAL;
	add_nal(d, nal);
	d->h264.has_sps = false;
	return ar_buf_err(&d->buf);
}
