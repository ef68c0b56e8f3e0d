/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/rtp/rtcp.h"

#include "mediad/rtp/wire.h"

#include <errno.h>

#define HEAD 4
#define REPORT 24
#define FEEDBACK 8 /* sender and media SSRC */
#define SDES_CNAME 1

enum { PT_SR = 200, PT_RR, PT_SDES, PT_BYE, PT_RTPFB = 205, PT_PSFB };
enum { FMT_NACK = 1, FMT_TWCC = 15, FMT_PLI = 1, FMT_FIR = 4, FMT_AFB = 15 };

bool rtcp_is_compound(struct ar_span datagram)
{
	uint8_t pt = datagram.n < HEAD ? 0 : (uint8_t)datagram.p[1];

	return pt == PT_SR || pt == PT_RR;
}

static void read_report(struct rtcp_report *r, const uint8_t *b)
{
	uint32_t lost = get24(b + 5);

	r->ssrc = get32(b);
	r->fraction = b[4];
	r->lost = (int32_t)lost - (lost & 0x800000 ? 0x1000000 : 0);
	r->highest = get32(b + 8);
	r->jitter = get32(b + 12);
	r->lsr = get32(b + 16);
	r->dlsr = get32(b + 20);
}

static int read_reports(struct rtcp_packet *p, const uint8_t *b, size_t n, size_t at)
{
	if (n < at + (size_t)p->count * REPORT)
		return -EBADMSG;
	for (p->nreport = 0; p->nreport < p->count; p->nreport++)
		read_report(&p->report[p->nreport], b + at + p->nreport * REPORT);
	return 0;
}

static int read_sr(struct rtcp_packet *p, const uint8_t *b, size_t n)
{
	if (n < 24)
		return -EBADMSG;
	p->type = RTCP_SR;
	p->ssrc = get32(b);
	p->sr = (struct rtcp_sr){get64(b + 4), get32(b + 12), get32(b + 16), get32(b + 20)};
	return read_reports(p, b, n, 24);
}

static int read_rr(struct rtcp_packet *p, const uint8_t *b, size_t n)
{
	if (n < 4)
		return -EBADMSG;
	p->type = RTCP_RR;
	p->ssrc = get32(b);
	return read_reports(p, b, n, 4);
}

static int read_sdes(struct rtcp_packet *p, const uint8_t *b, size_t n)
{
	p->type = RTCP_SDES;
	p->body = (struct ar_span){(const char *)b, n};
	return 0;
}

static int read_bye(struct rtcp_packet *p, const uint8_t *b, size_t n)
{
	if (n < 4u * p->count)
		return -EBADMSG;
	p->type = RTCP_BYE;
	p->ssrc = p->count ? get32(b) : 0;
	p->body = (struct ar_span){(const char *)b, 4u * p->count};
	return 0;
}

static int feedback(struct rtcp_packet *p, const uint8_t *b, size_t n)
{
	if (n < FEEDBACK)
		return -EBADMSG;
	p->ssrc = get32(b);
	p->media = get32(b + 4);
	p->body = (struct ar_span){(const char *)b + FEEDBACK, n - FEEDBACK};
	return 0;
}

static int read_rtpfb(struct rtcp_packet *p, const uint8_t *b, size_t n)
{
	int err = feedback(p, b, n);

	if (!err && p->count == FMT_NACK)
		p->type = RTCP_NACK;
	else if (!err && p->count == FMT_TWCC)
		p->type = RTCP_TWCC;
	return err;
}

static void read_remb(struct rtcp_packet *p)
{
	const uint8_t *b = (const uint8_t *)p->body.p;
	unsigned exp;

	if (p->body.n < 8 || memcmp(b, "REMB", 4) != 0 || p->body.n < 8 + 4u * b[4])
		return;
	exp = b[5] >> 2;
	p->type = RTCP_REMB;
	p->bitrate = (uint64_t)(get24(b + 5) & 0x3ffff);
	p->bitrate = exp > 45 ? UINT64_MAX : p->bitrate << exp;
}

static int read_psfb(struct rtcp_packet *p, const uint8_t *b, size_t n)
{
	int err = feedback(p, b, n);

	if (err)
		return err;
	if (p->count == FMT_PLI)
		p->type = RTCP_PLI;
	else if (p->count == FMT_FIR)
		p->type = RTCP_FIR;
	else if (p->count == FMT_AFB)
		read_remb(p);
	return 0;
}

static const struct {
	uint8_t pt;
	int (*read)(struct rtcp_packet *p, const uint8_t *b, size_t n);
} readers[] = {
	{PT_SR, read_sr},
	{PT_RR, read_rr},
	{PT_SDES, read_sdes},
	{PT_BYE, read_bye},
	{PT_RTPFB, read_rtpfb},
	{PT_PSFB, read_psfb},
};

static int read_body(struct rtcp_packet *p, const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
		if (readers[i].pt == p->pt)
			return readers[i].read(p, b, n);
	return 0;
}

int rtcp_next(struct ar_span *rest, struct rtcp_packet *out)
{
	const uint8_t *b = (const uint8_t *)rest->p;
	size_t n = rest->n, len, pad = 0;

	memset(out, 0, sizeof(*out));
	*rest = AR_SPAN_NONE;
	if (n == 0)
		return 0;
	if (n < HEAD || b[0] >> 6 != 2)
		return -EBADMSG;
	len = HEAD + 4u * get16(b + 2);
	if (len > n)
		return -EBADMSG;
	/* a multiple of four, and the last packet's only, says RFC 3550 6.4.1; libwebrtc pads its
	 * transport-wide feedback by one to three bytes */
	if (b[0] & 0x20)
		pad = b[len - 1];
	if (pad > len - HEAD || (b[0] & 0x20 && !pad))
		return -EBADMSG;
	out->count = b[0] & 31;
	out->pt = b[1];
	if (read_body(out, b + HEAD, len - HEAD - pad) != 0)
		return -EBADMSG;
	*rest = (struct ar_span){(const char *)b + len, n - len};
	return 1;
}

/* Items of one chunk from *at on; leaves *at at the next chunk. */
static bool chunk_cname(struct ar_span body, size_t *at, struct ar_span *cname)
{
	const uint8_t *b = (const uint8_t *)body.p;
	bool found = false;

	while (*at < body.n && b[*at] != 0) {
		size_t len;

		if (body.n - *at < 2 || body.n - *at - 2 < b[*at + 1]) {
			*at = body.n;
			return found;
		}
		len = b[*at + 1];
		if (b[*at] == SDES_CNAME && !found) {
			*cname = (struct ar_span){body.p + *at + 2, len};
			found = true;
		}
		*at += 2 + len;
	}
	*at = (*at / 4 + 1) * 4; /* the ending zero, and to the next word */
	return found;
}

bool rtcp_sdes_cname(const struct rtcp_packet *p, uint32_t ssrc, struct ar_span *cname)
{
	size_t at = 0;

	for (unsigned i = 0; p->type == RTCP_SDES && i < p->count; i++) {
		uint32_t who;

		if (at > p->body.n || p->body.n - at < 4)
			return false;
		who = get32((const uint8_t *)p->body.p + at);
		at += 4;
		if (chunk_cname(p->body, &at, cname) && who == ssrc)
			return true;
	}
	return false;
}

bool rtcp_bye_has(const struct rtcp_packet *p, uint32_t ssrc)
{
	for (size_t at = 0; p->type == RTCP_BYE && at + 4 <= p->body.n; at += 4)
		if (get32((const uint8_t *)p->body.p + at) == ssrc)
			return true;
	return false;
}

unsigned rtcp_nack_list(const struct rtcp_packet *p, uint16_t *seq, unsigned max)
{
	const uint8_t *b = (const uint8_t *)p->body.p;
	unsigned n = 0;

	for (size_t at = 0; p->type == RTCP_NACK && at + 4 <= p->body.n; at += 4) {
		uint16_t pid = get16(b + at), blp = get16(b + at + 2);

		if (n < max)
			seq[n++] = pid;
		for (unsigned i = 0; i < 16; i++)
			if (blp >> i & 1 && n < max)
				seq[n++] = (uint16_t)(pid + 1 + i);
	}
	return n;
}

bool rtcp_fir_find(const struct rtcp_packet *p, uint32_t ssrc, uint8_t *command)
{
	const uint8_t *b = (const uint8_t *)p->body.p;

	for (size_t at = 0; p->type == RTCP_FIR && at + 8 <= p->body.n; at += 8)
		if (get32(b + at) == ssrc) {
			*command = b[at + 4];
			return true;
		}
	return false;
}

/* Room for a packet of body bytes; writes the common header. NULL: does not fit. */
static uint8_t *begin(struct rtcp_writer *w, unsigned count, unsigned pt, size_t body)
{
	uint8_t *p = w->p + w->n;

	if (w->cap - w->n < HEAD + body) {
		w->err = -ENOBUFS;
		return NULL;
	}
	p[0] = (uint8_t)(0x80 | count);
	p[1] = (uint8_t)pt;
	put16(p + 2, (uint32_t)body / 4);
	w->n += HEAD + body;
	memset(p + HEAD, 0, body);
	return p + HEAD;
}

static void write_reports(uint8_t *b, const struct rtcp_report *r, unsigned n)
{
	for (unsigned i = 0; i < n; i++, b += REPORT) {
		put32(b, r[i].ssrc);
		b[4] = r[i].fraction;
		put24(b + 5, (uint32_t)r[i].lost & 0xffffff);
		put32(b + 8, r[i].highest);
		put32(b + 12, r[i].jitter);
		put32(b + 16, r[i].lsr);
		put32(b + 20, r[i].dlsr);
	}
}

void rtcp_write_sr(struct rtcp_writer *w, uint32_t ssrc, const struct rtcp_sr *sr,
	const struct rtcp_report *r, unsigned n)
{
	uint8_t *b;

	n = n > RTCP_MAX_REPORTS ? RTCP_MAX_REPORTS : n;
	b = begin(w, n, PT_SR, 24 + n * REPORT);
	if (!b)
		return;
	put32(b, ssrc);
	put64(b + 4, sr->ntp);
	put32(b + 12, sr->rtp);
	put32(b + 16, sr->packets);
	put32(b + 20, sr->octets);
	write_reports(b + 24, r, n);
}

void rtcp_write_rr(struct rtcp_writer *w, uint32_t ssrc, const struct rtcp_report *r, unsigned n)
{
	uint8_t *b;

	n = n > RTCP_MAX_REPORTS ? RTCP_MAX_REPORTS : n;
	b = begin(w, n, PT_RR, 4 + n * REPORT);
	if (!b)
		return;
	put32(b, ssrc);
	write_reports(b + 4, r, n);
}

void rtcp_write_cname(struct rtcp_writer *w, uint32_t ssrc, struct ar_span cname)
{
	size_t len = cname.n > RTCP_MAX_CNAME ? RTCP_MAX_CNAME : cname.n;
	uint8_t *b = begin(w, 1, PT_SDES, 4 + (2 + len) / 4 * 4 + 4);

	if (!b)
		return;
	put32(b, ssrc);
	b[4] = SDES_CNAME;
	b[5] = (uint8_t)len;
	if (len)
		memcpy(b + 6, cname.p, len);
}

void rtcp_write_bye(struct rtcp_writer *w, uint32_t ssrc)
{
	uint8_t *b = begin(w, 1, PT_BYE, 4);

	if (b)
		put32(b, ssrc);
}

static uint8_t *begin_feedback(struct rtcp_writer *w, unsigned fmt, unsigned pt, uint32_t ssrc,
	uint32_t media, size_t body)
{
	uint8_t *b = begin(w, fmt, pt, FEEDBACK + body);

	if (!b)
		return NULL;
	put32(b, ssrc);
	put32(b + 4, media);
	return b + FEEDBACK;
}

void rtcp_write_nack(
	struct rtcp_writer *w, uint32_t ssrc, uint32_t media, const uint16_t *seq, unsigned n)
{
	uint8_t fci[RTCP_MAX_NACK * 4];
	size_t len = 0;
	uint8_t *b;

	n = n > RTCP_MAX_NACK ? RTCP_MAX_NACK : n;
	for (unsigned i = 0; i < n; len += 4) {
		uint16_t pid = seq[i++], blp = 0;

		for (; i < n && (uint16_t)(seq[i] - pid - 1) < 16; i++)
			blp |= (uint16_t)(1u << (uint16_t)(seq[i] - pid - 1));
		put16(fci + len, pid);
		put16(fci + len + 2, blp);
	}
	b = len ? begin_feedback(w, FMT_NACK, PT_RTPFB, ssrc, media, len) : NULL;
	if (b)
		memcpy(b, fci, len);
}

void rtcp_write_pli(struct rtcp_writer *w, uint32_t ssrc, uint32_t media)
{
	begin_feedback(w, FMT_PLI, PT_PSFB, ssrc, media, 0);
}

void rtcp_write_fir(struct rtcp_writer *w, uint32_t ssrc, uint32_t media, uint8_t command)
{
	/* RFC 5104 4.3.1.2: the media source of the header is 0 */
	uint8_t *b = begin_feedback(w, FMT_FIR, PT_PSFB, ssrc, 0, 8);

	if (!b)
		return;
	put32(b, media);
	b[4] = command;
}

void rtcp_write_remb(struct rtcp_writer *w, uint32_t ssrc, uint32_t media, uint64_t bitrate)
{
	uint8_t *b = begin_feedback(w, FMT_AFB, PT_PSFB, ssrc, 0, 12);
	unsigned exp = 0;

	if (!b)
		return;
	for (; bitrate > 0x3ffff; exp++)
		bitrate >>= 1;
	put32(b, 0x52454d42); /* REMB */
	b[4] = 1;
	put24(b + 5, exp << 18 | (uint32_t)bitrate);
	put32(b + 8, media);
}
