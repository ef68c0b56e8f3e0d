/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What strangers' texts meet in the policy: the pattern matcher, URI splitting and list look-ups.
 * Input: pattern, a line feed, subject. The matcher has a budget, as in a decision.
 */
#include "asd/policy/lists.h"
#include "common/lua/pattern.h"
#include "asd/policy/policy.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool count_down(void *arg)
{
	return --*(int *)arg > 0;
}

static void match(const char *p, size_t lp, const char *s, size_t ls)
{
	int slices = 200;
	struct pattern m = {.subject = s,
		.subject_end = s + ls,
		.pattern_end = p + lp,
		.may_go_on = count_down,
		.arg = &slices};
	const char *from, *e;

	for (from = s; from <= s + ls && !m.error; from++) {
		pattern_restart(&m);
		e = pattern_match(&m, from, p);
		if (e && (e < from || e > s + ls))
			abort();
	}
}

static void look_up(const char *s, size_t n)
{
	struct lists ls;
	const struct policy_list *l;
	struct policy_party p = {.caps = 0};
	char why[256];

	policy_party_set(&p, (struct ar_span){s, n});
	if ((p.user.n && (p.user.p < s || p.user.p + p.user.n > s + n)) ||
		(p.host.n && (p.host.p < s || p.host.p + p.host.n > s + n)))
		abort();
	lists_init(&ls, 1000, 65536);
	if (lists_open(&ls, SRC_DIR "/lua/examples/lists/blocked.list", false, &l, why,
		    sizeof(why)) == 0) {
		(void)list_has_party(l, p.user, p.host);
		(void)list_has(l, (struct ar_span){s, n});
	}
	lists_free(&ls);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Exact copies without a terminator, so that a sanitizer sees the first byte too far. */
	const uint8_t *nl = size ? memchr(data, '\n', size) : NULL;
	size_t lp = nl ? (size_t)(nl - data) : size, ls = nl ? size - lp - 1 : 0;
	char *p = malloc(lp + 1), *s = malloc(ls ? ls : 1);

	if (p && s) {
		memcpy(p, data, lp);
		p[lp] = '\0'; /* Lua's strings have one */
		if (ls)
			memcpy(s, nl + 1, ls);
		match(p, lp, s, ls);
		look_up(s, ls);
	}
	free(p);
	free(s);
	return 0;
}
