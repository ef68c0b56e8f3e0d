/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The camera of the ARMF's benchmarks: on a circle around the object, looking at it. */
#ifndef BENCH_ORBIT_H
#define BENCH_ORBIT_H

#include <math.h>

#define BENCH_FOV 1.0f

static inline void bench_orbit(unsigned n, float distance, float position[3], float orientation[4])
{
	float a = 0.3f + 0.02f * (float)n;

	position[0] = distance * sinf(a);
	position[2] = distance * cosf(a);
	orientation[1] = sinf(a / 2);
	orientation[3] = cosf(a / 2);
}

#endif
