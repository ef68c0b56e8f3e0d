/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/call/call_av.h"
#include "asd/asd.h"
#include "asd/call/call_boot.h"
#include "asd/call/call_plan.h"
#include "asd/dcsf/mrm_av.h"
#include "asd/dcsf/mrm_json.h"
#include "common/daemon/ar_log.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

#define SDES_KEY_BYTES 30 /* key and salt of AES_CM_128, RFC 4568 6.2.1 */

static const char *const kinds[PLANNER_AV_KINDS] = {"video", "audio"};
enum { OP_RELAY = 1 };
static const char *const ops[] = {"", "relay", "overlay", "split-render"};

/* ---- the policy ---- */

void call_av_reset(struct call *c)
{
	memset(&c->av, 0, sizeof(c->av));
}

static int find(const char *const *names, int n, const char *name)
{
	for (int i = 0; i < n; i++) {
		if (names[i][0] && strcmp(names[i], name) == 0)
			return i;
	}
	return -1;
}

static void take_step(struct call *c, unsigned outcome, const struct policy_step *s)
{
	int kind = find(kinds, PLANNER_AV_KINDS, s->media);
	int op = find(ops, (int)(sizeof(ops) / sizeof(ops[0])), s->op);
	enum ar_side side = s->party == POLICY_CALLEE ? AR_SIDE_B : AR_SIDE_A;
	struct planner_av_rule *r;

	if (strcmp(s->by, "armf") != 0 && s->by[0])
		return;
	if (kind < 0 || op < 0) {
		ar_log_limited(AR_LOG_WARN, "call",
			"policy: the ARMF does not know '%s' of '%s'; media 'video' or 'audio', op "
			"'overlay', 'split-render' or 'relay'",
			s->op, s->media);
		return;
	}
	if (kind == PLANNER_AV_AUDIO && op != OP_RELAY) {
		ar_log_limited(
			AR_LOG_WARN, "call", "policy: audio can only be relayed by the ARMF");
		op = OP_RELAY;
	}
	r = &c->av.rule[kind];
	r->wanted = true;
	if (s->codec[0])
		snprintf(r->codec, sizeof(r->codec), "%s", s->codec);
	if (s->max_kbps)
		r->max_kbps[side] = s->max_kbps;
	c->av.op[kind][outcome][side] = (uint8_t)op;
}

void call_av_take(struct call *c, unsigned outcome, const struct policy_step *step, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		take_step(c, outcome, &step[i]);
}

bool call_av_wanted(const struct call *c)
{
	return c->av.rule[PLANNER_AV_VIDEO].wanted || c->av.rule[PLANNER_AV_AUDIO].wanted;
}

/* ---- the offer ---- */

void call_av_choose(const struct asd *a, const struct call *c, const struct exchange *x,
	const struct offer *o, const struct ar_plan *map, struct planner_av_choice *choice)
{
	struct planner_av_rules rules = {
		.transports = a->conf.armf_transports, .offered = a->conf.armf_offered};

	memcpy(rules.kind, c->av.rule, sizeof(rules.kind));
	planner_av_choose(choice, &rules, &o->sdp, x->side, map, o->choice.max_bundle);
}

static const char *uri_of(
	const struct call *c, enum planner_av_kind kind, unsigned outcome, enum ar_side side)
{
	static const char *const uris[] = {"urn:x-ims-ar:armf:relay", "urn:x-ims-ar:armf:relay",
		"urn:x-ims-ar:armf:overlay", "urn:x-ims-ar:armf:split-render"};

	return uris[c->av.op[kind][outcome][side] & 3];
}

/* Facts of side that hold now: told, or on the way. */
static const json_t *current(const struct call *c, enum ar_side side)
{
	return c->ctx.wanted[side] ? c->ctx.wanted[side] : c->ctx.told[side];
}

static json_t *entry_of(const json_t *facts, const char *id)
{
	return json_object_get(json_object_get(facts, "av"), id);
}

static const json_t *vendor(const json_t *facts, const char *id)
{
	return json_object_get(entry_of(facts, id), "x-ims-ar");
}

/* Our key of the leg, for as long as the medium is there. -ENOMEM, -EIO. */
static int sdes_key(const struct call *c, enum ar_side side, const char *id, char key[64])
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const json_t *local = json_object_get(vendor(current(c, side), id), "local");
	const char *old =
		json_string_value(json_object_get(json_object_get(local, "crypto"), "key"));
	uint8_t raw[SDES_KEY_BYTES];
	unsigned n = 0;

	if (old) {
		snprintf(key, 64, "%s", old);
		return 0;
	}
	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return -EIO;
	for (unsigned i = 0; i < SDES_KEY_BYTES; i += 3) {
		uint32_t v = (uint32_t)raw[i] << 16 | (uint32_t)raw[i + 1] << 8 | raw[i + 2];

		for (int shift = 18; shift >= 0; shift -= 6)
			key[n++] = digits[v >> shift & 63];
	}
	key[n] = '\0';
	return 0;
}

static json_t *local_json(const struct call *c, const struct planner_av *av, enum ar_side side)
{
	const struct planner_av_desc *d = &av->desc[side];
	struct mrm_av_side s = {.codec = d->codec,
		.ncodec = d->ncodec,
		.ext = d->ext,
		.next = d->next,
		.rtcp_rsize = d->rtcp_rsize,
		.ssrc_mask = c->turns_ssrc && av->kind == PLANNER_AV_VIDEO ? AR_PLAN_SSRC_MASK : 0};
	char key[64];

	if (d->transport == AR_AV_SDES) {
		if (sdes_key(c, side, av->id, key) != 0)
			return NULL;
		s.suite = d->crypto_suite;
		s.key = ar_span_str(key);
	}
	return mrm_av_local(&s);
}

/* The formats of a UE's description that we may send: those that ours has too. */
static void remote_codecs(struct mrm_av_side *s, struct ar_av_codec *room,
	const struct ar_sdp_av *said, const json_t *local)
{
	const json_t *list = json_object_get(local, "codecs"), *j;
	size_t k;

	s->codec = room;
	for (unsigned i = 0; i < said->ncodec && s->ncodec < PLANNER_AV_CODECS; i++) {
		const struct ar_av_codec *codec = &said->codec[i];

		json_array_foreach(list, k, j)
		{
			const char *name = json_string_value(json_object_get(j, "name"));

			if (name && ar_span_caseeq(codec->name, name) &&
				json_integer_value(json_object_get(j, "pt")) == codec->pt) {
				room[s->ncodec++] = *codec;
				break;
			}
		}
	}
}

static void remote_exts(struct mrm_av_side *s, struct ar_av_ext *room, const struct ar_sdp_av *said,
	const json_t *local)
{
	const json_t *list = json_object_get(local, "extmap"), *j;
	size_t k;

	s->ext = room;
	for (unsigned i = 0; i < said->next; i++) {
		json_array_foreach(list, k, j)
		{
			const char *uri = json_string_value(json_object_get(j, "uri"));

			if (uri && ar_span_eq(said->ext[i].uri, ar_span_str(uri)) &&
				s->next < PLANNER_AV_EXTS)
				room[s->next++] = said->ext[i];
		}
	}
}

static json_t *remote_json(const struct ar_sdp_av *said, const json_t *local)
{
	const char *suite =
		json_string_value(json_object_get(json_object_get(local, "crypto"), "suite"));
	struct ar_av_codec codecs[PLANNER_AV_CODECS];
	struct ar_av_ext exts[PLANNER_AV_EXTS];
	struct mrm_av_side s = {.rtcp_rsize = said->rtcp_rsize};

	remote_codecs(&s, codecs, said, local);
	remote_exts(&s, exts, said, local);
	for (unsigned i = 0; suite && i < said->ncrypto; i++) {
		if (!ar_span_caseeq(said->crypto[i].suite, suite))
			continue;
		s.suite = said->crypto[i].suite;
		s.key = said->crypto[i].key;
		break;
	}
	return mrm_av_remote(said, &s);
}

/* Steals v. */
static bool put(json_t *o, const char *key, json_t *v)
{
	return v && json_object_set_new(o, key, v) == 0;
}

static enum ar_setup setup_of(const json_t *entry)
{
	return mrm_setup(json_string_value(json_object_get(entry, "securitySetup")));
}

/* Ours towards the offerer, when this is answered: settled roles stay. */
static enum ar_setup offer_role(
	const struct call *c, enum ar_side side, const char *id, enum ar_setup theirs)
{
	return offer_our_setup(theirs, setup_of(vendor(c->settled[side], id)));
}

static json_t *entry_base(const struct call *c, const struct planner_av *av, enum ar_side side)
{
	unsigned outcome = c->state == CALL_UP ? (unsigned)c->outcome : AR_OUTCOMES;
	const struct planner_av_desc *d = &av->desc[side];
	json_t *o = json_object(), *x = json_object();
	bool ok = x && put(x, "media", json_string(kinds[av->kind])) &&
		  put(x, "transport", json_string(mrm_av_transport(d->transport))) &&
		  put(x, "local", local_json(c, av, side));

	if (d->max_kbps)
		ok = ok && put(x, "maxKbps", json_integer(mrm_av_kbps(d->max_kbps)));
	ok = ok && o &&
	     put(o, "mediaProcessingUri", json_string(uri_of(c, av->kind, outcome, side)));
	if (o && put(o, "x-ims-ar", x) && ok)
		return o;
	if (!o)
		json_decref(x);
	json_decref(o);
	return NULL;
}

static json_t *entry_here(const struct call *c, const struct planner_av *av,
	const struct exchange *x, const struct ar_sdp *sdp)
{
	json_t *o = entry_base(c, av, x->side), *v = json_object_get(o, "x-ims-ar");
	json_t *mb = mrm_av_endpoint(&av->offered, sdp->media[av->index].port);
	enum ar_setup role = offer_role(c, x->side, av->id, av->offered.setup);
	bool ok = v && put(v, "remote", remote_json(&av->offered, json_object_get(v, "local"))) &&
		  put(v, "securitySetup", json_string(mrm_setup_word(role)));

	if (mb)
		ok = o && json_object_set_new(o, "remoteMbEndpoint", mb) == 0 && ok;
	if (ok)
		return o;
	json_decref(o);
	return NULL;
}

/* The other side has not answered this offer: what it said before stands. */
static json_t *entry_there(const struct call *c, const struct planner_av *av, enum ar_side side)
{
	const json_t *was = entry_of(c->settled[side], av->id);
	const json_t *old = json_object_get(was, "x-ims-ar");
	json_t *o = entry_base(c, av, side), *v = json_object_get(o, "x-ims-ar");
	json_t *remote = json_object_get(old, "remote");
	json_t *setup = json_object_get(old, "securitySetup");
	json_t *mb = json_object_get(was, "remoteMbEndpoint");

	if (!v)
		return NULL;
	if (remote)
		json_object_set(v, "remote", remote);
	if (mb)
		json_object_set(o, "remoteMbEndpoint", mb);
	json_object_set_new(
		v, "securitySetup", setup ? json_incref(setup) : json_string("ACTPASS"));
	return o;
}

static int add_medium(struct call *c, struct exchange *x, const struct planner_av *av,
	const struct ar_sdp *sdp, json_t *here, json_t *there)
{
	json_t *a = entry_here(c, av, x, sdp), *b = entry_there(c, av, ar_other_side(x->side));

	if (!a || !b) {
		json_decref(a);
		json_decref(b);
		return -ENOMEM;
	}
	return json_object_set_new(here, av->id, a) | json_object_set_new(there, av->id, b)
		       ? -ENOMEM
		       : 0;
}

static void log_choice(const struct planner_av_choice *choice)
{
	for (int k = 0; k < PLANNER_AV_KINDS; k++) {
		if (choice->why[k])
			ar_log(AR_LOG_INFO, "call", "%s does not go to the ARMF: %s", kinds[k],
				choice->why[k]);
	}
}

static int add_media(struct asd *a, struct call *c, struct exchange *x, const struct offer *o,
	const struct planner_boot_choice *boot)
{
	struct planner_av_choice *choice;
	json_t *here, *there;
	int err = 0;

	choice = malloc(sizeof(*choice));
	here = json_object();
	there = json_object();
	if (!x->facts)
		x->facts = json_object();
	if (!choice || !here || !there || !x->facts)
		err = -ENOMEM;
	if (!err) {
		call_av_choose(a, c, x, o, x->initial ? NULL : call_plan_map(c), choice);
		log_choice(choice);
	}
	for (unsigned i = 0; !err && i < choice->n; i++)
		err = add_medium(c, x, &choice->av[i], &o->sdp, here, there);
	free(choice);
	if (!err)
		err = call_boot_add(c, x, o, boot, here, there);
	if (!err)
		err = json_object_set(x->facts, "av", here) ? -ENOMEM : 0;
	json_decref(here);
	json_decref(x->there);
	x->there = there;
	return err;
}

int call_av_offer(struct asd *a, struct call *c, struct exchange *x, const struct offer *o)
{
	struct planner_boot_choice *boot = malloc(sizeof(*boot));
	int err = 0;

	if (!boot)
		return -ENOMEM;
	call_boot_choose(a, c, x, o, x->initial ? NULL : call_plan_map(c), boot);
	if (boot->n || call_av_wanted(c) || call_av_any(current(c, AR_SIDE_A)) ||
		call_av_any(current(c, AR_SIDE_B)))
		err = add_media(a, c, x, o, boot);
	free(boot);
	return err;
}

/* ---- what mediad should have ---- */

bool call_av_any(const json_t *facts)
{
	return json_object_size(json_object_get(facts, "av")) > 0;
}

/* A shallow copy whose "av" can be changed; facts may be NULL. */
static json_t *copy_facts(const json_t *facts, const json_t *av)
{
	json_t *o = facts ? json_copy((json_t *)(uintptr_t)facts) : json_object();
	json_t *list = av ? json_copy((json_t *)(uintptr_t)av) : json_object();

	if (o && put(o, "av", list))
		return o;
	json_decref(o);
	return NULL;
}

json_t *call_av_keep(const struct call *c, enum ar_side side, json_t *facts)
{
	const json_t *now = json_object_get(current(c, side), "av");
	json_t *o, *e;
	const char *id;

	if (json_object_size(now) == 0)
		return facts;
	o = copy_facts(facts, json_object_get(facts, "av"));
	json_decref(facts);
	json_object_foreach((json_t *)(uintptr_t)now, id, e)
	{
		if (!entry_of(o, id))
			json_object_set(json_object_get(o, "av"), id, e);
	}
	return o;
}

json_t *call_av_open(const struct call *c, const struct exchange *x, enum ar_side side)
{
	const json_t *base = current(c, side) ? current(c, side) : c->settled[side];

	if (!x->there) /* nothing of the kind in this call */
		return json_incref(side == x->side ? x->facts : c->settled[side]);
	if (side == x->side)
		return call_av_keep(c, side, json_incref(x->facts));
	return call_av_keep(c, side, copy_facts(base, x->there));
}

json_t *call_av_revert(const struct call *c, enum ar_side side)
{
	json_t *was = c->settled[side];

	if (!call_av_any(current(c, side)) || json_object_get(was, "av"))
		return json_incref(was);
	return copy_facts(was, NULL);
}

void call_av_reserve_done(struct call *c, const struct exchange *x)
{
	for (int i = 0; i < 2; i++) {
		json_t *facts = call_av_open(c, x, (enum ar_side)i);
		json_t *less = call_av_without(c, (enum ar_side)i, facts);

		call_set_json(&c->ctx.told[i], less ? less : facts);
		json_decref(facts);
		json_decref(less);
	}
}

static int read_leg(struct planner_av_leg *l, const struct call *c, enum ar_side side,
	const struct planner_av *av, enum ar_setup setup, const char **why)
{
	struct mrm_av_reserved r;
	int err = mrm_av_reserved(c->ctx.doc, side, av->id, &r, why);

	if (err)
		return err;
	*l = (struct planner_av_leg){.addr = r.addr,
		.port = r.port,
		.ufrag = r.ufrag,
		.pwd = r.pwd,
		.fingerprint = r.fingerprint,
		.key = r.key,
		.ssrc_mask = r.ssrc_mask,
		.setup = setup};
	if (av->kind == PLANNER_AV_VIDEO && !r.ssrc_mask)
		ar_log_limited(AR_LOG_WARN, "call",
			"%s is older than asd: video keeps its SSRCs, and may stand still when it "
			"is "
			"taken to the ARMF or back in a call",
			c->turns_ssrc ? c->ctx.dcmf_name : c->module);
	for (unsigned i = 0; i < r.ncandidate && i < PLANNER_MAX_CANDIDATES; i++)
		l->candidate[l->ncandidate++] = r.candidate[i];
	return 0;
}

int call_av_reserved(const struct call *c, const struct exchange *x,
	struct planner_av_choice *choice, const char **why)
{
	unsigned n = 0;

	for (unsigned i = 0; i < choice->n; i++) {
		struct planner_av *av = &choice->av[i];
		enum ar_setup setup = setup_of(vendor(x->facts, av->id));
		int err = 0;

		for (int s = 0; s < 2 && !err; s++)
			err = read_leg(&av->leg[s], c, (enum ar_side)s, av, setup, why);
		if (err && err != -ENOENT)
			return err;
		if (!err)
			choice->av[n++] = *av;
	}
	choice->n = n;
	return 0;
}

json_t *call_av_without(const struct call *c, enum ar_side side, const json_t *facts)
{
	struct mrm_av_reserved r;
	bool any = false;
	const char *id, *why;
	json_t *o, *e;
	void *tmp;

	if (!call_av_any(facts))
		return NULL;
	o = copy_facts(facts, json_object_get(facts, "av"));
	json_object_foreach_safe(json_object_get(o, "av"), tmp, id, e)
	{
		if (mrm_av_reserved(c->ctx.doc, side, id, &r, &why) != -ENOENT)
			continue;
		any = true;
		json_object_del(json_object_get(o, "av"), id);
	}
	if (any)
		return o;
	json_decref(o);
	return NULL;
}

/* ---- the answer ---- */

static json_t *entry_said(const json_t *was, const struct ar_sdp *sdp, unsigned at)
{
	json_t *o = json_deep_copy(was), *v = json_object_get(o, "x-ims-ar"), *mb;
	struct ar_sdp_av av;
	enum ar_setup ours;

	if (!v || !ar_sdp_av_parse(&av, sdp, at))
		goto out;
	ours = offer_our_setup(av.setup, AR_SETUP_NONE);
	if (!put(v, "remote", remote_json(&av, json_object_get(v, "local"))))
		goto out;
	json_object_set_new(v, "securitySetup", json_string(mrm_setup_word(ours)));
	mb = mrm_av_endpoint(&av, sdp->media[at].port);
	if (mb)
		json_object_set_new(o, "remoteMbEndpoint", mb);
	return o;
out:
	json_decref(o);
	return NULL;
}

json_t *call_av_said(const struct call *c, const struct ar_plan *plan, enum ar_side side,
	const struct ar_sdp *sdp, json_t *facts)
{
	struct planner_av_slot slot[PLANNER_MAX_AV];
	unsigned n = planner_av_slots(plan, slot);
	const json_t *now = current(c, side);
	json_t *o, *e;

	if (!n && !call_av_any(now))
		return facts;
	o = copy_facts(facts, NULL);
	json_decref(facts);
	for (unsigned i = 0; o && i < n; i++) {
		unsigned at = slot[i].at[side];
		const json_t *was = entry_of(now, slot[i].id);

		if (!was || at >= sdp->nmedia || !sdp->media[at].port)
			continue;
		e = entry_said(was, sdp, at);
		if (e)
			json_object_set_new(json_object_get(o, "av"), slot[i].id, e);
	}
	if (o && plan)
		call_boot_said(plan, side, sdp, now, json_object_get(o, "av"));
	return o;
}

/* Steals *facts; leaves those of its media that `keep` has too, for the outcome. */
static void settle_side(const struct call *c, const struct planner_av_slot *slot, unsigned n,
	enum ar_side side, json_t **facts, const json_t *other)
{
	json_t *o = copy_facts(*facts, NULL), *av = json_object_get(o, "av");

	for (unsigned i = 0; i < n; i++) {
		json_t *e = entry_of(*facts, slot[i].id);
		const char *uri = uri_of(c, slot[i].kind, (unsigned)c->outcome, side);

		if (!e || !entry_of(other, slot[i].id))
			continue;
		e = json_copy(e);
		if (e && put(e, "mediaProcessingUri", json_string(uri)))
			json_object_set(av, slot[i].id, e);
		json_decref(e);
	}
	call_boot_settle(*facts, other, av);
	json_decref(*facts);
	*facts = o;
}

void call_av_settle(const struct call *c, const struct ar_plan *plan, json_t *facts[2])
{
	struct planner_av_slot slot[PLANNER_MAX_AV];
	unsigned n = planner_av_slots(plan, slot);
	json_t *before = json_incref(facts[0]);
	bool had = call_av_any(current(c, AR_SIDE_A)) || call_av_any(current(c, AR_SIDE_B));

	if (n || had || call_av_any(facts[0]) || call_av_any(facts[1])) {
		settle_side(c, slot, n, AR_SIDE_A, &facts[0], facts[1]);
		settle_side(c, slot, n, AR_SIDE_B, &facts[1], before);
	}
	json_decref(before);
}

/* ---- for people, and the store ---- */

char *call_av_print(const struct call *c, enum ar_side side, char *buf, size_t cap)
{
	json_t *av = json_object_get(current(c, side), "av"), *e;
	const char *id;
	size_t n = 0;

	buf[0] = '\0';
	json_object_foreach(av, id, e)
	{
		const char *uri = json_string_value(json_object_get(e, "mediaProcessingUri"));
		const char *op = uri ? strrchr(uri, ':') : NULL;

		if (n < cap)
			n += (size_t)snprintf(buf + n, cap - n, "%s%s %s", n ? ", " : "", id,
				op ? op + 1 : "bootstrap");
	}
	return buf;
}

json_t *call_av_to_json(const struct call *c)
{
	json_t *a = json_array();

	for (int k = 0; k < PLANNER_AV_KINDS && call_av_wanted(c); k++) {
		const struct planner_av_rule *r = &c->av.rule[k];
		json_t *o = json_pack("{s:b, s:s, s:[ii]}", "wanted", r->wanted, "codec", r->codec,
			"max_kbps", (int)r->max_kbps[0], (int)r->max_kbps[1]);
		json_t *list = json_array();

		for (unsigned i = 0; i <= AR_OUTCOMES; i++)
			json_array_append_new(
				list, json_pack("[ii]", c->av.op[k][i][0], c->av.op[k][i][1]));
		json_object_set_new(o, "op", list);
		json_array_append_new(a, o);
	}
	return a;
}

void call_av_from_json(struct call *c, const json_t *j)
{
	for (size_t k = 0; k < PLANNER_AV_KINDS; k++) {
		const json_t *o = json_array_get(j, k), *kbps = json_object_get(o, "max_kbps");
		struct planner_av_rule *r = &c->av.rule[k];
		const char *codec = json_string_value(json_object_get(o, "codec"));

		r->wanted = json_is_true(json_object_get(o, "wanted"));
		snprintf(r->codec, sizeof(r->codec), "%s", codec ? codec : "");
		for (size_t s = 0; s < 2; s++) {
			r->max_kbps[s] = (unsigned)json_integer_value(json_array_get(kbps, s));
			for (size_t i = 0; i <= AR_OUTCOMES; i++)
				c->av.op[k][i][s] =
					(uint8_t)(json_integer_value(json_array_get(
							  json_array_get(
								  json_object_get(o, "op"), i),
							  s)) &
						  3);
		}
	}
}
