/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pose in, patch out, without the transport: a metadata message with a pose is scanned, applied to
 * the scene, and the JSON Patch for the other UE is made. CPU per message, percentiles of the time
 * of one, and beside it in the same run what a JSON tree would cost: parse and print the same
 * message.
 */
#include "common/daemon/ar_clock.h"
#include "mediad/dcmf/meta.h"
#include "mediad/scene/library.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define POSES 1024 /* different messages, so that nothing is learned by heart */
#define ROUNDS 200 /* over all of them */
#define ANCHOR_ROUNDS 20

static char message[POSES][512];
static size_t length[POSES];
static uint32_t took[POSES * ROUNDS];

static void make_messages(void)
{
	for (int i = 0; i < POSES; i++) {
		double a = i * 0.01;

		length[i] = (size_t)snprintf(message[i], sizeof(message[i]),
			"{\"poseInfo\":[{\"poseTime\":%.5f,\"xrSpaceId\":1,\"poses\":[{"
			"\"orientation\":{"
			"\"x\":%.17g,\"y\":%.17g,\"z\":%.17g,\"w\":%.17g},\"position\":{\"x\":%."
			"17g,"
			"\"y\":%.17g,\"z\":%.17g},\"confidence\":1,\"estimatedAtTime\":%.3f}]}]}",
			123456.0 + i / 60.0, 0.1 * sin(a), sin(a / 2) * 0.99, 0.05 * cos(a),
			cos(a / 2), 2 * sin(a), 1.6 + 0.03 * sin(9 * a), 2 * cos(a),
			1732272845.0 + i / 60.0);
	}
}

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

struct run {
	struct scene *scene;
	struct scene_view view;
	struct ar_buf out;
	unsigned applied;
	uint64_t bytes;
};

static void on_message(void *arg, const struct meta_message *m)
{
	struct run *r = arg;
	struct scene_pose pose;

	if (!m->has_pose || scene_pose_set(&pose, m->pose.p, m->pose.q) != 0)
		return;
	if (scene_set_pose(r->scene, 2, &pose) == 0)
		r->applied++;
}

static int one(struct run *r, int i)
{
	if (meta_scan((struct ar_span){message[i], length[i]}, on_message, r) != 0)
		return -1;
	if (scene_view_next(r->scene, &r->view, 65536, false, &r->out) != 1)
		return -1;
	r->bytes += r->out.n;
	return 0;
}

static double pose_ns(struct run *r, int timed)
{
	uint64_t cpu = cpu_ns();

	for (int k = 0; k < ROUNDS; k++) {
		for (int i = 0; i < POSES; i++) {
			uint64_t t = timed ? wall_ns() : 0;

			if (one(r, i) != 0) {
				fprintf(stderr, "message %d failed\n", i);
				exit(1);
			}
			if (timed)
				took[k * POSES + i] = (uint32_t)(wall_ns() - t);
		}
	}
	return (double)(cpu_ns() - cpu) / (POSES * ROUNDS);
}

static double tree_ns(void)
{
	uint64_t cpu = cpu_ns();

	for (int k = 0; k < ANCHOR_ROUNDS; k++) {
		for (int i = 0; i < POSES; i++) {
			json_t *j = json_loadb(message[i], length[i], 0, NULL);
			char *text = json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(9));

			if (!text)
				exit(1);
			free(text);
			json_decref(j);
		}
	}
	return (double)(cpu_ns() - cpu) / (POSES * ANCHOR_ROUNDS);
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void percentiles(double *p50, double *p99, double *p999)
{
	size_t n = sizeof(took) / sizeof(took[0]);

	qsort(took, n, sizeof(took[0]), compare);
	*p50 = took[n / 2] / 1000.0;
	*p99 = took[n / 100 * 99] / 1000.0;
	*p999 = took[n / 1000 * 999] / 1000.0;
}

int main(void)
{
	struct library *l = NULL;
	struct run r = {.applied = 0};
	double ns, tree, p50, p99, p999;
	struct ar_buf why;

	ar_buf_init(&why, 1024);
	ar_buf_init(&r.out, 2 * SCENE_MAX_BYTES);
	make_messages();
	if (library_load(&l, SRC_DIR "/webapp/scenes", &why) != 0 ||
		scene_clone(&r.scene, library_find(l, AR_SPAN("default"))) != 0 ||
		scene_view_open(r.scene, &r.view) != 0 ||
		scene_view_next(r.scene, &r.view, 65536, false, &r.out) != 1)
		return 1;
	pose_ns(&r, 0);
	r.applied = 0;
	r.bytes = 0;
	ns = pose_ns(&r, 0);
	tree = tree_ns();
	pose_ns(&r, 1);
	percentiles(&p50, &p99, &p999);
	printf("bench pose cpu_us=%.3f tree_us=%.3f ratio=%.2f p50_us=%.2f p99_us=%.2f "
	       "p999_us=%.2f "
	       "in_bytes=%zu out_bytes=%.0f\n",
		ns / 1000, tree / 1000, ns / tree, p50, p99, p999, length[0],
		(double)r.bytes / r.applied);
	scene_view_close(r.scene, &r.view);
	scene_free(r.scene);
	library_free(l);
	ar_buf_free(&r.out);
	return 0;
}
