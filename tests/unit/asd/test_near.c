/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which networks a media function is near to. */
#include "asd/dcsf/near.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

static void longest_prefix(void **state)
{
	static const struct {
		const char *source;
		int bits;
	} cases[] = {{"192.0.2.7:5060", 24}, {"192.0.2.7", 24}, {"192.0.2.200:5060", 25},
		{"192.0.2.255", 32}, {"192.0.3.1:5060", -1}, {"10.1.2.3:1", 8},
		{"[2001:db8::1]:5060", 32}, {"2001:db8:0:1::1", 64}, {"[2001:db9::1]:5060", -1},
		{"", -1}, {"x", -1}, {"[", -1}, {"[]:1", -1}, {"192.0.2", -1}, {":5060", -1},
		{"host.example:5060", -1},
		{"1111111111111111111111111111111111111111111111111111111111111", -1}};
	struct near n = {0};

	(void)state;
	assert_int_equal(near_add(&n, " 10.0.0.0/8,192.0.2.128/25\t192.0.2.0/24 , 192.0.2.255"), 0);
	assert_int_equal(near_add(&n, "2001:db8::/32 2001:db8:0:1::/64"), 0);
	assert_int_equal(n.n, 6);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(near_bits(&n, cases[i].source), cases[i].bits);
}

static void any_address(void **state)
{
	struct near n = {0};

	(void)state;
	assert_int_equal(near_add(&n, "0.0.0.0/0"), 0);
	assert_int_equal(near_bits(&n, "255.1.2.3:1"), 0);
	assert_int_equal(near_bits(&n, "[::1]:1"), -1);
}

static void bad_networks(void **state)
{
	static const char *const bad[] = {"", " ,", "x", "192.0.2.0/", "192.0.2.0/33",
		"192.0.2.0/-1", "192.0.2.0/ 8", "192.0.2.0/8x", "192.0.2/24", "2001:db8::/129",
		"/8", "::1/+3", "192.0.2.0/24 y"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct near n = {0};

		if (near_add(&n, bad[i]) != -EINVAL)
			fail_msg("'%s' was taken", bad[i]);
	}
}

static void full(void **state)
{
	struct near n = {0};

	(void)state;
	for (int i = 0; i < NEAR_MAX; i++)
		assert_int_equal(near_add(&n, "192.0.2.1"), 0);
	assert_int_equal(near_add(&n, "192.0.2.1"), -EINVAL);
	assert_int_equal(n.n, NEAR_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(longest_prefix),
		cmocka_unit_test(any_address), cmocka_unit_test(bad_networks),
		cmocka_unit_test(full)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
