/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Networks that a media function is near to ([dcsf] near), for the policy's dcmf = 'nearest'. Pure.
 */
#ifndef NEAR_H
#define NEAR_H

#include <stdint.h>

#define NEAR_MAX 64 /* networks of one media function */

struct near {
	unsigned n;
	struct {
		uint8_t addr[16];
		unsigned bytes, bits; /* 4 or 16; of the prefix */
	} net[NEAR_MAX];
};

/* Adds "192.0.2.0/24 2001:db8::/32, 10.1.2.3"; bits may be left out. -EINVAL for anything else and
 * more than NEAR_MAX; what was added before the bad one stays. */
int near_add(struct near *n, const char *nets) __attribute__((warn_unused_result));
/* The longest prefix that has "address", "address:port" or "[v6]:port"; -1: none. */
int near_bits(const struct near *n, const char *source);

#endif
