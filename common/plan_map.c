/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/plan_emit.h"
#include "common/sdp_av.h"

#include <errno.h>

struct ar_plan_section *ar_plan_room_take(struct ar_plan_room *room, unsigned n)
{
	struct ar_plan_section *sec = room->sec + room->used;

	if (n > sizeof(room->sec) / sizeof(room->sec[0]) - room->used)
		return NULL;
	room->used += n;
	memset(sec, 0, n * sizeof(*sec));
	return sec;
}

/* ---- texts ---- */

int plan_texts_begin(struct plan_texts *t, struct ar_buf *buf, size_t bound)
{
	int err = ar_buf_reserve(buf, bound);

	*t = (struct plan_texts){.buf = buf, .max = buf->max};
	if (!err)
		buf->max = buf->cap;
	return err;
}

int plan_texts_end(struct plan_texts *t)
{
	t->buf->max = t->max;
	return ar_buf_err(t->buf);
}

struct ar_span plan_texts_since(const struct plan_texts *t, size_t mark)
{
	return (struct ar_span){t->buf->p + mark, t->buf->n - mark};
}

struct ar_span plan_texts_stub(
	struct plan_texts *t, const struct ar_sdp_media *m, struct ar_span address)
{
	size_t mark = t->buf->n;

	plan_emit_stub(t->buf, m, address, ar_sdp_attr(m->text, "mid"));
	return plan_texts_since(t, mark);
}

/* Whether the offered section has a dcmap for the stream of this a=dcmap value. */
static bool stream_offered(struct ar_span offered, struct ar_span dcmap)
{
	struct ar_span other;
	size_t pos = 0, n = 0;

	while (n < dcmap.n && dcmap.p[n] >= '0' && dcmap.p[n] <= '9')
		n++;
	while (ar_sdp_next_attr(offered, &pos, "dcmap", &other)) {
		if (other.n >= n && memcmp(other.p, dcmap.p, n) == 0 &&
			(other.n == n || other.p[n] < '0' || other.p[n] > '9'))
			return true;
	}
	return false;
}

/* RFC 8864 5.2.2: only offered streams; RFC 8842 5.3: no tls-id unless offered; the mid is the
 * offered one. */
static bool may_answer(struct ar_span line, struct ar_span offered)
{
	struct ar_span value;

	if (ar_sdp_line_attr(line, "dcmap", &value) || ar_sdp_line_attr(line, "dcsa", &value))
		return stream_offered(offered, value);
	if (ar_sdp_line_attr(line, "tls-id", &value))
		return ar_sdp_attr(offered, "tls-id").p != NULL;
	return !ar_sdp_line_attr(line, "mid", &value);
}

static void add_attr(struct plan_texts *t, const char *head, struct ar_span value)
{
	ar_buf_add_str(t->buf, head);
	plan_emit_line(t->buf, value);
}

static bool is_av(enum ar_sdp_kind k)
{
	return k == AR_SDP_AUDIO || k == AR_SDP_VIDEO;
}

/* The text with another a=setup. offered: the section that it answers, whose mid it takes
 * (RFC 5888 9); NULL in an offer. */
static struct ar_span with_setup(struct plan_texts *t, struct ar_span text, enum ar_setup setup,
	const struct plan_offered *offered)
{
	struct ar_span mid = offered ? ar_sdp_attr(offered->m->text, "mid") : AR_SPAN_NONE;
	struct ar_span line, value;
	size_t mark = t->buf->n, pos = 0;
	struct ar_sdp_media m;
	bool av = offered && ar_sdp_parse_section(&m, text, NULL) == 0 && is_av(m.kind);

	while (ar_sdp_next_line(text, &pos, &line)) {
		if (mid.n && line.n && line.p[0] == 'a') {
			add_attr(t, "a=mid:", mid);
			mid.n = 0;
		}
		if (offered && !may_answer(line, offered->m->text))
			continue;
		if (av && plan_av_emit(t->buf, &m, line, offered))
			continue;
		if (ar_sdp_line_attr(line, "setup", &value))
			add_attr(t, "a=setup:", ar_span_str(ar_setup_name(setup)));
		else
			plan_emit_line(t->buf, line);
	}
	return plan_texts_since(t, mark);
}

/* ---- the map ---- */

struct mapper {
	const struct ar_plan *map;
	const struct ar_sdp *offer;
	const struct ar_recipe *there; /* the map's towards the other side */
	unsigned nback; /* its recipes towards the offerer */
	struct ar_plan *out;
	struct ar_plan_room *room;
	struct plan_texts texts;
	struct ar_span stub[AR_PLAN_MAX_SECTIONS]; /* of each offered section */
	unsigned nold; /* offered sections that the map knows */
	const struct ar_plan_roles *roles;
};

static const struct ar_recipe *back(const struct mapper *m, unsigned i)
{
	return m->map->offerer == m->out->offerer ? &m->map->answer[i] : &m->map->offer;
}

static bool is_live(struct ar_span text)
{
	struct ar_sdp_media m;

	return text.n && ar_sdp_parse_section(&m, text, NULL) == 0 && m.port;
}

static bool is_live_dc(struct ar_span text)
{
	struct ar_sdp_media m;

	return text.n && ar_sdp_parse_section(&m, text, NULL) == 0 && m.port &&
	       m.kind == AR_SDP_DATACHANNEL;
}

static bool offers_live_dc(const struct ar_sdp *sdp)
{
	for (unsigned i = 0; i < sdp->nmedia; i++) {
		if (sdp->media[i].kind == AR_SDP_DATACHANNEL && sdp->media[i].port)
			return true;
	}
	return false;
}

/* Which answer the map's offerer got. Unknown: what the new offer, from the side that answered
 * then, shows of its data channel. */
static unsigned settled_answer(const struct ar_plan *map, const struct ar_sdp *offer)
{
	enum ar_outcome o = AR_OUTCOME_NONE_OFFERED;

	if (map->settled)
		return map->answer_for[map->settled - 1];
	for (unsigned i = 0; i < map->offer.n; i++) {
		if (!map->offer.sec[i].pass && is_live_dc(map->offer.sec[i].text))
			o = offers_live_dc(offer) ? AR_OUTCOME_AR_CAPABLE : AR_OUTCOME_DC_REFUSED;
	}
	return map->answer_for[o];
}

/* RFC 3264 8: slots never go away. */
static int check_offer(const struct mapper *m)
{
	if (m->offer->nmedia < m->nold)
		return -EPROTO;
	if (m->there->n + (m->offer->nmedia - m->nold) > AR_PLAN_MAX_SECTIONS)
		return -E2BIG;
	return 0;
}

/* Whether offered section j is still of the kind of our text opposite it, or in answer to it. */
static bool still_ours(const struct mapper *m, int j, struct ar_span text)
{
	struct ar_sdp_media t;

	if (j < 0 || !text.n || ar_sdp_parse_section(&t, text, NULL) != 0)
		return true;
	return m->offer->media[j].kind == t.kind;
}

/* Our text towards the offerer in slot j can answer what is offered there now. */
static bool answerable(const struct mapper *m, unsigned j)
{
	const struct ar_plan_section *sec = &back(m, 0)->sec[j];
	struct ar_sdp_media t;

	if (sec->pass || ar_sdp_parse_section(&t, sec->text, NULL) != 0 || !is_av(t.kind) ||
		!t.port)
		return true;
	return m->offer->media[j].port && m->offer->media[j].kind == t.kind &&
	       plan_av_fits(&t, &m->offer->media[j]);
}

/* A slot that was the media function's and is to pass; both legs have it. */
static bool gives_back(const struct mapper *m, const struct ar_plan_section *old)
{
	struct ar_sdp_media t;

	return m->roles->av_gone && !old->pass && old->from >= 0 &&
	       ar_sdp_parse_section(&t, old->text, NULL) == 0 && is_av(t.kind) && t.port;
}

static size_t bound(const struct mapper *m)
{
	enum ar_side to = m->out->offerer;
	size_t n = 0;

	for (unsigned i = 0; i < m->there->n; i++)
		n += m->there->sec[i].text.n + 32;
	for (unsigned k = 0; k < m->nback; k++) {
		for (unsigned i = 0; i < back(m, k)->n; i++)
			n += back(m, k)->sec[i].text.n + 32;
	}
	/* key tags, which may be longer than ours were */
	n += 16 * AR_PLAN_MAX_SECTIONS * AR_AV_MAX_CRYPTO;
	/* a stub each, and the mid once more in every answer */
	for (unsigned j = 0; j < m->offer->nmedia; j++)
		n += (1 + m->nback) * (m->offer->media[j].text.n + 32) + m->map->origin_addr[to].n;
	return n;
}

static int make_offer(struct mapper *m)
{
	unsigned added = m->offer->nmedia - m->nold;
	struct ar_recipe *r = &m->out->offer;

	r->n = m->there->n + added;
	r->ice_lite = m->there->ice_lite;
	r->sec = ar_plan_room_take(m->room, r->n);
	if (!r->sec)
		return -E2BIG;
	for (unsigned i = 0; i < m->there->n; i++) {
		const struct ar_plan_section *old = &m->there->sec[i];

		r->sec[i] = *old;
		if (old->pass) {
			r->sec[i].alt = AR_SPAN_NONE; /* an offer has all that the map knows */
		} else if (gives_back(m, old)) {
			r->sec[i] = (struct ar_plan_section){.pass = true, .from = old->from};
		} else if (old->alt.p && old->from >= 0 &&
			   (!still_ours(m, old->from, old->text) ||
				   !answerable(m, (unsigned)old->from))) {
			r->sec[i].text = old->alt;
			r->sec[i].carry = false;
		} else if (is_live(old->text)) {
			r->sec[i].text = with_setup(&m->texts, old->text, AR_SETUP_ACTPASS, NULL);
		}
	}
	for (unsigned k = 0; k < added; k++)
		r->sec[m->there->n + k] =
			(struct ar_plan_section){.pass = true, .from = (int16_t)(m->nold + k)};
	return 0;
}

/* RFC 4145 4.1: the opposite of what a UE insists on, else as settled. */
static enum ar_setup answer_setup(const struct mapper *m, unsigned j)
{
	struct ar_span v = ar_sdp_attr(m->offer->media[j].text, "setup");
	enum ar_side to = m->out->offerer;

	if (!v.p)
		v = ar_sdp_attr(m->offer->session, "setup");
	if (ar_span_caseeq(v, "active"))
		return AR_SETUP_PASSIVE;
	if (ar_span_caseeq(v, "passive"))
		return AR_SETUP_ACTIVE;
	return m->roles->active[to] & 1u << j ? AR_SETUP_ACTIVE : AR_SETUP_PASSIVE;
}

static void answer_section(struct mapper *m, struct ar_plan_section *sec,
	const struct ar_plan_section *old, unsigned j)
{
	const struct plan_offered offered = {&m->offer->media[j], m->offer->session};

	*sec = *old;
	if (old->pass || gives_back(m, old)) {
		*sec = (struct ar_plan_section){.pass = true, .from = old->from, .alt = m->stub[j]};
	} else if (!m->offer->media[j].port || !is_live(old->text) ||
		   !still_ours(m, (int)j, old->text) || !answerable(m, j)) {
		sec->text = m->stub[j];
		sec->alt = AR_SPAN_NONE;
		sec->carry = false;
	} else {
		sec->text = with_setup(&m->texts, old->text, answer_setup(m, j), &offered);
		if (sec->alt.p || sec->from >= 0)
			sec->alt = m->stub[j];
	}
}

static int make_answer(struct mapper *m, unsigned k)
{
	struct ar_recipe *r = &m->out->answer[k];
	const struct ar_recipe *old = back(m, k);

	r->n = m->offer->nmedia;
	r->ice_lite = old->ice_lite;
	r->sec = ar_plan_room_take(m->room, r->n);
	if (!r->sec)
		return -E2BIG;
	for (unsigned j = 0; j < m->nold; j++)
		answer_section(m, &r->sec[j], &old->sec[j], j);
	for (unsigned j = m->nold; j < r->n; j++)
		r->sec[j] = (struct ar_plan_section){.pass = true,
			.from = (int16_t)(m->there->n + j - m->nold),
			.alt = m->stub[j]};
	return 0;
}

static int make_plan(struct mapper *m)
{
	enum ar_side to = m->out->offerer;
	int err;

	err = plan_texts_begin(&m->texts, m->texts.buf, bound(m));
	if (err)
		return err;
	for (unsigned j = 0; j < m->offer->nmedia; j++)
		m->stub[j] =
			plan_texts_stub(&m->texts, &m->offer->media[j], m->map->origin_addr[to]);
	err = make_offer(m);
	for (unsigned k = 0; k < m->nback && !err; k++)
		err = make_answer(m, k);
	return plan_texts_end(&m->texts) ? ar_buf_err(m->texts.buf) : err;
}

int ar_plan_from_map(const struct ar_plan *map, enum ar_side offerer, const struct ar_sdp *offer,
	const struct ar_plan_roles *roles, struct ar_plan *out, struct ar_plan_room *room,
	struct ar_buf *texts)
{
	bool same = map->offerer == offerer;
	struct mapper m = {.map = map,
		.offer = offer,
		.out = out,
		.room = room,
		.texts = {.buf = texts},
		.roles = roles};
	int err;

	*out = *map;
	room->used = 0;
	out->offerer = offerer;
	out->settled = 0;
	m.there = same ? &map->offer : &map->answer[settled_answer(map, offer)];
	m.nback = same ? map->nanswer : 1;
	m.nold = back(&m, 0)->n;
	out->nanswer = m.nback;
	if (!same)
		memset(out->answer_for, 0, sizeof(out->answer_for));
	err = check_offer(&m);
	return err ? err : make_plan(&m);
}
