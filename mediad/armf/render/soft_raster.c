/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/render/soft_int.h"

#include <GLES3/gl3.h>

#include <math.h>
#include <string.h>

#define LEAST_LIGHT 0.001f /* that can be told */
#define UV_FAR 4096 /* repeats; further away nothing is that is not a rounding error */
#define CHUNK 64 /* pixels of a row with one level of detail */
#define MOST_BEND 0.25 /* texels that a straight line in the texture may be off */

/* Within the triangle is where all three are >= 0 ((x - x0) * dy is subtracted). */
struct edge {
	int64_t x, y, dx, dy;
};

/* A value that changes evenly from pixel to pixel, at a corner. */
struct plane {
	double v, dx, dy;
};

enum { PLANE_I, PLANE_U, PLANE_V, PLANE_LIGHT, PLANES = PLANE_LIGHT + 3 };

struct setup {
	const struct soft_target *t;
	const struct soft_texture *texture;
	unsigned levels;
	struct edge edge[3];
	struct plane plane[PLANES];
	double x, y; /* where the planes' v are */
	bool even; /* the light is the same everywhere */
	float light[4];
};

static int64_t ceil_div(int64_t a, int64_t b) /* b > 0 */
{
	return a / b + (a % b > 0);
}

static float corner_value(const struct soft_corner *c, int plane)
{
	const float *const at[] = {&c->i, &c->u, &c->v, &c->light[0], &c->light[1], &c->light[2]};

	return *at[plane];
}

static void set_planes(struct setup *s, const struct soft_corner *const c[3])
{
	double x1 = (double)(c[1]->x - c[0]->x) / SOFT_ONE;
	double y1 = (double)(c[1]->y - c[0]->y) / SOFT_ONE;
	double x2 = (double)(c[2]->x - c[0]->x) / SOFT_ONE;
	double y2 = (double)(c[2]->y - c[0]->y) / SOFT_ONE, det = x1 * y2 - x2 * y1;

	s->x = (double)c[0]->x / SOFT_ONE - 0.5; /* pixels' middles */
	s->y = (double)c[0]->y / SOFT_ONE - 0.5;
	for (int i = 0; i < PLANES; i++) {
		double v = corner_value(c[0], i);
		double a = corner_value(c[1], i) - v, b = corner_value(c[2], i) - v;

		s->plane[i].v = v;
		s->plane[i].dx = (a * y2 - b * y1) / det;
		s->plane[i].dy = (b * x1 - a * x2) / det;
	}
}

/* Most triangles are lit evenly: a box's. */
static void set_even(struct setup *s, const struct soft_corner *const c[3])
{
	s->even = true;
	for (int k = 0; k < 3; k++) {
		float l = c[0]->light[k] / c[0]->i;

		for (int n = 1; n < 3; n++)
			s->even = s->even && fabsf(c[n]->light[k] / c[n]->i - l) < LEAST_LIGHT;
		s->light[k] = (float)fmin(fmax(l, 0), SOFT_MAX_LIGHT);
	}
}

static double value(const struct setup *s, int plane, int x, int y)
{
	const struct plane *p = &s->plane[plane];

	return p->v + p->dx * (x - s->x) + p->dy * (y - s->y);
}

/* What is no number becomes low. */
static double limit(double v, double low, double high)
{
	return v > low ? v < high ? v : high : low;
}

/* What a pixel has, no longer divided by w. */
struct point {
	double i, u, v;
};

static struct point point_at(const struct setup *s, int x, int y)
{
	struct point p = {.i = value(s, PLANE_I, x, y)};

	p.u = limit(value(s, PLANE_U, x, y) / p.i, -UV_FAR, UV_FAR);
	p.v = limit(value(s, PLANE_V, x, y) / p.i, -UV_FAR, UV_FAR);
	return p;
}

/* The texture's level of which a texel is about a pixel. */
static const struct soft_level *level_at(const struct setup *s, const struct point *at)
{
	const struct soft_level *l = s->texture->level;
	const struct plane *i = &s->plane[PLANE_I], *u = &s->plane[PLANE_U];
	const struct plane *v = &s->plane[PLANE_V];
	double w = l->w / at->i, h = l->h / at->i;
	double ux = (u->dx - at->u * i->dx) * w, uy = (u->dy - at->u * i->dy) * w;
	double vx = (v->dx - at->v * i->dx) * h, vy = (v->dy - at->v * i->dy) * h;
	double x = ux * ux + vx * vx, y = uy * uy + vy * vy, most = x > y ? x : y;
	unsigned n = 0;

	/* to the nearer power of two: its square is 2 where they meet */
	for (; n + 1 < s->levels && most > 2; most /= 4)
		n++;
	return l + n;
}

static int floor_of(double v)
{
	int i = (int)v;

	return i - (i > v);
}

/* Two coordinates of a texture brought to within it by one and the same rule; false: they are on
 * different sides of where it begins anew or ends. */
static bool wrap(uint16_t mode, double c[2])
{
	int first = floor_of(c[0]), last = floor_of(c[1]);

	if (mode == GL_CLAMP_TO_EDGE) {
		first = first < 0 ? -1 : first > 0;
		last = last < 0 ? -1 : last > 0;
	}
	for (int k = 0; k < 2; k++) {
		if (mode != GL_CLAMP_TO_EDGE)
			c[k] -= first;
		if (mode == GL_MIRRORED_REPEAT && first % 2)
			c[k] = 1 - c[k];
		c[k] = limit(c[k], 0, 1);
	}
	return first == last;
}

static int32_t texels(double c, int n)
{
	return (int32_t)((c * n + 0.5) * 65536);
}

/* Where the segment's pixels read, the first and the last being known; false: on both sides of a
 * border. */
static bool set_texels(struct soft_segment *g, const struct soft_texture *t, const struct point *a,
	const struct point *b)
{
	double u[2] = {a->u, b->u}, v[2] = {a->v, b->v};
	bool same = wrap(t->wrap_s, u);

	same = wrap(t->wrap_t, v) && same;
	g->x = texels(u[0], g->level->w);
	g->y = texels(v[0], g->level->h);
	g->dx = g->dy = 0;
	if (g->n > 1) {
		double part = 1.0 / (g->n - 1);

		g->dx = (int32_t)((texels(u[1], g->level->w) - g->x) * part);
		g->dy = (int32_t)((texels(v[1], g->level->h) - g->y) * part);
	}
	return same || g->n == 1;
}

static void set_light(struct soft_segment *g, const struct setup *s, int x, int y, double last)
{
	for (int k = 0; k < 3; k++) {
		double a = limit(value(s, PLANE_LIGHT + k, x, y) / g->i, 0, SOFT_MAX_LIGHT);
		double b = value(s, PLANE_LIGHT + k, x + g->n - 1, y) / last;

		g->light[k] = (float)a;
		b = limit(b, 0, SOFT_MAX_LIGHT) - a;
		g->dlight[k] = (float)(g->n > 1 ? b / (g->n - 1) : 0);
	}
}

static void draw_segment(const struct setup *s, const struct soft_level *level, int x, int y, int n)
{
	const struct soft_target *t = s->t;
	size_t at = (size_t)y * (size_t)t->w + (size_t)x;
	struct soft_segment g = {
		.pixel = t->pixel + at, .depth = t->depth + at, .n = n, .level = level};
	struct point a = point_at(s, x, y), b = point_at(s, x + n - 1, y);

	if (!set_texels(&g, s->texture, &a, &b)) {
		draw_segment(s, level, x, y, n / 2);
		draw_segment(s, level, x + n / 2, y, n - n / 2);
		return;
	}
	g.i = (float)a.i;
	g.di = (float)s->plane[PLANE_I].dx;
	if (s->even)
		memcpy(g.light, s->light, sizeof(g.light));
	else
		set_light(&g, s, x, y, b.i);
	soft_pixels(&g);
}

/* How many pixels the way through the texture is straight for. Its bend is n^2 / 4 times how fast w
 * changes, as a pixel is 1.4 texels at most where there are smaller levels. */
static int straight(const struct setup *s, double i0, double i1)
{
	double change = fabs(s->plane[PLANE_I].dx) / (i0 < i1 ? i0 : i1);
	int n = CHUNK;

	while (n > 4 && change * n * n > 4 / 1.4 * MOST_BEND)
		n /= 2;
	return n;
}

static void draw_row(const struct setup *s, int from, int to, int y)
{
	for (int x = from; x < to; x += CHUNK) {
		int end = to - x < CHUNK ? to : x + CHUNK;
		struct point m = point_at(s, (x + end) / 2, y);
		const struct soft_level *level = level_at(s, &m);
		int n = straight(s, value(s, PLANE_I, x, y), value(s, PLANE_I, end - 1, y));

		for (int k = x; k < end; k += n)
			draw_segment(s, level, k, y, end - k < n ? end - k : n);
	}
}

/* The pixels of a row whose middles are inside: left and upper edges belong to the triangle, so
 * that neighbours share none and leave none out. */
static void span_of(const struct setup *s, int y, int *from, int *to)
{
	int64_t low = 0, high = s->t->w;

	for (int k = 0; k < 3; k++) {
		const struct edge *e = &s->edge[k];
		int64_t at = (int64_t)y * SOFT_ONE + SOFT_ONE / 2 - e->y;
		int64_t c = e->dx * at - e->dy * (SOFT_ONE / 2 - e->x), d = e->dy * SOFT_ONE;

		if (d < 0) {
			int64_t first = ceil_div(-c, -d);

			low = first > low ? first : low;
		} else if (d > 0) {
			int64_t end = ceil_div(c, d);

			high = end < high ? end : high;
		} else if (c < 0 || (c == 0 && e->dx < 0)) {
			high = low;
		}
	}
	*from = (int)low;
	*to = (int)(high > low ? high : low);
}

static int64_t area(const struct soft_corner *const c[3])
{
	int64_t x1 = c[1]->x - c[0]->x, y1 = c[1]->y - c[0]->y;
	int64_t x2 = c[2]->x - c[0]->x, y2 = c[2]->y - c[0]->y;

	return x1 * y2 - x2 * y1;
}

void soft_triangle(const struct soft_target *t, const struct soft_corner *const corner[3],
	const struct soft_texture *texture, unsigned levels)
{
	int64_t twice = area(corner), top = INT32_MAX, bottom = INT32_MIN;
	const struct soft_corner *c[3] = {
		corner[0], corner[twice < 0 ? 2 : 1], corner[twice < 0 ? 1 : 2]};
	struct setup s = {.t = t, .texture = texture, .levels = levels};

	if (twice == 0)
		return;
	for (int k = 0; k < 3; k++) {
		const struct soft_corner *a = c[k], *b = c[(k + 1) % 3];

		s.edge[k] = (struct edge){a->x, a->y, b->x - a->x, b->y - a->y};
		top = a->y < top ? a->y : top;
		bottom = a->y > bottom ? a->y : bottom;
	}
	set_planes(&s, c);
	set_even(&s, c);
	top = top < 0 ? 0 : top / SOFT_ONE;
	bottom = bottom / SOFT_ONE < t->h - 1 ? bottom / SOFT_ONE : t->h - 1;
	for (int y = (int)top; y <= bottom; y++) {
		int from, to;

		span_of(&s, y, &from, &to);
		if (from < to)
			draw_row(&s, from, to, y);
	}
}
