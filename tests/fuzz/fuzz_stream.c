/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an authentic UE may send through the ARMF: records of leg and kind, time step, length and
 * bytes, into two legs that are partners. Nothing is sent that does not fit, no timer comes to rest
 * at "now", and nothing is left over.
 */
#include "mediad/armf/front/stream.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t now;
static unsigned sent;

static uint64_t clock_now(void)
{
	return now;
}

static int on_send(void *arg, uint8_t *packet, size_t n, size_t cap, bool rtcp)
{
	(void)arg;
	if (n + 24 > cap || n < (rtcp ? 8 : 12) || packet[0] >> 6 != 2)
		abort();
	sent++;
	return 0;
}

static void on_wake(void *arg)
{
	(void)arg;
}

static int no_scene(void *arg, uint32_t *scene)
{
	(void)arg, (void)scene;
	return -1;
}

static void codec(struct stream_side *s, enum stream_kind kind, const char *name, uint8_t pt)
{
	struct stream_codec *c = &s->codec[s->ncodec++];

	*c = (struct stream_codec){.kind = kind,
		.pt = pt,
		.rtx = kind == STREAM_OTHER ? 0 : pt + 1,
		.clock = kind == STREAM_OTHER ? 48000 : 90000,
		.fb = STREAM_FB_NACK | STREAM_FB_PLI | STREAM_FB_REMB};
	snprintf(c->name, sizeof(c->name), "%s", name);
}

static void fill(struct stream_conf *c, uint8_t pt)
{
	struct stream_side *s[] = {&c->local, &c->remote};

	*c = (struct stream_conf){.video = true, .op = ARMF_RELAY, .call_id = "fuzz"};
	for (unsigned i = 0; i < 2; i++) {
		s[i]->known = s[i]->sends = s[i]->receives = true;
		s[i]->reduced = pt & 1;
		s[i]->ext = (struct rtp_extmap){{1, 2, 3, 4, 5}};
		codec(s[i], STREAM_VP8, "VP8", pt);
		codec(s[i], STREAM_H264, "H264", pt + 2);
		codec(s[i], STREAM_OTHER, "opus", pt + 4);
	}
}

static void run(struct stream_leg *const l[2])
{
	for (unsigned turns = 0; turns < 200; turns++) {
		uint64_t a = stream_leg_run(l[0], now), b = stream_leg_run(l[1], now);

		if (a > now && b > now)
			return;
	}
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct stream_handlers h = {on_send, on_wake, no_scene};
	struct stream_front_conf fc = {.clock = clock_now, .max_legs = 2};
	struct stream_front *f;
	struct stream_leg *l[2];
	struct stream_conf c[2];
	size_t at = 0;

	now = 1000000;
	fill(&c[0], 96);
	fill(&c[1], 101);
	if (stream_front_new(&f, &fc) != 0 ||
		stream_leg_new(&l[0], f, &c[0], &h, &l[0], now) != 0 ||
		stream_leg_new(&l[1], f, &c[1], &h, &l[1], now) != 0)
		abort();
	stream_leg_pair(l[0], l[1], now);
	stream_leg_up(l[0], true, now);
	stream_leg_up(l[1], true, now);
	while (at + 4 <= size) {
		const uint8_t *d = data + at;
		size_t len = d[2] | (size_t)(d[3] & 3) << 8, left = size - at - 4;
		uint8_t *copy;

		len = len < left ? len : left;
		now += d[1] * 1000ull;
		copy = malloc(len ? len : 1); /* exact, so that a sanitizer sees an overread */
		if (!copy)
			abort();
		memcpy(copy, d + 4, len);
		stream_leg_input(l[d[0] & 1], copy, len, d[0] & 2, now);
		free(copy);
		if (d[0] & 4)
			stream_leg_set(l[0], &c[d[0] >> 3 & 1], now);
		run(l);
		at += 4 + len;
	}
	stream_leg_free(l[0], now);
	stream_leg_free(l[1], now);
	if (stream_front_legs(f))
		abort();
	stream_front_free(f);
	return 0;
}
