/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world.h"
#include "asd/call/call_lookup.h"
#include "asd/call/call_store.h"
#include "asd/front/front.h"
#include "asd/policy/policy.h"
#include "asd/store/store.h"
#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

struct world *world;

/* ---- what asd.c is to the flow ---- */

uint64_t asd_now(const struct asd *a)
{
	(void)a;
	return world->now;
}

void asd_settle_soon(struct asd *a)
{
	call_store_flush(a, true);
}

/* At once, unless a test wants to see what has waited. */
void asd_settle_later(struct asd *a)
{
	if (!world->slow_store)
		call_store_flush(a, false);
}

/* ---- store ---- */

int store_put(struct store *s, const char *token, struct ar_span text)
{
	(void)s;
	world->writes++;
	json_object_set_new(world->stored, token, json_stringn(text.p, text.n));
	return 0;
}

int store_del(struct store *s, const char *token)
{
	(void)s;
	json_object_del(world->stored, token);
	return 0;
}

int store_clear(struct store *s)
{
	(void)s;
	json_object_clear(world->stored);
	return 0;
}

int store_commit(struct store *s)
{
	(void)s;
	return 0;
}

int store_each(struct store *s, store_row_h *h, void *arg)
{
	const char *token;
	json_t *body;

	(void)s;
	json_object_foreach(world->stored, token, body)
		h(arg, token, ar_span_str(json_string_value(body)));
	return 0;
}

/* ---- front ---- */

int front_answer(struct asd *a, struct front_ref ref, json_t *reply)
{
	(void)a;
	assert_non_null(reply);
	assert_true(ref.id >= 0 && ref.id < WORLD_MAX);
	if (world->module_gone) {
		world->answers[ref.id]++;
		json_decref(reply);
		return -ENOTCONN;
	}
	world->answers[ref.id]++;
	json_decref(world->answer[ref.id]);
	world->answer[ref.id] = reply;
	return 0;
}

bool front_restarted(struct asd *a, const char *module, const char *instance)
{
	(void)a;
	(void)module;
	(void)instance;
	return world->restarted;
}

bool front_tell(struct asd *a, const char *module, json_t *j)
{
	(void)a;
	assert_string_equal(module, "pcscf1");
	assert_string_equal(json_string_value(json_object_get(j, "cmd")), "release");
	world->told++;
	json_decref(j);
	return true;
}

/* ---- DCSF ---- */

unsigned dcmf_pool_n(const struct dcmf_pool *p)
{
	(void)p;
	return 1;
}

struct dcmf *dcmf_pool_get(const struct dcmf_pool *p, unsigned index)
{
	(void)p;
	return index == 0 ? &world->dcmf : NULL;
}

int dcmf_pool_find(const struct dcmf_pool *p, const char *name)
{
	(void)p;
	return strcmp(name, world->dcmf.at.name) == 0 ? 0 : -1;
}

bool dcmf_usable(const struct dcmf *d)
{
	return d->state == DCMF_READY;
}

int dcsf_reserve(struct asd *a, const struct call *c, const struct dcsf_order *o)
{
	struct world *w = world;

	(void)a;
	if (w->reserve_err)
		return w->reserve_err;
	assert_true(w->norders < WORLD_MAX);
	w->order[w->norders++] = (struct world_order){
		.call = c->id, .open = true, .only = o->only, .doc = mrm_context(&o->context)};
	snprintf(w->order[w->norders - 1].prefer, sizeof(w->order[0].prefer), "%s", o->prefer);
	assert_non_null(w->order[w->norders - 1].doc);
	return 0;
}

void dcsf_forget(struct asd *a, uint32_t call)
{
	(void)a;
	for (unsigned i = 0; i < world->norders; i++) {
		if (world->order[i].call == call)
			world->order[i].open = false;
	}
}

int dcsf_update(struct asd *a, const struct call *c, enum ar_side side, const json_t *facts)
{
	struct world *w = world;

	(void)a;
	if (w->update_err)
		return w->update_err;
	assert_true(w->nupdates < WORLD_MAX);
	w->update[w->nupdates++] = (struct world_update){.call = c->id,
		.side = side,
		.facts = json_incref((json_t *)(uintptr_t)facts),
		.context = strdup(c->ctx.id),
		.open = true};
	return 0;
}

void dcsf_release(struct asd *a, int dcmf, const char *id)
{
	struct world *w = world;

	(void)a;
	assert_int_equal(dcmf, 0);
	w->releases++;
	for (unsigned i = 0; i < w->nlive; i++) {
		if (strcmp(w->live[i], id) != 0)
			continue;
		free(w->live[i]);
		w->live[i] = w->live[--w->nlive];
		return;
	}
	w->bad_releases++;
}

/* Records are made at once, without figures. */
int dcsf_live(struct asd *a, const struct call *c, dcsf_live_h *h, void *arg, uint32_t ref)
{
	(void)a;
	(void)c;
	(void)h;
	(void)arg;
	(void)ref;
	return -ENOTCONN;
}

/* ---- facts ---- */

int lookup_begin(struct lookup *l, const struct lookup_query *q, uint32_t call,
	struct lookup_facts **facts, uint32_t *batch)
{
	struct world *w = world;

	(void)l;
	if (w->lookup_err && w->lookup_err != -EINPROGRESS)
		return w->lookup_err;
	snprintf(w->looked_up, sizeof(w->looked_up), "%.*s", (int)q->caller.user.n,
		q->caller.user.p);
	if (w->lookup_err == -EINPROGRESS) {
		assert_true(w->nlookups < WORLD_MAX);
		*batch = ++w->nlookups;
		w->lookup_call[*batch] = call;
		return -EINPROGRESS;
	}
	*facts = world_facts("tier", "gold");
	return 0;
}

struct lookup_facts *lookup_facts_failed(const struct lookup *l, const char *why)
{
	struct lookup_facts *f = world_facts("tier", NULL);

	(void)l;
	f->fact[0].why = why;
	return f;
}

struct lookup_facts *world_facts(const char *name, const char *value)
{
	struct lookup_facts *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->n = 1;
	f->fact[0] = (struct lookup_fact){.name = name,
		.state = value ? LOOKUP_OK : LOOKUP_FAILED,
		.why = "timeout",
		.text = value,
		.len = value ? strlen(value) : 0};
	return f;
}

void world_looked_up(struct world *w, uint32_t batch, struct lookup_facts *facts)
{
	call_on_facts(&w->a, w->lookup_call[batch], batch, facts);
}

/* ---- the test's hands ---- */

char *world_sdp(const char *ufrag, const char *setup, unsigned port)
{
	char *s = NULL;

	assert_true(asprintf(&s, WORLD_SDP, port, ufrag, setup) > 0);
	return s;
}

void world_open(struct world *w)
{
	struct ar_buf err;

	world = w;
	memset(w, 0, sizeof(*w));
	ar_log_init("test", AR_LOG_ERR);
	ar_buf_init(&err, 4096);
	w->now = 1000 * AR_SEC;
	w->stored = json_object();
	w->a.pool = (struct dcmf_pool *)w;
	w->a.store = (struct store *)w; /* there is one; only the fakes above see it */
	assert_int_equal(asd_conf_read(&w->a.conf, NULL, &err), 0);
	free(w->a.conf.policy_file);
	free(w->a.conf.policy_dir);
	w->a.conf.policy_file = strdup(SRC_DIR "/lua/default.lua");
	w->a.conf.policy_dir = strdup(SRC_DIR "/lua/ar");
	struct policy_conf pc = asd_policy_conf(&w->a.conf);
	if (policy_load(&w->a.policy, &pc, &err) != 0)
		fail_msg("%.*s", (int)err.n, err.p);
	ar_buf_free(&err);
	w->dcmf = (struct dcmf){.asd = &w->a, .state = DCMF_READY, .at = {.name = "m1"}};
	assert_int_equal(calls_init(&w->a.calls, 1000), 0);
}

void world_close(struct world *w)
{
	call_flow_close(&w->a);
	calls_free(&w->a.calls);
	policy_free(w->a.policy);
	asd_conf_free(&w->a.conf);
	for (unsigned i = 0; i < w->norders; i++)
		json_decref(w->order[i].doc);
	for (unsigned i = 0; i < w->nupdates; i++) {
		json_decref(w->update[i].facts);
		free(w->update[i].context);
	}
	for (unsigned i = 0; i < w->nlive; i++)
		free(w->live[i]);
	for (unsigned i = 0; i < WORLD_MAX; i++)
		json_decref(w->answer[i]);
	json_decref(w->stored);
}

void world_restart(struct world *w)
{
	json_t *stored = json_incref(w->stored);
	uint64_t now = w->now;
	char *live[WORLD_MAX];
	unsigned n = w->nlive, contexts = w->contexts;

	for (unsigned i = 0; i < n; i++)
		live[i] = strdup(w->live[i]);
	world_close(w);
	world_open(w);
	json_decref(w->stored);
	w->stored = stored;
	w->now = now + AR_SEC;
	w->contexts = contexts;
	w->nlive = n;
	memcpy(w->live, live, n * sizeof(live[0]));
	assert_int_equal(call_store_load(&w->a), 0);
	world_check(w);
}

struct front_offer world_invite(const char *token, const char *sdp)
{
	return (struct front_offer){.call = token,
		.turns_ssrc = true,
		.callid = "abc@ue",
		.from_tag = "ta",
		.to_tag = "",
		.method = "INVITE",
		.role = "originating",
		.ruri = "sip:bob@ims",
		.from = "sip:alice@ims",
		.to = "sip:bob@ims",
		.asserted = "",
		.contact = "<sip:a@x>;+sip.3gpp-ar-support=\"ar-capable\"",
		.registered = "",
		.registered_callee = "",
		.source = "192.0.2.10:5060",
		.cls = "ar",
		.reasons = "dc-section",
		.sdp = sdp,
		.cseq = 1,
		.initial = true,
		.side = AR_SIDE_A};
}

struct front_event world_event(const char *ev, const char *token)
{
	return (struct front_event){.ev = ev,
		.origin_a = "",
		.origin_b = "",
		.pass = "",
		.relay = "",
		.call = token,
		.callid = "abc@ue",
		.from_tag = "ta",
		.to_tag = "tb",
		.method = "INVITE",
		.hash = "",
		.outcome = "",
		.contact = "",
		.sdp = "",
		.cseq = 1,
		.has_cseq = true,
		.side = AR_SIDE_B};
}

unsigned world_offer(struct world *w, struct front_offer *m)
{
	unsigned id = w->requests++;

	assert_true(id < WORLD_MAX);
	call_on_offer(&w->a, m, "pcscf1", (struct front_ref){.conn = 1, .id = id});
	return id;
}

const char *world_verdict(const struct world *w, unsigned request)
{
	static char buf[64];
	const json_t *j = w->answer[request];

	if (!j)
		return "";
	if (json_is_true(json_object_get(j, "ok")))
		return json_string_value(json_object_get(j, "action"));
	snprintf(buf, sizeof(buf), "error:%s", json_string_value(json_object_get(j, "code")));
	return buf;
}

void world_add_av(json_t *medias, const char *ufrag)
{
	json_t *m;
	size_t i;

	json_array_foreach(medias, i, m)
	{
		json_t *x = json_object_get(m, "x-ims-ar");

		if (i == 0)
			continue;
		json_object_set_new(m, "localMbEndpoint",
			json_pack("{s:{s:s}, s:i}", "ip", "ipv4Addr", "198.51.100.9", "portNumber",
				30000));
		json_object_set_new(x, "fingerprint", json_string("SHA-256 EF:EF"));
		json_object_set(
			x, "ssrcMask", json_object_get(json_object_get(x, "local"), "ssrcMask"));
		json_object_set_new(x, "ice",
			json_pack("{s:s, s:s, s:b, s:[]}", "ufrag", ufrag, "pwd",
				"0123456789abcdefghijkl", "lite", 1, "candidates"));
	}
}

static void add_local(json_t *doc, unsigned n)
{
	json_t *t, *m;
	size_t i;
	char ufrag[16];

	json_array_foreach(json_object_get(doc, "terminations"), i, t)
	{
		snprintf(ufrag, sizeof(ufrag), "w%u%c", n, i ? 'b' : 'a');
		world_add_av(json_object_get(t, "medias"), ufrag);
		m = json_array_get(json_object_get(t, "medias"), 0);
		json_object_set_new(m, "localMbEndpoint",
			json_pack("{s:{s:s}, s:i}", "ip", "ipv4Addr", "198.51.100.9", "portNumber",
				20000));
		json_object_set_new(json_object_get(m, "dcMedia"), "localDcEndpoint",
			json_pack("{s:i, s:s}", "sctpPort", 5000, "fingerprint", "SHA-256 CD:CD"));
		json_object_set_new(json_object_get(m, "x-ims-ar"), "ice",
			json_pack("{s:s, s:s, s:b, s:[]}", "ufrag", ufrag, "pwd",
				"0123456789abcdefghijkl", "lite", 1, "candidates"));
	}
}

int world_order(const struct world *w)
{
	for (unsigned i = w->norders; i-- > 0;) {
		if (w->order[i].open)
			return (int)i;
	}
	return -1;
}

/* What was forgotten is answered too: dcsf.c releases it itself, as this does. */
void world_confirm(struct world *w, unsigned i)
{
	struct world_order *o = &w->order[i];
	struct dcsf_result r = {.dcmf = &w->dcmf, .doc = o->doc};
	bool open = o->open;
	char id[32];

	o->open = false;
	snprintf(id, sizeof(id), "c%u", ++w->contexts);
	json_object_set_new(o->doc, "contextId", json_string(id));
	add_local(o->doc, w->contexts);
	w->live[w->nlive++] = strdup(id);
	r.context_id = id;
	if (open)
		call_on_reserved(&w->a, o->call, &r);
	else
		dcsf_release(&w->a, 0, id);
}

void world_refuse(struct world *w, unsigned i, int err)
{
	struct dcsf_result r = {.err = err};

	if (!w->order[i].open)
		return;
	w->order[i].open = false;
	snprintf(r.why, sizeof(r.why), "refused");
	call_on_reserved(&w->a, w->order[i].call, &r);
}

void world_updated(struct world *w, unsigned i, int err)
{
	struct world_update *u = &w->update[i];

	const struct call *c = calls_get(&w->a.calls, u->call);

	if (!u->open)
		return;
	u->open = false;
	if (!c || !c->ctx.id || strcmp(c->ctx.id, u->context) != 0)
		return; /* as dcsf.c: of a context that the call does not have any more */
	call_on_updated(&w->a, u->call, u->side, err, u->facts, NULL);
}

void world_pass(struct world *w, uint64_t ms)
{
	for (uint64_t at = 0; at < ms; at += CALL_TICK_MS) {
		w->now += CALL_TICK_MS * AR_MS;
		call_flow_tick(&w->a);
	}
}

void world_check(struct world *w)
{
	unsigned contexts = 0, deciding = 0;
	struct call *c;

	for (uint32_t pos = 0; (c = ar_ids_next(&w->a.calls.ids, &pos));) {
		const char *wrong = call_check(c);

		if (wrong)
			fail_msg("call %s: %s", c->token, wrong);
		contexts += c->ctx.state == CTX_UP;
		for (unsigned i = 0; i < c->nex; i++)
			deciding += c->ex[i]->state == EXCHANGE_DECIDING;
	}
	assert_int_equal(deciding, w->a.calls.deciding);
	if (contexts != w->nlive)
		fail_msg("%u contexts of calls, %u at mediad", contexts, w->nlive);
	assert_int_equal(w->bad_releases, 0);
	for (unsigned i = 0; i < w->requests; i++)
		if (w->answers[i] > 1)
			fail_msg("request %u was answered %u times", i, w->answers[i]);
}

void world_check_empty(struct world *w)
{
	world_check(w);
	assert_int_equal(calls_n(&w->a.calls), 0);
	assert_int_equal(w->nlive, 0);
	assert_int_equal(json_object_size(w->stored), 0);
	for (unsigned i = 0; i < w->requests; i++)
		assert_int_equal(w->answers[i], 1);
}
