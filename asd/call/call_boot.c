/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/call/call_boot.h"
#include "asd/asd.h"
#include "asd/call/call_plan.h"
#include "asd/dcsf/mrm_json.h"

#include <errno.h>

void call_boot_choose(const struct asd *a, const struct call *c, const struct exchange *x,
	const struct offer *o, const struct ar_plan *map, struct planner_boot_choice *choice)
{
	choice->n = 0;
	if (!c->role || strcmp(c->role, "terminating") != 0 || c->inside || x->without)
		return;
	if (map || o->choice.index >= 0)
		planner_boot_choose(choice, a->conf.boot_local, &o->sdp, x->side, map);
}

static const json_t *entry_of(const json_t *facts, enum planner_boot_kind kind)
{
	return json_object_get(json_object_get(facts, "av"), planner_boot_id(kind));
}

static enum ar_setup setup_of(const json_t *entry)
{
	return mrm_setup(json_string_value(
		json_object_get(json_object_get(entry, "dcMedia"), "securitySetup")));
}

/* Takes the members of the facts over into the entry. */
static void take_facts(json_t *o, json_t *facts)
{
	json_t *dc = json_object_get(o, "dcMedia"), *x = json_object_get(o, "x-ims-ar");
	json_t *mb = json_object_get(facts, "remoteMbEndpoint");

	json_object_set(dc, "remoteDcEndpoint", json_object_get(facts, "remoteDcEndpoint"));
	json_object_set(dc, "securitySetup", json_object_get(facts, "securitySetup"));
	json_object_set(x, "remote", json_object_get(facts, "remote"));
	if (mb)
		json_object_set(o, "remoteMbEndpoint", mb);
}

static json_t *entry_new(const struct call *c, const struct planner_boot *b, enum ar_side side)
{
	const char *user = side == AR_SIDE_A ? c->caller : c->callee;

	return json_pack("{s:s, s:{s:o?, s:s}, s:{s:s}}", "mediaResourceType", "DC", "dcMedia",
		"streams", mrm_streams(b->stream, b->nstream), "securitySetup", "ACTPASS",
		"x-ims-ar", "user", user ? user : "");
}

static json_t *entry_here(const struct call *c, const struct exchange *x, const struct offer *o,
	const struct planner_boot *b)
{
	enum ar_setup settled = setup_of(entry_of(c->settled[x->side], b->kind));
	json_t *facts = mrm_facts(&b->dc, o->sdp.media[b->at[x->side]].port,
		offer_our_setup(b->dc.setup, settled), NULL);
	json_t *e = entry_new(c, b, x->side);

	if (facts && e)
		take_facts(e, facts);
	json_decref(facts);
	if (facts)
		return e;
	json_decref(e);
	return NULL;
}

int call_boot_add(const struct call *c, const struct exchange *x, const struct offer *o,
	const struct planner_boot_choice *choice, json_t *here, json_t *there)
{
	enum ar_side other = ar_other_side(x->side);
	int err = 0;

	for (unsigned i = 0; !err && i < choice->n; i++) {
		const struct planner_boot *b = &choice->boot[i];
		const char *id = planner_boot_id(b->kind);
		const json_t *was = entry_of(c->settled[other], b->kind);

		if (b->leg[x->side].present && b->said)
			err = json_object_set_new(here, id, entry_here(c, x, o, b));
		if (!err && b->leg[other].present)
			err = json_object_set_new(
				there, id, was ? json_deep_copy(was) : entry_new(c, b, other));
	}
	return err ? -ENOMEM : 0;
}

static int read_leg(struct planner_boot *b, const struct call *c, const struct exchange *x,
	enum ar_side side, const char **why)
{
	const json_t *ours = side == x->side ? entry_of(x->facts, b->kind) : NULL;
	struct planner_leg *leg = &b->leg[side];
	int err = call_plan_leg(leg, c, side, planner_boot_id(b->kind), why);

	if (err)
		return err;
	leg->setup = setup_of(ours);
	leg->stream = b->stream;
	leg->nstream = b->nstream;
	return 0;
}

int call_boot_reserved(const struct call *c, const struct exchange *x,
	struct planner_boot_choice *choice, const char **why)
{
	unsigned n = 0;

	for (unsigned i = 0; i < choice->n; i++) {
		struct planner_boot *b = &choice->boot[i];
		int err = 0;

		for (int s = 0; s < 2 && !err; s++) {
			if (b->leg[s].present)
				err = read_leg(b, c, x, (enum ar_side)s, why);
		}
		if (err && err != -ENOENT)
			return err;
		if (err)
			continue;
		if (n != i)
			memcpy(&choice->boot[n], b, sizeof(*b));
		for (int s = 0; s < 2; s++)
			choice->boot[n].leg[s].stream = choice->boot[n].stream;
		n++;
	}
	choice->n = n;
	return 0;
}

void call_boot_said(const struct ar_plan *plan, enum ar_side side, const struct ar_sdp *sdp,
	const json_t *now, json_t *av)
{
	int at[PLANNER_BOOT_KINDS][2];
	struct ar_sdp_dc dc;

	planner_boot_slots(plan, at);
	for (int k = 0; k < PLANNER_BOOT_KINDS; k++) {
		const json_t *was = entry_of(now, (enum planner_boot_kind)k);
		int i = at[k][side];
		json_t *facts, *e;

		if (!was || i < 0 || (unsigned)i >= sdp->nmedia || !sdp->media[i].port ||
			sdp->media[i].kind != AR_SDP_DATACHANNEL ||
			ar_sdp_dc_parse(&dc, sdp, (unsigned)i, NULL) != 0 ||
			!ar_sdp_dc_live(&sdp->media[i], &dc))
			continue;
		facts = mrm_facts(
			&dc, sdp->media[i].port, offer_our_setup(dc.setup, AR_SETUP_NONE), NULL);
		e = facts ? json_deep_copy(was) : NULL;
		if (e) {
			take_facts(e, facts);
			json_object_set_new(av, planner_boot_id((enum planner_boot_kind)k), e);
		}
		json_decref(facts);
	}
}

void call_boot_settle(const json_t *mine, const json_t *other, json_t *av)
{
	for (int k = 0; k < PLANNER_BOOT_KINDS; k++) {
		json_t *e = (json_t *)(uintptr_t)entry_of(mine, (enum planner_boot_kind)k);

		if (e && (k != PLANNER_BOOT_RECEIVER || entry_of(other, PLANNER_BOOT_RECEIVER)))
			json_object_set(av, planner_boot_id((enum planner_boot_kind)k), e);
	}
}
