/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/call/planner_boot.h"

#include <stdlib.h>

static const uint16_t local_ids[] = {0, 10}, remote_ids[] = {100, 110};

static bool is_boot_id(unsigned id)
{
	return id == local_ids[0] || id == local_ids[1] || id == remote_ids[0] ||
	       id == remote_ids[1];
}

static bool is_boot_stream(const struct ar_dc_stream *s)
{
	return is_boot_id(s->id) && ar_span_caseeq(s->subprotocol, "http") && s->ordered &&
	       s->max_retr < 0 && s->max_time < 0;
}

static void add_stream(struct planner_boot *b, unsigned id)
{
	if (b->nstream < PLANNER_BOOT_STREAMS)
		b->stream[b->nstream++] = (struct ar_dc_stream){.id = (uint16_t)id,
			.ordered = true,
			.max_retr = -1,
			.max_time = -1,
			.priority = 256,
			.subprotocol = AR_SPAN("http")};
}

static bool dcmap_id(struct ar_span value, unsigned *id)
{
	if (!value.n || value.p[0] < '0' || value.p[0] > '9')
		return false;
	*id = (unsigned)strtoul(value.p, NULL, 10); /* a blank or line end follows */
	return true;
}

bool planner_boot_is(struct ar_span text)
{
	struct ar_sdp_media m;
	struct ar_span value;
	size_t pos = 0;
	unsigned id;
	bool any = false;

	if (!text.n || ar_sdp_parse_section(&m, text, NULL) != 0 || m.kind != AR_SDP_DATACHANNEL ||
		!m.port)
		return false;
	while (ar_sdp_next_attr(text, &pos, "dcmap", &value)) {
		if (!dcmap_id(value, &id) || !is_boot_id(id) ||
			!memmem(value.p, value.n, "\"http\"", 6))
			return false;
		any = true;
	}
	return any;
}

const char *planner_boot_id(enum planner_boot_kind kind)
{
	static const char *const ids[] = {"bs", "br", "bl"};

	return ids[kind];
}

const struct planner_boot *planner_boot_at(
	const struct planner_boot_choice *c, enum ar_side side, int slot)
{
	for (unsigned i = 0; c && slot >= 0 && i < c->n; i++) {
		if (c->boot[i].at[side] == slot)
			return &c->boot[i];
	}
	return NULL;
}

/* ---- the map ---- */

static const struct ar_recipe *towards(const struct ar_plan *p, enum ar_side side)
{
	return p->offerer == side ? &p->answer[0] : &p->offer;
}

/* The slot of B that slot i of A belongs to, where both are bootstrap sections; -1: none. */
static int slot_of_b(const struct ar_recipe *a, const struct ar_recipe *b, unsigned i)
{
	int k = a->sec[i].from;

	if (k >= 0 && (unsigned)k < b->n && planner_boot_is(b->sec[k].text))
		return k;
	for (unsigned j = 0; j < b->n; j++) {
		if (b->sec[j].from == (int)i && planner_boot_is(b->sec[j].text))
			return (int)j;
	}
	return -1;
}

void planner_boot_slots(const struct ar_plan *p, int at[PLANNER_BOOT_KINDS][2])
{
	const struct ar_recipe *a = towards(p, AR_SIDE_A), *b = towards(p, AR_SIDE_B);

	memset(at, -1, sizeof(int) * PLANNER_BOOT_KINDS * 2);
	for (unsigned i = 0; i < a->n; i++) {
		enum planner_boot_kind kind = PLANNER_BOOT_SENDER;
		int peer;

		if (a->sec[i].pass || !planner_boot_is(a->sec[i].text))
			continue;
		peer = slot_of_b(a, b, i);
		if (peer >= 0)
			kind = PLANNER_BOOT_RECEIVER;
		at[kind][AR_SIDE_A] = (int)i;
		at[kind][AR_SIDE_B] = peer;
	}
	for (unsigned i = 0; i < b->n; i++) {
		if (!b->sec[i].pass && planner_boot_is(b->sec[i].text) &&
			at[PLANNER_BOOT_RECEIVER][AR_SIDE_B] != (int)i)
			at[PLANNER_BOOT_LOCAL][AR_SIDE_B] = (int)i;
	}
}

static void streams_of_text(struct planner_boot *b, struct ar_span text)
{
	struct ar_span value;
	size_t pos = 0;
	unsigned id;

	while (ar_sdp_next_attr(text, &pos, "dcmap", &value)) {
		if (dcmap_id(value, &id))
			add_stream(b, id);
	}
}

/* ---- the choice ---- */

/* Reads section j of the offer; false: closed, or it says something else now. */
static bool read_section(struct planner_boot *b, const struct ar_sdp *offer, unsigned j)
{
	if (j >= offer->nmedia || offer->media[j].kind != AR_SDP_DATACHANNEL ||
		ar_sdp_dc_parse(&b->dc, offer, j, NULL) != 0 ||
		!ar_sdp_dc_live(&offer->media[j], &b->dc) ||
		!ar_span_caseeq(offer->media[j].proto, "UDP/DTLS/SCTP"))
		return false;
	for (unsigned i = 0; i < b->dc.nstream; i++) {
		if (is_boot_stream(&b->dc.stream[i]))
			add_stream(b, b->dc.stream[i].id);
	}
	b->said = true;
	/* application data channels beside them: that section is the planner's */
	return b->nstream && b->nstream == b->dc.nstream;
}

static bool has(const struct planner_boot_choice *c, enum planner_boot_kind kind)
{
	for (unsigned i = 0; i < c->n; i++) {
		if (c->boot[i].kind == kind)
			return true;
	}
	return false;
}

static struct planner_boot *next(struct planner_boot_choice *c, enum planner_boot_kind kind)
{
	struct planner_boot *b = &c->boot[c->n];

	memset(b, 0, sizeof(*b));
	b->kind = kind;
	b->at[0] = b->at[1] = -1;
	return b;
}

static void choose_first(
	struct planner_boot_choice *c, enum planner_boot_local local, const struct ar_sdp *offer)
{
	for (unsigned j = 0; j < offer->nmedia; j++) {
		struct ar_span mark = ar_sdp_attr(offer->media[j].text, "3gpp-bdc-used-by");
		enum planner_boot_kind kind = ar_span_caseeq(mark, "sender")
						      ? PLANNER_BOOT_SENDER
						      : PLANNER_BOOT_RECEIVER;
		struct planner_boot *b = next(c, kind);

		if (!mark.n ||
			(kind == PLANNER_BOOT_RECEIVER && !ar_span_caseeq(mark, "receiver")) ||
			has(c, kind) || !read_section(b, offer, j))
			continue;
		b->at[AR_SIDE_A] = (int)j;
		if (kind == PLANNER_BOOT_RECEIVER)
			b->at[AR_SIDE_B] = (int)j; /* the planner keeps one layout */
		b->leg[AR_SIDE_A].present = true;
		b->leg[AR_SIDE_B].present = kind == PLANNER_BOOT_RECEIVER;
		c->n++;
	}
	if (local == PLANNER_BOOT_ALWAYS || c->n) {
		struct planner_boot *b = next(c, PLANNER_BOOT_LOCAL);

		for (unsigned i = 0; i < 2; i++)
			add_stream(b, local_ids[i]);
		b->leg[AR_SIDE_B].present = true;
		c->n++;
	}
}

static void choose_again(struct planner_boot_choice *c, const struct ar_sdp *offer,
	enum ar_side offerer, const struct ar_plan *map)
{
	enum ar_side other = ar_other_side(offerer);
	int at[PLANNER_BOOT_KINDS][2];

	planner_boot_slots(map, at);
	for (unsigned k = 0; k < PLANNER_BOOT_KINDS; k++) {
		struct planner_boot *b = next(c, (enum planner_boot_kind)k);

		if (at[k][0] < 0 && at[k][1] < 0)
			continue;
		memcpy(b->at, at[k], sizeof(b->at));
		if (at[k][offerer] < 0)
			streams_of_text(b, towards(map, other)->sec[at[k][other]].text);
		else if (!read_section(b, offer, (unsigned)at[k][offerer]))
			continue;
		for (int s = 0; s < 2; s++)
			b->leg[s].present = at[k][s] >= 0;
		c->n++;
	}
}

void planner_boot_choose(struct planner_boot_choice *c, enum planner_boot_local local,
	const struct ar_sdp *offer, enum ar_side offerer, const struct ar_plan *map)
{
	c->n = 0;
	if (local == PLANNER_BOOT_NEVER)
		return;
	if (map)
		choose_again(c, offer, offerer, map);
	else if (offerer == AR_SIDE_A)
		choose_first(c, local, offer);
}
