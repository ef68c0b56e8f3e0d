/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/render/soft_int.h"

#include <GLES3/gl3.h>

#include <math.h>
#include <string.h>

#define LEAST_LIGHT 0.001f /* that can be told */
#define UV_FAR 4096 /* repeats; further away nothing is that is not a rounding error */
#define CHUNK 64 /* pixels of a row with one level of detail */
#define LIGHT_BEND 0.02f
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

/* Within the texture lies scale * coordinate + offset. */
struct axis {
	double scale, offset;
	bool repeats; /* as its texels are addressed */
};

enum { PLANE_I, PLANE_U, PLANE_V, PLANE_LIGHT, PLANES = PLANE_LIGHT + 3 };

struct setup {
	const struct soft_target *t;
	const struct soft_texture *texture;
	unsigned levels;
	struct edge edge[3];
	struct plane plane[PLANES]; /* 1 / w, u / w, v / w, light */
	double x, y; /* where the planes' v are */
	bool even; /* the light is the same everywhere */
	bool flat; /* it changes evenly from pixel to pixel; if not, light / w does */
	uint16_t light[4];
	bool simple; /* all of the texture is read by one rule, and the light is even or flat */
	struct axis axis[2]; /* then: the rule */
	const struct soft_level *level; /* NULL: not all of it reads the same */
};

/* ---------------------------------------------------------------- planes */

static double limit(double v, double low, double high);

static void corner_values(const struct setup *s, const struct soft_corner *c, double v[PLANES])
{
	double part = s->flat ? 1 : c->i;

	v[PLANE_I] = c->i;
	v[PLANE_U] = c->u * c->i;
	v[PLANE_V] = c->v * c->i;
	for (int k = 0; k < 3; k++)
		v[PLANE_LIGHT + k] = limit(c->light[k], 0, SOFT_MAX_LIGHT) * part;
}

static void set_planes(struct setup *s, const struct soft_corner *const c[3])
{
	double x1 = (double)(c[1]->x - c[0]->x) / SOFT_ONE;
	double y1 = (double)(c[1]->y - c[0]->y) / SOFT_ONE;
	double x2 = (double)(c[2]->x - c[0]->x) / SOFT_ONE;
	double y2 = (double)(c[2]->y - c[0]->y) / SOFT_ONE, det = 1 / (x1 * y2 - x2 * y1);
	double v[3][PLANES];

	for (int k = 0; k < 3; k++)
		corner_values(s, c[k], v[k]);
	s->x = (double)c[0]->x / SOFT_ONE - 0.5; /* pixels' middles */
	s->y = (double)c[0]->y / SOFT_ONE - 0.5;
	for (int i = 0; i < (s->even ? PLANE_LIGHT : PLANES); i++) {
		double a = v[1][i] - v[0][i], b = v[2][i] - v[0][i];

		s->plane[i].v = v[0][i];
		s->plane[i].dx = (a * y2 - b * y1) * det;
		s->plane[i].dy = (b * x1 - a * x2) * det;
	}
}

/* What is no number becomes low. */
static double limit(double v, double low, double high)
{
	return v > low ? v < high ? v : high : low;
}

/* Most triangles are lit evenly: a box's. Of small ones, and of such that lie along the picture,
 * light is what lies between the corners: without perspective it is a quarter of BEND off. */
static void set_light_kind(struct setup *s, const struct soft_corner *const c[3])
{
	float near = 0, far = INFINITY, most = 0;

	for (int n = 0; n < 3; n++) {
		near = c[n]->i > near ? c[n]->i : near;
		far = c[n]->i < far ? c[n]->i : far;
		for (int k = 0; k < 3; k++)
			most = fmaxf(most, fabsf(c[n]->light[k] - c[0]->light[k]));
	}
	s->even = most < LEAST_LIGHT;
	s->flat = (near - far) * most < LIGHT_BEND * far;
	for (int k = 0; k < 3; k++)
		s->light[k] = (uint16_t)(limit(c[0]->light[k], 0, SOFT_MAX_LIGHT) * SOFT_LIGHT_ONE);
}

static double value(const struct setup *s, int plane, int x, int y)
{
	const struct plane *p = &s->plane[plane];

	return p->v + p->dx * (x - s->x) + p->dy * (y - s->y);
}

/* What a pixel has; u and v no longer divided by w. */
struct point {
	double i, u, v;
};

static struct point point_at(const struct setup *s, int x, int y)
{
	const struct plane *i = &s->plane[PLANE_I], *u = &s->plane[PLANE_U];
	const struct plane *v = &s->plane[PLANE_V];
	double right = x - s->x, down = y - s->y, w;
	struct point p = {i->v + i->dx * right + i->dy * down, u->v + u->dx * right + u->dy * down,
		v->v + v->dx * right + v->dy * down};

	w = 1 / p.i;
	p.u = limit(p.u * w, -UV_FAR, UV_FAR);
	p.v = limit(p.v * w, -UV_FAR, UV_FAR);
	return p;
}

/* Pixels of a row, and what the first and the last have. */
struct run {
	int x, y, n;
	struct point first, last;
};

static struct run run_of(const struct setup *s, int x, int y, int n)
{
	return (struct run){x, y, n, point_at(s, x, y), point_at(s, x + n - 1, y)};
}

/* ---------------------------------------------------------------- textures */

/* The texture's level of which a texel is about a pixel. */
static const struct soft_level *level_at(const struct setup *s, const struct point *at)
{
	const struct soft_level *l = s->texture->level;
	const struct plane *i = &s->plane[PLANE_I], *u = &s->plane[PLANE_U];
	const struct plane *v = &s->plane[PLANE_V];
	double one, w, h, ux, uy, vx, vy, x, y, most;
	unsigned n = 0;

	if (s->levels == 1)
		return l;
	one = 1 / at->i;
	w = l->w * one;
	h = l->h * one;
	ux = (u->dx - at->u * i->dx) * w;
	uy = (u->dy - at->u * i->dy) * w;
	vx = (v->dx - at->v * i->dx) * h;
	vy = (v->dy - at->v * i->dy) * h;
	x = ux * ux + vx * vx;
	y = uy * uy + vy * vy;
	most = x > y ? x : y;
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

/* One rule for all from the coordinate `first` to `last`; false: they are on different sides of
 * where the texture begins anew or ends. */
static bool wrap(uint16_t mode, int n, double first, double last, struct axis *out)
{
	int a = floor_of(first), b = floor_of(last);

	*out = (struct axis){1, -a, false};
	if (mode == GL_CLAMP_TO_EDGE) {
		a = a < 0 ? -1 : a > 0;
		b = b < 0 ? -1 : b > 0;
		*out = (struct axis){a == 0, a > 0, false};
	} else if (mode == GL_MIRRORED_REPEAT && a % 2) {
		*out = (struct axis){-1, a + 1, false};
	}
	if (a == b || mode != GL_REPEAT || (n & (n - 1)) || fabs(last - first) * n > MOST_TEXELS)
		return a == b;
	out->repeats = true;
	return true;
}

/* The same for all between three coordinates. Half a texel beyond a border is still read right, as
 * there is a texel more. */
static bool wrap_all(uint16_t mode, int n, const float c[3], struct axis *out)
{
	float low = fminf(c[0], fminf(c[1], c[2])), high = fmaxf(c[0], fmaxf(c[1], c[2]));
	double cell = floor(((double)low + (double)high) / 2), slack = 0.4 / n;

	if (low >= cell - slack && high <= cell + 1 + slack)
		return wrap(mode, n, cell + 0.5, cell + 0.5, out);
	return wrap(mode, n, low, high, out) && mode == GL_REPEAT;
}

/* Is all of the triangle's texture read by one rule? Level 0 has the finest borders. */
static bool one_rule(struct setup *s, const struct soft_corner *const c[3])
{
	const float u[3] = {c[0]->u, c[1]->u, c[2]->u}, v[3] = {c[0]->v, c[1]->v, c[2]->v};
	const struct soft_level *l = s->texture->level;

	for (int n = 0; n < 3; n++) {
		struct point at = {c[n]->i, u[n], v[n]};
		const struct soft_level *here = level_at(s, &at);

		s->level = n == 0 || here == s->level ? here : NULL;
	}
	return wrap_all(s->texture->wrap_s, l->w, u, &s->axis[0]) &&
	       wrap_all(s->texture->wrap_t, l->h, v, &s->axis[1]);
}

/* i, p: what the segment's first pixel has of 1 / w and of that plane. */
static float axis_at(const struct axis *a, int n, double i, double p)
{
	return (float)((a->scale * n * p + (a->offset * n + 0.5) * i) * FIX);
}

static void set_axes(const struct setup *s, struct soft_segment *g, const struct axis *a, double i,
	double u, double v)
{
	const struct plane *p = s->plane;
	int w = g->level->w, h = g->level->h;

	g->x = axis_at(&a[0], w, i, u);
	g->y = axis_at(&a[1], h, i, v);
	g->dx = axis_at(&a[0], w, p[PLANE_I].dx, p[PLANE_U].dx);
	g->dy = axis_at(&a[1], h, p[PLANE_I].dx, p[PLANE_V].dx);
	g->x_mask = a[0].repeats ? (w << 16) - 1 : -1;
	g->y_mask = a[1].repeats ? (h << 16) - 1 : -1;
}

/* Where the run's pixels read; false: on both sides of a border. */
static bool set_texels(const struct setup *s, struct soft_segment *g, const struct run *r)
{
	const struct soft_texture *t = s->texture;
	const struct point *p = &r->first, *q = &r->last;
	struct axis a[2];
	bool same = wrap(t->wrap_s, g->level->w, p->u, q->u, &a[0]);

	same = wrap(t->wrap_t, g->level->h, p->v, q->v, &a[1]) && same;
	if (!same && r->n > 1)
		return false;
	set_axes(s, g, a, p->i, p->u * p->i, p->v * p->i);
	return true;
}

/* ---------------------------------------------------------------- rows */

static void set_light(const struct setup *s, struct soft_segment *g, const struct run *r)
{
	double part = r->n > 1 ? (double)SOFT_LIGHT_ONE / (r->n - 1) : 0;
	double w0 = s->flat ? 1 : 1 / r->first.i, w1 = s->flat ? 1 : 1 / r->last.i;

	for (int k = 0; k < 3; k++) {
		double a = value(s, PLANE_LIGHT + k, r->x, r->y) * w0;
		double b = value(s, PLANE_LIGHT + k, r->x + r->n - 1, r->y) * w1;

		a = limit(a, 0, SOFT_MAX_LIGHT);
		b = limit(b, 0, SOFT_MAX_LIGHT);
		g->light[k] = (uint16_t)(a * SOFT_LIGHT_ONE);
		g->dlight[k] = (uint16_t)(int)((b - a) * part);
	}
}

/* g: what all of the row's have in common, and the texture's level. */
static void draw_run(const struct setup *s, struct soft_segment *g, const struct run *r)
{
	size_t at = (size_t)r->y * (size_t)s->t->w + (size_t)r->x;

	if (g->level && !set_texels(s, g, r)) {
		int left = r->n / 2;
		struct run a = *r, b = *r;

		a.n = left;
		a.last = point_at(s, r->x + left - 1, r->y);
		b.n -= left;
		b.x += left;
		b.first = point_at(s, b.x, r->y);
		draw_run(s, g, &a);
		draw_run(s, g, &b);
		return;
	}
	g->n = r->n;
	g->pixel = s->t->pixel + at;
	g->depth = s->t->depth + at;
	g->i = (float)r->first.i;
	if (!s->even)
		set_light(s, g, r);
	s->t->draw(g);
}

/* How many pixels the light is straight for. The bend of what is divided by w is n^2 / 4 times how
 * fast w changes. */
static int straight(const struct setup *s, const struct run *r)
{
	double least = r->first.i < r->last.i ? r->first.i : r->last.i;
	double change = fabs(s->plane[PLANE_I].dx) / least;
	int n = CHUNK;

	while (n > 4 && change * n * n > 4 / 1.4 * MOST_BEND)
		n /= 2;
	return n;
}

/* Light or the level of detail may change within it. */
static void draw_chunk(const struct setup *s, struct soft_segment *g, const struct run *r)
{
	int n = s->even ? r->n : straight(s, r);

	if (!s->texture->white) {
		struct point middle = point_at(s, r->x + r->n / 2, r->y);

		g->level = level_at(s, &middle);
	}
	if (n >= r->n) {
		draw_run(s, g, r);
		return;
	}
	for (int k = 0; k < r->n; k += n) {
		struct run part = run_of(s, r->x + k, r->y, r->n - k < n ? r->n - k : n);

		draw_run(s, g, &part);
	}
}

static void draw_simple(const struct setup *s, struct soft_segment *g, int x, int y, int n)
{
	double right = x - s->x, down = y - s->y, v[PLANES] = {0};
	size_t at = (size_t)y * (size_t)s->t->w + (size_t)x;

	for (int k = 0; k < (s->even ? PLANE_LIGHT : PLANES); k++)
		v[k] = s->plane[k].v + s->plane[k].dx * right + s->plane[k].dy * down;
	g->pixel = s->t->pixel + at;
	g->depth = s->t->depth + at;
	g->n = n;
	g->i = (float)v[PLANE_I];
	if (!s->texture->white) {
		struct point middle;

		g->level = s->level;
		if (!g->level) {
			middle = point_at(s, x + n / 2, y);
			g->level = level_at(s, &middle);
		}
		set_axes(s, g, s->axis, v[PLANE_I], v[PLANE_U], v[PLANE_V]);
	}
	for (int k = 0; k < 3 && !s->even; k++)
		g->light[k] =
			(uint16_t)(limit(v[PLANE_LIGHT + k], 0, SOFT_MAX_LIGHT) * SOFT_LIGHT_ONE);
	s->t->draw(g);
}

static void draw_row(const struct setup *s, int from, int to, int y, bool first)
{
	struct soft_segment g = {.first = first, .di = (float)s->plane[PLANE_I].dx};
	bool long_ones = s->simple && s->even && (s->level || s->texture->white);
	int chunk = long_ones ? INT32_MAX : CHUNK;

	memcpy(g.light, s->light, sizeof(g.light));
	for (int k = 0; k < 3 && !s->even && s->simple; k++)
		g.dlight[k] = (uint16_t)lrint(s->plane[PLANE_LIGHT + k].dx * SOFT_LIGHT_ONE);
	for (int x = from, n; x < to; x += n) {
		n = to - x < chunk ? to - x : chunk;
		if (s->simple) {
			draw_simple(s, &g, x, y, n);
		} else {
			struct run r = run_of(s, x, y, n);

			draw_chunk(s, &g, &r);
		}
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

/* v = quotient * d + rest, 0 <= rest < d. In floating point, and then put right: that is faster
 * than dividing 64 bits. */
static int64_t floor_div(int64_t v, int64_t d, int64_t *rest)
{
	int64_t q = (int64_t)((double)v / (double)d), r = v - q * d;

	while (r < 0) {
		r += d;
		q--;
	}
	while (r >= d) {
		r -= d;
		q++;
	}
	*rest = r;
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
	set_light_kind(&s, c);
	set_planes(&s, c);
	s.simple = (s.even || s.flat) && (texture->white || one_rule(&s, c));
	for (int k = 0; k < 3; k++)
		s.edge[k] = edge_of(c[k], c[(k + 1) % 3], top);
	for (int y = top; y <= bottom; y++) {
		int from, to;

		span_of(&s, y, &from, &to);
		if (from < to)
			draw_row(&s, from, to, y, widen(t, y, from, to));
	}
}
