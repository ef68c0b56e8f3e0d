/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pictures that armf_pipe draws, as a file of RGBA: so that another program can lay on a video
 * what the ARMF draws, without drawing.
 *
 * armf_layers OUT WIDTH HEIGHT FRAMES SCENE DISTANCE: prints "X Y W H", the rectangle of the video
 * that the pictures are for.
 */
#include "bench_orbit.h"
#include "mediad/armf/gltf/stage.h"
#include "mediad/armf/render/render_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rect {
	int x, y, w, h;
};

static struct {
	struct model *model;
	struct stage *stage;
	struct render_view *view;
	struct render_frame frame;
	float distance;
} b;

static void die(const char *what)
{
	fprintf(stderr, "armf_layers: %s\n", what);
	exit(1);
}

static void open_scene(const char *path)
{
	static char text[4 << 20];
	struct render_conf conf = {.device = -1};
	struct model_source source = {.bytes = {text, 0}};
	FILE *f = fopen(path, "re");
	struct render *r;

	if (!f)
		die(path);
	source.bytes.n = fread(text, 1, sizeof(text), f);
	fclose(f);
	if (render_new(&r, &conf, NULL) != 0 || model_load(&b.model, &source, NULL) != 0 ||
		stage_new(&b.stage, b.model) != 0 || render_view_new(&b.view, r, NULL) != 0 ||
		render_view_load(b.view, b.model, NULL) != 0)
		die("the scene cannot be drawn");
	(void)stage_evaluate(b.stage);
}

static void open_frame(int w, int h)
{
	uint8_t *p = calloc((size_t)w * (size_t)h, 2);

	if (!p)
		die("no memory");
	b.frame = (struct render_frame){.plane = {p, p + w * h, p + w * h * 5 / 4},
		.stride = {w, w / 2, w / 2},
		.width = w,
		.height = h};
}

static const struct layer *draw(unsigned n)
{
	const struct render_options o = {.own = -1};
	struct render_camera c = {.fov_y = BENCH_FOV};
	struct render_stats st;

	bench_orbit(n, b.distance, c.position, c.orientation);
	if (render_view_overlay(b.view, &b.frame, b.stage, &c, &o, &st) != 0)
		die("a frame cannot be drawn");
	return &b.view->eye[0].layer;
}

static void grow(struct rect *r, const struct layer *l)
{
	int x1 = r->x + r->w, y1 = r->y + r->h;

	if (l->w == 0)
		return;
	if (r->w == 0)
		*r = (struct rect){l->x, l->y, l->w, l->h};
	x1 = x1 > l->x + l->w ? x1 : l->x + l->w;
	y1 = y1 > l->y + l->h ? y1 : l->y + l->h;
	r->x = r->x < l->x ? r->x : l->x;
	r->y = r->y < l->y ? r->y : l->y;
	r->w = x1 - r->x;
	r->h = y1 - r->y;
}

static void write_layer(FILE *out, const struct rect *r, const struct layer *l, uint8_t *canvas)
{
	size_t size = (size_t)r->w * (size_t)r->h * 4;

	memset(canvas, 0, size);
	for (int y = 0; y < l->h; y++)
		memcpy(canvas + ((size_t)(l->y - r->y + y) * (size_t)r->w + (size_t)(l->x - r->x)) *
					4,
			l->rgba + (size_t)y * (size_t)l->w * 4, (size_t)l->w * 4);
	if (fwrite(canvas, 1, size, out) != size)
		die("cannot write");
}

int main(int argc, char **argv)
{
	struct rect r = {0};
	uint8_t *canvas;
	unsigned frames;
	FILE *out;

	if (argc != 7)
		die("OUT WIDTH HEIGHT FRAMES SCENE DISTANCE");
	frames = (unsigned)atoi(argv[4]);
	b.distance = (float)atof(argv[6]);
	out = fopen(argv[1], "we");
	if (!out)
		die(argv[1]);
	open_scene(argv[5]);
	open_frame(atoi(argv[2]), atoi(argv[3]));
	for (unsigned n = 0; n < frames; n++)
		grow(&r, draw(n));
	canvas = malloc((size_t)r.w * (size_t)r.h * 4 + 1);
	if (!canvas || r.w == 0)
		die("nothing to be seen");
	for (unsigned n = 0; n < frames; n++)
		write_layer(out, &r, draw(n), canvas);
	free(canvas);
	printf("%d %d %d %d\n", r.x, r.y, r.w, r.h);
	return fclose(out) ? 1 : 0;
}
