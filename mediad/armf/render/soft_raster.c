/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/render/soft_int.h"

#include <GLES3/gl3.h>

#include <math.h>
#include <string.h>

#define LEAST_LIGHT 0.001f /* that can be told */
#define UV_FAR 4096 /* repeats; further away nothing is that is not a rounding error */
#define CHUNK 64 /* pixels of a row with one level of detail */
#define MOST_BEND 0.25 /* texels' light that a straight line may be off */
#define MOST_TEXELS 16384 /* on one line that is repeated as it is drawn */
#define FIX 65536.0

/* An edge, and where the row that comes next begins or ends by it: within the triangle is where
 * (x - x0) * dy - (y - y0) * dx is <= 0 for all three. */
struct edge {
	int64_t x, y, dx, dy;
	int64_t d, at, rest; /* the first pixel beyond it, rounded up by rest / d */
	int64_t step, more; /* what the row after has more, and more / d */
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
	uint16_t light[4];
};

/* ---------------------------------------------------------------- planes */

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
	double y2 = (double)(c[2]->y - c[0]->y) / SOFT_ONE, det = 1 / (x1 * y2 - x2 * y1);
	int n = s->even ? PLANE_LIGHT : PLANES;

	s->x = (double)c[0]->x / SOFT_ONE - 0.5; /* pixels' middles */
	s->y = (double)c[0]->y / SOFT_ONE - 0.5;
	for (int i = 0; i < n; i++) {
		double v = corner_value(c[0], i);
		double a = corner_value(c[1], i) - v, b = corner_value(c[2], i) - v;

		s->plane[i].v = v;
		s->plane[i].dx = (a * y2 - b * y1) * det;
		s->plane[i].dy = (b * x1 - a * x2) * det;
	}
}

/* What is no number becomes low. */
static double limit(double v, double low, double high)
{
	return v > low ? v < high ? v : high : low;
}

/* Most triangles are lit evenly: a box's. */
static void set_even(struct setup *s, const struct soft_corner *const c[3])
{
	s->even = true;
	for (int k = 0; k < 3; k++) {
		float l = c[0]->light[k] / c[0]->i;

		for (int n = 1; n < 3; n++)
			s->even = s->even && fabsf(c[n]->light[k] / c[n]->i - l) < LEAST_LIGHT;
		s->light[k] = (uint16_t)(limit(l, 0, SOFT_MAX_LIGHT) * SOFT_LIGHT_ONE);
	}
}

static double value(const struct setup *s, int plane, int x, int y)
{
	const struct plane *p = &s->plane[plane];

	return p->v + p->dx * (x - s->x) + p->dy * (y - s->y);
}

/* What a pixel has, no longer divided by w, but for i. */
struct point {
	double i, u, v;
};

static struct point point_at(const struct setup *s, int x, int y)
{
	struct point p = {.i = value(s, PLANE_I, x, y)};
	double w = 1 / p.i;

	p.u = limit(value(s, PLANE_U, x, y) * w, -UV_FAR, UV_FAR);
	p.v = limit(value(s, PLANE_V, x, y) * w, -UV_FAR, UV_FAR);
	return p;
}

/* ---------------------------------------------------------------- textures */

/* The texture's level of which a texel is about a pixel. */
static const struct soft_level *level_at(const struct setup *s, const struct point *at)
{
	const struct soft_level *l = s->texture->level;
	const struct plane *i = &s->plane[PLANE_I], *u = &s->plane[PLANE_U];
	const struct plane *v = &s->plane[PLANE_V];
	double one = 1 / at->i, w = l->w * one, h = l->h * one;
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

/* Texels from the border are scale * coordinate + offset. */
struct axis {
	double scale, offset;
	int32_t mask;
};

/* One rule for all from the coordinate `first` to `last`; false: they are on different sides of
 * where the texture begins anew or ends. */
static bool wrap(uint16_t mode, int n, double first, double last, struct axis *out)
{
	int a = floor_of(first), b = floor_of(last);

	*out = (struct axis){n, 0.5, -1};
	if (mode == GL_CLAMP_TO_EDGE) {
		a = a < 0 ? -1 : a > 0;
		b = b < 0 ? -1 : b > 0;
		if (a) {
			out->scale = 0;
			out->offset += a > 0 ? n : 0;
		}
	} else if (mode == GL_MIRRORED_REPEAT && a % 2) {
		out->scale = -n;
		out->offset += (a + 1.0) * n;
	} else {
		out->offset -= (double)a * n;
	}
	if (a == b || mode != GL_REPEAT || (n & (n - 1)) || fabs(last - first) * n > MOST_TEXELS)
		return a == b;
	out->mask = (n << 16) - 1;
	return true;
}

/* Where the segment's pixels read, the first and the last being known; false: on both sides of a
 * border. */
static bool set_texels(const struct setup *s, struct soft_segment *g, int x, int y)
{
	const struct soft_texture *t = s->texture;
	const struct plane *i = &s->plane[PLANE_I], *u = &s->plane[PLANE_U];
	const struct plane *v = &s->plane[PLANE_V];
	struct point a = point_at(s, x, y), b = point_at(s, x + g->n - 1, y);
	struct axis h, k;
	bool same = wrap(t->wrap_s, g->level->w, a.u, b.u, &h);

	same = wrap(t->wrap_t, g->level->h, a.v, b.v, &k) && same;
	if (!same && g->n > 1)
		return false;
	g->x = (float)((h.scale * a.u + h.offset) * a.i * FIX);
	g->y = (float)((k.scale * a.v + k.offset) * a.i * FIX);
	g->dx = (float)((h.scale * u->dx + h.offset * i->dx) * FIX);
	g->dy = (float)((k.scale * v->dx + k.offset * i->dx) * FIX);
	g->x_mask = h.mask;
	g->y_mask = k.mask;
	return true;
}

/* ---------------------------------------------------------------- rows */

static void set_light(const struct setup *s, struct soft_segment *g, int x, int y)
{
	double w0 = 1 / value(s, PLANE_I, x, y), w1 = 1 / value(s, PLANE_I, x + g->n - 1, y);
	double part = g->n > 1 ? (double)SOFT_LIGHT_ONE / (g->n - 1) : 0;

	for (int k = 0; k < 3; k++) {
		double a = limit(value(s, PLANE_LIGHT + k, x, y) * w0, 0, SOFT_MAX_LIGHT);
		double b = value(s, PLANE_LIGHT + k, x + g->n - 1, y) * w1;

		b = limit(b, 0, SOFT_MAX_LIGHT);
		g->light[k] = (uint16_t)(a * SOFT_LIGHT_ONE);
		g->dlight[k] = (uint16_t)(int)((b - a) * part);
	}
}

/* g: what all of the row's segments have in common. */
static void draw_segment(const struct setup *s, const struct soft_segment *row, int x, int y, int n)
{
	size_t at = (size_t)y * (size_t)s->t->w + (size_t)x;
	struct soft_segment g = *row;

	g.n = n;
	if (g.level && !set_texels(s, &g, x, y)) {
		draw_segment(s, row, x, y, n / 2);
		draw_segment(s, row, x + n / 2, y, n - n / 2);
		return;
	}
	g.pixel = s->t->pixel + at;
	g.depth = s->t->depth + at;
	g.i = (float)value(s, PLANE_I, x, y);
	if (!s->even)
		set_light(s, &g, x, y);
	s->t->draw(&g);
}

/* How many pixels the light is straight for. The bend of what is divided by w is n^2 / 4 times how
 * fast w changes. */
static int straight(const struct setup *s, int x, int end, int y)
{
	double i0 = value(s, PLANE_I, x, y), i1 = value(s, PLANE_I, end - 1, y);
	double change = fabs(s->plane[PLANE_I].dx) / (i0 < i1 ? i0 : i1);
	int n = CHUNK;

	while (n > 4 && change * n * n > 4 / 1.4 * MOST_BEND)
		n /= 2;
	return n;
}

static void draw_row(const struct setup *s, int from, int to, int y, bool first)
{
	struct soft_segment g = {.first = first, .di = (float)s->plane[PLANE_I].dx};

	memcpy(g.light, s->light, sizeof(g.light));
	for (int x = from; x < to; x += CHUNK) {
		int end = to - x < CHUNK ? to : x + CHUNK;
		int n = s->even ? end - x : straight(s, x, end, y);

		if (!s->texture->white) {
			struct point m = point_at(s, (x + end) / 2, y);

			g.level = s->levels > 1 ? level_at(s, &m) : s->texture->level;
		}
		for (int k = x; k < end; k += n)
			draw_segment(s, &g, k, y, end - k < n ? end - k : n);
	}
}

static void wipe(const struct soft_target *t, int y, int from, int to)
{
	size_t at = (size_t)y * (size_t)t->w + (size_t)from, n = (size_t)(to - from);

	memset(t->pixel + at, 0, n * sizeof(*t->pixel));
	memset(t->depth + at, 0, n * sizeof(*t->depth));
}

/* Makes the row as wide as to hold these pixels; are they all new there? If not, all of it is
 * known afterwards. */
static bool widen(const struct soft_target *t, int y, int from, int to)
{
	struct soft_row *r = &t->row[y];
	bool first = true;

	if (r->to == 0) {
		*r = (struct soft_row){from, to};
	} else if (from >= r->to) {
		wipe(t, y, r->to, from);
		r->to = to;
	} else if (to <= r->from) {
		wipe(t, y, to, r->from);
		r->from = from;
	} else {
		first = false;
		if (from < r->from) {
			wipe(t, y, from, r->from);
			r->from = from;
		}
		if (to > r->to) {
			wipe(t, y, r->to, to);
			r->to = to;
		}
	}
	return first;
}

void soft_begin(const struct soft_target *t)
{
	memset(t->row, 0, (size_t)t->h * sizeof(*t->row));
}

void soft_end(const struct soft_target *t)
{
	for (int y = 0; y < t->h; y++) {
		const struct soft_row *r = &t->row[y];
		uint32_t *p = t->pixel + (size_t)y * (size_t)t->w;

		memset(p, 0, (size_t)r->from * sizeof(*p));
		memset(p + r->to, 0, (size_t)(t->w - r->to) * sizeof(*p));
	}
}

/* ---------------------------------------------------------------- triangles */

/* v = quotient * d + rest, 0 <= rest < d */
static int64_t floor_div(int64_t v, int64_t d, int64_t *rest)
{
	int64_t q = v / d;

	*rest = v - q * d;
	if (*rest < 0) {
		*rest += d;
		q--;
	}
	return q;
}

static struct edge edge_of(const struct soft_corner *a, const struct soft_corner *b, int y)
{
	struct edge e = {a->x, a->y, b->x - a->x, b->y - a->y, 0, 0, 0, 0, 0};
	int64_t c = e.dx * ((int64_t)y * SOFT_ONE + SOFT_ONE / 2 - e.y);
	int64_t sign = e.dy < 0 ? -1 : 1;

	e.d = e.dy * SOFT_ONE * sign;
	if (e.d == 0)
		return e;
	c -= e.dy * (SOFT_ONE / 2 - e.x);
	e.at = -floor_div(-c * sign, e.d, &e.rest);
	e.step = floor_div(e.dx * SOFT_ONE * sign, e.d, &e.more);
	return e;
}

static void next_row(struct edge *e)
{
	e->at += e->step;
	e->rest -= e->more;
	if (e->rest < 0) {
		e->rest += e->d;
		e->at++;
	}
}

/* The pixels of a row whose middles are inside: left and upper edges belong to the triangle, so
 * that neighbours share none and leave none out. */
static void span_of(struct setup *s, int y, int *from, int *to)
{
	int64_t low = 0, high = s->t->w;

	for (int k = 0; k < 3; k++) {
		struct edge *e = &s->edge[k];
		int64_t at = (int64_t)y * SOFT_ONE + SOFT_ONE / 2 - e->y;

		if (e->dy < 0)
			low = e->at > low ? e->at : low;
		else if (e->dy > 0)
			high = e->at < high ? e->at : high;
		else if (e->dx * at < 0 || (at == 0 && e->dx < 0))
			high = low;
		next_row(e);
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

/* Rows whose middles are within. */
static void rows_of(const struct soft_corner *const c[3], int h, int *top, int *bottom)
{
	int64_t first = INT32_MAX, last = INT32_MIN;

	for (int k = 0; k < 3; k++) {
		first = c[k]->y < first ? c[k]->y : first;
		last = c[k]->y > last ? c[k]->y : last;
	}
	*top = first < 0 ? 0 : (int)(first / SOFT_ONE);
	*bottom = last < 0 ? -1 : last / SOFT_ONE < h - 1 ? (int)(last / SOFT_ONE) : h - 1;
}

void soft_triangle(const struct soft_target *t, const struct soft_corner *const corner[3],
	const struct soft_texture *texture, unsigned levels)
{
	int64_t twice = area(corner);
	const struct soft_corner *c[3] = {
		corner[0], corner[twice < 0 ? 2 : 1], corner[twice < 0 ? 1 : 2]};
	struct setup s = {.t = t, .texture = texture, .levels = levels};
	int top, bottom;

	rows_of(c, t->h, &top, &bottom);
	if (twice == 0 || top > bottom)
		return;
	set_even(&s, c);
	set_planes(&s, c);
	for (int k = 0; k < 3; k++)
		s.edge[k] = edge_of(c[k], c[(k + 1) % 3], top);
	for (int y = top; y <= bottom; y++) {
		int from, to;

		span_of(&s, y, &from, &to);
		if (from < to)
			draw_row(&s, from, to, y, widen(t, y, from, to));
	}
}
