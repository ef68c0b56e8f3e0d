/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/call/planner_boot.h"
#include "asd/call/planner_text.h"

/* The scene must arrive whole and in order: a patch tests the revision before it. */
static bool loses_scene(const struct ar_dc_stream *st)
{
	return ar_span_caseeq(st->subprotocol, "mpeg-sd") &&
	       (!st->ordered || st->max_retr >= 0 || st->max_time >= 0);
}

static const char *refuse_stream(const struct planner_rules *rules, const struct ar_dc_stream *st)
{
	unsigned max = rules && rules->max_stream_id ? rules->max_stream_id : PLANNER_MAX_STREAM_ID;
	const char *accept = rules && rules->accept ? rules->accept : PLANNER_ACCEPT;

	if (st->id > max)
		return "stream id above the maximum";
	if (loses_scene(st))
		return "mpeg-sd offered unreliable or unordered";
	if (!ar_recognise_listed(accept, st->subprotocol))
		return "sub-protocol not served";
	if (!planner_quotable(st->subprotocol) || !planner_quotable(st->label))
		return "label with bytes outside ASCII";
	return NULL;
}

static void choose_streams(struct planner_choice *c, const struct planner_rules *rules)
{
	size_t names = 0;

	c->naccepted = c->nleft_out = 0;
	c->why = NULL;
	for (unsigned i = 0; i < c->dc.nstream; i++) {
		const struct ar_dc_stream *st = &c->dc.stream[i];
		const char *why = refuse_stream(rules, st);

		names += st->subprotocol.n + st->label.n;
		if (!why && names > PLANNER_MAX_NAMES)
			why = "labels too long";
		if (why) {
			c->why = why;
			c->nleft_out++;
		} else {
			c->accepted[c->naccepted++] = *st;
		}
	}
}

/* How much a section asks to be anchored: 0 not at all. */
static int rank(const struct planner_rules *rules, const struct ar_sdp_dc *dc)
{
	if (dc->req_app.p)
		return 2;
	for (unsigned i = 0; i < dc->nstream; i++) {
		if (dc->stream[i].id >= PLANNER_AR_STREAM_ID ||
			ar_recognise_ar_stream(rules ? rules->recognise : NULL, &dc->stream[i]))
			return 2;
	}
	return dc->nstream == 0;
}

/* The section that the map anchors on this side, live then; -1: none. */
static int anchored_before(const struct ar_plan *map, enum ar_side side)
{
	const struct ar_recipe *r;
	struct ar_sdp_media m;

	if (!map)
		return -1;
	r = map->offerer == side ? &map->answer[0] : &map->offer;
	for (unsigned j = 0; j < r->n; j++) {
		if (!r->sec[j].pass && ar_sdp_parse_section(&m, r->sec[j].text, NULL) == 0 &&
			m.kind == AR_SDP_DATACHANNEL && m.port && !planner_boot_is(r->sec[j].text))
			return (int)j;
	}
	return -1;
}

/* Parses section i into c when it can be anchored. unbundled: it is, in the dialog's map: then an
 * offer that comes before its candidates (m=application 9, RFC 8840) is not a bundled one. */
static bool candidate(
	struct planner_choice *c, const struct ar_sdp *offer, unsigned i, bool unbundled)
{
	if (offer->media[i].kind != AR_SDP_DATACHANNEL)
		return false;
	if (ar_sdp_dc_parse(&c->dc, offer, i, NULL) != 0) {
		c->why = "the data channel section breaks RFC 8841 or 8864";
		return false;
	}
	/* RFC 9143: bundle-only is offered at port 0; any other at port 0 is closed */
	if (!ar_sdp_dc_live(&offer->media[i], &c->dc) && !c->dc.bundle_only)
		return false;
	if (!unbundled && ar_recognise_max_bundle(offer, i, &c->dc)) {
		c->max_bundle = true;
		c->why = "max-bundle: the UE cannot take an unbundled data channel";
		return false;
	}
	if (!ar_sdp_dc_live(&offer->media[i], &c->dc))
		return false;
	if (!ar_span_caseeq(offer->media[i].proto, "UDP/DTLS/SCTP")) {
		c->why = "data channel over TCP";
		return false;
	}
	return true;
}

static int best_section(struct planner_choice *c, const struct planner_rules *rules,
	const struct ar_sdp *offer, int before, bool unbundled)
{
	int best = -1, best_rank = 0;

	for (unsigned i = 0; i < offer->nmedia; i++) {
		int r;

		if (!candidate(c, offer, i, unbundled && (int)i == before))
			continue;
		r = (int)i == before ? 3 : rank(rules, &c->dc);
		if (r > best_rank) {
			best_rank = r;
			best = (int)i;
		}
	}
	return best;
}

void planner_choose(struct planner_choice *c, const struct planner_rules *rules,
	const struct ar_sdp *offer, enum ar_side offerer, const struct ar_plan *map)
{
	memset(c, 0, sizeof(*c));
	c->index = best_section(
		c, rules, offer, anchored_before(map, offerer), map && map->drop_group);
	if (c->max_bundle)
		c->index = -1;
	if (c->index < 0) {
		if (!c->why)
			c->why = "no data channel for AR in the offer";
		return;
	}
	/* read again: the search has gone on to other sections */
	if (ar_sdp_dc_parse(&c->dc, offer, (unsigned)c->index, NULL) != 0) {
		c->index = -1;
		return;
	}
	choose_streams(c, rules);
	if (c->dc.nstream && !c->naccepted)
		c->index = -1;
}
