/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a camera is a little after the last pose that is known of it. A head that turns back
 * does so at several hundred degrees a second squared: by its speed alone it is 3 pixels off
 * after 40 ms at 360p, so the change of the speed counts too, a little less than in full, for poses
 * have noise, and for 50 ms at most.
 *
 * Called by capture.c. Pure; times are microseconds, any epoch.
 */
#ifndef PREDICT_H
#define PREDICT_H

struct predict_pose {
	double t;
	const float *p, *q; /* 3: metres; 4: a unit quaternion x y z w */
};

/* Turned from a by f of the way to b; f may be beyond 0..1. */
void predict_slerp(float out[4], const float a[4], const float b[4], double f);

/* The latest pose first, then earlier ones, each some ten milliseconds before: 1 to 3. */
void predict_pose(const struct predict_pose *latest, unsigned n, double t, float p[3], float q[4]);

#endif
