/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/call/call_share.h"
#include "asd/asd.h"
#include "asd/call/call_verdict.h"
#include "asd/dcsf/dcmf_pool.h"
#include "common/ar_hash.h"
#include "common/daemon/ar_log.h"

#include <stdio.h>

#define NOT_HERE 488 /* for a change inside a dialog: it is not the callee that is busy */

void call_share_take(struct asd *a, struct call *c, const struct policy_verdict *v)
{
	c->max_participants = v->limits.max_participants;
	c->full = v->full;
	if (c->ctx.state != CTX_UP)
		calls_set_share(&a->calls, c, v->share);
}

/* The DCMF where the scene is; -1: it is not there yet. */
static int home(const struct asd *a, const struct call *c)
{
	const struct call *o = NULL;

	while ((o = calls_find_share(&a->calls, c->share, o)) != NULL) {
		if (o != c && o->ctx.state == CTX_UP)
			return o->ctx.dcmf;
	}
	return -1;
}

/* Highest random weight: with the same DCMFs every asd comes to the same one, and one more or less
 * moves only what was its own. */
static const char *by_name(const struct asd *a, const char *share)
{
	static const uint64_t key[2] = {0, 0};
	const char *best = NULL;
	uint64_t most = 0;
	char text[200];

	for (unsigned i = 0; i < dcmf_pool_n(a->pool); i++) {
		const struct dcmf *d = dcmf_pool_get(a->pool, i);
		int n = snprintf(text, sizeof(text), "%s %s", share, d->at.name);
		uint64_t w = ar_hash(key, text, n < (int)sizeof(text) ? (size_t)n : sizeof(text));

		if (dcmf_usable(d) && (!best || w > most)) {
			best = d->at.name;
			most = w;
		}
	}
	return best;
}

void call_share_order(const struct asd *a, const struct call *c, struct dcsf_order *order)
{
	const char *name;

	order->only = -1;
	if (!c->share[0])
		return;
	order->context.share = c->share;
	order->context.max_participants = c->max_participants;
	order->only = home(a, c);
	if (order->only >= 0 || dcmf_pool_find(a->pool, c->dcmf) >= 0)
		return;
	name = by_name(a, c->share);
	if (name)
		order->prefer = name;
}

/* RFC 3261 20.43: code, agent, quoted text. */
static json_t *warning(const struct asd *a, const char *why)
{
	char text[300];
	size_t n = (size_t)snprintf(text, sizeof(text), "399 %s \"", a->conf.name);

	for (; *why && n < sizeof(text) - 2; why++)
		text[n++] = *why == '"' || *why == '\\' || (unsigned char)*why < ' ' ? '\'' : *why;
	text[n++] = '"';
	text[n] = '\0';
	return json_pack("[{s:s, s:s}]", "name", "Warning", "value", text);
}

void call_share_full(struct asd *a, struct call *c, struct exchange *x, const char *why)
{
	char reason[160];

	asd_count(a, ASD_SHARE_FULL);
	snprintf(reason, sizeof(reason), "the shared scene '%s' is full", c->share);
	ar_log(AR_LOG_INFO, "call", "%s: %s", reason, why);
	if (!c->full) {
		call_answer_plain(a, c, x, reason);
		return;
	}
	json_decref(x->headers);
	x->headers = warning(a, why);
	call_answer_deny_with(a, c, x, x->initial ? (unsigned)c->full : NOT_HERE, "Scene Full");
}
