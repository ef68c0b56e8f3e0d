/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The AR path alone: a lit, textured box that takes 15 % of the picture, drawn onto an I420 frame.
 * CPU of the calling thread, medians: with the pose moving in every frame, standing still, and as
 * the ratio of the two. Targets: 1.0 ms at 360p, 4 ms at 720p, 0.3 ms when nothing moves. Then the
 * same box by GL, as scenes are drawn that soft.h leaves to it, and split rendering.
 */
#include "mediad/armf/gltf/stage.h"
#include "mediad/armf/render/render_int.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FRAMES 401
#define BOX "/usr/share/assimp/models/glTF2/BoxTextured-glTF-Binary/BoxTextured.glb"

struct scene {
	struct model *model;
	struct stage *stage;
	struct render_view *view;
};

static char file[1 << 20];

static int open_scene(struct scene *s, struct render *r, const char *path, struct ar_buf *why)
{
	FILE *f = fopen(path, "rb");
	struct model_source source = {.bytes = {file, 0}};
	int rc;

	if (!f)
		return -ENOENT;
	source.bytes.n = fread(file, 1, sizeof(file), f);
	fclose(f);
	rc = model_load(&s->model, &source, why);
	if (!rc)
		rc = stage_new(&s->stage, s->model);
	if (!rc) {
		stage_evaluate(s->stage);
		rc = render_view_new(&s->view, r, why);
	}
	return rc ? rc : render_view_load(s->view, s->model, why);
}

static void close_scene(struct scene *s)
{
	render_view_free(s->view);
	stage_free(s->stage);
	model_unref(s->model);
}

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Around the box, looking down at it a little. */
static struct render_camera camera_at(float angle, float distance)
{
	float a = angle / 2, p = -0.2f;
	struct render_camera c = {.fov_y = 0.9f};

	c.position[0] = distance * sinf(angle) * cosf(2 * p);
	c.position[1] = distance * -sinf(2 * p);
	c.position[2] = distance * cosf(angle) * cosf(2 * p);
	c.orientation[0] = cosf(a) * sinf(p);
	c.orientation[1] = sinf(a) * cosf(p);
	c.orientation[2] = -sinf(a) * sinf(p);
	c.orientation[3] = cosf(a) * cosf(p);
	return c;
}

struct result {
	double live, p90, still, box;
};

static int measure(struct scene *s, int w, int h, float distance, struct result *out)
{
	static double live[FRAMES], still[FRAMES];
	uint8_t *p = malloc((size_t)w * (size_t)h * 3 / 2);
	const struct render_frame f = {.plane = {p, p + w * h, p + w * h * 5 / 4},
		.stride = {w, w / 2, w / 2},
		.width = w,
		.height = h};
	const struct render_options o = {.own = -1};
	struct render_stats st = {0};
	int rc = p ? 0 : -ENOMEM;

	if (p)
		memset(p, 128, (size_t)w * (size_t)h * 3 / 2);
	out->box = 0;
	for (int i = 0; i < FRAMES && !rc; i++) {
		struct render_camera c = camera_at(0.4f + 0.002f * (float)i, distance);
		double t = cpu_ms();

		rc = render_view_overlay(s->view, &f, s->stage, &c, &o, &st);
		live[i] = cpu_ms() - t;
		out->box += 100.0 * st.width * st.height / w / h / FRAMES;
		t = cpu_ms();
		if (!rc)
			rc = render_view_overlay(s->view, &f, s->stage, &c, &o, &st);
		still[i] = cpu_ms() - t;
	}
	free(p);
	qsort(live, FRAMES, sizeof(*live), by_size);
	qsort(still, FRAMES, sizeof(*still), by_size);
	out->live = live[FRAMES / 2];
	out->p90 = live[FRAMES * 9 / 10];
	out->still = still[FRAMES / 2];
	return rc;
}

/* Two eyes of 640 x 640 that the box fills: split rendering. */
static int measure_split(struct scene *s, struct result *out)
{
	static double took[101];
	const int w = 1280, h = 640;
	uint8_t *p = malloc((size_t)w * (size_t)h * 3 / 2);
	const struct render_frame f = {.plane = {p, p + w * h, p + w * h * 5 / 4},
		.stride = {w, w / 2, w / 2},
		.width = w,
		.height = h};
	const struct render_options o = {.own = -1};
	struct render_stats st = {0};
	int rc = p ? 0 : -ENOMEM;

	for (int i = 0; i < 101 && !rc; i++) {
		struct render_camera eye[2] = {camera_at(0.4f + 0.002f * (float)i, 1.4f),
			camera_at(0.4f + 0.002f * (float)i, 1.4f)};

		eye[1].position[0] += 0.064f;
		double t = cpu_ms();

		rc = render_view_split(s->view, &f, s->stage, eye, 2, 0, &o, &st);
		took[i] = cpu_ms() - t;
	}
	free(p);
	qsort(took, 101, sizeof(*took), by_size);
	out->live = took[50];
	out->box = 100.0 * st.width * st.height / w / h;
	return rc;
}

int main(void)
{
	static const int size[][2] = {{640, 360}, {1280, 720}};
	static const double target[] = {1.0, 4.0};
	struct render_conf conf = {.device = -1};
	const char *platform = getenv("RENDER_PLATFORM");
	struct render *r = NULL;
	struct scene s = {0};
	struct ar_buf why;
	int rc;

	ar_buf_init(&why, 4096);
	rc = platform ? render_platform_parse(platform, &conf.platform) : 0;
	if (!rc)
		rc = render_new(&r, &conf, &why);
	if (!rc)
		rc = render_prewarm(r, 1, &why);
	if (!rc)
		rc = open_scene(&s, r, BOX, &why);
	for (int i = 0; i < 2 && !rc; i++) {
		struct result x, gl;

		rc = measure(&s, size[i][0], size[i][1], 3.05f, &x);
		s.view->rehearsing = true;
		if (!rc)
			rc = measure(&s, size[i][0], size[i][1], 3.05f, &gl);
		s.view->rehearsing = false;
		printf("bench render %dp overlay, box %.1f %%: live %.3f ms CPU (p90 %.3f, target "
		       "%.1f, ratio %.2f), still %.3f ms (target 0.3, ratio %.2f), live/still "
		       "%.0f; %s\n",
			size[i][1], x.box, x.live, x.p90, target[i], x.live / target[i], x.still,
			x.still / 0.3, x.live / x.still, render_get_info(r)->renderer);
		printf("bench render %dp without GL: live %.3f of %.3f ms CPU, ratio %.2f\n",
			size[i][1], x.live, gl.live, x.live / gl.live);
	}
	if (!rc) {
		struct result x;

		rc = measure_split(&s, &x);
		printf("bench render split 2x640x640, box %.1f %%: %.2f ms CPU, ratio to 30 ms "
		       "%.2f\n",
			x.box, x.live, x.live / 30);
	}
	if (rc)
		fprintf(stderr, "%s: %.*s\n", strerror(-rc), (int)why.n, why.n ? why.p : "");
	close_scene(&s);
	render_free(r);
	ar_buf_free(&why);
	return rc ? 1 : 0;
}
