/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/rtp/depay_int.h"

#include <errno.h>
#include <stdlib.h>

int depay_new(struct depay **out, enum depay_codec codec, depay_frame_cb *cb, void *user)
{
	struct depay *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->ops = codec == DEPAY_VP8 ? &depay_vp8 : &depay_h264;
	d->cb = cb;
	d->user = user;
	d->need_key = true;
	ar_buf_init(&d->buf, DEPAY_MAX_FRAME);
	*out = d;
	return 0;
}

void depay_free(struct depay *d)
{
	if (!d)
		return;
	ar_buf_free(&d->buf);
	free(d);
}

static void drop(struct depay *d, uint64_t *counter)
{
	(*counter)++;
	if (d->ops->drop(d))
		d->need_key = true;
	d->dead = true;
	d->dead_ts = d->ts;
	d->open = false;
	ar_buf_reset(&d->buf);
}

static void finish(struct depay *d)
{
	struct depay_frame f = {.ts = d->ts};

	d->open = false;
	d->dead = false;
	if (!d->ops->complete(d, &f)) {
		d->stats.undecodable++;
		ar_buf_reset(&d->buf);
		d->gap = 0;
		return;
	}
	if (!f.data.p) /* nothing to show yet: parameter sets go with the next one */
		return;
	d->gap = 0;
	d->stats.frames++;
	if (f.key) {
		d->stats.keys++;
		d->need_key = false;
	}
	d->cb(d->user, &f);
	ar_buf_reset(&d->buf);
}

static void begin(struct depay *d, const struct rtp_packet *p)
{
	d->ts = p->ts;
	d->dead = false;
	d->open = d->ops->begin(d, p);
	if (d->open)
		return;
	d->stats.incomplete++;
	d->need_key = true;
	d->dead = true;
	d->dead_ts = p->ts;
}

int depay_push(struct depay *d, const struct rtp_packet *p)
{
	int err;

	if (p->payload.n == 0) /* padding only */
		return 0;
	if (d->open && p->ts != d->ts) {
		if (d->ops->ends_without_marker)
			finish(d);
		else
			drop(d, &d->stats.incomplete);
	}
	if (d->dead && p->ts == d->dead_ts)
		return 0;
	if (!d->open)
		begin(d, p);
	if (!d->open)
		return 0;
	if (!d->ops->packet(d, p)) {
		drop(d, &d->stats.malformed);
		return 0;
	}
	err = ar_buf_err(&d->buf);
	if (err) {
		drop(d, &d->stats.too_long);
		return err == -ENOMEM ? err : 0;
	}
	if (p->marker)
		finish(d);
	return 0;
}

void depay_gap(struct depay *d, uint32_t n)
{
	d->gap += n;
	if (d->open)
		drop(d, &d->stats.incomplete);
	/* what is kept for the next frame may be what was in the gap */
	ar_buf_reset(&d->buf);
}

bool depay_begins_key(enum depay_codec codec, struct ar_span payload)
{
	const struct depay_ops *ops = codec == DEPAY_VP8 ? &depay_vp8 : &depay_h264;

	return payload.n > 0 && ops->begins_key(payload);
}

bool depay_needs_key(const struct depay *d)
{
	return d->need_key;
}

const struct depay_stats *depay_stats(const struct depay *d)
{
	return &d->stats;
}
