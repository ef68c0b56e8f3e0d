/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/call/planner_boot.h"
#include "asd/call/planner_text.h"

#include <errno.h>

/* What becomes of one section of the offerer's leg ("here"); the other leg is "there". */
enum fate {
	FATE_PASS,
	FATE_ANCHOR,
	FATE_ARMF,
	FATE_BOOT, /* bootstrap channels, perhaps on one leg only */
	FATE_DEAD, /* port 0 on both legs */
};

struct slot {
	enum fate fate;
	int peer; /* index there; -1: only here */
};

struct planner {
	const struct planner_in *in;
	struct ar_plan *out;
	struct ar_plan_room *room;
	struct plan_texts texts;
	const char *why;
	int anchor; /* index here; -1: none */

	const struct ar_recipe *old_there, *old_here; /* the map's; NULL: first exchange */
	unsigned nhere, nthere;
	struct slot here[AR_PLAN_MAX_SECTIONS];
	int there[AR_PLAN_MAX_SECTIONS]; /* index here; -1: only there */
	struct ar_span armf_text[AR_PLAN_MAX_SECTIONS]; /* answers, by index here; bootstrap too */
	int boot_added; /* slot there of a new local bootstrap section; -1: none */
	int ours_there; /* slot of our text there; nthere: appended; -1: none */
};

static int refuse(struct planner *p, int err, const char *why)
{
	p->why = why;
	return err;
}

static const struct planner_leg *leg_here(const struct planner *p)
{
	return &p->in->leg[p->in->offerer];
}

static const struct planner_leg *leg_there(const struct planner *p)
{
	return &p->in->leg[ar_other_side(p->in->offerer)];
}

static unsigned nold_here(const struct planner *p)
{
	return p->old_here ? p->old_here->n : 0;
}

static unsigned nold_there(const struct planner *p)
{
	return p->old_there ? p->old_there->n : 0;
}

static bool text_section(struct ar_span text, struct ar_sdp_media *m)
{
	return text.n && ar_sdp_parse_section(m, text, NULL) == 0;
}

/* Whether the slot was a section of ours in the map, and whether that was in use. */
static bool was_ours(const struct ar_recipe *old, unsigned i, bool *live)
{
	struct ar_sdp_media m;

	if (!old || i >= old->n || old->sec[i].pass || !text_section(old->sec[i].text, &m))
		return false;
	*live = m.port != 0;
	return true;
}

/* ---- layout ---- */

/* The slot there that belongs to slot j here: what passes says so, as does a text's condition, in
 * either direction (an unconditional text has none). */
static int peer_in_map(const struct planner *p, unsigned j)
{
	const struct ar_plan_section *sec = &p->old_here->sec[j];

	if (sec->from >= 0)
		return sec->from;
	for (unsigned i = 0; i < p->old_there->n; i++) {
		if (!p->old_there->sec[i].pass && p->old_there->sec[i].from == (int)j)
			return (int)i;
	}
	return -1;
}

/* RFC 3264 8.3.2: a UE may put another stream into a slot that was disabled. It passes when nothing
 * of ours is or may be in use there on either leg, else it is refused this time. */
static const struct planner_av *armf_at(const struct planner *p, unsigned j)
{
	const struct planner_av_choice *c = p->in->av;

	for (unsigned i = 0; c && i < c->n; i++) {
		if (c->av[i].index == j)
			return &c->av[i];
	}
	return NULL;
}

/* The slot had a section of ours of the same kind: one that leaves the ARMF. */
static bool same_kind(const struct ar_recipe *old, unsigned i, enum ar_sdp_kind kind)
{
	struct ar_sdp_media m;

	return kind != AR_SDP_DATACHANNEL && text_section(old->sec[i].text, &m) && m.kind == kind;
}

/* The slot has a text of ours of another kind: not all at once. */
static bool other_kind(const struct ar_recipe *old, unsigned i, enum ar_sdp_kind kind)
{
	struct ar_sdp_media m;

	return old && i < old->n && !old->sec[i].pass && text_section(old->sec[i].text, &m) &&
	       m.kind != kind;
}

static const struct planner_boot *boot_here(const struct planner *p, unsigned j)
{
	const struct planner_boot *b = planner_boot_at(p->in->boot, p->in->offerer, (int)j);

	return b && b->said && b->leg[p->in->offerer].present ? b : NULL;
}

/* What stands in slot i there; a new local one comes after everything else. */
static const struct planner_boot *boot_there(const struct planner *p, unsigned i)
{
	enum ar_side there = ar_other_side(p->in->offerer);
	const struct planner_boot *b = planner_boot_at(p->in->boot, there, (int)i);

	for (unsigned k = 0; !b && p->in->boot && k < p->in->boot->n; k++) {
		const struct planner_boot *x = &p->in->boot->boot[k];

		if (x->at[0] < 0 && x->at[1] < 0 && (int)i == p->boot_added)
			b = x;
	}
	return b && b->leg[there].present ? b : NULL;
}

static enum fate fate_of(const struct planner *p, unsigned j)
{
	const struct ar_sdp_media *m = &p->in->offer->media[j];
	bool live = false, peer_live = false;
	int peer = p->here[j].peer;

	if ((int)j == p->anchor)
		return FATE_ANCHOR;
	if (boot_here(p, j))
		return FATE_BOOT;
	if (m->kind == AR_SDP_DATACHANNEL)
		return FATE_DEAD;
	if (armf_at(p, j) && peer >= 0 && !other_kind(p->old_here, j, m->kind) &&
		!other_kind(p->old_there, (unsigned)peer, m->kind))
		return FATE_ARMF;
	if (!was_ours(p->old_here, j, &live))
		return FATE_PASS;
	if (peer >= 0 && m->port && same_kind(p->old_here, j, m->kind))
		return FATE_PASS;
	if (live || peer < 0 || !m->port)
		return FATE_DEAD;
	return was_ours(p->old_there, (unsigned)peer, &peer_live) && !peer_live ? FATE_PASS
										: FATE_DEAD;
}

static int lay_out(struct planner *p)
{
	const struct ar_sdp *offer = p->in->offer;

	if (offer->nmedia < nold_here(p))
		return refuse(p, -EPROTO, "fewer m= lines than before (RFC 3264 8)");
	p->nhere = offer->nmedia;
	p->nthere = nold_there(p);
	for (unsigned i = 0; i < p->nthere; i++)
		p->there[i] = -1;
	for (unsigned j = 0; j < p->nhere; j++) {
		int peer = j < nold_here(p) ? peer_in_map(p, j) : (int)p->nthere;

		if (j >= nold_here(p)) {
			if (p->nthere == AR_PLAN_MAX_SECTIONS)
				return refuse(p, -E2BIG, "too many m= lines");
			p->nthere++;
		}
		p->here[j].peer = peer;
		if (peer >= 0)
			p->there[peer] = (int)j;
		p->here[j].fate = fate_of(p, j);
	}
	return 0;
}

/* Where our data channel stands on the other leg: opposite the anchored section, else in a slot
 * that only that leg has from before, else in a new one at the end. */
static int find_ours_there(const struct planner *p)
{
	bool live;

	if (!leg_there(p)->present)
		return -1;
	if (p->anchor >= 0 && p->here[p->anchor].peer >= 0)
		return p->here[p->anchor].peer;
	for (unsigned i = 0; i < nold_there(p); i++) {
		if (p->there[i] < 0 && was_ours(p->old_there, i, &live) &&
			!planner_boot_is(p->old_there->sec[i].text))
			return (int)i;
	}
	return (int)p->nthere;
}

static int find_boot_added(const struct planner *p)
{
	for (unsigned i = 0; p->in->boot && i < p->in->boot->n; i++) {
		const struct planner_boot *b = &p->in->boot->boot[i];

		if (b->at[0] < 0 && b->at[1] < 0)
			return (int)p->nthere + (p->ours_there == (int)p->nthere);
	}
	return -1;
}

/* ---- sections ---- */

static struct ar_span stub_here(struct planner *p, unsigned j)
{
	return plan_texts_stub(
		&p->texts, &p->in->offer->media[j], p->out->origin_addr[p->in->offerer]);
}

/* RFC 5888 lets an offer name some sections only, but libwebrtc gives the others names of its own,
 * "0" first, which may be one of those that there are. */
static bool all_named(const struct ar_sdp *offer)
{
	for (unsigned j = 0; j < offer->nmedia; j++) {
		if (offer->media[j].port && !ar_sdp_attr(offer->media[j].text, "mid").p)
			return false;
	}
	return true;
}

/* Whether a section of ours that the other leg has already goes by that name there. */
static bool named_so(const struct planner *p, struct ar_span mid)
{
	for (unsigned i = 0; i < nold_there(p); i++) {
		const struct ar_plan_section *sec = &p->old_there->sec[i];

		if (!sec->pass && ar_span_eq(ar_sdp_attr(sec->text, "mid"), mid))
			return true;
	}
	return false;
}

/* The mid by which the other side knows slot i. */
static struct ar_span mid_there(const struct planner *p, unsigned i)
{
	struct ar_span mid = AR_SPAN_NONE;

	if (i < nold_there(p) && !p->old_there->sec[i].pass)
		return ar_sdp_attr(p->old_there->sec[i].text, "mid");
	if (!all_named(p->in->offer))
		return mid;
	if (i < p->nthere && p->there[i] >= 0)
		mid = ar_sdp_attr(p->in->offer->media[p->there[i]].text, "mid");
	else if (p->nhere && ar_sdp_attr(p->in->offer->media[0].text, "mid").p)
		/* UEs count or use letters of their own */
		mid = (int)i == p->boot_added ? AR_SPAN("imsarboot") : AR_SPAN("imsar");
	return mid.n <= 64 && !named_so(p, mid) ? mid : AR_SPAN_NONE;
}

static struct ar_span stub_there(struct planner *p, unsigned i)
{
	size_t mark = p->texts.buf->n;
	struct ar_sdp_media m = {.media = AR_SPAN("application"),
		.proto = AR_SPAN("UDP/DTLS/SCTP"),
		.fmt = AR_SPAN("webrtc-datachannel")};
	bool live;

	/* a slot keeps its kind when it is closed; a new one is what the other side has */
	if ((int)i != p->ours_there &&
		(!was_ours(p->old_there, i, &live) ||
			!text_section(p->old_there->sec[i].text, &m)) &&
		i < p->nthere && p->there[i] >= 0)
		m = p->in->offer->media[p->there[i]];
	plan_emit_stub(p->texts.buf, &m, p->out->origin_addr[ar_other_side(p->in->offerer)],
		mid_there(p, i));
	return plan_texts_since(&p->texts, mark);
}

static struct ar_span our_offer(struct planner *p, unsigned i)
{
	bool anchored = p->anchor >= 0;
	struct planner_text x = {.leg = leg_there(p), .mid = mid_there(p, i)};

	if (anchored) {
		x.offered = &p->in->offer->media[p->anchor];
		x.dc = &p->in->choice->dc;
	}
	return planner_text_section(&p->texts, &x);
}

static struct ar_span our_answer(struct planner *p)
{
	struct planner_text x = {.leg = leg_here(p),
		.offered = &p->in->offer->media[p->anchor],
		.dc = &p->in->choice->dc,
		.mid = p->in->choice->dc.mid,
		.answer = true};

	return planner_text_section(&p->texts, &x);
}

static struct ar_span boot_offer(struct planner *p, const struct planner_boot *b, unsigned i)
{
	int j = i < p->nthere ? p->there[i] : -1;
	bool both = b->kind == PLANNER_BOOT_RECEIVER && j >= 0;
	struct planner_text x = {.leg = &b->leg[ar_other_side(p->in->offerer)],
		.offered = both ? &p->in->offer->media[j] : NULL,
		.dc = both ? &b->dc : NULL,
		.mid = mid_there(p, i),
		.used_by = both ? "receiver" : NULL};

	return planner_text_section(&p->texts, &x);
}

static struct ar_span boot_answer(struct planner *p, const struct planner_boot *b, unsigned j)
{
	struct planner_text x = {.leg = &b->leg[p->in->offerer],
		.offered = &p->in->offer->media[j],
		.dc = &b->dc,
		.mid = b->dc.mid,
		.answer = true};

	return planner_text_section(&p->texts, &x);
}

/* Slot i there, in the offer. */
static struct ar_plan_section offer_section(struct planner *p, unsigned i)
{
	int j = i < p->nthere ? p->there[i] : -1;
	struct ar_plan_section sec = {.from = (int16_t)j};
	const struct planner_boot *b = boot_there(p, i);

	if (b && b->kind == PLANNER_BOOT_RECEIVER && j >= 0) {
		sec.text = boot_offer(p, b, i);
		sec.alt = stub_there(p, i);
	} else if (b) {
		sec.text = boot_offer(p, b, i);
		sec.from = -1;
	} else if (j >= 0 && p->here[j].fate == FATE_PASS) {
		sec.pass = true;
	} else if (j >= 0 && p->here[j].fate == FATE_ARMF) {
		sec.text = planner_av_text(&p->texts, armf_at(p, (unsigned)j),
			ar_other_side(p->in->offerer), false, mid_there(p, i));
		sec.alt = stub_there(p, i);
		sec.carry = true;
		sec.ssrc_mask =
			armf_at(p, (unsigned)j)->leg[ar_other_side(p->in->offerer)].ssrc_mask;
	} else if ((int)i == p->ours_there) {
		sec.text = our_offer(p, i);
		if (j >= 0)
			sec.alt = stub_there(p, i);
	} else {
		sec.text = stub_there(p, i);
	}
	return sec;
}

static bool has_more(const struct planner *p)
{
	return (p->in->av && p->in->av->n) || (p->in->boot && p->in->boot->n);
}

static int make_offer(struct planner *p)
{
	struct ar_recipe *r = &p->out->offer;

	r->n = p->nthere + (p->ours_there == (int)p->nthere) + (p->boot_added >= 0);
	r->ice_lite = p->ours_there >= 0 || has_more(p);
	if (r->n > AR_PLAN_MAX_SECTIONS)
		return refuse(p, -E2BIG, "too many m= lines");
	r->sec = ar_plan_room_take(p->room, r->n);
	if (!r->sec)
		return refuse(p, -E2BIG, "too many m= lines");
	for (unsigned i = 0; i < r->n; i++)
		r->sec[i] = offer_section(p, i);
	return 0;
}

/* Slot j here, in the answer. ours: the anchored section's text, n 0: it is refused. */
static struct ar_plan_section answer_section(
	struct planner *p, unsigned j, struct ar_span ours, struct ar_span stub)
{
	struct ar_plan_section sec = {.from = (int16_t)p->here[j].peer};
	bool always = p->in->keep & 1u << AR_OUTCOME_DC_REFUSED;

	if (p->here[j].fate == FATE_PASS) {
		sec.pass = true;
		sec.alt = stub;
	} else if (p->here[j].fate == FATE_ARMF) {
		sec.text = p->armf_text[j];
		sec.alt = stub;
		sec.carry = true;
		sec.ssrc_mask = armf_at(p, j)->leg[p->in->offerer].ssrc_mask;
	} else if (p->here[j].fate == FATE_BOOT) {
		sec.text = p->armf_text[j];
		if (boot_here(p, j)->kind == PLANNER_BOOT_RECEIVER && sec.from >= 0)
			sec.alt = stub;
		else
			sec.from = -1;
	} else if (p->here[j].fate == FATE_ANCHOR && ours.n) {
		sec.text = ours;
		if (always || !leg_there(p)->present)
			sec.from = -1;
		else if (sec.from >= 0)
			sec.alt = stub;
	} else {
		sec.text = stub;
	}
	return sec;
}

static int make_answer(
	struct planner *p, struct ar_span ours, const struct ar_span stub[AR_PLAN_MAX_SECTIONS])
{
	struct ar_recipe *r = &p->out->answer[p->out->nanswer];

	r->n = p->nhere;
	r->ice_lite = ours.n > 0 || has_more(p);
	r->sec = ar_plan_room_take(p->room, r->n);
	if (!r->sec)
		return refuse(p, -E2BIG, "too many m= lines");
	for (unsigned j = 0; j < p->nhere; j++)
		r->sec[j] = answer_section(p, j, ours, stub[j]);
	p->out->nanswer++;
	return 0;
}

/* One answer, or two when the policy refuses the offerer's channel in some outcomes only. */
static int make_answers(struct planner *p)
{
	const unsigned all = (1u << AR_OUTCOMES) - 1;
	struct ar_span stub[AR_PLAN_MAX_SECTIONS];
	struct ar_span ours = AR_SPAN_NONE;
	unsigned keep = p->in->keep & all;
	int err = 0;

	for (unsigned j = 0; j < p->nhere; j++) {
		stub[j] = stub_here(p, j);
		if (p->here[j].fate == FATE_ARMF)
			p->armf_text[j] = planner_av_text(&p->texts, armf_at(p, j), p->in->offerer,
				true, armf_at(p, j)->offered.mid);
		else if (p->here[j].fate == FATE_BOOT)
			p->armf_text[j] = boot_answer(p, boot_here(p, j), j);
	}
	if (p->anchor >= 0 && leg_here(p)->present)
		ours = our_answer(p);
	else
		keep = 0;
	if (keep)
		err = make_answer(p, ours, stub);
	if (!err && keep != all)
		err = make_answer(p, AR_SPAN_NONE, stub);
	for (unsigned o = 0; o < AR_OUTCOMES; o++)
		p->out->answer_for[o] = keep && !(keep & 1u << o);
	return err;
}

/* ---- the whole ---- */

static int check_in(struct planner *p)
{
	const struct planner_in *in = p->in;

	for (int side = 0; side < 2; side++) {
		const char *why = planner_leg_fault(&in->leg[side]);

		for (unsigned i = 0; !why && in->av && i < in->av->n; i++)
			why = planner_av_leg_fault(&in->av->av[i], (enum ar_side)side);
		for (unsigned i = 0; !why && in->boot && i < in->boot->n; i++)
			why = planner_leg_fault(&in->boot->boot[i].leg[side]);
		if (why)
			return refuse(p, -EINVAL, why);
	}
	if (in->ref.n > AR_PLAN_REF_LEN)
		return refuse(p, -EINVAL, "ref too long");
	if (in->choice->index >= (int)in->offer->nmedia)
		return refuse(p, -EINVAL, "choice is not of this offer");
	return 0;
}

static void set_head(struct planner *p)
{
	const struct planner_in *in = p->in;
	struct ar_plan *out = p->out;

	memset(out, 0, sizeof(*out));
	p->room->used = 0;
	if (in->ref.n)
		memcpy(out->ref, in->ref.p, in->ref.n);
	out->offerer = in->offerer;
	/* what was said in the first answer stays: libwebrtc minds */
	out->drop_group = in->map ? in->map->drop_group : !in->choice->max_bundle;
	for (int side = 0; side < 2; side++) {
		out->session_id[side] = in->map ? in->map->session_id[side] : in->session_id[side];
		out->origin_addr[side] =
			in->map ? in->map->origin_addr[side] : in->origin_addr[side];
		if (in->map)
			out->group[side] = in->map->group[side];
	}
}

/* RFC 9143 7.3: the group as offered; when applied, the refused section's mid goes. */
static void keep_group(struct planner *p)
{
	struct ar_span value;
	size_t pos = 0;

	if (p->out->drop_group)
		return;
	while (ar_sdp_next_attr(p->in->offer->session, &pos, "group", &value)) {
		if (value.n > 7 && value.n <= PLANNER_MAX_BINDING &&
			strncasecmp(value.p, "BUNDLE ", 7) == 0)
			p->out->group[p->in->offerer] = value;
	}
}

static void use_map(struct planner *p)
{
	const struct ar_plan *map = p->in->map;

	if (!map)
		return;
	/* the answers of a plan differ in texts, not in layout; the first has the live ones */
	if (map->offerer == p->in->offerer) {
		p->old_there = &map->offer;
		p->old_here = &map->answer[0];
	} else {
		p->old_there = &map->answer[0];
		p->old_here = &map->offer;
	}
}

/* Upper bound of all texts: sections of ours, and stubs on both legs. */
static size_t bound(const struct planner *p)
{
	size_t n = (4 + 2 * PLANNER_MAX_AV + 2 * PLANNER_BOOT_KINDS) * AR_PLAN_MAX_TEXT;

	for (unsigned i = 0; i < nold_there(p); i++)
		n += p->old_there->sec[i].text.n + AR_PLAN_MAX_TEXT;
	for (unsigned j = 0; j < p->in->offer->nmedia; j++)
		n += 4 * (p->in->offer->media[j].text.n + 2 * AR_PLAN_REF_LEN +
				 p->out->origin_addr[0].n + p->out->origin_addr[1].n);
	return n;
}

static int make_plan(struct planner *p, struct ar_buf *texts)
{
	int err = check_in(p);

	if (err)
		return err;
	set_head(p);
	keep_group(p);
	use_map(p);
	err = lay_out(p);
	if (err)
		return err;
	p->ours_there = find_ours_there(p);
	p->boot_added = find_boot_added(p);
	err = plan_texts_begin(&p->texts, texts, bound(p));
	if (err)
		return refuse(p, err, "no memory for the plan's texts");
	err = make_offer(p);
	if (!err)
		err = make_answers(p);
	if (plan_texts_end(&p->texts))
		return refuse(p, ar_buf_err(texts), "no memory for the plan's texts");
	return err ? err : ar_plan_check(p->out, &p->why);
}

int planner_plan(const struct planner_in *in, struct ar_plan *out, struct ar_plan_room *room,
	struct ar_buf *texts, const char **why)
{
	struct planner p = {.in = in, .out = out, .room = room, .anchor = in->choice->index};
	int err;

	if (!in->leg[AR_SIDE_A].present && !in->leg[AR_SIDE_B].present)
		p.anchor = -1;
	err = make_plan(&p, texts);
	if (err)
		*why = p.why;
	return err;
}

int planner_plain(const struct planner_in *in, struct ar_plan *out, struct ar_plan_room *room,
	struct ar_buf *texts, const char **why)
{
	struct planner_in plain = *in;
	struct planner_choice none = *in->choice;

	none.index = -1;
	plain.choice = &none;
	plain.av = NULL;
	plain.boot = NULL;
	plain.leg[0].present = plain.leg[1].present = false;
	plain.keep = 0;
	return planner_plan(&plain, out, room, texts, why);
}
