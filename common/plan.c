/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/plan.h"

#include <errno.h>

/* texts and alts of all sections, the o= values and the groups */
#define MAX_SPANS ((1 + AR_OUTCOMES) * AR_PLAN_MAX_SECTIONS * 2 + 6)

static struct ar_recipe *recipe_at(struct ar_plan *p, unsigned i)
{
	return i == 0 ? &p->offer : &p->answer[i - 1];
}

/* ---- clone ---- */

struct span_list {
	unsigned n;
	struct ar_span *at[MAX_SPANS];
};

static void list_span(struct span_list *l, struct ar_span *s)
{
	if (s->p && l->n < MAX_SPANS)
		l->at[l->n++] = s;
}

static void list_spans(struct span_list *l, struct ar_plan *p)
{
	l->n = 0;
	for (unsigned i = 0; i < 1 + p->nanswer; i++) {
		struct ar_recipe *r = recipe_at(p, i);

		for (unsigned j = 0; j < r->n; j++) {
			list_span(l, &r->sec[j].text);
			list_span(l, &r->sec[j].alt);
		}
	}
	for (int side = 0; side < 2; side++) {
		list_span(l, &p->session_id[side]);
		list_span(l, &p->origin_addr[side]);
		list_span(l, &p->group[side]);
	}
}

/* An earlier span with the same bytes: the answers of a plan share most of their texts. */
static const struct ar_span *earlier(const struct span_list *l, unsigned i)
{
	for (unsigned k = 0; k < i; k++) {
		if (ar_span_eq(*l->at[k], *l->at[i]))
			return l->at[k];
	}
	return NULL;
}

static size_t count_sections(const struct ar_plan *p)
{
	size_t n = p->offer.n;

	for (unsigned i = 0; i < p->nanswer; i++)
		n += p->answer[i].n;
	return n;
}

static size_t head_size(const struct ar_plan *p)
{
	return sizeof(*p) + count_sections(p) * sizeof(struct ar_plan_section);
}

size_t ar_plan_size(const struct ar_plan *p)
{
	struct ar_plan copy = *p; /* only for its spans' addresses: sections are not written */
	struct span_list l;
	size_t n = head_size(p);

	list_spans(&l, &copy);
	for (unsigned i = 0; i < l.n; i++) {
		if (!earlier(&l, i))
			n += l.at[i]->n;
	}
	return n;
}

struct ar_plan *ar_plan_clone(const struct ar_plan *p, void *(*alloc)(size_t size))
{
	struct ar_plan *c = alloc(ar_plan_size(p));
	struct ar_plan_section *sec;
	struct span_list l;
	char *text;

	if (!c)
		return NULL;
	*c = *p;
	sec = (struct ar_plan_section *)(c + 1);
	text = (char *)c + head_size(p);
	for (unsigned i = 0; i < 1 + c->nanswer; i++) {
		struct ar_recipe *r = recipe_at(c, i);

		if (r->n)
			memcpy(sec, r->sec, r->n * sizeof(*sec));
		r->sec = sec;
		sec += r->n;
	}
	list_spans(&l, c);
	for (unsigned i = 0; i < l.n; i++) {
		const struct ar_span *same = earlier(&l, i);

		if (same) {
			l.at[i]->p = same->p;
			continue;
		}
		if (l.at[i]->n)
			memcpy(text, l.at[i]->p, l.at[i]->n);
		l.at[i]->p = text;
		text += l.at[i]->n;
	}
	return c;
}

/* ---- check ---- */

static bool crlf_lines(struct ar_span text)
{
	if (text.n < 2 || text.p[text.n - 1] != '\n')
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\n' && (i == 0 || text.p[i - 1] != '\r'))
			return false;
	}
	return true;
}

static const char *check_text(struct ar_span text, struct ar_sdp_media *m)
{
	if (text.n > AR_PLAN_MAX_TEXT)
		return "section text too long";
	if (!crlf_lines(text) || ar_sdp_parse_section(m, text, NULL) != 0)
		return "section text is not one m= section with CRLF line ends";
	if (!ar_sdp_line(text, 'c').p)
		return "section text without a c= line";
	return NULL;
}

/* nin: sections of the description that the recipe reads. */
static const char *check_section(const struct ar_plan_section *sec, unsigned nin)
{
	struct ar_sdp_media text, alt;
	const char *why;

	if (sec->from < -1 || sec->from >= (int)nin || (sec->pass && sec->from < 0))
		return "section index out of range";
	if (sec->alt.p) {
		why = check_text(sec->alt, &alt);
		if (why)
			return why;
		if (alt.port)
			return "alternative text with a port";
	}
	if (sec->pass)
		return sec->carry ? "carry in a section that passes" : NULL;
	why = check_text(sec->text, &text);
	if (why)
		return why;
	if (sec->carry &&
		(sec->from < 0 || (text.kind != AR_SDP_AUDIO && text.kind != AR_SDP_VIDEO)))
		return "carry is for audio and video, from a section";
	if (sec->from >= 0 && !sec->alt.p && text.port)
		return "conditional text without an alternative";
	if (sec->alt.p && text.kind != alt.kind)
		return "text and alternative of different kinds";
	return NULL;
}

static const char *check_recipe(const struct ar_recipe *r, unsigned nin)
{
	if (r->n > AR_PLAN_MAX_SECTIONS)
		return "too many sections";
	for (unsigned i = 0; i < r->n; i++) {
		const char *why = check_section(&r->sec[i], nin);

		if (why)
			return why;
	}
	return NULL;
}

/* RFC 3264 6: what went from slot k to slot i comes back from i to k. */
static const char *check_mapping(const struct ar_recipe *there, const struct ar_recipe *back)
{
	for (unsigned i = 0; i < there->n; i++) {
		const struct ar_plan_section *a = &there->sec[i];

		if (!a->pass)
			continue;
		if (!back->sec[a->from].pass || back->sec[a->from].from != (int)i)
			return "a section passes in one direction only";
	}
	return NULL;
}

/* Words separated by single blanks, nothing that could end the line. */
static bool is_words(struct ar_span s, unsigned want)
{
	unsigned words = 1;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == ' ' && i && i + 1 < s.n && s.p[i - 1] != ' ')
			words++;
		else if (s.p[i] <= ' ' || s.p[i] == 0x7f)
			return false;
	}
	return s.n && words == want;
}

static bool is_one_line(struct ar_span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0')
			return false;
	}
	return true;
}

static const char *check_answers(const struct ar_plan *p)
{
	if (p->nanswer < 1 || p->nanswer > AR_OUTCOMES)
		return "want one answer or one for each outcome";
	if (p->answer[0].n > AR_PLAN_MAX_SECTIONS || p->offer.n > AR_PLAN_MAX_SECTIONS)
		return "too many sections";
	for (unsigned i = 0; i < AR_OUTCOMES; i++) {
		if (p->answer_for[i] >= p->nanswer)
			return "answer_for names an answer that is not there";
	}
	for (unsigned i = 0; i < p->nanswer; i++) {
		const char *why;

		/* RFC 3264 6: every answer has the sections of the one offer */
		if (p->answer[i].n != p->answer[0].n)
			return "answers of different length";
		why = check_recipe(&p->answer[i], p->offer.n);
		if (!why)
			why = check_mapping(&p->offer, &p->answer[i]);
		if (!why)
			why = check_mapping(&p->answer[i], &p->offer);
		if (why)
			return why;
	}
	return NULL;
}

static const char *check_plan(const struct ar_plan *p)
{
	const char *why;

	if ((unsigned)p->offerer > AR_SIDE_B)
		return "offerer is neither a nor b";
	if (!memchr(p->ref, '\0', sizeof(p->ref)) || !is_one_line(ar_span_str(p->ref)))
		return "ref too long or more than one line";
	if (p->settled > AR_OUTCOMES)
		return "settled is no outcome";
	for (int side = 0; side < 2; side++) {
		if (!p->session_id[side].p ||
			(p->session_id[side].n && !is_words(p->session_id[side], 2)))
			return "session_id is not <username> <sess-id>";
		if (!is_words(p->origin_addr[side], 3))
			return "origin_addr is not <nettype> <addrtype> <address>";
		if (!is_one_line(p->group[side]))
			return "group has a line end";
	}
	if (p->nanswer < 1)
		return "no answer";
	why = check_recipe(&p->offer, p->answer[0].n);
	return why ? why : check_answers(p);
}

int ar_plan_check(const struct ar_plan *p, const char **why)
{
	const char *fault = check_plan(p);

	if (fault && why)
		*why = fault;
	return fault ? -EBADMSG : 0;
}
