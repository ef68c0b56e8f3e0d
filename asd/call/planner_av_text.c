/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes the audio or video section of one leg. */
#include "asd/call/planner_av.h"

static bool plain_text(struct ar_span s, char first, size_t max)
{
	if (!s.n || s.n > max)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < first || s.p[i] > '~')
			return false;
	}
	return true;
}

static const char *secret_fault(const struct planner_av_desc *d, const struct planner_av_leg *l)
{
	if (d->transport == AR_AV_DTLS && !plain_text(l->fingerprint, ' ', 255))
		return "armf: no fingerprint";
	if (d->transport == AR_AV_SDES && !plain_text(l->key, '!', 255))
		return "armf: no SRTP key";
	if (d->ice && (!plain_text(l->ufrag, '!', 256) || !plain_text(l->pwd, '!', 256)))
		return "armf: no ICE credentials";
	return NULL;
}

const char *planner_av_leg_fault(const struct planner_av *av, enum ar_side side)
{
	const struct planner_av_leg *l = &av->leg[side];

	if (!plain_text(l->addr, '!', 64) || !l->port)
		return "armf: no address or port";
	for (unsigned i = 0; i < l->ncandidate; i++) {
		if (!plain_text(l->candidate[i], ' ', 200))
			return "armf: bad candidate";
	}
	return secret_fault(&av->desc[side], l);
}

static void line(struct ar_buf *b, const char *head, struct ar_span value)
{
	ar_buf_add_str(b, head);
	plan_emit_line(b, value);
}

static void add_m(struct ar_buf *b, const struct planner_av *av, enum ar_side side)
{
	const struct planner_av_desc *d = &av->desc[side];

	ar_buf_printf(b, "m=%s %u ", av->kind == PLANNER_AV_VIDEO ? "video" : "audio",
		av->leg[side].port);
	ar_buf_add_span(b, d->proto);
	for (unsigned i = 0; i < d->ncodec; i++) {
		ar_buf_printf(b, " %u", d->codec[i].pt);
		if (d->codec[i].rtx >= 0)
			ar_buf_printf(b, " %d", d->codec[i].rtx);
	}
	ar_buf_add_str(b, "\r\n");
}

static void add_transport(
	struct ar_buf *b, const struct planner_av_desc *d, const struct planner_av_leg *l)
{
	if (d->ice) {
		ar_buf_add_str(b, "a=ice-options:ice2\r\n"); /* RFC 8839 5.6 */
		line(b, "a=ice-ufrag:", l->ufrag);
		line(b, "a=ice-pwd:", l->pwd);
		for (unsigned i = 0; i < l->ncandidate; i++)
			line(b, "a=candidate:", l->candidate[i]);
	}
	/* without multiplexing RTCP comes to the same port all the same (RFC 3605) */
	if (d->rtcp_mux)
		ar_buf_add_str(b, "a=rtcp-mux\r\n");
	if (!d->rtcp_mux || !d->ice)
		ar_buf_printf(b, "a=rtcp:%u\r\n", l->port);
	if (d->rtcp_rsize)
		ar_buf_add_str(b, "a=rtcp-rsize\r\n");
}

/* RFC 8842 5: actpass in every offer; in an answer the opposite of what the UE insists on. */
static enum ar_setup setup_for(const struct planner_av *av, enum ar_side side, bool answer)
{
	if (!answer)
		return AR_SETUP_ACTPASS;
	if (av->offered.setup == AR_SETUP_ACTIVE)
		return AR_SETUP_PASSIVE;
	if (av->offered.setup == AR_SETUP_PASSIVE)
		return AR_SETUP_ACTIVE;
	return av->leg[side].setup == AR_SETUP_ACTIVE ? AR_SETUP_ACTIVE : AR_SETUP_PASSIVE;
}

static void add_security(
	struct ar_buf *b, const struct planner_av *av, enum ar_side side, bool answer)
{
	const struct planner_av_desc *d = &av->desc[side];

	if (d->transport == AR_AV_DTLS) {
		ar_buf_printf(b, "a=setup:%s\r\n", ar_setup_name(setup_for(av, side, answer)));
		line(b, "a=fingerprint:", av->leg[side].fingerprint);
	} else if (d->transport == AR_AV_SDES) {
		ar_buf_printf(b, "a=crypto:%u ", d->crypto_tag ? d->crypto_tag : 1);
		ar_buf_add_span(b, d->crypto_suite);
		line(b, " inline:", av->leg[side].key);
	}
}

static void add_codec(struct ar_buf *b, const struct ar_av_codec *c)
{
	size_t head, none;

	ar_buf_printf(b, "a=rtpmap:%u ", c->pt);
	ar_buf_add_span(b, c->name);
	ar_buf_printf(b, "/%u", c->clock);
	if (c->channels > 1)
		ar_buf_printf(b, "/%u", c->channels);
	ar_buf_add_str(b, "\r\n");
	head = b->n;
	ar_buf_printf(b, "a=fmtp:%u ", c->pt);
	none = b->n;
	ar_av_add_fmtp(b, c->fmtp);
	if (b->n == none)
		b->n = head;
	else
		ar_buf_add_str(b, "\r\n");
	for (unsigned i = 0; i < AR_FB_BITS; i++) {
		if (c->fb & 1u << i)
			ar_buf_printf(b, "a=rtcp-fb:%u %s\r\n", c->pt, ar_fb_name(i));
	}
	if (c->rtx >= 0)
		ar_buf_printf(b, "a=rtpmap:%d rtx/%u\r\na=fmtp:%d apt=%u\r\n", c->rtx, c->clock,
			c->rtx, c->pt);
}

struct ar_span planner_av_text(struct plan_texts *t, const struct planner_av *av, enum ar_side side,
	bool answer, struct ar_span mid)
{
	const struct planner_av_desc *d = &av->desc[side];
	const struct planner_av_leg *l = &av->leg[side];
	struct ar_buf *b = t->buf;
	size_t mark = b->n;

	add_m(b, av, side);
	line(b, memchr(l->addr.p, ':', l->addr.n) ? "c=IN IP6 " : "c=IN IP4 ", l->addr);
	if (d->max_kbps)
		ar_buf_printf(b, "b=AS:%u\r\n", d->max_kbps);
	if (mid.n)
		line(b, "a=mid:", mid);
	ar_buf_add_str(b, "a=" AR_PLAN_ARMF_ATTR "\r\n");
	add_transport(b, d, l);
	add_security(b, av, side, answer);
	for (unsigned i = 0; i < d->ncodec; i++)
		add_codec(b, &d->codec[i]);
	for (unsigned i = 0; i < d->next; i++) {
		ar_buf_printf(b, "a=extmap:%u ", d->ext[i].id);
		plan_emit_line(b, d->ext[i].uri);
	}
	return plan_texts_since(t, mark);
}
