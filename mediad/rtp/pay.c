/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/rtp/pay.h"

#include "mediad/rtp/wire.h"

#include <errno.h>

#define VP8_HEAD 4
#define STAP_A 24
#define FU_A 28

int pay_vp8(struct ar_span frame, uint16_t picture_id, bool nonref, size_t mtu, pay_emit *emit,
	void *user)
{
	uint8_t out[PAY_MAX_MTU];
	size_t room = mtu - VP8_HEAD, parts, at = 0;

	if (mtu < PAY_MIN_MTU || mtu > PAY_MAX_MTU || frame.n == 0)
		return -EINVAL;
	parts = (frame.n + room - 1) / room;
	for (size_t i = 0; i < parts; i++) {
		size_t n = (frame.n - at + parts - i - 1) / (parts - i); /* even sizes */
		int err;

		out[0] = (uint8_t)(0x80 | (nonref ? 0x20 : 0) | (i == 0 ? 0x10 : 0));
		out[1] = 0x80;
		put16(out + 2, 0x8000u | picture_id);
		memcpy(out + VP8_HEAD, frame.p + at, n);
		at += n;
		err = emit(user, (struct ar_span){(char *)out, VP8_HEAD + n}, i + 1 == parts);
		if (err)
			return err;
	}
	return 0;
}

struct h264_pay {
	size_t mtu;
	pay_emit *emit;
	void *user;
	uint8_t out[PAY_MAX_MTU]; /* a STAP-A in the making */
	size_t n;
	unsigned count;
};

/* The next NAL unit; false: no more. */
static bool next_nal(struct ar_span *rest, struct ar_span *nal)
{
	size_t i = 0, end;

	while (i + 3 <= rest->n && memcmp(rest->p + i, "\0\0\1", 3) != 0)
		i++;
	if (i + 3 >= rest->n)
		return false;
	i += 3;
	end = i;
	while (end + 3 <= rest->n && memcmp(rest->p + end, "\0\0\1", 3) != 0 &&
		memcmp(rest->p + end, "\0\0\0", 3) != 0)
		end++;
	if (end + 3 > rest->n)
		end = rest->n;
	*nal = (struct ar_span){rest->p + i, end - i};
	*rest = (struct ar_span){rest->p + end, rest->n - end};
	return nal->n > 0 || next_nal(rest, nal);
}

static int flush(struct h264_pay *h, bool last)
{
	struct ar_span whole = {(char *)h->out, h->n};
	int err;

	if (h->count == 0)
		return 0;
	if (h->count == 1)
		whole = (struct ar_span){(char *)h->out + 3, h->n - 3};
	err = h->emit(h->user, whole, last);
	h->count = 0;
	h->n = 0;
	return err;
}

static void aggregate(struct h264_pay *h, struct ar_span nal)
{
	uint8_t head = (uint8_t)nal.p[0];

	if (h->count == 0) {
		h->out[0] = STAP_A;
		h->n = 1;
	}
	/* RFC 6184 5.7.1: F is the OR, NRI the maximum */
	h->out[0] |= head & 0x80;
	if ((head & 0x60) > (h->out[0] & 0x60))
		h->out[0] = (uint8_t)((h->out[0] & ~0x60) | (head & 0x60));
	put16(h->out + h->n, (uint32_t)nal.n);
	memcpy(h->out + h->n + 2, nal.p, nal.n);
	h->n += 2 + nal.n;
	h->count++;
}

static int fragment(struct h264_pay *h, struct ar_span nal, bool last)
{
	uint8_t head = (uint8_t)nal.p[0], out[PAY_MAX_MTU];
	size_t room = h->mtu - 2, left = nal.n - 1, at = 1, parts = (left + room - 1) / room;

	for (size_t i = 0; i < parts; i++) {
		size_t n = (left + parts - i - 1) / (parts - i);
		bool end = i + 1 == parts;
		int err;

		out[0] = (uint8_t)((head & 0xe0) | FU_A);
		out[1] = (uint8_t)((i == 0 ? 0x80 : 0) | (end ? 0x40 : 0) | (head & 31));
		memcpy(out + 2, nal.p + at, n);
		at += n;
		left -= n;
		err = h->emit(h->user, (struct ar_span){(char *)out, 2 + n}, end && last);
		if (err)
			return err;
	}
	return 0;
}

static int add(struct h264_pay *h, struct ar_span nal, bool last)
{
	int err = 0;

	if (h->count && h->n + 2 + nal.n > h->mtu)
		err = flush(h, false);
	if (err)
		return err;
	if (nal.n + 3 <= h->mtu) {
		aggregate(h, nal);
		return last ? flush(h, true) : 0;
	}
	if (nal.n <= h->mtu)
		return h->emit(h->user, nal, last);
	return fragment(h, nal, last);
}

int pay_h264(struct ar_span frame, size_t mtu, pay_emit *emit, void *user)
{
	struct h264_pay h = {.mtu = mtu, .emit = emit, .user = user};
	struct ar_span nal, next;
	bool more;

	if (mtu < PAY_MIN_MTU || mtu > PAY_MAX_MTU || !next_nal(&frame, &nal))
		return -EINVAL;
	do {
		int err;

		more = next_nal(&frame, &next);
		err = add(&h, nal, !more);
		if (err)
			return err;
		nal = next;
	} while (more);
	return 0;
}
