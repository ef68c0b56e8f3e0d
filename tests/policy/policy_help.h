/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For tests of policies: one is written to a file of the test's folder, loaded, and asked. Each
 * fails the test when it cannot do what its name says. policy_test_setup and _teardown are the
 * group's.
 */
#ifndef IMS_AR_TESTS_POLICY_HELP_H
#define IMS_AR_TESTS_POLICY_HELP_H

#include "asd/policy/policy.h"

#define HEAD                                                                                       \
	"local ar, lists = require 'ar.policy', require 'ar.lists'\n"                              \
	"local m, act = ar.match, ar.act\n"
#define LIB SRC_DIR "/lua/ar"

/* The folder, and policy.lua in it. */
extern char policy_test_dir[];
extern char policy_test_script[64];

void policy_test_write_to(const char *name, const char *text);
int policy_test_load(
	struct policy **pp, const char *text, const struct policy_conf *base, char *why);
struct policy *policy_test_good_conf(const char *text, const struct policy_conf *conf);
struct policy *policy_test_good(const char *text);
void policy_test_bad(const char *text, const char *says);
/* An AR call with audio, video and two channels; the next one is in the same place. */
struct policy_call *policy_test_ar_call(const char *caller);
enum policy_result policy_test_decide(
	struct policy *p, const struct policy_call *c, struct policy_verdict *v);
int policy_test_setup(void **state);
int policy_test_teardown(void **state);

#endif
