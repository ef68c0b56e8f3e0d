/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plan as JSON, what a UE sent and what rtpengine made of it, apart by NUL. A plan that is
 * refused as such is not applied; without one the planner makes its own from the description.
 */
#include "asd/call/planner.h"
#include "common/plan_json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static struct ar_span cut(struct ar_span *rest)
{
	const char *nul = rest->n ? memchr(rest->p, '\0', rest->n) : NULL;
	struct ar_span part = {rest->p, nul ? (size_t)(nul - rest->p) : rest->n};

	rest->p += part.n + (nul != NULL);
	rest->n -= part.n + (nul != NULL);
	return part;
}

struct inputs {
	struct ar_sdp in, relayed;
	bool has_relayed;
};

/* What was made parses, has the recipe's sections, CRLF line ends, and comes out the same again. */
static void check_made(const struct ar_plan *p, struct ar_plan_dir d, const struct ar_sdp *in,
	const struct ar_sdp *relayed)
{
	struct ar_buf one, two;
	struct ar_sdp sdp;

	ar_buf_init(&one, 1 << 20);
	ar_buf_init(&two, 1 << 20);
	if (ar_plan_apply(p, d, in, relayed, 3, &one) == 0) {
		must(ar_plan_apply(p, d, in, relayed, 3, &two) == 0);
		must(ar_span_eq(ar_buf_span(&one), ar_buf_span(&two)));
		for (size_t i = 0; i < one.n; i++)
			must(one.p[i] != '\n' || (i && one.p[i - 1] == '\r'));
		if (one.n <= AR_SDP_MAX_LEN && ar_sdp_parse(&sdp, one.p, one.n, NULL) == 0)
			must(sdp.nmedia == ar_plan_recipe(p, d)->n);
	}
	ar_buf_reset(&two);
	if (ar_plan_hide(p, d, in, &two) == 0 && two.n <= AR_SDP_MAX_LEN &&
		ar_sdp_parse(&sdp, two.p, two.n, NULL) == 0) {
		for (unsigned i = 0; i < sdp.nmedia; i++)
			must(sdp.media[i].kind != AR_SDP_DATACHANNEL || !sdp.media[i].port);
	}
	ar_buf_free(&one);
	ar_buf_free(&two);
}

static void all_directions(const struct ar_plan *p, const struct inputs *x)
{
	const struct ar_sdp *relayed = x->has_relayed ? &x->relayed : NULL;

	check_made(p, (struct ar_plan_dir){0}, &x->in, relayed);
	for (unsigned o = 0; o < AR_OUTCOMES; o++)
		check_made(p, (struct ar_plan_dir){true, (enum ar_outcome)o}, &x->in, relayed);
}

static void derive(const struct ar_plan *map, const struct inputs *x)
{
	static const struct ar_plan_roles roles = {.active = {3, 4}};
	static struct ar_plan_room room;
	struct ar_plan next;
	struct ar_buf texts;
	const char *why;

	ar_buf_init(&texts, 1 << 22);
	for (int side = 0; side < 2; side++) {
		if (ar_plan_from_map(
			    map, (enum ar_side)side, &x->in, &roles, &next, &room, &texts) != 0)
			continue;
		/* a long line of the offer may make an alternative too long; nothing else is wrong
		 */
		if (ar_plan_check(&next, &why) == 0)
			all_directions(&next, x);
		else
			must(strcmp(why, "section text too long") == 0);
	}
	ar_buf_free(&texts);
}

static void use(const struct ar_plan *p, const struct inputs *x)
{
	struct ar_plan *c;
	const char *why;
	json_t *j;

	all_directions(p, x);
	derive(p, x);
	c = ar_plan_clone(p, malloc);
	if (!c)
		return;
	must(ar_plan_check(c, &why) == 0);
	must(ar_plan_size(c) == ar_plan_size(p));
	j = ar_plan_to_json(c);
	if (j) {
		static struct ar_plan_room room;
		struct ar_plan back;

		must(ar_plan_from_json(&back, &room, j, &why) == 0);
		json_decref(j);
	}
	free(c);
}

static void plan_it(const struct inputs *x)
{
	static struct ar_plan_room room;
	static struct planner_choice choice;
	struct planner_leg leg = {.present = true,
		.addr = AR_SPAN("192.0.2.1"),
		.port = 9,
		.sctp_port = 5000,
		.ufrag = AR_SPAN("abcd"),
		.pwd = AR_SPAN("0123456789012345678901"),
		.fingerprint = AR_SPAN("sha-256 AB"),
		.stream = choice.accepted};
	struct planner_in in = {.offer = &x->in,
		.choice = &choice,
		.keep = PLANNER_KEEP_USUAL,
		.session_id = {AR_SPAN("- 1"), AR_SPAN("- 2")},
		.origin_addr = {AR_SPAN("IN IP4 h"), AR_SPAN("IN IP4 h")}};
	struct ar_plan p;
	struct ar_buf texts;
	const char *why = NULL;

	ar_buf_init(&texts, 1 << 22);
	planner_choose(&choice, NULL, &x->in, AR_SIDE_A, NULL);
	leg.nstream = choice.naccepted;
	in.leg[0] = in.leg[1] = leg;
	if (planner_plan(&in, &p, &room, &texts, &why) == 0)
		use(&p, x);
	else
		must(why != NULL);
	ar_buf_free(&texts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ar_span rest = {(const char *)data, size}, plan = cut(&rest), in = cut(&rest);
	static struct ar_plan_room room;
	struct inputs x;
	struct ar_plan p;
	const char *why;
	json_t *j;

	if (ar_sdp_parse(&x.in, in.p, in.n, NULL) != 0)
		return 0;
	x.has_relayed = ar_sdp_parse(&x.relayed, rest.p, rest.n, NULL) == 0;
	plan_it(&x);
	j = json_loadb(plan.p, plan.n, 0, NULL);
	if (j && ar_plan_from_json(&p, &room, j, &why) == 0)
		use(&p, &x);
	json_decref(j);
	return 0;
}
