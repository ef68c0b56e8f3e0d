/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/call/planner_text.h"

#include <inttypes.h>

/* ---- what a leg may contain ---- */

static bool one_of_line(struct ar_span s, char first)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < first || s.p[i] > '~')
			return false;
	}
	return true;
}

static bool is_token(struct ar_span s)
{
	return s.n && one_of_line(s, '!');
}

bool planner_quotable(struct ar_span s)
{
	return one_of_line(s, ' ') && !(s.n && memchr(s.p, '"', s.n));
}

static const char *stream_fault(const struct planner_leg *leg)
{
	for (unsigned i = 0; i < leg->nstream; i++) {
		const struct ar_dc_stream *st = &leg->stream[i];

		if (st->id > AR_DC_MAX_STREAM_ID)
			return "leg: stream id above 65534";
		if (st->max_retr >= 0 && st->max_time >= 0)
			return "leg: stream with both max-retr and max-time";
		if (!planner_quotable(st->subprotocol) || !planner_quotable(st->label))
			return "leg: sub-protocol or label that cannot be quoted";
	}
	return NULL;
}

const char *planner_leg_fault(const struct planner_leg *leg)
{
	if (!leg->present)
		return NULL;
	if (!is_token(leg->addr) || !leg->port || !leg->sctp_port)
		return "leg: no address, port or sctp-port";
	if (!is_token(leg->ufrag) || !is_token(leg->pwd))
		return "leg: no ICE credentials";
	if (!leg->fingerprint.n || !one_of_line(leg->fingerprint, ' '))
		return "leg: no fingerprint";
	if (!one_of_line(leg->tls_id, '!'))
		return "leg: bad tls-id";
	if (leg->ncandidate > PLANNER_MAX_CANDIDATES || leg->nstream > AR_DC_MAX_STREAMS)
		return "leg: too many candidates or streams";
	for (unsigned i = 0; i < leg->ncandidate; i++) {
		if (!leg->candidate[i].n || !one_of_line(leg->candidate[i], ' '))
			return "leg: bad candidate";
	}
	return stream_fault(leg);
}

/* ---- lines ---- */

static void line(struct ar_buf *b, const char *head, struct ar_span value)
{
	ar_buf_add_str(b, head);
	plan_emit_line(b, value);
}

/* b=AS carries the UE's wish to the P-CSCF's QoS authorisation (TS 29.213). */
static void add_bandwidth(struct ar_buf *b, struct ar_span offered)
{
	struct ar_span l;
	size_t pos = 0;

	while (ar_sdp_next_line(offered, &pos, &l)) {
		if (l.n > 5 && l.n < 32 && memcmp(l.p, "b=AS:", 5) == 0 && one_of_line(l, '!')) {
			plan_emit_line(b, l);
			return;
		}
	}
}

/* A UE without ICE in its offer gets an answer without; an offer of ours always has it. */
static void add_ice(struct ar_buf *b, const struct planner_text *x)
{
	if (x->answer && x->dc && !x->dc->ufrag.p)
		return;
	ar_buf_add_str(b, "a=ice-options:ice2\r\n"); /* RFC 8839 5.6 */
	line(b, "a=ice-ufrag:", x->leg->ufrag);
	line(b, "a=ice-pwd:", x->leg->pwd);
	for (unsigned i = 0; i < x->leg->ncandidate; i++)
		line(b, "a=candidate:", x->leg->candidate[i]);
}

/* RFC 8842 5: actpass in every offer; in an answer the opposite of what the UE insists on. */
static enum ar_setup setup_for(const struct planner_text *x)
{
	if (!x->answer)
		return AR_SETUP_ACTPASS;
	if (x->dc && x->dc->setup == AR_SETUP_ACTIVE)
		return AR_SETUP_PASSIVE;
	if (x->dc && x->dc->setup == AR_SETUP_PASSIVE)
		return AR_SETUP_ACTIVE;
	return x->leg->setup == AR_SETUP_ACTIVE ? AR_SETUP_ACTIVE : AR_SETUP_PASSIVE;
}

static void add_quoted(struct ar_buf *b, char *sep, const char *name, struct ar_span value)
{
	if (!value.n)
		return;
	ar_buf_printf(b, "%c%s=\"", *sep, name);
	ar_buf_add_span(b, value);
	ar_buf_add_str(b, "\"");
	*sep = ';';
}

/* RFC 8864 5.1 as its grammar has it: one blank, then options apart by semicolons. */
static void add_dcmap(struct ar_buf *b, const struct ar_dc_stream *st)
{
	char sep = ' ';

	ar_buf_printf(b, "a=dcmap:%u", st->id);
	add_quoted(b, &sep, "subprotocol", st->subprotocol);
	add_quoted(b, &sep, "label", st->label);
	if (!st->ordered) {
		ar_buf_printf(b, "%cordered=false", sep);
		sep = ';';
	}
	if (st->max_retr >= 0) {
		ar_buf_printf(b, "%cmax-retr=%" PRId32, sep, st->max_retr);
		sep = ';';
	}
	if (st->max_time >= 0)
		ar_buf_printf(b, "%cmax-time=%" PRId32, sep, st->max_time);
	ar_buf_add_str(b, "\r\n");
}

/* The far UE finds the application by its binding (TS 24.186 9.3, TS 26.114 6.2.10.1). */
static void add_application(struct ar_buf *b, struct ar_span offered)
{
	static const char *const names[] = {"3gpp-req-app", "3gpp-qos-hint"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct ar_span value = ar_sdp_attr(offered, names[i]);

		if (!value.n || value.n > PLANNER_MAX_BINDING || !one_of_line(value, ' '))
			continue;
		ar_buf_printf(b, "a=%s:", names[i]);
		plan_emit_line(b, value);
	}
}

struct ar_span planner_text_section(struct plan_texts *t, const struct planner_text *x)
{
	const struct planner_leg *leg = x->leg;
	struct ar_buf *b = t->buf;
	size_t mark = b->n;

	ar_buf_printf(b, "m=application %u UDP/DTLS/SCTP webrtc-datachannel\r\n", leg->port);
	line(b, memchr(leg->addr.p, ':', leg->addr.n) ? "c=IN IP6 " : "c=IN IP4 ", leg->addr);
	if (x->offered)
		add_bandwidth(b, x->offered->text);
	if (x->mid.n)
		line(b, "a=mid:", x->mid);
	add_ice(b, x);
	ar_buf_printf(b, "a=sctp-port:%u\r\na=max-message-size:%" PRIu64 "\r\n", leg->sctp_port,
		leg->max_message_size);
	ar_buf_printf(b, "a=setup:%s\r\n", ar_setup_name(setup_for(x)));
	if (leg->tls_id.n && (!x->answer || (x->dc && x->dc->tls_id.p)))
		line(b, "a=tls-id:", leg->tls_id);
	line(b, "a=fingerprint:", leg->fingerprint);
	for (unsigned i = 0; i < leg->nstream; i++)
		add_dcmap(b, &leg->stream[i]);
	if (x->used_by)
		line(b, "a=3gpp-bdc-used-by:", ar_span_str(x->used_by));
	if (!x->answer && x->offered)
		add_application(b, x->offered->text);
	return plan_texts_since(t, mark);
}
