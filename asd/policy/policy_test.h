/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Policies tried without a network: the self-test of a generation before it is used, and the tables
 * of asd --test.
 *
 * A case is { name = 'text', call = {...}, expect = {...} }; with outcome = 'dc-refused' it is the
 * answer that is compared (keep, process, rule). expect names only what matters.
 */
#ifndef POLICY_TEST_H
#define POLICY_TEST_H

#include "asd/policy/policy_int.h"

/* One case; 0, or -EINVAL with why: "rule is 'x', expected 'y'". */
int policy_test_case(struct policy_gen *gen, json_t *tc, char *why, size_t cap);
/* The case's name, or "case 3". */
const char *policy_test_name(json_t *tc, size_t i, char *buf, size_t cap);

#endif
