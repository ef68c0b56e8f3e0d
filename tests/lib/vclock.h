/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtual time for a whole test program: usrsctp and libssl read the clock themselves, so the
 * program defines gettimeofday(), clock_gettime() and time() in front of the C library's.
 */
#ifndef VCLOCK_H
#define VCLOCK_H

#include <stdint.h>

uint64_t vclock_now(void); /* microseconds */
void vclock_set(uint64_t now);

#endif
