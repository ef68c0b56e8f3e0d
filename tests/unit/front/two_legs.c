/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/front/two_legs.h"
#include "mediad/rtp/wire.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <cmocka.h>

struct stream_front *front;
struct stream_leg *a, *b;
struct stream_conf ca, cb;
uint64_t now;
struct out out[MAX_OUT];
unsigned nout;
const uint8_t vp8_key[VP8_KEY] = {0x10, 0x10, 0, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1, 1, 2, 3};

static uint64_t clock_now(void)
{
	return now;
}

static int on_send(void *arg, uint8_t *d, size_t n, size_t cap, bool rtcp)
{
	struct out *o = &out[nout++ % MAX_OUT];

	assert_true(n + 24 <= cap);
	o->leg = *(struct stream_leg **)arg;
	o->rtcp = rtcp;
	o->n = n;
	memcpy(o->d, d, n);
	return 0;
}

static void on_wake(void *arg)
{
	(void)arg;
}

static int no_scene(void *arg, uint32_t *scene)
{
	(void)arg, (void)scene;
	return -ENOSYS;
}

const struct stream_handlers handlers = {on_send, on_wake, no_scene};

void add(struct stream_side *s, const char *name, uint8_t pt, uint32_t clock_hz, const char *fmtp)
{
	struct stream_codec *c = &s->codec[s->ncodec++];

	*c = (struct stream_codec){.pt = pt, .clock = clock_hz, .fb = STREAM_FB_PLI};
	c->kind = strcasecmp(name, "VP8") == 0    ? STREAM_VP8
		  : strcasecmp(name, "H264") == 0 ? STREAM_H264
						  : STREAM_OTHER;
	snprintf(c->name, sizeof(c->name), "%s", name);
	snprintf(c->fmtp, sizeof(c->fmtp), "%s", fmtp);
}

void describe(struct stream_conf *c, bool video)
{
	*c = (struct stream_conf){.video = video, .call_id = "x"};
	c->local.known = c->remote.known = true;
	c->local.sends = c->local.receives = c->remote.sends = c->remote.receives = true;
	c->local.reduced = c->remote.reduced = true;
}

int setup(void **state)
{
	struct stream_front_conf fc = {.clock = clock_now, .max_legs = 2};

	(void)state;
	now = 5000000;
	nout = 0;
	describe(&ca, true);
	describe(&cb, true);
	return stream_front_new(&front, &fc);
}

void connect_legs(void)
{
	ca.remote.ncodec = ca.local.ncodec;
	memcpy(ca.remote.codec, ca.local.codec, sizeof(ca.local.codec));
	cb.remote.ncodec = cb.local.ncodec;
	memcpy(cb.remote.codec, cb.local.codec, sizeof(cb.local.codec));
	ca.remote.ext = ca.local.ext;
	cb.remote.ext = cb.local.ext;
	assert_int_equal(stream_leg_new(&a, front, &ca, &handlers, &a, now), 0);
	assert_int_equal(stream_leg_new(&b, front, &cb, &handlers, &b, now), 0);
	stream_leg_pair(a, b, now);
	stream_leg_up(a, true, now);
	stream_leg_up(b, true, now);
}

int teardown(void **state)
{
	(void)state;
	stream_leg_free(a, now);
	stream_leg_free(b, now);
	a = b = NULL;
	stream_front_free(front);
	return 0;
}

void put_rtp(
	struct stream_leg *l, uint8_t pt, uint16_t seq, uint32_t ssrc, const void *body, size_t n)
{
	uint8_t d[300] = {0x80, pt};

	put16(d + 2, seq);
	put32(d + 4, 960u * seq);
	put32(d + 8, ssrc);
	memcpy(d + 12, body, n);
	stream_leg_input(l, d, 12 + n, false, now);
	stream_leg_run(l, now);
}

struct rtp_packet last_rtp(const struct stream_leg *l)
{
	struct rtp_packet p = {0};

	for (unsigned i = nout; i-- > 0;) {
		if (out[i].leg != l || out[i].rtcp)
			continue;
		assert_int_equal(rtp_parse(&p, (struct ar_span){(char *)out[i].d, out[i].n}), 0);
		return p;
	}
	fail_msg("nothing was sent");
	return p;
}

unsigned sent_rtp(const struct stream_leg *l)
{
	unsigned n = 0;
	for (unsigned i = 0; i < nout; i++)
		n += out[i].leg == l && !out[i].rtcp;
	return n;
}
