/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Poses, sender reports, header extensions and frames with whatever values, in whatever order and
 * time: capture.c must wait no longer than it says and tell finite cameras only. Bytes are taken as
 * a list of steps; see step().
 */
#include "mediad/armf/front/capture.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

struct input {
	const uint8_t *p;
	size_t n;
};

static void take(struct input *in, void *out, size_t n)
{
	size_t k = n < in->n ? n : in->n;

	memset(out, 0, n);
	memcpy(out, in->p, k);
	in->p += k;
	in->n -= k;
}

static float sane(struct input *in, float limit)
{
	int16_t v;

	take(in, &v, sizeof(v));
	return limit * (float)v / 32768;
}

/* What feed.c lets through: finite places, rotations. The rest is as the bytes say. */
static void pose(struct capture *c, struct input *in, uint8_t how, uint64_t now)
{
	struct capture_pose p = {.has_time = how & 1,
		.has_rtp = how & 2,
		.has_ssrc = how & 4,
		.views = (how >> 3) & 3};

	take(in, &p.time, sizeof(p.time));
	if (!isfinite(p.time))
		p.time = 0;
	take(in, &p.rtp, sizeof(p.rtp));
	for (unsigned v = 0; v < 2; v++) {
		float yaw = sane(in, 3.14f);

		for (unsigned i = 0; i < 3; i++)
			p.position[v][i] = sane(in, 10000);
		p.orientation[v][1] = sinf(yaw / 2);
		p.orientation[v][3] = cosf(yaw / 2);
		if (how & 32) {
			p.lens[v].kind = how & 64 ? CAPTURE_LENS_FOV : CAPTURE_LENS_PROJECTION;
			take(in, p.lens[v].fov, sizeof(p.lens[v].fov));
			take(in, p.lens[v].projection, sizeof(p.lens[v].projection));
		}
	}
	capture_pose(c, &p, now);
}

static void check(const struct capture_shot *s)
{
	if (s->views > 2 || s->source >= CAPTURE_SOURCES)
		abort();
	for (unsigned v = 0; v < s->views; v++) {
		float sum = 0;

		for (unsigned i = 0; i < 4; i++)
			sum += s->camera[v].orientation[i] * s->camera[v].orientation[i];
		for (unsigned i = 0; i < 3; i++)
			sum += 0 * s->camera[v].position[i];
		if (!(sum > 0.9f && sum < 1.1f))
			abort();
	}
}

static void frame(struct capture *c, struct input *in, uint8_t how, uint64_t now)
{
	struct capture_frame f = {.arrived = now, .has_capture_time = how & 1, .has_ntp = how & 2};
	struct capture_shot s;
	char value[28];

	take(in, &f.ts, sizeof(f.ts));
	take(in, &f.capture_time, sizeof(f.capture_time));
	take(in, &f.ntp, sizeof(f.ntp));
	if (how & 4) {
		take(in, value, sizeof(value));
		f.xr_pose = (struct ar_span){value, how & 8 ? 28 : 16};
	}
	if (capture_frame(c, &f, now, &s) == -EAGAIN && s.deadline != now + CAPTURE_WAIT)
		abort();
	if (capture_frame(c, &f, now + CAPTURE_WAIT, &s) != 0)
		abort();
	check(&s);
	capture_latest(c, now, &s);
	check(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct capture_conf conf = {.stereo = size % 2};
	struct capture *c;
	uint64_t now = 1000000, ntp;

	if (capture_new(&c, &conf) != 0)
		return 0;
	while (in.n) {
		uint8_t what, how;
		uint16_t step;

		take(&in, &what, 1);
		take(&in, &how, 1);
		take(&in, &step, sizeof(step));
		now += how & 128 ? (uint64_t)step * 10000 : step;
		if (what % 4 == 0) {
			take(&in, &ntp, sizeof(ntp));
			capture_report(c, ntp, now);
		} else if (what % 4 == 1) {
			frame(c, &in, how, now);
		} else {
			pose(c, &in, how, now);
		}
	}
	capture_free(c);
	return 0;
}
