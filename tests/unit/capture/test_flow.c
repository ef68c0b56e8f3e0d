/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A UE that turns at 60 degrees a second and walks, simulated with its clocks, encoder and network,
 * so that the truth is known for every frame: how far off is the camera that capture_frame() tells?
 * In pixels of a 640x360 picture, as the end-to-end test measures it.
 */
#include "mediad/armf/front/capture.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MAX_EVENTS 20000
#define FOCAL (180.0 / 0.5463024898) /* pixels; 360 lines, fov_y 1 radian */
#define DAY 86400e6

enum kind { POSE, FRAME, REPORT };

struct event {
	double at, t; /* arrival on our clock; when it happened, true time; microseconds */
	enum kind kind;
	bool tagged;
	uint32_t rtp;
};

struct world {
	double seconds, turn; /* degrees a second */
	double sway, noise; /* degrees: and back, every two seconds; of a pose, either way */
	double unit, xr_epoch, ntp_epoch; /* microseconds; unit: in 1 of poseTime */
	double drift; /* of the UE's XR clock, ratio */
	double net, pose_jitter, rtp_jitter, loss, encode, encode_jitter;
	double pose_hz;
	bool tags, abs_time, reports, untimed, ordered;
	double ntp_step_at, xr_step_at; /* clocks jump by an hour then; 0: never */
	/* results */
	double err[MAX_EVENTS], worst_at, late;
	unsigned n, hidden, by[CAPTURE_SOURCES];
};

static unsigned long seed = 1;

static double frand(void)
{
	seed = seed * 6364136223846793005ul + 1442695040888963407ul;
	return (double)(seed >> 33) / (double)(1ul << 31);
}

static double yaw_of(const struct world *w, double t)
{
	return (w->turn * t / 1e6 + w->sway * sin(M_PI * t / 1e6)) * M_PI / 180;
}

static void truth(const struct world *w, double t, float p[3], float q[4])
{
	double yaw = yaw_of(w, t), pitch = 0.15 * sin(t / 1e6), s;

	p[0] = (float)(2 * sin(0.3 * t / 1e6));
	p[1] = 1.6f;
	p[2] = (float)(2 * cos(0.3 * t / 1e6));
	s = sin(pitch / 2);
	q[0] = (float)(cos(yaw / 2) * s);
	q[1] = (float)(sin(yaw / 2) * cos(pitch / 2));
	q[2] = (float)(-sin(yaw / 2) * s);
	q[3] = (float)(cos(yaw / 2) * cos(pitch / 2));
}

static double xr_clock(const struct world *w, double t)
{
	double step = w->xr_step_at > 0 && t > w->xr_step_at ? -3600e6 : 0;

	return (t * (1 + w->drift) + w->xr_epoch + step) / w->unit;
}

static uint64_t ntp_clock(const struct world *w, double t)
{
	double step = w->ntp_step_at > 0 && t > w->ntp_step_at ? 3600e6 : 0;
	double us = t + w->ntp_epoch + step;

	return (uint64_t)(us * (4294967296.0 / 1e6));
}

static uint32_t rtp_clock(double t)
{
	return (uint32_t)((int64_t)(t * 0.09) + 0xFFFFF000u);
}

static struct event events[MAX_EVENTS];
static unsigned nevent;

static void add(enum kind kind, double t, double at, bool tagged)
{
	assert_true(nevent < MAX_EVENTS);
	events[nevent++] = (struct event){at, t, kind, tagged, rtp_clock(t)};
}

static int by_arrival(const void *a, const void *b)
{
	double x = ((const struct event *)a)->at, y = ((const struct event *)b)->at;

	return x < y ? -1 : x > y;
}

static void add_pose(const struct world *w, double t, double sent, bool tagged, double *last)
{
	double at = sent + w->net + w->pose_jitter * frand();

	if (frand() < w->loss)
		return;
	if (w->ordered && at < *last)
		at = *last;
	*last = at;
	add(POSE, t, at, tagged);
}

static void make_events(const struct world *w)
{
	double end = w->seconds * 1e6, last = 0;

	nevent = 0;
	for (double t = 0; w->pose_hz > 0 && t < end; t += 1e6 / w->pose_hz)
		add_pose(w, t, t, false, &last);
	for (double t = 5e3; t < end; t += 1e6 / 30) {
		double sent = t + w->encode + w->encode_jitter * frand();

		if (w->tags)
			add_pose(w, t, sent, true, &last);
		add(FRAME, t, sent + w->net + w->rtp_jitter * frand(), false);
	}
	for (double t = 200e3; w->reports && t < end; t += 1e6)
		add(REPORT, t, t + w->net + w->rtp_jitter * frand(), false);
	qsort(events, nevent, sizeof(events[0]), by_arrival);
}

static double pixels(const float q[4], const float p[3], const float tq[4], const float tp[3])
{
	double dot = 0, d = 0;

	for (unsigned i = 0; i < 4; i++)
		dot += (double)q[i] * (double)tq[i];
	for (unsigned i = 0; i < 3; i++)
		d += ((double)p[i] - (double)tp[i]) * ((double)p[i] - (double)tp[i]);
	dot = fabs(dot) > 1 ? 1 : fabs(dot);
	/* an object two metres away */
	return FOCAL * (2 * acos(dot) + sqrt(d) / 2);
}

/* Off by some degrees about the second axis. */
static void blur(float q[4], double degrees)
{
	double n = 0;

	q[1] += (float)(degrees * M_PI / 360);
	for (unsigned i = 0; i < 4; i++)
		n += (double)q[i] * (double)q[i];
	for (unsigned i = 0; i < 4; i++)
		q[i] = (float)((double)q[i] / sqrt(n));
}

static void pose_in(const struct world *w, struct capture *c, const struct event *e)
{
	struct capture_pose p = {.has_time = !w->untimed,
		.time = xr_clock(w, e->t),
		.has_rtp = e->tagged,
		.rtp = e->rtp,
		.views = 1};

	truth(w, e->t, p.position[0], p.orientation[0]);
	blur(p.orientation[0], w->noise * (2 * frand() - 1));
	capture_pose(c, &p, (uint64_t)(e->at + DAY));
}

static bool ask(struct world *w, struct capture *c, const struct event *e, double now)
{
	struct capture_frame f = {.ts = e->rtp,
		.arrived = (uint64_t)(e->at + DAY),
		.has_capture_time = w->abs_time,
		.capture_time = ntp_clock(w, e->t),
		.has_ntp = w->reports,
		.ntp = ntp_clock(w, e->t)};
	struct capture_shot s;
	float p[3], q[4];
	double err;

	if (capture_frame(c, &f, (uint64_t)(now + DAY), &s) == -EAGAIN) {
		assert_true(s.deadline > (uint64_t)(now + DAY));
		assert_true(now <= e->at + CAPTURE_WAIT);
		return false;
	}
	if (e->t < 1.5e6) /* the clocks are not tied before the first report */
		return true;
	w->by[s.source]++;
	if (!s.views) {
		w->hidden++;
		return true;
	}
	truth(w, e->t, p, q);
	err = pixels(s.camera[0].orientation, s.camera[0].position, q, p);
	err = err < 1e6 ? err : 1e6;
	w->err[w->n++] = err;
	if (fabs((double)s.at - DAY - e->t - w->net) > w->worst_at)
		w->worst_at = fabs((double)s.at - DAY - e->t - w->net);
	if (now - e->at > w->late)
		w->late = now - e->at;
	return true;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Frames wait in order; whatever comes or a deadline makes them try again. */
static void run(struct world *w, const char *name)
{
	struct capture_conf conf = {.fov_y = 1};
	struct capture *c = NULL;
	const struct event *waiting[64];
	unsigned nwait = 0;

	assert_int_equal(capture_new(&c, &conf), 0);
	make_events(w);
	for (unsigned i = 0; i < nevent; i++) {
		const struct event *e = &events[i];

		while (nwait && waiting[0]->at + CAPTURE_WAIT <= e->at) {
			assert_true(ask(w, c, waiting[0], waiting[0]->at + CAPTURE_WAIT));
			memmove(waiting, waiting + 1, --nwait * sizeof(waiting[0]));
		}
		if (e->kind == POSE)
			pose_in(w, c, e);
		else if (e->kind == REPORT)
			capture_report(c, ntp_clock(w, e->t), (uint64_t)(e->at + DAY));
		else
			waiting[nwait++] = e;
		while (nwait && ask(w, c, waiting[0], e->at))
			memmove(waiting, waiting + 1, --nwait * sizeof(waiting[0]));
	}
	capture_free(c);
	qsort(w->err, w->n, sizeof(w->err[0]), ascending);
	print_message(
		"%-28s n %u hidden %u px p50 %.2f p95 %.2f max %.2f, capture time %.1f ms, waited "
		"%.1f ms, rtp %u abs %u sr %u latest %u\n",
		name, w->n, w->hidden, w->err[w->n / 2], w->err[w->n * 95 / 100], w->err[w->n - 1],
		w->worst_at / 1000, w->late / 1000, w->by[CAPTURE_POSE_RTP],
		w->by[CAPTURE_ABS_TIME], w->by[CAPTURE_REPORT], w->by[CAPTURE_LATEST]);
}

static struct world bad_network(void)
{
	return (struct world){.seconds = 20,
		.turn = 60,
		.unit = 1000,
		.xr_epoch = 5e6,
		.ntp_epoch = 3.9e15,
		.net = 5000,
		.pose_jitter = 30000,
		.rtp_jitter = 3000,
		.loss = 0.05,
		.encode = 8000,
		.encode_jitter = 4000,
		.pose_hz = 60};
}

static double p95(const struct world *w)
{
	return w->err[w->n * 95 / 100];
}

/* The page's own way: 60 poses a second, and one with the RTP timestamp for every frame. */
static void test_tagged(void **state)
{
	struct world w = bad_network();

	(void)state;
	w.tags = true;
	run(&w, "tagged");
	assert_true(w.n > 500 && w.hidden == 0);
	assert_true(w.err[w.n - 1] < 2.5);
	assert_true(p95(&w) < 1);
	assert_true(w.by[CAPTURE_POSE_RTP] == w.n);
	assert_true(w.worst_at < 8000);
	assert_true(w.late < CAPTURE_WAIT + 1);
}

/* A head that turns back at 200 degrees a second squared, told by poses with noise. Many
 * frames are ahead of the poses: by the speed alone it is 1.9 px off at most, p95 0.5. */
static void test_turns_back(void **state)
{
	struct world w = bad_network();

	(void)state;
	w.tags = true;
	w.turn = 0;
	w.sway = 20;
	w.noise = 0.05;
	w.seconds = 60;
	run(&w, "turns back");
	assert_true(w.n > 1700 && w.hidden == 0);
	assert_true(w.err[w.n - 1] < 1.5);
	assert_true(p95(&w) < 0.42);
}

/* Only with the frames, none between: what a UE sends that saves bytes. */
static void test_tagged_alone(void **state)
{
	struct world w = bad_network();

	(void)state;
	w.tags = true;
	w.pose_hz = 0;
	run(&w, "tagged alone");
	assert_int_equal(w.hidden, 0);
	assert_true(w.err[w.n - 1] < 3);
}

static void test_abs_capture_time(void **state)
{
	struct world w = bad_network();

	(void)state;
	w.abs_time = w.reports = true;
	run(&w, "abs-capture-time");
	assert_int_equal(w.hidden, 0);
	assert_int_equal(w.by[CAPTURE_ABS_TIME], w.n);
	assert_true(w.err[w.n - 1] < 3);
}

static void test_abs_capture_time_alone(void **state)
{
	struct world w = bad_network();

	(void)state;
	w.abs_time = true;
	run(&w, "abs-capture-time, no SR");
	assert_true(w.err[w.n - 1] < 4);
}

static void test_reports(void **state)
{
	struct world w = bad_network();

	(void)state;
	w.reports = true;
	run(&w, "sender reports");
	assert_int_equal(w.by[CAPTURE_REPORT], w.n);
	assert_true(w.err[w.n - 1] < 3);
}

/* Nothing but poses: the set delay is a guess, the encoder's and network's is 13 to 20 ms here. */
static void test_latest(void **state)
{
	struct world w = bad_network();

	(void)state;
	run(&w, "latest");
	assert_int_equal(w.by[CAPTURE_LATEST], w.n);
	assert_true(w.err[w.n - 1] < 10);
}

static void test_untimed(void **state)
{
	struct world w = bad_network();

	(void)state;
	w.untimed = true;
	w.pose_jitter = 3000;
	w.reports = w.abs_time = true;
	run(&w, "no poseTime");
	assert_int_equal(w.hidden, 0);
	assert_true(w.err[w.n - 1] < 5);
}

/* Seconds, milliseconds, microseconds, nanoseconds since whatever. */
static void test_units(void **state)
{
	static const double unit[] = {1e6, 1e3, 1, 1e-3};
	static const double epoch[] = {0, 5e6, 1.7e15, 9e12};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct world w = bad_network();

		w.abs_time = w.reports = true;
		w.unit = unit[i];
		w.xr_epoch = epoch[i];
		run(&w, "units");
		assert_true(w.err[w.n - 1] < 3 && w.hidden == 0);
	}
}

/* An NTP clock an hour off, one that is set during the call, and an XR clock that starts anew. */
static void test_clocks(void **state)
{
	struct world w = bad_network();

	(void)state;
	w.abs_time = w.reports = true;
	w.ntp_epoch = 3.9e15 + 3600e6;
	w.drift = 60e-6;
	run(&w, "an hour off, 60 ppm");
	assert_true(w.err[w.n - 1] < 3 && w.hidden == 0);

	w = bad_network();
	w.abs_time = w.reports = true;
	w.ntp_step_at = 8e6;
	run(&w, "NTP clock set");
	assert_true(p95(&w) < 3 && w.err[w.n - 1] < 10 && w.hidden == 0);

	w = bad_network();
	w.abs_time = w.reports = true;
	w.xr_step_at = 8e6;
	run(&w, "XR clock set back");
	assert_true(p95(&w) < 3 && w.hidden < 12);
}

static void test_slow_poses(void **state)
{
	struct world w = bad_network();

	(void)state;
	w.abs_time = w.reports = true;
	w.pose_hz = 15;
	w.pose_jitter = 10000;
	w.turn = 20;
	run(&w, "15 poses a second");
	assert_true(p95(&w) < 3);
}

/* A head at 1 kHz and a fast network: history must still be a second. */
static void test_fast_poses(void **state)
{
	struct world w = bad_network();

	(void)state;
	w.abs_time = w.reports = true;
	w.seconds = 8;
	w.pose_hz = 1000;
	w.loss = 0;
	w.encode = 400000; /* hardly an encoder, but a jitter buffer behind a bad link */
	run(&w, "1000 poses a second, 0.4 s");
	assert_int_equal(w.hidden, 0);
	assert_true(w.err[w.n - 1] < 3);
}

/* The poses stop: 100 ms by the speed of before, then nothing is drawn. */
static void test_silence(void **state)
{
	struct capture_conf conf = {.fov_y = 1};
	struct world w = {.turn = 60, .unit = 1000, .net = 0};
	struct capture *c = NULL;
	unsigned drawn = 0, hidden = 0;

	(void)state;
	assert_int_equal(capture_new(&c, &conf), 0);
	for (double t = 0; t <= 2e6; t += 16000) {
		struct event e = {.at = t, .t = t};

		pose_in(&w, c, &e);
	}
	for (double t = 2e6; t < 2.4e6; t += 33000) {
		struct capture_frame f = {.arrived = (uint64_t)(t + DAY + 30000)};
		struct capture_shot s;
		float p[3], q[4];

		assert_int_equal(capture_frame(c, &f, f.arrived + CAPTURE_WAIT, &s), 0);
		truth(&w, t, p, q);
		if (s.views)
			assert_true(
				pixels(s.camera[0].orientation, s.camera[0].position, q, p) < 6);
		drawn += s.views > 0;
		hidden += s.views == 0;
		assert_true(s.views > 0 || t > 2e6 + 80000);
		assert_true(s.views == 0 || t < 2e6 + 110000);
	}
	assert_true(drawn >= 3 && hidden >= 8);
	assert_true(capture_get_stats(c)->shots[CAPTURE_NONE] == hidden);
	capture_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_tagged),
		cmocka_unit_test(test_turns_back), cmocka_unit_test(test_tagged_alone),
		cmocka_unit_test(test_abs_capture_time),
		cmocka_unit_test(test_abs_capture_time_alone), cmocka_unit_test(test_reports),
		cmocka_unit_test(test_latest), cmocka_unit_test(test_untimed),
		cmocka_unit_test(test_units), cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_slow_poses), cmocka_unit_test(test_fast_poses),
		cmocka_unit_test(test_silence)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
