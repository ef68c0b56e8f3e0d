/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/front/predict.h"

#include <math.h>
#include <string.h>

#define DAMPING 0.8 /* of the acceleration */
#define HORIZON 50000.0 /* it goes on for */

void predict_slerp(float out[4], const float a[4], const float b[4], double f)
{
	double dot = 0, s, wa = 1 - f, wb = f, n = 0, sign, v[4];

	for (unsigned i = 0; i < 4; i++)
		dot += (double)a[i] * (double)b[i];
	sign = dot < 0 ? -1 : 1;
	dot = fabs(dot) > 1 ? 1 : fabs(dot);
	s = sqrt(1 - dot * dot);
	if (s > 1e-4) {
		double angle = atan2(s, dot);

		wa = sin((1 - f) * angle) / s;
		wb = sin(f * angle) / s;
	}
	for (unsigned i = 0; i < 4; i++) {
		v[i] = wa * (double)a[i] + sign * wb * (double)b[i];
		n += v[i] * v[i];
	}
	for (unsigned i = 0; i < 4; i++)
		out[i] = n > 1e-9 ? (float)(v[i] / sqrt(n)) : b[i];
}

/* What turns a into b, about the axes of the world: radians. */
static void turn(double out[3], const float a[4], const float b[4])
{
	const double ax = (double)a[0], ay = (double)a[1], az = (double)a[2], aw = (double)a[3];
	const double bx = (double)b[0], by = (double)b[1], bz = (double)b[2], bw = (double)b[3];
	double w = bw * aw + bx * ax + by * ay + bz * az, s, f;

	out[0] = bx * aw - bw * ax - by * az + bz * ay;
	out[1] = by * aw - bw * ay - bz * ax + bx * az;
	out[2] = bz * aw - bw * az - bx * ay + by * ax;
	s = sqrt(out[0] * out[0] + out[1] * out[1] + out[2] * out[2]);
	f = s > 1e-9 ? 2 * atan2(s, fabs(w)) / s : 2;
	for (unsigned i = 0; i < 3; i++)
		out[i] *= w < 0 ? -f : f;
}

/* q turned on by that. */
static void turned(float out[4], const double by[3], const float q[4])
{
	double angle = sqrt(by[0] * by[0] + by[1] * by[1] + by[2] * by[2]);
	double f = angle > 1e-9 ? sin(angle / 2) / angle : 0.5;
	double x = by[0] * f, y = by[1] * f, z = by[2] * f, w = cos(angle / 2);
	const double qx = (double)q[0], qy = (double)q[1], qz = (double)q[2], qw = (double)q[3];
	double n = sqrt(qx * qx + qy * qy + qz * qz + qw * qw);

	n = n > 1e-9 ? 1 / n : 0;
	out[0] = (float)(n * (w * qx + x * qw + y * qz - z * qy));
	out[1] = (float)(n * (w * qy + y * qw + z * qx - x * qz));
	out[2] = (float)(n * (w * qz + z * qw + x * qy - y * qx));
	out[3] = (float)(n * (w * qw - x * qx - y * qy - z * qz));
}

/* Place and turn between two poses, a microsecond. */
static void speed(double out[6], const struct predict_pose *from, const struct predict_pose *to)
{
	double dt = to->t - from->t;

	turn(out + 3, from->q, to->q);
	for (unsigned i = 0; i < 3; i++)
		out[i] = (double)to->p[i] - (double)from->p[i];
	for (unsigned i = 0; i < 6; i++)
		out[i] /= dt;
}

void predict_pose(const struct predict_pose *latest, unsigned n, double t, float p[3], float q[4])
{
	double h = t - latest->t, near = h < HORIZON ? h : HORIZON, v[6] = {0}, before[6], way[6];

	if (n > 1)
		speed(v, &latest[1], &latest[0]);
	for (unsigned i = 0; i < 6; i++)
		way[i] = v[i] * h;
	if (n > 2) {
		double gap = (latest[0].t - latest[2].t) / 2; /* between the two speeds */
		double late = (latest[0].t - latest[1].t) / 2; /* since the later one */

		speed(before, &latest[2], &latest[1]);
		for (unsigned i = 0; i < 6; i++)
			way[i] += (v[i] - before[i]) / gap * DAMPING *
				  (late * h + near * near / 2 + near * (h - near));
	}
	for (unsigned i = 0; i < 3; i++)
		p[i] = (float)((double)latest->p[i] + way[i]);
	turned(q, way + 3, latest->q);
}
