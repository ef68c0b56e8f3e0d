/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/call/offer.h"
#include "asd/call/planner_boot.h"
#include "asd/dcsf/mrm_json.h"

#include <errno.h>
#include <stdio.h>

static int parse(struct offer *o, const char *text, char why[120])
{
	struct ar_sdp_error e = {.line = 0};

	o->nchannels = 0;
	o->req_app = AR_SPAN_NONE;
	o->choice.index = -1;
	if (ar_sdp_parse(&o->sdp, text, strlen(text), &e) == 0)
		return 0;
	snprintf(why, 120, "sdp line %u: %s", e.line, e.reason ? e.reason : "malformed");
	return -EBADMSG;
}

/* What the policy sees: every data channel that is offered, ours or not. */
static void collect(struct offer *o)
{
	struct ar_sdp_dc dc;

	for (unsigned i = 0; i < o->sdp.nmedia; i++) {
		if (o->sdp.media[i].kind != AR_SDP_DATACHANNEL ||
			ar_sdp_dc_parse(&dc, &o->sdp, i, NULL) != 0 ||
			!ar_sdp_dc_live(&o->sdp.media[i], &dc))
			continue;
		if (!o->req_app.p)
			o->req_app = dc.req_app;
		for (unsigned k = 0; k < dc.nstream && o->nchannels < AR_DC_MAX_STREAMS; k++)
			o->channels[o->nchannels++] = dc.stream[k];
	}
}

int offer_read(struct offer *o, const char *text, const struct planner_rules *rules,
	enum ar_side side, const struct ar_plan *map, char why[120])
{
	int err = parse(o, text, why);

	if (err)
		return err;
	collect(o);
	planner_choose(&o->choice, rules, &o->sdp, side, map);
	return 0;
}

int offer_read_answer(struct offer *o, const char *text, const struct ar_plan *plan,
	enum ar_side side, char why[120])
{
	struct ar_sdp_error e = {.line = 0};
	int err = parse(o, text, why), i = offer_our_section(plan, side);

	if (err || i < 0 || i >= (int)o->sdp.nmedia || o->sdp.media[i].kind != AR_SDP_DATACHANNEL ||
		o->sdp.media[i].port == 0)
		return err;
	if (ar_sdp_dc_parse(&o->choice.dc, &o->sdp, (unsigned)i, &e) != 0) {
		snprintf(why, 120, "sdp line %u: %s", e.line,
			e.reason ? e.reason : "bad data channel section");
		return -EBADMSG;
	}
	if (ar_sdp_dc_live(&o->sdp.media[i], &o->choice.dc))
		o->choice.index = i;
	return 0;
}

enum ar_setup offer_our_setup(enum ar_setup theirs, enum ar_setup settled)
{
	if (theirs == AR_SETUP_PASSIVE)
		return AR_SETUP_ACTIVE;
	if (theirs == AR_SETUP_ACTIVE)
		return AR_SETUP_PASSIVE;
	return settled == AR_SETUP_ACTIVE ? AR_SETUP_ACTIVE : AR_SETUP_PASSIVE;
}

json_t *offer_facts(const struct offer *o, enum ar_setup ours, const char *capability)
{
	if (o->choice.index < 0)
		return NULL;
	return mrm_facts(&o->choice.dc, o->sdp.media[o->choice.index].port, ours, capability);
}

int offer_our_section(const struct ar_plan *p, enum ar_side side)
{
	struct ar_plan_dir to_side = {
		.answer = p->offerer == side, .outcome = AR_OUTCOME_AR_CAPABLE};
	const struct ar_recipe *r = ar_plan_recipe(p, to_side);
	struct ar_sdp_media m;

	for (unsigned i = 0; i < r->n; i++) {
		if (!r->sec[i].pass && ar_sdp_parse_section(&m, r->sec[i].text, NULL) == 0 &&
			m.kind == AR_SDP_DATACHANNEL && m.port && !planner_boot_is(r->sec[i].text))
			return (int)i;
	}
	return -1;
}
