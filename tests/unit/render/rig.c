/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/render/rig.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct render *the_render;

static void die(const char *what, const struct ar_buf *why, int rc)
{
	fprintf(stderr, "%s: %s (%.*s)\n", what, strerror(-rc), why ? (int)why->n : 0,
		why && why->n ? why->p : "");
	exit(1);
}

struct render *rig_render(void)
{
	struct render_conf conf = {.platform = RENDER_SURFACELESS, .device = -1};
	const char *platform = getenv("RENDER_PLATFORM"), *device = getenv("RENDER_DEVICE");
	struct ar_buf why;
	int rc;

	if (the_render)
		return the_render;
	ar_buf_init(&why, 4096);
	if (platform && render_platform_parse(platform, &conf.platform))
		die("RENDER_PLATFORM", NULL, -EINVAL);
	if (device)
		conf.device = atoi(device);
	conf.exact = getenv("RENDER_EXACT") != NULL;
	rc = render_new(&the_render, &conf, &why);
	if (rc)
		die("no renderer", &why, rc);
	fprintf(stderr, "renderer: %s on %s\n", render_get_info(the_render)->renderer,
		render_get_info(the_render)->platform);
	ar_buf_free(&why);
	return the_render;
}

void rig_end(void)
{
	render_free(the_render);
	the_render = NULL;
}

/* ---------------------------------------------------------------- scenes */

struct folder {
	char path[512];
	char *opened[16];
	unsigned n;
};

static char *read_all(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	char *p = NULL;
	long size;

	if (!f)
		return NULL;
	if (!fseek(f, 0, SEEK_END) && (size = ftell(f)) >= 0 && !fseek(f, 0, SEEK_SET)) {
		p = malloc((size_t)size + 1);
		*n = p ? fread(p, 1, (size_t)size, f) : 0;
	}
	fclose(f);
	return p;
}

static int resolve(void *user, const char *uri, struct ar_span *bytes)
{
	struct folder *d = user;
	char path[1024];

	snprintf(path, sizeof(path), "%s/%s", d->path, uri);
	if (d->n == sizeof(d->opened) / sizeof(*d->opened))
		return -ENOBUFS;
	d->opened[d->n] = read_all(path, &bytes->n);
	if (!d->opened[d->n])
		return -ENOENT;
	bytes->p = d->opened[d->n++];
	return 0;
}

static int load(struct rig_scene *s, struct ar_span text, struct folder *d, struct ar_buf *why)
{
	struct model_source source = {
		.bytes = text, .resolve = d ? resolve : NULL, .user = d, .hash_key = {1, 2}};
	int rc = model_load(&s->model, &source, why);

	for (unsigned i = 0; d && i < d->n; i++)
		free(d->opened[i]);
	if (!rc)
		rc = stage_new(&s->stage, s->model);
	if (!rc)
		stage_evaluate(s->stage);
	return rc;
}

int rig_load_file(struct rig_scene *s, const char *path, struct ar_buf *why)
{
	struct folder d = {.n = 0};
	size_t n = 0;
	int rc;

	memset(s, 0, sizeof(*s));
	snprintf(d.path, sizeof(d.path), "%.*s",
		(int)(strrchr(path, '/') ? strrchr(path, '/') - path : 0), path);
	s->text = read_all(path, &n);
	if (!s->text)
		return -ENOENT;
	rc = load(s, (struct ar_span){s->text, n}, &d, why);
	return rc;
}

static void open_view(struct rig_scene *s, struct ar_buf *why)
{
	int rc = render_view_new(&s->view, rig_render(), why);

	if (rc)
		die("no view", why, rc);
	rc = render_view_load(s->view, s->model, why);
	if (rc)
		die("view does not load", why, rc);
}

void rig_open_file(struct rig_scene *s, const char *path)
{
	struct ar_buf why;
	int rc;

	ar_buf_init(&why, 4096);
	rc = rig_load_file(s, path, &why);
	if (rc)
		die(path, &why, rc);
	open_view(s, &why);
	ar_buf_free(&why);
}

void rig_open_text(struct rig_scene *s, const char *gltf)
{
	struct ar_buf why;
	int rc;

	memset(s, 0, sizeof(*s));
	ar_buf_init(&why, 4096);
	rc = load(s, (struct ar_span){gltf, strlen(gltf)}, NULL, &why);
	if (rc)
		die("scene", &why, rc);
	open_view(s, &why);
	ar_buf_free(&why);
}

void rig_close(struct rig_scene *s)
{
	render_view_free(s->view);
	stage_free(s->stage);
	model_unref(s->model);
	free(s->text);
	memset(s, 0, sizeof(*s));
}

/* ---------------------------------------------------------------- frames */

static size_t plane_size(int i, int w, int h)
{
	return i ? (size_t)((w + 1) / 2) * (size_t)((h + 1) / 2) : (size_t)w * (size_t)h;
}

void rig_new_frame(struct rig_frame *f, int w, int h)
{
	size_t at = RIG_GUARD;

	f->size = RIG_GUARD;
	for (int i = 0; i < 3; i++)
		f->size += plane_size(i, w, h) + RIG_GUARD;
	f->memory = malloc(f->size);
	memset(f->memory, 0xa5, f->size);
	for (int i = 0; i < 3; i++) {
		f->f.plane[i] = f->memory + at;
		f->f.stride[i] = i ? (w + 1) / 2 : w;
		at += plane_size(i, w, h) + RIG_GUARD;
	}
	f->f.width = w;
	f->f.height = h;
	f->background = RIG_BACKGROUND_Y;
	rig_fill_frame(f);
}

void rig_fill_frame(struct rig_frame *f)
{
	for (int i = 0; i < 3; i++)
		memset(f->f.plane[i], i ? RIG_BACKGROUND_UV : f->background,
			plane_size(i, f->f.width, f->f.height));
}

void rig_noise_frame(struct rig_frame *f, unsigned seed)
{
	uint32_t x = seed * 2654435761u + 1;

	for (int i = 0; i < 3; i++) {
		size_t n = plane_size(i, f->f.width, f->f.height);

		for (size_t k = 0; k < n; k++) {
			x = x * 1664525u + 1013904223u;
			f->f.plane[i][k] = (uint8_t)(x >> 24);
		}
	}
}

void rig_free_frame(struct rig_frame *f)
{
	size_t at = 0;

	for (int i = 0; i < 4; i++) {
		for (int k = 0; k < RIG_GUARD; k++) {
			if (f->memory[at + (size_t)k] != 0xa5) {
				fprintf(stderr, "written outside plane %d\n", i);
				abort();
			}
		}
		at += RIG_GUARD + (i < 3 ? plane_size(i, f->f.width, f->f.height) : 0);
	}
	free(f->memory);
	f->memory = NULL;
}

bool rig_same(const struct rig_frame *a, const struct rig_frame *b)
{
	return a->size == b->size && !memcmp(a->memory, b->memory, a->size);
}

bool rig_same_outside(
	const struct rig_frame *a, const struct rig_frame *b, const struct render_stats *st)
{
	for (int i = 0; i < 3; i++) {
		int s = i ? 2 : 1, w = (a->f.width + s - 1) / s, h = (a->f.height + s - 1) / s;

		for (int y = 0; y < h; y++) {
			for (int x = 0; x < w; x++) {
				bool in = x * s >= st->x && x * s < st->x + st->width &&
					  y * s >= st->y && y * s < st->y + st->height;
				size_t at = (size_t)y * (size_t)a->f.stride[i] + (size_t)x;

				if (!in && a->f.plane[i][at] != b->f.plane[i][at])
					return false;
			}
		}
	}
	return true;
}

/* ---------------------------------------------------------------- cameras */

/* Rotation about Y, then about the turned X. */
struct render_camera rig_look(const float from[3], const float to[3], float fov_y)
{
	struct render_camera c = {.fov_y = fov_y};
	float x = to[0] - from[0], y = to[1] - from[1], z = to[2] - from[2];
	float a = atan2f(-x, -z) / 2, p = atan2f(y, sqrtf(x * x + z * z)) / 2;

	memcpy(c.position, from, sizeof(c.position));
	c.orientation[0] = cosf(a) * sinf(p);
	c.orientation[1] = sinf(a) * cosf(p);
	c.orientation[2] = -sinf(a) * sinf(p);
	c.orientation[3] = cosf(a) * cosf(p);
	return c;
}

struct render_camera rig_look_at_scene(const struct rig_scene *s)
{
	float lo[3], hi[3], to[3], from[3], size = 0;

	if (!stage_bounds(s->stage, -1, lo, hi))
		die("nothing is shown", NULL, -ENOENT);
	for (int i = 0; i < 3; i++) {
		to[i] = (lo[i] + hi[i]) / 2;
		size = fmaxf(size, hi[i] - lo[i]);
	}
	from[0] = to[0] + 0.9f * size;
	from[1] = to[1] + 0.7f * size;
	from[2] = to[2] + 1.5f * size;
	struct render_camera c = rig_look(from, to, 0.8f);

	c.near = 0.01f * size;
	c.far = 10 * size;
	return c;
}

/* ---------------------------------------------------------------- pixels */

static int clamp(int v)
{
	return v < 0 ? 0 : v > 255 ? 255 : v;
}

struct rig_rgb rig_pixel(const struct rig_frame *f, int x, int y)
{
	const struct render_frame *p = &f->f;
	int c = (p->plane[0][y * p->stride[0] + x] - 16) * 298;
	int u = p->plane[1][y / 2 * p->stride[1] + x / 2] - 128;
	int v = p->plane[2][y / 2 * p->stride[2] + x / 2] - 128;

	return (struct rig_rgb){clamp((c + 409 * v + 128) >> 8),
		clamp((c - 100 * u - 208 * v + 128) >> 8), clamp((c + 516 * u + 128) >> 8)};
}

bool rig_is_magenta(struct rig_rgb c)
{
	return c.r - c.g > 50 && c.b - c.g > 50;
}

static void add_pixel(struct rig_box *b, int x, int y)
{
	b->x0 = x < b->x0 ? x : b->x0;
	b->y0 = y < b->y0 ? y : b->y0;
	b->x1 = x >= b->x1 ? x + 1 : b->x1;
	b->y1 = y >= b->y1 ? y + 1 : b->y1;
	b->count++;
}

struct rig_box rig_find(const struct rig_frame *f, bool (*match)(struct rig_rgb c))
{
	struct rig_box b = {.x0 = f->f.width, .y0 = f->f.height};

	for (int y = 0; y < f->f.height; y++) {
		for (int x = 0; x < f->f.width; x++) {
			if (match(rig_pixel(f, x, y)))
				add_pixel(&b, x, y);
		}
	}
	return b;
}

struct rig_box rig_drawn(const struct rig_frame *f)
{
	struct rig_box b = {.x0 = f->f.width, .y0 = f->f.height};

	for (int y = 0; y < f->f.height; y++) {
		for (int x = 0; x < f->f.width; x++) {
			if (f->f.plane[0][y * f->f.stride[0] + x] != f->background)
				add_pixel(&b, x, y);
		}
	}
	return b;
}

struct render_stats rig_draw(
	struct rig_scene *s, struct rig_frame *f, const struct render_camera *c)
{
	const struct render_options opt = {.own = -1};
	struct render_stats st;
	int rc = render_view_overlay(s->view, &f->f, s->stage, c, &opt, &st);

	if (rc)
		die("overlay", NULL, rc);
	return st;
}

void rig_save(const struct rig_frame *f, const char *name)
{
	const char *folder = getenv("RENDER_OUT");
	struct ar_buf png;
	char path[1024];
	FILE *out;

	if (!folder)
		return;
	ar_buf_init(&png, (size_t)64 << 20);
	snprintf(path, sizeof(path), "%s/%s.png", folder, name);
	out = fopen(path, "wb");
	if (!out || render_png(&f->f, &png) || fwrite(png.p, 1, png.n, out) != png.n)
		die(path, NULL, -EIO);
	fclose(out);
	ar_buf_free(&png);
}
