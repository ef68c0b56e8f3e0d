/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/call/call_store.h"
#include "asd/asd.h"
#include "asd/call/call_av.h"
#include "asd/dcsf/dcmf_pool.h"
#include "asd/policy/policy.h"
#include "asd/store/store.h"
#include "common/ar_json.h"
#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"
#include "common/plan_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- a call as JSON ---- */

/* Steals v; what is NULL is left out. */
static void put(json_t *o, const char *key, json_t *v)
{
	if (v)
		json_object_set_new(o, key, v);
}

static void put_text(json_t *o, const char *key, const char *s)
{
	put(o, key, s ? json_string(s) : NULL);
}

static json_t *sides(json_t *const j[2])
{
	json_t *a = json_array();

	for (int i = 0; i < 2; i++)
		json_array_append_new(a, j[i] ? json_incref(j[i]) : json_null());
	return a;
}

static json_t *exchange_json(const struct exchange *x)
{
	json_t *o = json_object();

	put_text(o, "from_tag", x->from_tag);
	put(o, "cseq", json_integer(x->cseq));
	put_text(o, "method", x->method);
	put(o, "side", json_integer(x->side));
	put(o, "initial", json_boolean(x->initial));
	put(o, "keep", json_integer(x->keep));
	put(o, "no", json_integer(x->no));
	put(o, "setup", json_integer(x->setup));
	put(o, "facts", json_incref(x->facts));
	put(o, "plan", ar_plan_to_json(x->plan));
	return o;
}

static json_t *leg_json(const struct leg *l)
{
	json_t *o = json_object();

	put_text(o, "tag", l->tag);
	put(o, "facts", json_incref(l->facts));
	put(o, "outcome", json_integer(l->outcome));
	put(o, "answered", json_boolean(l->answered));
	put(o, "ended", json_boolean(l->ended));
	return o;
}

static json_t *context_json(const struct call_ctx *x)
{
	json_t *o = json_object();

	put(o, "state", json_integer(x->state == CTX_RESERVING ? CTX_NONE : x->state));
	put_text(o, "dcmf", x->dcmf_name);
	put_text(o, "instance", x->instance);
	put_text(o, "id", x->id);
	put(o, "doc", json_incref(x->doc));
	put(o, "told", sides(x->told));
	put(o, "wanted", sides(x->wanted));
	return o;
}

static void put_strings(json_t *o, const struct call *c)
{
	put_text(o, "token", c->token);
	put_text(o, "callid", c->callid);
	put_text(o, "from_tag", c->from_tag);
	put_text(o, "to_tag", c->to_tag);
	put_text(o, "caller", c->caller);
	put_text(o, "callee", c->callee);
	put_text(o, "module", c->module);
	put_text(o, "module_instance", c->instance);
	put_text(o, "role", c->role);
	put_text(o, "rule", c->rule);
	put_text(o, "scene", c->scene);
	put_text(o, "application", c->application);
	put_text(o, "dcmf", c->dcmf);
	put_text(o, "share", c->share);
	put_text(o, "network_a", c->network[0]);
	put_text(o, "network_b", c->network[1]);
	put_text(o, "relay_anchored", c->relay[0]);
	put_text(o, "relay_through", c->relay[1]);
}

/* Times on the monotonic clock mean nothing after a restart of the machine. */
static json_int_t to_wall(const struct asd *a, uint64_t t)
{
	int64_t ago = (int64_t)(asd_now(a) - t) / (int64_t)AR_MS;

	return (json_int_t)((int64_t)ar_wall_ms() - ago);
}

static uint64_t from_wall(const struct asd *a, json_int_t ms)
{
	int64_t ago = (int64_t)ar_wall_ms() - ms;
	uint64_t now = asd_now(a);

	if (ago < 0 || (uint64_t)ago * AR_MS > now)
		return ago < 0 ? now : 0;
	return now - (uint64_t)ago * AR_MS;
}

/* For durations: not bounded by the machine's start, but not in the future either. */
static uint64_t since_wall(const struct asd *a, json_int_t ms)
{
	int64_t ago = (int64_t)ar_wall_ms() - ms;

	return asd_now(a) - (ago > 0 ? (uint64_t)ago * AR_MS : 0);
}

static void put_numbers(json_t *o, const struct asd *a, const struct call *c)
{
	put(o, "caps", json_integer(c->caps));
	put(o, "state", json_integer(c->state));
	put(o, "keep", json_integer(c->keep));
	put(o, "max_seconds", json_integer(c->max_seconds));
	put(o, "trace", json_boolean(c->trace));
	put(o, "outcome", json_integer(c->outcome));
	put(o, "plans", json_integer(c->plans));
	put(o, "map_no", json_integer(c->map_no));
	put(o, "created", json_integer(to_wall(a, c->created)));
	put(o, "answered", json_integer(c->answered ? to_wall(a, c->answered) : 0));
	put(o, "heard", json_integer(to_wall(a, c->heard)));
	put(o, "version", json_pack("[II]", (json_int_t)c->version[0], (json_int_t)c->version[1]));
	put(o, "inside", json_boolean(c->inside));
	put(o, "spiral", json_boolean(c->spiral));
	put(o, "setup", json_pack("[ii]", (int)c->setup[0], (int)c->setup[1]));
	if (c->ar_ends)
		put(o, "ar_ends", json_integer(to_wall(a, c->ar_ends)));
}

json_t *call_to_json(const struct asd *a, const struct call *c)
{
	json_t *o = json_object(), *ex = json_array(), *legs = json_array();

	put_strings(o, c);
	put_numbers(o, a, c);
	put(o, "context", context_json(&c->ctx));
	put(o, "av", call_av_to_json(c));
	for (unsigned i = 0; i < c->nex; i++) {
		if (c->ex[i]->state == EXCHANGE_OPEN)
			json_array_append_new(ex, exchange_json(c->ex[i]));
	}
	for (unsigned i = 0; i < c->nlegs; i++)
		json_array_append_new(legs, leg_json(&c->legs[i]));
	put(o, "exchanges", ex);
	put(o, "legs", legs);
	put(o, "settled", sides(c->settled));
	if (c->map)
		put(o, "map", ar_plan_to_json(c->map));
	return o;
}

/* ---- and back ---- */

static const char *text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static json_int_t num(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static json_int_t num_at(const json_t *o, const char *key, size_t i)
{
	return json_integer_value(json_array_get(json_object_get(o, key), i));
}

static void get_sides(json_t *to[2], const json_t *a)
{
	for (size_t i = 0; i < 2; i++) {
		json_t *j = json_array_get(a, i);

		call_set_json(&to[i], json_is_object(j) ? j : NULL);
	}
}

static int get_plan(struct ar_plan **pp, const json_t *j, const char **why)
{
	struct ar_plan_room *room;
	struct ar_plan plan;
	int err = 0;

	if (!j)
		return 0;
	room = malloc(sizeof(*room));
	if (!room)
		return -ENOMEM;
	err = ar_plan_from_json(&plan, room, j, why);
	if (!err) {
		*pp = ar_plan_clone(&plan, malloc);
		err = *pp ? 0 : -ENOMEM;
	}
	free(room);
	return err;
}

static int get_exchange(struct call *c, const json_t *o, const char **why)
{
	struct exchange *x;
	int err = call_exchange_new(c, &x);

	if (err)
		return err;
	x->state = EXCHANGE_OPEN;
	x->cseq = (uint32_t)num(o, "cseq");
	x->side = num(o, "side") ? AR_SIDE_B : AR_SIDE_A;
	x->initial = json_is_true(json_object_get(o, "initial"));
	x->keep = (unsigned)num(o, "keep");
	x->no = (unsigned)num(o, "no");
	x->setup = (enum ar_setup)(num(o, "setup") & 3);
	snprintf(x->method, sizeof(x->method), "%s", text(o, "method") ? text(o, "method") : "");
	call_set_json(&x->facts, json_object_get(o, "facts"));
	*why = "an exchange without a tag or a plan";
	if (!text(o, "from_tag") || call_set(&x->from_tag, text(o, "from_tag")) != 0)
		return -EBADMSG;
	err = get_plan(&x->plan, json_object_get(o, "plan"), why);
	return err ? err : x->plan ? 0 : -EBADMSG;
}

/* An index of lists: a negative one stays negative under %. */
static enum ar_outcome outcome(const json_t *o)
{
	return (enum ar_outcome)((uint64_t)num(o, "outcome") % AR_OUTCOMES);
}

static void get_leg(struct call *c, const json_t *o)
{
	struct leg *l = text(o, "tag") ? call_leg(c, text(o, "tag"), true) : NULL;

	if (!l)
		return;
	call_set_json(&l->facts, json_object_get(o, "facts"));
	l->outcome = outcome(o);
	l->answered = json_is_true(json_object_get(o, "answered"));
	l->ended = json_is_true(json_object_get(o, "ended"));
}

/* A DCMF that is not in the configuration any more: lost, and the module hears so. */
static int get_context(struct asd *a, struct call *c, const json_t *o)
{
	struct call_ctx *x = &c->ctx;
	json_int_t state = num(o, "state");

	if (state != CTX_UP && state != CTX_LOST)
		return 0;
	x->state = CTX_LOST;
	if (call_set(&x->dcmf_name, text(o, "dcmf")) != 0 ||
		call_set(&x->instance, text(o, "instance")) != 0)
		return -ENOMEM;
	x->dcmf = x->dcmf_name ? dcmf_pool_find(a->pool, x->dcmf_name) : -1;
	if (state == CTX_LOST || x->dcmf < 0 || !text(o, "id") || !json_object_get(o, "doc"))
		return 0;
	x->state = CTX_UP;
	call_set_json(&x->doc, json_object_get(o, "doc"));
	get_sides(x->told, json_object_get(o, "told"));
	get_sides(x->wanted, json_object_get(o, "wanted"));
	return calls_set_context(&a->calls, c, text(o, "id"));
}

static int get_strings(struct call *c, const json_t *o)
{
	const char *rule = text(o, "rule"), *scene = text(o, "scene"), *dcmf = text(o, "dcmf"),
		   *app = text(o, "application"), *na = text(o, "network_a"),
		   *nb = text(o, "network_b"), *instance = text(o, "module_instance");

	snprintf(c->rule, sizeof(c->rule), "%s", rule ? rule : "");
	snprintf(c->instance, sizeof(c->instance), "%s", instance ? instance : "");
	snprintf(c->scene, sizeof(c->scene), "%s", scene ? scene : "");
	snprintf(c->application, sizeof(c->application), "%s", app ? app : "");
	snprintf(c->dcmf, sizeof(c->dcmf), "%s", dcmf ? dcmf : "");
	snprintf(c->network[0], sizeof(c->network[0]), "%s", na ? na : "");
	snprintf(c->network[1], sizeof(c->network[1]), "%s", nb ? nb : "");
	if (call_set(&c->from_tag, text(o, "from_tag")) != 0 ||
		call_set(&c->to_tag, text(o, "to_tag")) != 0 ||
		call_set(&c->callee, text(o, "callee")) != 0 ||
		call_set(&c->module, text(o, "module")) != 0 ||
		call_set(&c->role, text(o, "role")) != 0 ||
		call_set(&c->relay[0], text(o, "relay_anchored")) != 0 ||
		call_set(&c->relay[1], text(o, "relay_through")) != 0)
		return -ENOMEM;
	return c->from_tag && c->module ? 0 : -EBADMSG;
}

static void get_numbers(const struct asd *a, struct call *c, const json_t *o)
{
	c->caps = (unsigned)num(o, "caps");
	c->state = num(o, "state") == CALL_UP ? CALL_UP : CALL_SETUP;
	c->keep = (unsigned)num(o, "keep");
	c->max_seconds = (unsigned)num(o, "max_seconds");
	c->trace = json_is_true(json_object_get(o, "trace"));
	c->outcome = outcome(o);
	c->plans = (unsigned)num(o, "plans");
	c->map_no = (unsigned)num(o, "map_no");
	c->created = since_wall(a, num(o, "created"));
	c->answered = num(o, "answered") ? call_since(since_wall(a, num(o, "answered"))) : 0;
	c->inside = json_is_true(json_object_get(o, "inside"));
	c->spiral = json_is_true(json_object_get(o, "spiral"));
	/* its answer may wait in the module since asd went down */
	c->heard = c->state == CALL_UP ? from_wall(a, num(o, "heard")) : asd_now(a);
	if (num(o, "ar_ends")) {
		int64_t left = num(o, "ar_ends") - (int64_t)ar_wall_ms();

		c->ar_ends = asd_now(a) + (left > 0 ? (uint64_t)left * AR_MS : 1);
	}
	for (size_t i = 0; i < 2; i++) {
		c->version[i] = (uint64_t)num_at(o, "version", i);
		c->setup[i] = (enum ar_setup)(num_at(o, "setup", i) & 3);
	}
}

static int get_lists(struct call *c, const json_t *o, const char **why)
{
	const json_t *e;
	size_t i;
	int err = 0;

	json_array_foreach(json_object_get(o, "legs"), i, e) get_leg(c, e);
	json_array_foreach(json_object_get(o, "exchanges"), i, e)
	{
		err = get_exchange(c, e, why);
		if (err)
			return err;
	}
	get_sides(c->settled, json_object_get(o, "settled"));
	return get_plan(&c->map, json_object_get(o, "map"), why);
}

static int fill_call(struct asd *a, struct call *c, const json_t *o, const char **why)
{
	int err = get_strings(c, o);

	*why = "a name is missing";
	get_numbers(a, c, o);
	call_av_from_json(c, json_object_get(o, "av"));
	if (!err)
		err = get_lists(c, o, why);
	if (!err && text(o, "share"))
		calls_set_share(&a->calls, c, text(o, "share"));
	if (!err)
		err = get_context(a, c, json_object_get(o, "context"));
	if (!err && (*why = call_check(c)) != NULL)
		err = -EBADMSG;
	if (!err && c->state == CALL_SETUP && c->nex == 0) {
		*why = "its offer was being decided when asd ended";
		err = -EBADMSG;
	}
	return err;
}

int call_from_json(struct asd *a, const json_t *o, const char **why)
{
	const char *token = text(o, "token"), *callid = text(o, "callid"),
		   *caller = text(o, "caller");
	struct call *c;
	int err;

	*why = "token, callid or caller is missing";
	if (!token || !call_token_ok(token) || !callid || !caller)
		return -EBADMSG;
	*why = "twice in the store";
	if (calls_find(&a->calls, token))
		return -EEXIST;
	*why = "[call] max_calls is too small for it";
	err = calls_add(&a->calls, token, callid, caller, &c);
	if (err)
		return err;
	err = fill_call(a, c, o, why);
	if (err)
		calls_remove(&a->calls, c);
	else
		c->gen = policy_pin(a->policy);
	return err;
}

/* ---- the store ---- */

struct loader {
	struct asd *a;
	json_t *bad; /* tokens to delete */
	unsigned n;
};

static void on_row(void *arg, const char *token, struct ar_span body)
{
	struct loader *l = arg;
	json_error_t e;
	json_t *j = ar_json_load(body, 0, &e);
	const char *why = e.text;

	if (j && call_from_json(l->a, j, &why) == 0) {
		l->n++;
	} else {
		ar_log(AR_LOG_WARN, "store", "dropping call %s: %s", token, why);
		json_array_append_new(l->bad, json_string(token));
	}
	json_decref(j);
}

int call_store_load(struct asd *a)
{
	struct loader l = {.a = a, .bad = json_array()};
	const json_t *t;
	size_t i;
	int err;

	if (!a->store)
		return 0;
	err = store_each(a->store, on_row, &l);
	json_array_foreach(l.bad, i, t)
	{
		if (store_del(a->store, json_string_value(t)) != 0)
			asd_count(a, ASD_STORE_ERRORS);
	}
	json_decref(l.bad);
	a->stats.n[ASD_CALLS_RESTORED] = l.n;
	if (l.n)
		ar_log(AR_LOG_NOTICE, "store", "%u calls are back", l.n);
	return err ? err : store_commit(a->store);
}

static int write_call(struct asd *a, struct call *c)
{
	json_t *j = call_to_json(a, c);
	char *body = ar_json_text(j);
	int err = body ? store_put(a->store, c->token, ar_span_str(body)) : -ENOMEM;

	json_decref(j);
	free(body);
	asd_count(a, ASD_STORE_WRITES);
	c->dirty = CALL_CLEAN;
	return err;
}

/* What is written is a part only from here on; call_store_retry() makes it whole. */
static void failed(struct asd *a)
{
	asd_count(a, ASD_STORE_ERRORS);
	if (!a->calls.unstored)
		ar_log(AR_LOG_ERR, "store",
			"cannot write %s: calls would not survive a restart (disk full?)",
			a->conf.store_file);
	a->calls.unstored = true;
}

void call_store_flush(struct asd *a, bool urgent)
{
	struct calls *t = &a->calls;
	unsigned keep = 0;
	int err = 0;

	for (unsigned i = 0; i < t->ndirty; i++) {
		struct call *c = calls_get(t, t->dirty[i]);

		if (c && urgent && c->dirty != CALL_URGENT) {
			t->dirty[keep++] = c->id;
			continue;
		}
		if (c && a->store && !t->unstored && write_call(a, c) != 0)
			err = -EIO;
		if (c)
			c->dirty = CALL_CLEAN;
	}
	t->ndirty = keep;
	if (a->store && store_commit(a->store) != 0)
		err = -EIO;
	if (err)
		failed(a);
}

void call_store_forget(struct asd *a, const struct call *c)
{
	if (a->store && !a->calls.unstored && store_del(a->store, c->token) != 0)
		failed(a);
}

void call_store_retry(struct asd *a)
{
	struct call *c;
	int err;

	if (!a->store || !a->calls.unstored)
		return;
	err = store_clear(a->store);
	for (uint32_t pos = 0; !err && (c = ar_ids_next(&a->calls.ids, &pos));)
		err = write_call(a, c);
	if (store_commit(a->store) != 0 || err) {
		asd_count(a, ASD_STORE_ERRORS);
		return;
	}
	a->calls.unstored = false;
	ar_log(AR_LOG_NOTICE, "store", "%s is written again", a->conf.store_file);
}
