/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls, verdicts and answers as JSON: for asd --decide, for test tables and for the self-test. A
 * call's members are named as the script sees them (docs/policy.md); what is left out is that of an
 * ordinary AR call at noon on a Wednesday.
 */
#ifndef POLICY_JSON_H
#define POLICY_JSON_H

#include "asd/policy/policy.h"

#include <lua.h>

#define POLICY_JSON_MAX_DEPTH 8

/* A call and everything it borrows; large, allocate it. */
struct policy_case {
	struct policy_call call;
	struct policy_media media[POLICY_MAX_MEDIA];
	struct ar_dc_stream channel[POLICY_MAX_CHANNELS];
	struct policy_dcmf dcmf[POLICY_MAX_DCMFS];
	struct policy_fact fact[POLICY_MAX_FACTS];
	json_t *keep; /* owns the texts */
};

/* obj (an object, or an empty array) is kept until policy_case_free(). 0 or -EINVAL with why: an
 * unknown member or a wrong type. */
int policy_case_read(struct policy_case *c, json_t *obj, char *why, size_t cap)
	__attribute__((warn_unused_result));
void policy_case_free(struct policy_case *c);
/* The parties, time and media functions of a case that names none; no media and no channels. */
void policy_case_defaults(struct policy_case *c);

/* New references; NULL: no memory. What is empty or 0 is left out. */
json_t *policy_verdict_json(const struct policy_verdict *v, enum policy_result r);
json_t *policy_answer_json(const struct policy_answer *a, enum policy_result r);

/* Does got have everything in want? Lists must agree in length. False: why says where not. */
bool policy_json_has(json_t *got, json_t *want, char *why, size_t cap);

/* The Lua value at idx, raw; NULL: a function, too deep, not UTF-8, no memory. */
json_t *policy_json_from_lua(lua_State *L, int idx);

#endif
