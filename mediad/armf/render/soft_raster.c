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

/* The side of a triangle on its way down: the row's first pixel to the right of it, which its x
 * rounded up by rest / d is, and what the next row has more. */
struct edge {
	int64_t at, rest, d, step, more;
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
	struct edge left[2], right[2]; /* what is within begins and ends at them */
	unsigned nleft, nright;
	int top, bottom; /* rows */
	struct plane plane[PLANES]; /* 1 / w, u / w, v / w, light */
	double x, y; /* where the planes' v are */
	bool even; /* the light is the same everywhere */
	bool flat; /* it changes evenly from pixel to pixel; if not, light / w does */
	bool simple; /* all of the texture is read by one rule, and the light is even or flat */
	struct axis axis[2]; /* then: the rule */
	const struct soft_level *level; /* NULL: not all of it reads the same */
	/* What all rows have in common. If there is one level, the planes of u and v are those of
	 * where it is read; if the light is flat, its planes are of SOFT_LIGHT_ONE. */
	struct soft_segment segment;
};

/* ---------------------------------------------------------------- planes */

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
		for (int k = 0; k < 3; k++) {
			float off = fabsf(c[n]->light[k] - c[0]->light[k]);

			most = off > most ? off : most;
		}
	}
	s->even = most < LEAST_LIGHT;
	s->flat = (near - far) * most < LIGHT_BEND * far;
	for (int k = 0; k < 3; k++)
		s->segment.light[k] =
			(uint16_t)(limit(c[0]->light[k], 0, SOFT_MAX_LIGHT) * SOFT_LIGHT_ONE);
}

/* What the planes go through: how far the second and the third corner are from the first. */
struct sides {
	double x1, y1, x2, y2, det;
};

static void set_plane(struct plane *p, const struct sides *d, double v0, double v1, double v2)
{
	double a = v1 - v0, b = v2 - v0;

	*p = (struct plane){v0, (a * d->y2 - b * d->y1) * d->det, (b * d->x1 - a * d->x2) * d->det};
}

static void set_light_planes(
	struct setup *s, const struct sides *d, const struct soft_corner *const c[3])
{
	for (int k = 0; k < 3; k++) {
		struct plane *p = &s->plane[PLANE_LIGHT + k];
		double v[3];

		for (int n = 0; n < 3; n++)
			v[n] = limit(c[n]->light[k], 0, SOFT_MAX_LIGHT) * SOFT_LIGHT_ONE *
			       (s->flat ? 1.0f : c[n]->i);
		set_plane(p, d, v[0], v[1], v[2]);
		if (s->flat)
			s->segment.dlight[k] = (uint16_t)(int)(p->dx + (p->dx < 0 ? -0.5 : 0.5));
	}
}

static void set_planes(struct setup *s, const struct soft_corner *const c[3])
{
	const double one = 1.0 / SOFT_ONE;
	struct sides d = {(c[1]->x - c[0]->x) * one, (c[1]->y - c[0]->y) * one,
		(c[2]->x - c[0]->x) * one, (c[2]->y - c[0]->y) * one, 0};
	double i0 = c[0]->i, i1 = c[1]->i, i2 = c[2]->i;

	d.det = 1 / (d.x1 * d.y2 - d.x2 * d.y1);
	s->x = c[0]->x * one - 0.5; /* pixels' middles */
	s->y = c[0]->y * one - 0.5;
	set_plane(&s->plane[PLANE_I], &d, i0, i1, i2);
	s->segment.di = (float)s->plane[PLANE_I].dx;
	if (!s->texture->white) {
		set_plane(&s->plane[PLANE_U], &d, c[0]->u * i0, c[1]->u * i1, c[2]->u * i2);
		set_plane(&s->plane[PLANE_V], &d, c[0]->v * i0, c[1]->v * i1, c[2]->v * i2);
	}
	if (!s->even)
		set_light_planes(s, &d, c);
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

static struct plane along(const struct axis *a, int n, const struct plane *p, const struct plane *i)
{
	double scale = a->scale * n * FIX, more = (a->offset * n + 0.5) * FIX;

	return (struct plane){scale * p->v + more * i->v, scale * p->dx + more * i->dx,
		scale * p->dy + more * i->dy};
}

/* Where the rows will read, when they all read the same level. */
static void aim(struct setup *s)
{
	const struct axis *a = s->axis;
	const struct soft_level *l = s->level;
	struct plane *p = s->plane;

	p[PLANE_U] = along(&a[0], l->w, &p[PLANE_U], &p[PLANE_I]);
	p[PLANE_V] = along(&a[1], l->h, &p[PLANE_V], &p[PLANE_I]);
	s->segment.level = l;
	s->segment.dx = (float)p[PLANE_U].dx;
	s->segment.dy = (float)p[PLANE_V].dx;
	s->segment.x_mask = a[0].repeats ? (l->w << 16) - 1 : -1;
	s->segment.y_mask = a[1].repeats ? (l->h << 16) - 1 : -1;
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
	const double most = SOFT_MAX_LIGHT * SOFT_LIGHT_ONE;
	double part = r->n > 1 ? 1.0 / (r->n - 1) : 0;
	double w0 = s->flat ? 1 : 1 / r->first.i, w1 = s->flat ? 1 : 1 / r->last.i;

	for (int k = 0; k < 3; k++) {
		double a = value(s, PLANE_LIGHT + k, r->x, r->y) * w0;
		double b = value(s, PLANE_LIGHT + k, r->x + r->n - 1, r->y) * w1;

		a = limit(a, 0, most);
		b = limit(b, 0, most);
		g->light[k] = (uint16_t)a;
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

static double plane_at(const struct plane *p, double right, double down)
{
	return p->v + p->dx * right + p->dy * down;
}

static void draw_simple(const struct setup *s, struct soft_segment *g, int x, int y, int n)
{
	double right = x - s->x, down = y - s->y;
	size_t at = (size_t)y * (size_t)s->t->w + (size_t)x;
	const struct plane *p = s->plane;

	g->pixel = s->t->pixel + at;
	g->depth = s->t->depth + at;
	g->n = n;
	g->i = (float)plane_at(&p[PLANE_I], right, down);
	if (s->level) {
		g->x = (float)plane_at(&p[PLANE_U], right, down);
		g->y = (float)plane_at(&p[PLANE_V], right, down);
	} else if (!s->texture->white) {
		struct point middle = point_at(s, x + n / 2, y);

		g->level = level_at(s, &middle);
		set_axes(s, g, s->axis, plane_at(&p[PLANE_I], right, down),
			plane_at(&p[PLANE_U], right, down), plane_at(&p[PLANE_V], right, down));
	}
	for (int k = 0; k < 3 && !s->even; k++)
		g->light[k] = (uint16_t)(int)plane_at(&p[PLANE_LIGHT + k], right, down);
	s->t->draw(g);
}

static void draw_row(struct setup *s, int from, int to, int y, bool first)
{
	bool long_ones = s->simple && s->even && (s->level || s->texture->white);
	int chunk = long_ones ? INT32_MAX : CHUNK;

	s->segment.first = first;
	for (int x = from, n; x < to; x += n) {
		n = to - x < chunk ? to - x : chunk;
		if (s->simple) {
			draw_simple(s, &s->segment, x, y, n);
		} else {
			struct run r = run_of(s, x, y, n);

			draw_chunk(s, &s->segment, &r);
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

/* From row `top` on. */
static struct edge edge_of(const struct soft_corner *a, const struct soft_corner *b, int top)
{
	int64_t dx = b->x - a->x, dy = b->y - a->y, sign = dy < 0 ? -1 : 1;
	int64_t c = dx * ((int64_t)top * SOFT_ONE + SOFT_ONE / 2 - a->y);
	struct edge e = {.d = dy * SOFT_ONE * sign};

	c -= dy * (SOFT_ONE / 2 - a->x);
	e.at = -floor_div(-c * sign, e.d, &e.rest);
	e.step = floor_div(dx * SOFT_ONE * sign, e.d, &e.more);
	return e;
}

static void next_row(struct edge *e)
{
	int64_t over;

	e->rest -= e->more;
	over = e->rest < 0;
	e->rest += over ? e->d : 0;
	e->at += e->step + over;
}

/* The pixels of a row whose middles are inside: left and upper edges belong to the triangle, so
 * that neighbours share none and leave none out. */
static void span_of(struct setup *s, int *from, int *to)
{
	int64_t low = 0, high = s->t->w;

	for (unsigned k = 0; k < s->nleft; k++) {
		low = s->left[k].at > low ? s->left[k].at : low;
		next_row(&s->left[k]);
	}
	for (unsigned k = 0; k < s->nright; k++) {
		high = s->right[k].at < high ? s->right[k].at : high;
		next_row(&s->right[k]);
	}
	*from = (int)low;
	*to = (int)(high > low ? high : low);
}

/* The first row whose middle is not above y. */
static int row_at(int32_t y)
{
	int32_t v = y + SOFT_ONE / 2 - 1;

	return v < 0 ? -1 - (-1 - v) / SOFT_ONE : v / SOFT_ONE;
}

/* Rows whose middles are within; an edge that lies along them belongs to it if it is the upper
 * one. */
static void rows_of(struct setup *s, const struct soft_corner *const c[3])
{
	int32_t first = INT32_MAX, last = INT32_MIN;
	int h = s->t->h;

	for (int k = 0; k < 3; k++) {
		first = c[k]->y < first ? c[k]->y : first;
		last = c[k]->y > last ? c[k]->y : last;
	}
	s->top = row_at(first);
	s->bottom = row_at(last + 1) - 1;
	for (int k = 0; k < 3; k++) {
		const struct soft_corner *a = c[k], *b = c[(k + 1) % 3];

		if (a->y == b->y && b->x < a->x)
			s->bottom = row_at(last) - 1;
	}
	s->top = s->top < 0 ? 0 : s->top;
	s->bottom = s->bottom < h ? s->bottom : h - 1;
}

static void set_edges(struct setup *s, const struct soft_corner *const c[3])
{
	s->nleft = s->nright = 0;
	for (int k = 0; k < 3; k++) {
		const struct soft_corner *a = c[k], *b = c[(k + 1) % 3];

		if (b->y < a->y && s->nleft < 2)
			s->left[s->nleft++] = edge_of(a, b, s->top);
		else if (b->y > a->y && s->nright < 2)
			s->right[s->nright++] = edge_of(a, b, s->top);
	}
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
	int64_t twice = area(corner);
	const struct soft_corner *c[3] = {
		corner[0], corner[twice < 0 ? 2 : 1], corner[twice < 0 ? 1 : 2]};
	struct setup s;

	s.t = t;
	rows_of(&s, c);
	if (twice == 0 || s.top > s.bottom)
		return;
	s.texture = texture;
	s.levels = levels;
	s.level = NULL;
	s.segment = (struct soft_segment){0};
	set_light_kind(&s, c);
	set_planes(&s, c);
	s.simple = (s.even || s.flat) && (texture->white || one_rule(&s, c));
	if (s.simple && s.level)
		aim(&s);
	set_edges(&s, c);
	for (int y = s.top; y <= s.bottom; y++) {
		int from, to;

		span_of(&s, &from, &to);
		if (from < to)
			draw_row(&s, from, to, y, widen(t, y, from, to));
	}
}
