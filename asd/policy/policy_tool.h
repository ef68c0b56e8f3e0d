/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The operator's tools, for asd's main(): each prints to out and returns a process status (0 good,
 * 1 the policy or a test is at fault, 2 wrong use). conf->script is the policy; limits as
 * configured, so that what passes here passes in the daemon.
 */
#ifndef POLICY_TOOL_H
#define POLICY_TOOL_H

#include "asd/policy/policy.h"

#include <stdio.h>

/* asd --check FILE: loads and self-tests it; what it has, or file:line and why not. */
int policy_check_main(const struct policy_conf *conf, FILE *out);

/* asd --decide CALL.json: the verdict, which rules matched, and the answers. "-": standard input.
 */
int policy_decide_main(const struct policy_conf *conf, const char *call_path, FILE *out);

/*
 * asd --test DIR: every *.test.lua in DIR returns { policy = 'file.lua', cases = {...} }, the file
 * relative to DIR (absent: conf->script); the cases as in policy_test.h.
 */
int policy_test_main(const struct policy_conf *conf, const char *dir, FILE *out);

#endif
