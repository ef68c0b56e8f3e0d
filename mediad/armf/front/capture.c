/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/front/capture.h"

#include "common/daemon/ar_clock.h"
#include "mediad/armf/front/predict.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define POSE_PERIOD (1 * AR_SEC) /* of a bucket: 8 s of poses, 30 s of sender reports */
#define NTP_PERIOD (4 * AR_SEC)
#define BUCKETS 8
#define UNIT_AFTER 250000.0 /* of poses until the unit of poseTime is believed */
#define SILENT 300000 /* without a pose: waiting for one is of no use */
#define OUTLIERS 3 /* in a row: the clock has been set */
#define OLDEST_FRAME 2000000.0 /* a frame that claims to be older is not believed */
#define YOUNGEST_FRAME 100000.0 /* nor one from the future; clocks are tied within some ms */
#define BASE_MIN 15000.0 /* between the two poses that an extrapolation goes by */
#define BASE_GOOD 50000.0
#define BASE_MAX 300000.0

/* The least of (arrival - their time): the offset between two clocks, plus the least delay. Over
 * BUCKETS periods, so that it follows clocks that drift apart. */
struct tie {
	uint64_t period, turned;
	double least[BUCKETS];
	unsigned at;
	bool any;
};

struct entry {
	double raw, t; /* poseTime as sent, in microseconds; its clock's own epoch */
	uint64_t arrived;
	bool tagged, has_ssrc;
	uint32_t rtp, ssrc;
	unsigned views;
	float p[2][3], q[2][4];
};

struct capture {
	struct capture_conf conf;
	struct entry e[CAPTURE_POSES]; /* by t */
	unsigned n;
	bool timed; /* poses have poseTime; false: the time of their arrival stands in */
	double unit; /* microseconds in 1 of poseTime; 0: not known yet */
	struct tie xr, reports, frames;
	unsigned outliers;
	uint64_t last_pose; /* arrival */
	struct capture_lens lens[2];
	struct capture_stats stats;
};

const char *capture_source_name(enum capture_source s)
{
	static const char *const name[CAPTURE_SOURCES] = {
		"none", "pose-rtp", "xr-pose", "abs-capture-time", "sender-report", "latest"};

	return s < CAPTURE_SOURCES ? name[s] : name[0];
}

int capture_new(struct capture **out, const struct capture_conf *conf)
{
	struct capture *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->conf = *conf;
	if (!c->conf.clock)
		c->conf.clock = 90000;
	if (!(c->conf.fov_y > 0))
		c->conf.fov_y = 1.0f;
	if (!c->conf.delay)
		c->conf.delay = 20000;
	if (!c->conf.encode_delay)
		c->conf.encode_delay = 10000;
	c->xr.period = POSE_PERIOD;
	c->reports.period = c->frames.period = NTP_PERIOD;
	*out = c;
	return 0;
}

void capture_free(struct capture *c)
{
	free(c);
}

const struct capture_stats *capture_get_stats(const struct capture *c)
{
	return &c->stats;
}

/* ---- clocks ---- */

static void tie_reset(struct tie *t)
{
	*t = (struct tie){.period = t->period};
}

static void tie_add(struct tie *t, double offset, uint64_t now)
{
	if (!t->any) {
		for (unsigned i = 0; i < BUCKETS; i++)
			t->least[i] = HUGE_VAL;
		t->any = true;
		t->turned = now;
	}
	for (unsigned i = 0; i < BUCKETS && now - t->turned >= t->period; i++) {
		t->at = (t->at + 1) % BUCKETS;
		t->least[t->at] = HUGE_VAL;
		t->turned += t->period;
	}
	if (now - t->turned >= t->period)
		t->turned = now;
	if (offset < t->least[t->at])
		t->least[t->at] = offset;
}

static double tie_get(const struct tie *t)
{
	double least = HUGE_VAL;

	for (unsigned i = 0; t->any && i < BUCKETS; i++)
		least = t->least[i] < least ? t->least[i] : least;
	return least;
}

/* False: it is off by so much that one of the two clocks has been set anew. */
static bool tie_fits(const struct tie *t, double offset)
{
	return !t->any || fabs(offset - tie_get(t)) <= (double)CAPTURE_JUMP;
}

static double ntp_us(uint64_t ntp)
{
	return (double)ntp * (1e6 / 4294967296.0);
}

/* ---- poses in ---- */

static void restart(struct capture *c)
{
	c->n = 0;
	c->unit = 0;
	c->outliers = 0;
	tie_reset(&c->xr);
	c->stats.restarts++;
}

/* XR clocks count seconds, milliseconds (performance.now()), microseconds or nanoseconds (OpenXR);
 * TS 26.119 leaves it open. Their pace beside ours tells. */
static double unit_of(double ticks, double us)
{
	static const double unit[] = {1e6, 1e3, 1, 1e-3};

	for (unsigned i = 0; i < sizeof(unit) / sizeof(unit[0]); i++) {
		double r = ticks * unit[i] / us;

		if (r > 0.3 && r < 3.3)
			return unit[i];
	}
	return 0;
}

/* More than CAPTURE_POSES a second: the last one gives way unless it belongs to a frame. */
static bool crowded(const struct capture *c, unsigned at, double t)
{
	return at > 1 && !c->e[at - 1].tagged && t - c->e[at - 2].t < CAPTURE_STEP;
}

static void insert(struct capture *c, const struct entry *e)
{
	unsigned at = c->n;

	while (at > 0 && c->e[at - 1].t > e->t)
		at--;
	if (crowded(c, at, e->t)) {
		c->e[at - 1] = *e;
		c->stats.thinned++;
		return;
	}
	if (c->n == CAPTURE_POSES) {
		if (at == 0) {
			c->stats.too_old++;
			return;
		}
		memmove(&c->e[0], &c->e[1], (size_t)(at - 1) * sizeof(*e));
		c->e[at - 1] = *e;
		return;
	}
	memmove(&c->e[at + 1], &c->e[at], (size_t)(c->n - at) * sizeof(*e));
	c->e[at] = *e;
	c->n++;
}

static bool lens_ok(const struct capture_lens *l)
{
	const float *f = l->fov, *m = l->projection;
	float sum = 0;

	if (l->kind == CAPTURE_LENS_FOV)
		return f[0] > -1.55f && f[1] < 1.55f && f[3] > -1.55f && f[2] < 1.55f &&
		       f[1] - f[0] > 0.01f && f[2] - f[3] > 0.01f;
	for (unsigned i = 0; i < 16; i++)
		sum += m[i];
	return l->kind == CAPTURE_LENS_PROJECTION && isfinite(sum) && m[0] > 0.01f && m[5] > 0.01f;
}

static void take_lenses(struct capture *c, const struct capture_pose *p)
{
	for (unsigned i = 0; i < p->views; i++) {
		if (lens_ok(&p->lens[i]))
			c->lens[i] = p->lens[i];
	}
}

/* Both eyes into one in the middle, where only one camera is asked for. */
static void make_entry(
	const struct capture *c, struct entry *e, const struct capture_pose *p, uint64_t now)
{
	*e = (struct entry){.raw = p->time,
		.t = (double)now,
		.arrived = now,
		.tagged = p->has_rtp,
		.has_ssrc = p->has_ssrc,
		.rtp = p->rtp,
		.ssrc = p->ssrc,
		.views = p->views};
	memcpy(e->p, p->position, sizeof(e->p));
	memcpy(e->q, p->orientation, sizeof(e->q));
	if (p->views == 2 && !c->conf.stereo) {
		e->views = 1;
		for (unsigned i = 0; i < 3; i++)
			e->p[0][i] = (e->p[0][i] + e->p[1][i]) / 2;
	}
}

/* False: this pose is not to be kept. */
static bool place_in_time(struct capture *c, struct entry *e, uint64_t now)
{
	if (c->unit == 0)
		return true;
	e->t = e->raw * c->unit;
	if (tie_fits(&c->xr, (double)now - e->t)) {
		c->outliers = 0;
		tie_add(&c->xr, (double)now - e->t, now);
		return true;
	}
	if (++c->outliers < OUTLIERS) {
		c->stats.too_old++;
		return false;
	}
	restart(c);
	e->t = (double)now;
	return true;
}

/* All poses so far were put by arrival; now they go by their own time, those that fit in. */
static void learn_unit(struct capture *c)
{
	unsigned n = c->n;
	double us = (double)c->e[n - 1].arrived - (double)c->e[0].arrived;

	if (us < UNIT_AFTER)
		return;
	c->unit = unit_of(c->e[n - 1].raw - c->e[0].raw, us);
	if (c->unit == 0) {
		restart(c);
		return;
	}
	tie_reset(&c->xr);
	c->n = 0;
	for (unsigned i = 0; i < n; i++) { /* insert() writes only where was read */
		struct entry e = c->e[i];

		if (place_in_time(c, &e, e.arrived))
			insert(c, &e);
	}
}

void capture_pose(struct capture *c, const struct capture_pose *p, uint64_t now)
{
	struct entry e;

	if (p->views < 1 || p->views > 2)
		return;
	c->stats.poses++;
	take_lenses(c, p);
	if (p->has_time != c->timed) {
		if (c->n)
			restart(c);
		c->timed = p->has_time;
	}
	make_entry(c, &e, p, now);
	if (!place_in_time(c, &e, now))
		return;
	insert(c, &e);
	c->last_pose = now;
	if (c->timed && c->unit == 0 && c->n > 1)
		learn_unit(c);
}

void capture_report(struct capture *c, uint64_t ntp, uint64_t now)
{
	double offset = (double)now - ntp_us(ntp);

	if (!tie_fits(&c->reports, offset)) {
		tie_reset(&c->reports);
		tie_reset(&c->frames);
		c->stats.restarts++;
	}
	tie_add(&c->reports, offset, now);
}

/* ---- the pose of a time ---- */

static void mix(struct armf_camera *cam, const struct entry *a, const struct entry *b,
	unsigned view, double f)
{
	for (unsigned i = 0; i < 3; i++) {
		double from = (double)a->p[view][i], to = (double)b->p[view][i];

		cam->position[i] = (float)(from + (to - from) * f);
	}
	predict_slerp(cam->orientation, a->q[view], b->q[view], f);
}

static void off_centre(float m[16], const float fov[4])
{
	const float near = 0.05f, far = 100.0f;
	float l = tanf(fov[0]), r = tanf(fov[1]), u = tanf(fov[2]), d = tanf(fov[3]);

	memset(m, 0, 16 * sizeof(*m));
	m[0] = 2 / (r - l);
	m[5] = 2 / (u - d);
	m[8] = (r + l) / (r - l);
	m[9] = (u + d) / (u - d);
	m[10] = -(far + near) / (far - near);
	m[11] = -1;
	m[14] = -2 * far * near / (far - near);
}

static void put_lens(const struct capture *c, struct armf_camera *cam, unsigned view)
{
	const struct capture_lens *l = &c->lens[view];

	if (l->kind == CAPTURE_LENS_KEEP && view == 1)
		l = &c->lens[0];
	cam->fov_y = 0;
	if (l->kind == CAPTURE_LENS_KEEP)
		cam->fov_y = c->conf.fov_y;
	else if (l->kind == CAPTURE_LENS_FOV)
		off_centre(cam->projection, l->fov);
	else
		memcpy(cam->projection, l->projection, sizeof(cam->projection));
}

static void put_views(const struct capture *c, const struct entry *a, const struct entry *b,
	double f, struct capture_shot *out)
{
	out->views = a->views < b->views ? a->views : b->views;
	for (unsigned i = 0; i < out->views; i++) {
		mix(&out->camera[i], a, b, i, f);
		put_lens(c, &out->camera[i], i);
	}
}

/* A pose before that one, far enough for a speed that noise does not make. */
static const struct entry *base_of(const struct capture *c, const struct entry *of)
{
	const struct entry *best = NULL;

	for (const struct entry *e = of; e-- > c->e;) {
		double gap = of->t - e->t;

		if (gap > BASE_MAX)
			break;
		if (gap >= BASE_MIN)
			best = e;
		if (gap >= BASE_GOOD)
			break;
	}
	return best;
}

static void extrapolate(const struct capture *c, double t, struct capture_shot *out)
{
	const struct entry *by[3] = {&c->e[c->n - 1]};
	unsigned n = 1;

	if (t - by[0]->t > CAPTURE_EXTRAPOLATE)
		return;
	out->extrapolated = true;
	out->views = by[0]->views;
	for (; n < 3 && (by[n] = base_of(c, by[n - 1])); n++)
		out->views = by[n]->views < out->views ? by[n]->views : out->views;
	for (unsigned i = 0; i < out->views; i++) {
		struct armf_camera *cam = &out->camera[i];
		struct predict_pose known[3];

		for (unsigned k = 0; k < n; k++)
			known[k] = (struct predict_pose){by[k]->t, by[k]->p[i], by[k]->q[i]};
		predict_pose(known, n, t, cam->position, cam->orientation);
		put_lens(c, cam, i);
	}
}

/* views stays 0 when no pose is near enough. */
static void pose_at(const struct capture *c, double t, struct capture_shot *out)
{
	unsigned lo = 0, hi = c->n;

	if (c->n == 0)
		return;
	if (t > c->e[c->n - 1].t) {
		extrapolate(c, t, out);
		return;
	}
	if (t <= c->e[0].t) {
		if (c->e[0].t - t <= CAPTURE_EXTRAPOLATE)
			put_views(c, &c->e[0], &c->e[0], 0, out);
		return;
	}
	while (hi - lo > 1) {
		unsigned mid = (lo + hi) / 2;

		if (c->e[mid].t < t)
			lo = mid;
		else
			hi = mid;
	}
	put_views(c, &c->e[lo], &c->e[hi], (t - c->e[lo].t) / (c->e[hi].t - c->e[lo].t), out);
}

/* ---- the time of a frame ---- */

/* Between the poses' clock and ours. */
static double xr_offset(const struct capture *c)
{
	return c->unit == 0 ? 0 : tie_get(&c->xr);
}

static bool believable(const struct capture_frame *f, double at)
{
	double age = (double)f->arrived - at;

	return age < OLDEST_FRAME && age > -YOUNGEST_FRAME;
}

static bool of_stream(const struct entry *e, const struct capture_frame *f)
{
	return e->tagged && (!e->has_ssrc || e->ssrc == f->ssrc);
}

/* The tagged pose nearest to the frame in RTP time. */
static const struct entry *nearest_tag(const struct capture *c, const struct capture_frame *f)
{
	const struct entry *best = NULL;
	uint32_t least = c->conf.clock; /* a second */

	for (unsigned i = c->n; i-- > 0 && least > 0;) {
		uint32_t d = f->ts - c->e[i].rtp;

		d = d > UINT32_MAX / 2 ? 0 - d : d;
		if (!of_stream(&c->e[i], f) || d >= least)
			continue;
		least = d;
		best = &c->e[i];
	}
	return best;
}

/* Ours, of a time on the UE's NTP clock. */
static bool from_ntp(
	struct capture *c, const struct capture_frame *f, uint64_t ntp, uint64_t now, double *at)
{
	double us = ntp_us(ntp), offset = (double)f->arrived - us;

	if (!tie_fits(&c->frames, offset))
		tie_reset(&c->frames);
	tie_add(&c->frames, offset, now);
	offset = c->reports.any ? tie_get(&c->reports)
				: tie_get(&c->frames) - (double)c->conf.encode_delay;
	*at = us + offset;
	return believable(f, *at);
}

struct moment {
	enum capture_source source;
	double at; /* on our clock */
};

/* By the frame's own times; the tagged poses come before this. */
static struct moment clock_moment(struct capture *c, const struct capture_frame *f, uint64_t now)
{
	double at;

	if (f->has_capture_time && from_ntp(c, f, f->capture_time, now, &at))
		return (struct moment){CAPTURE_ABS_TIME, at};
	if (f->has_ntp && from_ntp(c, f, f->ntp, now, &at))
		return (struct moment){CAPTURE_REPORT, at};
	return (struct moment){CAPTURE_LATEST, (double)f->arrived - (double)c->conf.delay};
}

static bool tag_moment(const struct capture *c, const struct capture_frame *f,
	const struct entry *tag, struct moment *m)
{
	double off = (double)(int32_t)(f->ts - tag->rtp) * 1e6 / (double)c->conf.clock;

	if (off != 0 && c->timed && c->unit == 0)
		return false; /* by arrival only: too coarse between two poses */
	if (!believable(f, tag->t + off + xr_offset(c)))
		return false;
	*m = (struct moment){CAPTURE_POSE_RTP, tag->t + off + xr_offset(c)};
	return true;
}

/* Is a better pose likely to come before the deadline? */
static bool worth_waiting(const struct capture *c, const struct moment *m, uint64_t now)
{
	if (c->n == 0 || now - c->last_pose > SILENT)
		return false;
	return m->at - xr_offset(c) > c->e[c->n - 1].t;
}

static void set_at(struct capture_shot *out, double at)
{
	out->at = at > 0 ? (uint64_t)at : 0;
}

/* A pose in the frame itself needs no other; 3 degrees of freedom leave the place to the others. */
static bool by_xr_pose(struct capture *c, const struct capture_frame *f, const struct moment *m,
	struct capture_shot *out)
{
	float p[3], q[4];
	bool has_position;

	if (!f->xr_pose.p)
		return false;
	if (capture_xr_pose_read(f->xr_pose, p, &has_position, q) != 0) {
		c->stats.bad_xr_pose++;
		return false;
	}
	pose_at(c, m->at - xr_offset(c), out);
	out->extrapolated = false;
	if (!out->views && !has_position)
		return false;
	out->views = 1;
	if (has_position)
		memcpy(out->camera[0].position, p, sizeof(p));
	memcpy(out->camera[0].orientation, q, sizeof(q));
	put_lens(c, &out->camera[0], 0);
	out->source = CAPTURE_XR_POSE;
	return true;
}

static int finish(
	struct capture *c, const struct capture_frame *f, uint64_t now, struct capture_shot *out)
{
	if (!out->views)
		out->source = CAPTURE_NONE;
	c->stats.shots[out->source]++;
	c->stats.extrapolated += out->views && out->extrapolated;
	c->stats.waited += now > f->arrived && now - f->arrived >= CAPTURE_WAIT;
	return 0;
}

int capture_frame(
	struct capture *c, const struct capture_frame *f, uint64_t now, struct capture_shot *out)
{
	const struct entry *tag = nearest_tag(c, f);
	struct moment m = clock_moment(c, f, now);
	uint64_t deadline = f->arrived + CAPTURE_WAIT;

	*out = (struct capture_shot){.deadline = deadline};
	if (tag && tag_moment(c, f, tag, &m) && tag->rtp == f->ts) {
		put_views(c, tag, tag, 0, out);
	} else if (by_xr_pose(c, f, &m, out)) {
		set_at(out, m.at);
		return finish(c, f, now, out);
	} else if (now < deadline && worth_waiting(c, &m, now)) {
		return -EAGAIN;
	} else {
		pose_at(c, m.at - xr_offset(c), out);
	}
	out->source = m.source;
	set_at(out, m.at);
	return finish(c, f, now, out);
}

void capture_latest(const struct capture *c, uint64_t now, struct capture_shot *out)
{
	const struct entry *last = c->n ? &c->e[c->n - 1] : NULL;

	*out = (struct capture_shot){.at = now};
	if (!last || now - c->last_pose > AR_SEC)
		return;
	put_views(c, last, last, 0, out);
	out->source = CAPTURE_LATEST;
}

/* ---- urn:3gpp:xr-pose ---- */

static float get_float(const char *p)
{
	const unsigned char *b = (const unsigned char *)p;
	uint32_t v = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
	float f;

	memcpy(&f, &v, sizeof(f));
	return f;
}

static uint8_t *put_float(uint8_t *p, float f)
{
	uint32_t v;

	memcpy(&v, &f, sizeof(v));
	*p++ = (uint8_t)(v >> 24);
	*p++ = (uint8_t)(v >> 16);
	*p++ = (uint8_t)(v >> 8);
	*p++ = (uint8_t)v;
	return p;
}

int capture_xr_pose_read(
	struct ar_span value, float position[3], bool *has_position, float orientation[4])
{
	const char *p = value.p;
	double n = 0;

	if (!p || (value.n != 28 && value.n != 16))
		return -EBADMSG;
	*has_position = value.n == 28;
	for (unsigned i = 0; *has_position && i < 3; i++, p += 4) {
		position[i] = get_float(p);
		if (!(fabsf(position[i]) <= 10000))
			return -EBADMSG;
	}
	for (unsigned i = 0; i < 4; i++, p += 4) {
		orientation[i] = get_float(p);
		n += (double)orientation[i] * (double)orientation[i];
	}
	if (!(n > 0.81 && n < 1.21))
		return -EBADMSG;
	for (unsigned i = 0; i < 4; i++)
		orientation[i] = (float)((double)orientation[i] / sqrt(n));
	return 0;
}

size_t capture_xr_pose_write(uint8_t out[28], const float position[3], const float orientation[4])
{
	uint8_t *p = out;

	for (unsigned i = 0; position && i < 3; i++)
		p = put_float(p, position[i]);
	for (unsigned i = 0; i < 4; i++)
		p = put_float(p, orientation[i]);
	return (size_t)(p - out);
}
