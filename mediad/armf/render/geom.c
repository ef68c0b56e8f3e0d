/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/render/geom.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define NEAR_DEFAULT 0.05f
#define FAR_DEFAULT 100.0f
#define MIN_W 1e-6f /* nearer to the camera's plane than that is cut off */

void geom_mul(float out[16], const float a[16], const float b[16])
{
	for (int c = 0; c < 4; c++) {
		for (int r = 0; r < 4; r++) {
			out[c * 4 + r] = a[r] * b[c * 4] + a[4 + r] * b[c * 4 + 1] +
					 a[8 + r] * b[c * 4 + 2] + a[12 + r] * b[c * 4 + 3];
		}
	}
}

static void cofactors(float c[9], const float m[16])
{
	for (int i = 0; i < 3; i++) {
		const float *a = m + 4 * ((i + 1) % 3), *b = m + 4 * ((i + 2) % 3);

		for (int j = 0; j < 3; j++) {
			int k = (j + 1) % 3, l = (j + 2) % 3;

			c[i * 3 + j] = a[k] * b[l] - a[l] * b[k];
		}
	}
}

float geom_det3(const float m[16])
{
	float c[9];

	cofactors(c, m);
	return m[0] * c[0] + m[1] * c[1] + m[2] * c[2];
}

void geom_normal(float out[9], const float m[16])
{
	float c[9], det;

	cofactors(c, m);
	det = m[0] * c[0] + m[1] * c[1] + m[2] * c[2];
	if (fabsf(det) > 1e-30f) {
		for (int i = 0; i < 9; i++)
			out[i] = c[i] / det;
		return;
	}
	for (int i = 0; i < 3; i++)
		memcpy(out + i * 3, m + i * 4, 3 * sizeof(float));
}

static bool all_finite(const float *p, int n)
{
	for (int i = 0; i < n; i++) {
		if (!isfinite(p[i]))
			return false;
	}
	return true;
}

/* Inverse of a rotation and a translation. */
static int view_matrix(float v[16], const float p[3], const float q[4])
{
	float n = sqrtf(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]);
	float x, y, z, w;

	if (!(n > 1e-6f) || !isfinite(n))
		return -EINVAL;
	x = q[0] / n, y = q[1] / n, z = q[2] / n, w = q[3] / n;
	const float r[9] = {1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w),
		2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w),
		2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)};

	/* r is row-major, so stored by columns it is its own transpose: the inverse */
	for (int c = 0; c < 3; c++) {
		for (int i = 0; i < 3; i++)
			v[c * 4 + i] = r[c * 3 + i];
		v[c * 4 + 3] = 0;
		v[12 + c] = -(r[c] * p[0] + r[3 + c] * p[1] + r[6 + c] * p[2]);
	}
	v[15] = 1;
	return 0;
}

static int projection_matrix(float m[16], const struct render_camera *c, int w, int h)
{
	float n = c->near > 0 ? c->near : NEAR_DEFAULT, f = c->far > 0 ? c->far : FAR_DEFAULT;
	float y;

	if (!(c->fov_y > 0)) {
		memcpy(m, c->projection, 16 * sizeof(*m));
		/* a perspective has w = -z, and nothing may be infinitely large */
		return all_finite(m, 16) && fabsf(m[0]) > 1e-6f && fabsf(m[5]) > 1e-6f ? 0
										       : -EINVAL;
	}
	if (!(c->fov_y < 3.1f) || !isfinite(n) || !isfinite(f) || !(f > n))
		return -EINVAL;
	y = 1.0f / tanf(c->fov_y / 2);
	memset(m, 0, 16 * sizeof(*m));
	m[0] = y * (float)h / (float)w;
	m[5] = y;
	m[10] = (f + n) / (n - f);
	m[11] = -1;
	m[14] = 2 * f * n / (n - f);
	return 0;
}

int geom_camera(struct geom_camera *out, const struct render_camera *c, int w, int h)
{
	float p[16];
	int rc;

	if (!all_finite(c->position, 3) || !all_finite(c->orientation, 4))
		return -EINVAL;
	rc = view_matrix(out->view, c->position, c->orientation);
	if (!rc)
		rc = projection_matrix(p, c, w, h);
	if (rc)
		return rc;
	memcpy(out->position, c->position, sizeof(out->position));
	geom_mul(out->clip, p, out->view);
	return all_finite(out->clip, 16) ? 0 : -EINVAL;
}

static void transform(float out[4], const float m[16], float x, float y, float z)
{
	for (int r = 0; r < 4; r++)
		out[r] = m[r] * x + m[4 + r] * y + m[8 + r] * z + m[12 + r];
}

/* Distance to the near plane, the one of w = MIN_W where that is further. */
static float before(const float p[4])
{
	float a = p[3] + p[2], b = p[3] - MIN_W;

	return a < b ? a : b;
}

static void extend(float lo[2], float hi[2], const float p[4])
{
	for (int i = 0; i < 2; i++) {
		float v = p[i] / p[3];

		lo[i] = v < lo[i] ? v : lo[i];
		hi[i] = v > hi[i] ? v : hi[i];
	}
}

/* Where an edge meets the near plane. min() of two planes is concave: bisection from inside. */
static void cut(float lo[2], float hi[2], const float a[4], const float b[4])
{
	const float *in = before(a) >= 0 ? a : b, *out = in == a ? b : a;
	float t0 = 0, t1 = 1, p[4];

	for (int i = 0; i < 24; i++) {
		float t = (t0 + t1) / 2;

		for (int k = 0; k < 4; k++)
			p[k] = in[k] + (out[k] - in[k]) * t;
		if (before(p) >= 0)
			t0 = t;
		else
			t1 = t;
	}
	for (int k = 0; k < 4; k++)
		p[k] = in[k] + (out[k] - in[k]) * t0;
	if (p[3] >= MIN_W)
		extend(lo, hi, p);
}

static bool corners(const float clip[16], const float lo[3], const float hi[3], float p[8][4])
{
	int behind = 0, far = 0;

	for (int i = 0; i < 8; i++) {
		transform(p[i], clip, i & 1 ? hi[0] : lo[0], i & 2 ? hi[1] : lo[1],
			i & 4 ? hi[2] : lo[2]);
		if (!all_finite(p[i], 4))
			return false;
		behind += before(p[i]) < 0;
		far += p[i][2] > p[i][3];
	}
	return behind < 8 && far < 8;
}

/* Pixels added around: the rasteriser snaps to 1/256, and what is seen edge-on has no width. */
#define MARGIN 0.06f

static float clamped(float v, float max)
{
	return v < 0 ? 0 : v > max ? max : v;
}

bool geom_project(const struct geom_camera *c, const float lo[3], const float hi[3], int w, int h,
	struct geom_rect *out)
{
	float p[8][4], a[2] = {INFINITY, INFINITY}, b[2] = {-INFINITY, -INFINITY};

	if (!corners(c->clip, lo, hi, p))
		return false;
	for (int i = 0; i < 8; i++) {
		if (before(p[i]) >= 0)
			extend(a, b, p[i]);
		for (int bit = 1; bit < 8; bit <<= 1) {
			int k = i | bit;

			if (k != i && (before(p[i]) < 0) != (before(p[k]) < 0))
				cut(a, b, p[i], p[k]);
		}
	}
	out->x0 = clamped((a[0] + 1) / 2 * (float)w - MARGIN, (float)w);
	out->x1 = clamped((b[0] + 1) / 2 * (float)w + MARGIN, (float)w);
	out->y0 = clamped((1 - b[1]) / 2 * (float)h - MARGIN, (float)h);
	out->y1 = clamped((1 - a[1]) / 2 * (float)h + MARGIN, (float)h);
	return out->x1 > out->x0 && out->y1 > out->y0;
}

float geom_depth(const struct geom_camera *c, const float lo[3], const float hi[3])
{
	float p[4];

	transform(p, c->view, (lo[0] + hi[0]) / 2, (lo[1] + hi[1]) / 2, (lo[2] + hi[2]) / 2);
	return -p[2];
}
