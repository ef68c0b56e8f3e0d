/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ar_rpc.h"

#include "ar_ask.h"
#include "ar_job.h"
#include "ar_stat.h"

#include "../../core/cfg/cfg.h"
#include "../../core/dprint.h"

#include <errno.h>
#include <stdio.h>

#define ASK_MS 2000
#define PICTURE_MS 4000 /* of ims_ar.media: asd waits three seconds for it */
#define CALLS_MAX 1000 /* lines of ims_ar.calls for this module's own calls */

/* ---- asd's answers: a list of flat objects */

static void add_member(rpc_t *rpc, void *st, const char *name, const json_t *v)
{
	if (json_is_string(v))
		rpc->struct_add(st, "s", name, json_string_value(v));
	else if (json_is_integer(v))
		rpc->struct_add(st, "d", name, (int)json_integer_value(v));
	else if (json_is_real(v))
		rpc->struct_add(st, "f", name, json_real_value(v));
	else if (json_is_boolean(v))
		rpc->struct_add(st, "s", name, json_is_true(v) ? "yes" : "no");
}

static void add_items(rpc_t *rpc, void *ctx, const char *address, const json_t *answer)
{
	const json_t *items = json_object_get(answer, "items");

	for (size_t i = 0; i < json_array_size(items); i++) {
		json_t *item = json_array_get(items, i), *v;
		const char *name;
		void *st;

		if (!json_is_object(item) || rpc->add(ctx, "{", &st) < 0)
			continue;
		if (ar_conf.nasd > 1)
			rpc->struct_add(st, "s", "asd", address);
		json_object_foreach(item, name, v) add_member(rpc, st, name, v);
	}
}

static const char *text_of(const json_t *j, const char *name, const char *otherwise)
{
	const char *s = json_string_value(json_object_get(j, name));

	return s && s[0] ? s : otherwise;
}

/* Every asd is asked: each has its own calls and its own policy. A failure of one is a line of its
 * own, and the whole fails only when none has answered. */
struct asked {
	int good, refused; /* answered with what was asked; answered that it cannot */
	char why[256];
};

static void ask_for(
	rpc_t *rpc, void *ctx, int i, const char *cmd, const char *arg, int ms, struct asked *r)
{
	const char *address = ar_conf.asd[i];
	json_t *answer = NULL;
	int rc = ar_ask(address, ar_conf.name, cmd, arg, ms, &answer);

	if (rc < 0) {
		snprintf(r->why, sizeof(r->why), "asd %s: %s", address, strerror(-rc));
	} else if (!json_is_true(json_object_get(answer, "ok"))) {
		r->refused++;
		snprintf(r->why, sizeof(r->why), "asd %s: %s", address,
			text_of(answer, "reason", text_of(answer, "code", "refused")));
	} else {
		r->good++;
		add_items(rpc, ctx, address, answer);
	}
	json_decref(answer);
}

static void ask_one(rpc_t *rpc, void *ctx, int i, const char *cmd, const char *arg, struct asked *r)
{
	ask_for(rpc, ctx, i, cmd, arg, ASK_MS, r);
}

/* 503: nobody could be asked. 404: the one who was does not know it. */
static void none_did(rpc_t *rpc, void *ctx, const struct asked *r)
{
	rpc->fault(ctx, r->refused ? 404 : 503, "%s", r->why);
}

static void ask_all(rpc_t *rpc, void *ctx, const char *cmd, const char *arg)
{
	struct asked r = {0};

	for (int i = 0; i < ar_conf.nasd; i++)
		ask_one(rpc, ctx, i, cmd, arg, &r);
	if (!r.good)
		rpc->fault(ctx, r.refused ? 500 : 503, "%s", r.why);
}

/* ---- ims_ar.status: this module first, so that it says something also while asd is down */

static void add_module(rpc_t *rpc, void *ctx)
{
	struct ar_calls_count n;
	void *st;

	if (rpc->add(ctx, "{", &st) < 0)
		return;
	ar_calls_count(&n);
	rpc->struct_add(st, "sssdd", "part", "ims_ar", "name", ar_conf.name, "instance",
		ar_link_state->instance, "uptime",
		(int)((ar_now_ms() - ar_link_state->started) / 1000), "enabled",
		cfg_get(ims_ar, ims_ar_cfg, enabled));
	rpc->struct_add(st, "dddddd", "calls", n.calls, "plain", n.plain, "ended", n.dead,
		"exchanges", n.exchanges, "plans", n.plans, "offers_waiting", ar_jobs_pending());
	rpc->struct_add(st, "d", "events_unacked", ar_events_unacked());
	for (enum ar_stat s = 0; s < AR_STAT_MAX; s++)
		if (ar_stat_get(s))
			rpc->struct_add(st, "d", ar_stat_name(s), (int)ar_stat_get(s));
}

static void add_link(rpc_t *rpc, void *ctx, int i)
{
	const struct ar_asd_state *a = &ar_link_state->asd[i];
	void *st;

	if (rpc->add(ctx, "{", &st) < 0)
		return;
	rpc->struct_add(
		st, "sss", "part", "link", "asd", ar_conf.asd[i], "state", a->up ? "up" : "down");
	if (a->up)
		rpc->struct_add(st, "ss", "version", a->version, "instance", a->instance);
	else if (a->why[0])
		rpc->struct_add(st, "s", "why", a->why);
	rpc->struct_add(st, "dddd", "since",
		(int)((ar_now_ms() - (a->since ? a->since : ar_link_state->started)) / 1000),
		"offers", (int)a->inflight, "events_unacked", (int)a->unacked, "downs",
		(int)a->downs);
}

static void rpc_status(rpc_t *rpc, void *ctx)
{
	struct asked r = {0};

	add_module(rpc, ctx);
	for (int i = 0; i < ar_conf.nasd; i++) {
		r.why[0] = 0;
		add_link(rpc, ctx, i);
		ask_one(rpc, ctx, i, "status", NULL, &r);
		if (r.why[0]) {
			void *st;

			if (rpc->add(ctx, "{", &st) >= 0)
				rpc->struct_add(st, "ss", "part", "asd", "problem", r.why);
		}
	}
}

/* ---- calls */

struct listing {
	rpc_t *rpc;
	void *ctx;
	const char *want; /* id or Call-ID; NULL: all that are not ended */
	int n;
};

static bool is_wanted(const struct listing *l, const struct ar_call_info *i)
{
	if (!l->want)
		return i->state != AR_CALL_DEAD;
	return strcmp(l->want, i->id) == 0 || ar_span_eq(ar_span_str(l->want), i->callid);
}

static bool list_call(const struct ar_call_info *i, void *arg)
{
	struct listing *l = arg;
	int64_t now = ar_now_ms();
	str callid = {(char *)i->callid.p, (int)i->callid.n};
	void *st;

	if (!is_wanted(l, i))
		return true;
	if (l->n++ >= CALLS_MAX || l->rpc->add(l->ctx, "{", &st) < 0)
		return false;
	l->rpc->struct_add(st, "ssSs", "part", "ims_ar", "call", i->id, "callid", &callid, "state",
		ar_call_state_name(i->state));
	l->rpc->struct_add(st, "ddds", "age", (int)((now - i->started) / 1000), "expires_in",
		(int)((i->expires - now) / 1000), "exchanges", (int)i->exchanges, "asd",
		i->asd < (unsigned)ar_conf.nasd ? ar_conf.asd[i->asd] : "");
	return true;
}

static void rpc_calls(rpc_t *rpc, void *ctx)
{
	ask_all(rpc, ctx, "calls", NULL);
}

static void rpc_call(rpc_t *rpc, void *ctx)
{
	struct listing l = {.rpc = rpc, .ctx = ctx};
	struct asked r = {0};
	char *id;

	if (rpc->scan(ctx, "s", &id) < 1) {
		rpc->fault(ctx, 400, "which call? its id or its Call-ID; one of digits as s:ID");
		return;
	}
	l.want = id;
	ar_calls_each(list_call, &l);
	for (int i = 0; i < ar_conf.nasd; i++)
		ask_one(rpc, ctx, i, "call", id, &r);
	if (!l.n && !r.good)
		none_did(rpc, ctx, &r);
}

/* One more word where there is one; a number counts as one (kamcmd sends it as such). "": none. */
static const char *next_word(rpc_t *rpc, void *ctx, bool *more)
{
	char *s = NULL;

	*more = *more && rpc->scan(ctx, "*.s", &s) == 1 && s;
	return *more ? s : "";
}

/* One argument for asd: the words of the command, apart by blanks. */
static void rpc_media(rpc_t *rpc, void *ctx)
{
	char *id, arg[400];
	const char *what, *side, *media;
	struct asked r = {0};
	bool more = true;

	if (rpc->scan(ctx, "s", &id) < 1) {
		rpc->fault(ctx, 400,
			"want: <call or Call-ID> [show|snapshot [a|b [medium]]]; "
			"a Call-ID of digits as s:ID");
		return;
	}
	what = next_word(rpc, ctx, &more);
	side = next_word(rpc, ctx, &more);
	media = next_word(rpc, ctx, &more);
	snprintf(arg, sizeof(arg), "%s %s %s %s", id, what, side, media);
	for (int i = 0; i < ar_conf.nasd && !r.good; i++)
		ask_for(rpc, ctx, i, "media", arg, PICTURE_MS, &r);
	if (!r.good)
		none_did(rpc, ctx, &r);
}

/* The first asd that knows the mediad: it tells all of them itself. */
static void rpc_drain(rpc_t *rpc, void *ctx)
{
	char *name, *what, arg[400];
	struct asked r = {0};
	bool more = true;

	if (rpc->scan(ctx, "ss", &name, &what) < 2) {
		rpc->fault(ctx, 400,
			"want: <mediad, its name in ims_ar.status> on|off [worker's number]");
		return;
	}
	snprintf(arg, sizeof(arg), "%s %s %s", name, what, next_word(rpc, ctx, &more));
	for (int i = 0; i < ar_conf.nasd && !r.good; i++)
		ask_one(rpc, ctx, i, "drain", arg, &r);
	if (!r.good)
		none_did(rpc, ctx, &r);
}

static void rpc_local(rpc_t *rpc, void *ctx)
{
	struct listing l = {.rpc = rpc, .ctx = ctx};

	ar_calls_each(list_call, &l);
}

static void rpc_reload(rpc_t *rpc, void *ctx)
{
	ask_all(rpc, ctx, "reload", NULL);
}

static void rpc_policy(rpc_t *rpc, void *ctx)
{
	ask_all(rpc, ctx, "policy", NULL);
}

static const char *status_doc[] = {"state and counters of the module, its links, and asd", 0};
static const char *calls_doc[] = {"the AR calls that asd has", 0};
static const char *local_doc[] = {"the calls in this Kamailio's own table", 0};
static const char *call_doc[] = {"one call, by id or Call-ID, from here and from asd", 0};
static const char *media_doc[] = {
	"a call's media at the ARMF, or a picture: <call> [show|snapshot [a|b [medium]]]", 0};
static const char *drain_doc[] = {
	"a mediad, or a worker of it, takes no new calls, or again: <mediad> on|off [worker]", 0};
static const char *reload_doc[] = {"have asd load its policy again", 0};
static const char *policy_doc[] = {"the rules of asd's policy and how often each was hit", 0};

rpc_export_t ar_rpc_methods[] = {
	{"ims_ar.status", rpc_status, status_doc, RET_ARRAY},
	{"ims_ar.calls", rpc_calls, calls_doc, RET_ARRAY},
	{"ims_ar.local_calls", rpc_local, local_doc, RET_ARRAY},
	{"ims_ar.call", rpc_call, call_doc, RET_ARRAY},
	{"ims_ar.media", rpc_media, media_doc, RET_ARRAY},
	{"ims_ar.drain", rpc_drain, drain_doc, RET_ARRAY},
	{"ims_ar.reload", rpc_reload, reload_doc, RET_ARRAY},
	{"ims_ar.policy", rpc_policy, policy_doc, RET_ARRAY},
	{0, 0, 0, 0},
};
