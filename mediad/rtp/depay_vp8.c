/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/rtp/depay_int.h"

#include "mediad/rtp/wire.h"

#define KEY_HEAD 10 /* RFC 6386 9.1 */
#define FRAME_HEAD 3

struct descriptor {
	bool start; /* of partition 0: of the frame */
	bool nonref, has_pid, wide;
	uint16_t pid;
	struct ar_span data;
};

/* RFC 7741 4.2 */
static bool parse(struct descriptor *o, struct ar_span payload)
{
	const uint8_t *b = (const uint8_t *)payload.p;
	size_t n = payload.n, at = 1;
	uint8_t x = 0;

	*o = (struct descriptor){.start = (b[0] & 0x17) == 0x10, .nonref = b[0] & 0x20};
	if (b[0] & 0x80) {
		if (n < 2)
			return false;
		x = b[at++];
	}
	if (x & 0x80) {
		if (at >= n)
			return false;
		o->has_pid = true;
		o->wide = b[at] & 0x80;
		if (at + (o->wide ? 2 : 1) > n)
			return false;
		o->pid = o->wide ? get16(b + at) & 0x7fff : b[at];
		at += o->wide ? 2 : 1;
	}
	at += (x & 0x40 ? 1 : 0) + (x & 0x30 ? 1 : 0);
	if (at >= n)
		return false;
	o->data = (struct ar_span){payload.p + at, n - at};
	return true;
}

static bool begin(struct depay *d, const struct rtp_packet *p)
{
	struct vp8_state *v = &d->vp8;
	struct descriptor o;
	uint16_t mask;

	if (!parse(&o, p->payload) || !o.start)
		return false;
	v->nonref = o.nonref;
	v->has_pid = o.has_pid;
	v->wide = o.wide;
	v->pid = o.pid;
	mask = o.wide ? 0x7fff : 0x7f;
	/* with picture ids a gap of packets may turn out to be no gap of frames */
	if (o.has_pid && v->has_last && v->pid != ((v->last + 1) & mask))
		d->need_key = true;
	if (!o.has_pid && d->gap)
		d->need_key = true;
	return true;
}

static bool packet(struct depay *d, const struct rtp_packet *p)
{
	struct descriptor o;

	if (!parse(&o, p->payload) || (o.start && d->buf.n))
		return false;
	if (o.has_pid != d->vp8.has_pid || (o.has_pid && o.pid != d->vp8.pid))
		return false;
	ar_buf_add_span(&d->buf, o.data);
	return true;
}

static bool drop(struct depay *d)
{
	d->vp8.last = d->vp8.pid;
	d->vp8.has_last = d->vp8.has_pid;
	return !d->vp8.nonref || !d->vp8.has_pid;
}

static bool complete(struct depay *d, struct depay_frame *f)
{
	const uint8_t *b = (const uint8_t *)d->buf.p;

	d->vp8.last = d->vp8.pid;
	d->vp8.has_last = d->vp8.has_pid;
	f->data = ar_buf_span(&d->buf);
	if (f->data.n < FRAME_HEAD)
		goto bad;
	f->key = !(b[0] & 1);
	if (!f->key)
		return !d->need_key;
	if (f->data.n < KEY_HEAD || memcmp(b + 3, "\x9d\x01\x2a", 3) != 0)
		goto bad;
	f->width = (uint16_t)((b[7] << 8 | b[6]) & 0x3fff);
	f->height = (uint16_t)((b[9] << 8 | b[8]) & 0x3fff);
	return true;
bad:
	d->need_key = true;
	return false;
}

static bool begins_key(struct ar_span payload)
{
	struct descriptor o;

	return parse(&o, payload) && o.start && !(o.data.p[0] & 1);
}

bool depay_vp8_follows(struct ar_span before, struct ar_span p)
{
	struct descriptor a, b;

	if (!before.n || !p.n || !parse(&a, before) || !parse(&b, p))
		return false;
	return a.has_pid && b.has_pid && a.wide == b.wide && b.start &&
	       b.pid == ((a.pid + 1) & (b.wide ? 0x7fff : 0x7f));
}

const struct depay_ops depay_vp8 = {packet, complete, drop, begin, begins_key, false};
