/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/admin/admin.h"
#include "asd/admin/admin_live.h"
#include "asd/admin/reload.h"
#include "asd/asd.h"
#include "asd/call/call_av.h"
#include "asd/call/call_flow.h"
#include "asd/dcsf/dcsf.h"
#include "asd/front/front.h"
#include "asd/front/front_msg.h"
#include "asd/lookup/lookup.h"
#include "asd/policy/policy.h"
#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void add(json_t *o, const char *name, unsigned long long n)
{
	char buf[24];

	snprintf(buf, sizeof(buf), "%llu", n);
	json_object_set_new(o, name, json_string(buf));
}

static void add_text(json_t *o, const char *name, const char *s)
{
	json_object_set_new(o, name, json_string(s ? s : ""));
}

void admin_reply(struct asd *a, struct front_ref ref, json_t *items)
{
	front_answer(a, ref, json_pack("{s:b, s:o}", "ok", 1, "items", items));
}

/* ---- status ---- */

static void add_counters(json_t *o, const struct asd_stats *s)
{
	for (unsigned i = 0; i < ASD_NCOUNTERS; i++) {
		if (s->n[i])
			add(o, asd_counter_name((enum asd_counter)i), s->n[i]);
	}
}

static void add_calls(json_t *o, const struct asd *a)
{
	unsigned up = 0, ar = 0, lost = 0;
	const struct call *c;

	for (uint32_t pos = 0; (c = ar_ids_next(&a->calls.ids, &pos));) {
		up += c->state == CALL_UP;
		ar += c->ctx.state == CTX_UP;
		lost += c->ctx.state == CTX_LOST;
	}
	add(o, "calls", calls_n(&a->calls));
	add(o, "calls_up", up);
	add(o, "calls_with_context", ar);
	add(o, "calls_lost", lost);
	add(o, "deciding", a->calls.deciding);
	add(o, "releases_pending", dcsf_releases(a->dcsf));
}

static json_t *dcmf_item(const struct asd *a, const struct dcmf *d)
{
	json_t *o = json_object();
	char at[300];

	snprintf(at, sizeof(at), "%s:%u", d->at.host, d->at.port);
	add_text(o, "dcmf", d->at.name);
	add_text(o, "at", at);
	add_text(o, "state", dcmf_state_name(d));
	add_text(o, "instance", d->instance);
	add(o, "load", d->load);
	add(o, "contexts", d->contexts);
	if (d->state == DCMF_READY)
		add(o, "up_seconds", (asd_now(a) - d->up_since) / AR_SEC);
	return o;
}

static void on_status(struct asd *a, struct front_ref ref, const char *arg)
{
	json_t *items = json_array(), *o = json_object();
	unsigned conns, modules;

	(void)arg;
	front_counts(a->front, &conns, &modules);
	add_text(o, "version", IMS_AR_VERSION);
	add_text(o, "name", a->conf.name);
	add_text(o, "instance", a->instance);
	add(o, "uptime", (asd_now(a) - a->started) / AR_SEC);
	add(o, "modules", modules);
	add_text(o, "store", a->store ? a->conf.store_file : "none");
	add_calls(o, a);
	json_array_append_new(items, o);
	for (unsigned i = 0; i < dcmf_pool_n(a->pool); i++)
		json_array_append_new(items, dcmf_item(a, dcmf_pool_get(a->pool, i)));
	front_items(a->front, items);
	o = json_object();
	add_counters(o, &a->stats);
	json_array_append_new(items, o);
	admin_reply(a, ref, items);
}

/* ---- calls, call ---- */

static json_t *call_item(const struct call *c)
{
	json_t *o = json_object();

	add_text(o, "call", c->token);
	add_text(o, "callid", c->callid);
	add_text(o, "state", call_state_name(c));
	add_text(o, "ar", ctx_state_name(c->ctx.state));
	add_text(o, "caller", c->caller);
	add_text(o, "callee", c->callee);
	add_text(o, "rule", c->rule);
	add_text(o, "dcmf", c->ctx.dcmf_name);
	if (c->share[0])
		add_text(o, "share", c->share);
	return o;
}

static void on_calls(struct asd *a, struct front_ref ref, const char *arg)
{
	json_t *items = json_array();
	const struct call *c;
	unsigned n = 0;

	(void)arg;
	for (uint32_t pos = 0; (c = ar_ids_next(&a->calls.ids, &pos));) {
		if (n++ < ADMIN_MAX_CALLS)
			json_array_append_new(items, call_item(c));
	}
	if (n > ADMIN_MAX_CALLS) {
		json_t *o = json_object();

		add(o, "not_listed", n - ADMIN_MAX_CALLS);
		json_array_append_new(items, o);
	}
	admin_reply(a, ref, items);
}

/* What goes through the ARMF, by side: "v1 overlay". */
static void add_armf(json_t *o, const struct call *c)
{
	static const char *const names[2] = {"armf_a", "armf_b"};
	char buf[160];

	for (int i = 0; i < 2; i++) {
		if (*call_av_print(c, (enum ar_side)i, buf, sizeof(buf)))
			add_text(o, names[i], buf);
	}
}

static json_t *call_details(const struct asd *a, const struct call *c)
{
	json_t *o = call_item(c);

	add_text(o, "from_tag", c->from_tag);
	add_text(o, "to_tag", c->to_tag);
	add_text(o, "module", c->module);
	if (c->state == CALL_UP)
		add_text(o, "outcome", ar_outcome_name(c->outcome));
	add_text(o, "context", c->ctx.id);
	add_armf(o, c);
	add(o, "plans", c->plans);
	add(o, "open_exchanges", c->nex);
	add(o, "forks", c->nlegs);
	add(o, "policy_generation", c->gen ? policy_generation(c->gen) : 0);
	add(o, "seconds", (asd_now(a) - c->created) / AR_SEC);
	if (c->answered)
		add(o, "seconds_answered", call_seconds(c, asd_now(a)));
	add(o, "seconds_quiet", (asd_now(a) - c->heard) / AR_SEC);
	return o;
}

/* A `call` that waits for mediad. */
struct asked {
	struct asd *a;
	struct front_ref ref;
	json_t *items;
};

static void on_live(void *arg, uint32_t ref, const json_t *context, const char *why)
{
	struct asked *q = arg;

	(void)ref;
	if (context)
		admin_live_items(q->items, context);
	else
		json_array_append_new(q->items, json_pack("{s:s}", "live", why));
	admin_reply(q->a, q->ref, q->items);
	free(q);
}

const struct call *admin_find_call(const struct asd *a, const char *arg)
{
	const struct call *c = call_token_ok(arg) ? calls_find(&a->calls, arg) : NULL;

	return c ? c : calls_find_callid(&a->calls, arg, NULL);
}

static void on_call(struct asd *a, struct front_ref ref, const char *arg)
{
	const struct call *c = admin_find_call(a, arg), *other;
	struct asked *q;
	json_t *items;

	if (!c) {
		front_answer(a, ref,
			front_error("no_call", arg[0] ? "no call of that name or Call-ID"
						      : "which? give a name or Call-ID"));
		return;
	}
	items = json_pack("[o]", call_details(a, c));
	/* both UEs behind one Kamailio: two calls with one Call-ID */
	for (other = calls_find_callid(&a->calls, c->callid, NULL); other;
		other = calls_find_callid(&a->calls, c->callid, other)) {
		if (other != c)
			json_array_append_new(items, call_details(a, other));
	}
	q = c->ctx.id ? malloc(sizeof(*q)) : NULL;
	if (q)
		*q = (struct asked){.a = a, .ref = ref, .items = items};
	if (!q || dcsf_live(a, c, on_live, q, 0) != 0) {
		free(q);
		json_array_append_new(items, json_pack("{s:s}", "live", "no context at a DCMF"));
		admin_reply(a, ref, items);
	}
}

/* ---- policy ---- */

static void on_reload(struct asd *a, struct front_ref ref, const char *arg)
{
	(void)arg;
	reload_ask(a, &ref);
}

static void on_policy(struct asd *a, struct front_ref ref, const char *arg)
{
	json_t *items = policy_items(a->policy);

	(void)arg;
	if (items && a->lookup)
		lookup_items(a->lookup, items);
	admin_reply(a, ref, items ? items : json_array());
}

static const struct {
	const char *cmd;
	void (*on)(struct asd *a, struct front_ref ref, const char *arg);
} commands[] = {
	{"status", on_status},
	{"calls", on_calls},
	{"call", on_call},
	{"reload", on_reload},
	{"policy", on_policy},
	{"media", admin_media},
	{"drain", admin_drain},
};

void admin_command(struct asd *a, struct front_ref ref, const char *cmd, const char *arg)
{
	for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].cmd, cmd) == 0) {
			commands[i].on(a, ref, arg);
			return;
		}
	}
	front_answer(a, ref, front_error("unknown_cmd", cmd));
}
