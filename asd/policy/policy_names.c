/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names, and what kamcmd ims_ar.policy shows. */
#include "asd/policy/policy_int.h"

static const char *const result_names[] = {
	"ok", "denied", "timeout", "nomem", "error", "badverdict"};
static const char *const action_names[] = {"plain", "deny", "ar"};
static const char *const hook_names[] = {"call", "answer", "change", "end"};

const char *policy_result_name(enum policy_result r)
{
	return r < POLICY_RESULTS ? result_names[r] : "?";
}

const char *policy_action_name(enum policy_action a)
{
	return a <= POLICY_AR ? action_names[a] : "?";
}

unsigned policy_caps(unsigned reasons)
{
	unsigned caps = 0;

	if (reasons & AR_REASON_CONTACT_DC)
		caps |= POLICY_CAP_DC;
	if (reasons & AR_REASON_AR_CAPABLE)
		caps |= POLICY_CAP_AR_CAPABLE;
	if (reasons & AR_REASON_AR_ASSISTED)
		caps |= POLICY_CAP_AR_ASSISTED;
	if (reasons & AR_REASON_AVATAR)
		caps |= POLICY_CAP_AVATAR;
	return caps;
}

static struct ar_span before_any(struct ar_span s, const char *stops)
{
	size_t i;

	for (i = 0; i < s.n && !strchr(stops, s.p[i]); i++)
		;
	s.n = i;
	return s;
}

void policy_party_set(struct policy_party *p, struct ar_span uri)
{
	struct ar_span rest = uri;
	const char *colon = uri.n ? memchr(uri.p, ':', uri.n) : NULL, *at;

	p->uri = uri;
	p->user = p->host = AR_SPAN_NONE;
	if (!uri.n)
		return;
	if (colon)
		rest = (struct ar_span){colon + 1, uri.n - (size_t)(colon + 1 - uri.p)};
	if (colon - uri.p == 3 && strncasecmp(uri.p, "tel", 3) == 0) {
		p->user = before_any(rest, ";>");
		return;
	}
	at = rest.n ? memchr(rest.p, '@', rest.n) : NULL;
	if (at) {
		p->user = before_any(
			(struct ar_span){rest.p, (size_t)(at - rest.p)}, ";:"); /* no password */
		rest = (struct ar_span){at + 1, rest.n - (size_t)(at + 1 - rest.p)};
	}
	if (rest.n && rest.p[0] == '[') {
		p->host = before_any(rest, "]>");
		p->host.n += p->host.n < rest.n;
	} else {
		p->host = before_any(rest, ":;?>");
	}
}

static int set_int(json_t *o, const char *key, uint64_t v)
{
	return json_object_set_new(o, key, json_integer((json_int_t)v));
}

static int set_text(json_t *o, const char *key, const char *v)
{
	return json_object_set_new(o, key, json_string(v));
}

static json_t *gen_item(const struct policy *p, const struct policy_gen *gen)
{
	json_t *o = json_object();
	int err = 0, r;

	err |= set_int(o, "generation", gen->id);
	err |= set_text(o, "state", gen == p->current ? "current" : "old");
	err |= set_text(o, "policy", gen->name);
	err |= set_text(o, "script", p->conf.script);
	err |= set_int(o, "loaded", gen->loaded_ms / 1000);
	err |= set_int(o, "calls", gen->refs - (gen == p->current));
	err |= set_int(o, "rules", gen->nrules);
	err |= set_int(o, "list_entries", gen->host.lists.entries);
	err |= set_int(o, "memory", vm_memory(gen->vm));
	err |= set_int(o, "restarts", gen->restarts);
	for (r = 0; r < POLICY_RESULTS; r++)
		err |= set_int(o, result_names[r], gen->result[r]);
	if (err) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static json_t *rule_item(const struct policy_gen *gen, const struct policy_rule *rule)
{
	json_t *o = json_object();
	int err = 0;

	err |= set_int(o, "generation", gen->id);
	err |= set_text(o, "hook", hook_names[rule->hook]);
	err |= set_text(o, "rule", rule->name);
	err |= set_text(o, "match", rule->text);
	err |= set_int(o, "hits", rule->hits);
	if (err) {
		json_decref(o);
		return NULL;
	}
	return o;
}

json_t *policy_items(const struct policy *p)
{
	json_t *items = json_array();
	const struct policy_gen *gen;
	unsigned i;

	for (gen = p->gens; gen; gen = gen->next) {
		if (json_array_append_new(items, gen_item(p, gen)) != 0)
			goto fail;
		for (i = 0; i < gen->nrules; i++)
			if (json_array_append_new(items, rule_item(gen, &gen->rule[i])) != 0)
				goto fail;
	}
	return items;
fail:
	json_decref(items);
	return NULL;
}
