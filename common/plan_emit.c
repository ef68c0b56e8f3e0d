/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/plan_emit.h"
#include "common/sdp_av.h"

/* What a data channel section may have taken from its session (RFC 8122 5, RFC 4145 4, RFC 8839 5).
 * ice-lite cannot be copied: it exists at session level only. */
static const struct {
	const char *name;
	const char *hides; /* this one in the section hides it too */
} inherited[] = {
	{"ice-ufrag", "ice-pwd"},
	{"ice-pwd", "ice-ufrag"},
	{"ice-options", "ice-options"},
	{"fingerprint", "fingerprint"},
	{"setup", "setup"},
};

void plan_emit_line(struct ar_buf *out, struct ar_span line)
{
	ar_buf_add_span(out, line);
	ar_buf_add_str(out, "\r\n");
}

static void emit_value(struct ar_buf *out, const char *head, struct ar_span value)
{
	ar_buf_add_str(out, head);
	plan_emit_line(out, value);
}

static bool is_token(struct ar_span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	}
	return true;
}

void plan_emit_stub(struct ar_buf *out, const struct ar_sdp_media *m, struct ar_span address,
	struct ar_span mid)
{
	/* RFC 3264 6: one format will do when refused; a data channel has only that one */
	struct ar_span fmt = m->kind == AR_SDP_DATACHANNEL ? AR_SPAN("webrtc-datachannel") : m->fmt;

	ar_buf_add_str(out, "m=");
	ar_buf_add_span(out, m->media);
	ar_buf_add_str(out, " 0 ");
	ar_buf_add_span(out, m->proto);
	emit_value(out, " ", ar_span_cut_word(&fmt));
	emit_value(out, "c=", address);
	if (mid.n && is_token(mid))
		emit_value(out, "a=mid:", mid);
}

struct ar_span plan_origin_address(const struct ar_sdp *sdp)
{
	struct ar_span o = ar_span_trim(ar_sdp_line(sdp->session, 'o'));
	size_t at = o.n;

	/* the last three of six words; ar_sdp_parse() has counted them */
	for (int word = 0; word < 3; word++) {
		while (at && !ar_span_is_space(o.p[at - 1]))
			at--;
		while (word < 2 && at && ar_span_is_space(o.p[at - 1]))
			at--;
	}
	return (struct ar_span){o.p + at, o.n - at};
}

static void copy_down(struct ar_buf *out, struct ar_span section, struct ar_span session)
{
	for (size_t i = 0; i < sizeof(inherited) / sizeof(inherited[0]); i++) {
		struct ar_span value;
		size_t pos = 0;

		if (ar_sdp_attr(section, inherited[i].name).p ||
			ar_sdp_attr(section, inherited[i].hides).p)
			continue;
		while (ar_sdp_next_attr(session, &pos, inherited[i].name, &value)) {
			ar_buf_add_str(out, "a=");
			ar_buf_add_str(out, inherited[i].name);
			emit_value(out, ":", value);
		}
	}
}

/* What does not go along with a section. */
struct left_out {
	bool tcc, mid;
};

/* c= comes after m= and i= (RFC 8866 9). */
static void emit_lines(
	struct ar_buf *out, struct ar_span section, struct ar_span address, struct left_out without)
{
	struct ar_span line, value;
	size_t pos = 0;

	while (ar_sdp_next_line(section, &pos, &line)) {
		if (address.p && line.n && line.p[0] != 'm' && line.p[0] != 'i') {
			emit_value(out, "c=", address);
			address.p = NULL;
		}
		if ((!without.tcc || !plan_av_is_tcc(line)) &&
			(!without.mid || !ar_sdp_line_attr(line, "mid", &value)))
			plan_emit_line(out, line);
	}
	if (address.p)
		emit_value(out, "c=", address);
}

static const char *const carried[] = {"msid", "ssrc", "ssrc-group", "label", "content"};

static bool read_ssrc(struct ar_span word, uint32_t *ssrc)
{
	uint64_t v = 0;

	for (size_t i = 0; i < word.n; i++) {
		if (word.p[i] < '0' || word.p[i] > '9' || v > UINT32_MAX)
			return false;
		v = v * 10 + (uint64_t)(word.p[i] - '0');
	}
	*ssrc = (uint32_t)v;
	return word.n && v <= UINT32_MAX;
}

static void emit_ssrc(struct ar_buf *out, struct ar_span word, uint32_t mask)
{
	uint32_t ssrc;

	if (read_ssrc(word, &ssrc))
		ar_buf_printf(out, "%u", ssrc ^ mask);
	else
		ar_buf_add_span(out, word);
}

/* RFC 5576 4.1: "1234 cname:x"; 4.2: "FID 1234 5678". */
static void emit_masked(struct ar_buf *out, const char *name, struct ar_span value, uint32_t mask)
{
	struct ar_span word = ar_span_cut_word(&value);
	bool group = strcmp(name, "ssrc-group") == 0;

	ar_buf_add_str(out, "a=");
	ar_buf_add_str(out, name);
	ar_buf_add_str(out, ":");
	if (group)
		ar_buf_add_span(out, word);
	else
		emit_ssrc(out, word, mask);
	while (group && (word = ar_span_cut_word(&value)).n) {
		ar_buf_add_str(out, " ");
		emit_ssrc(out, word, mask);
	}
	plan_emit_line(out, value);
}

static void emit_carried(
	struct ar_buf *out, struct ar_span section, struct ar_span session, uint32_t mask)
{
	struct ar_span line, value;
	size_t pos = 0;

	ar_buf_add_str(out, "a=");
	ar_buf_add_str(out, ar_direction_name(ar_sdp_direction(section, session)));
	ar_buf_add_str(out, "\r\n");
	while (ar_sdp_next_line(section, &pos, &line)) {
		for (size_t i = 0; i < sizeof(carried) / sizeof(carried[0]); i++) {
			if (!ar_sdp_line_attr(line, carried[i], &value))
				continue;
			if (mask && strncmp(carried[i], "ssrc", 4) == 0)
				emit_masked(out, carried[i], value, mask);
			else
				plan_emit_line(out, line);
		}
	}
}

/* A UE that has offered no mid may be answered with one that a section of ours has: libwebrtc names
 * what it is not told the name of. */
static bool is_taken(const struct plan_parts *parts, struct ar_span mid)
{
	for (unsigned i = 0; mid.n && i < parts->n; i++) {
		const struct plan_piece *p = &parts->piece[i];

		if (p->ours && ar_span_eq(ar_sdp_attr(p->m.text, "mid"), mid))
			return true;
	}
	return false;
}

static void emit_piece(struct ar_buf *out, const struct plan_session *s,
	const struct plan_parts *parts, const struct plan_piece *p)
{
	struct left_out without = {.tcc = s->own_tcc && !p->ours};
	struct ar_span session = p->from ? p->from->session : s->text;
	struct ar_span address = ar_sdp_line(p->m.text, 'c');
	bool missing = !address.p;

	if (missing)
		address = ar_sdp_line(session, 'c');
	if (p->port0) {
		plan_emit_stub(out, &p->m, address.p ? address : s->address,
			ar_sdp_attr(p->m.text, "mid"));
		return;
	}
	if (!missing || (address.p && !p->from))
		address = AR_SPAN_NONE;
	else if (!address.p)
		address = s->address;
	/* without a group the name is of no use to anybody */
	without.mid = s->drop_group && !p->ours && is_taken(parts, ar_sdp_attr(p->m.text, "mid"));
	emit_lines(out, p->m.text, address, without);
	if (p->from)
		copy_down(out, p->m.text, p->from->session);
	if (p->carry.p)
		emit_carried(out, p->carry, p->carry_session, p->ssrc_mask);
}

/* RFC 9143 7.2: a mid may be in the group when its section has a port or is bundle-only. */
static bool mid_in_use(const struct plan_parts *parts, struct ar_span mid)
{
	for (unsigned i = 0; i < parts->n; i++) {
		const struct plan_piece *p = &parts->piece[i];

		if (!ar_span_eq(ar_sdp_attr(p->m.text, "mid"), mid))
			continue;
		return !p->port0 && (p->m.port || ar_sdp_attr(p->m.text, "bundle-only").p);
	}
	return false;
}

/* The group with the mids in use, or nothing when none is. */
static void emit_group(struct ar_buf *out, const struct plan_parts *parts, struct ar_span value)
{
	struct ar_span semantics = ar_span_cut_word(&value);
	bool any = false;

	while (value.n) {
		struct ar_span mid = ar_span_cut_word(&value);

		if (!mid.n || !mid_in_use(parts, mid))
			continue;
		if (!any) {
			ar_buf_add_str(out, "a=group:");
			ar_buf_add_span(out, semantics);
		}
		any = true;
		ar_buf_add_str(out, " ");
		ar_buf_add_span(out, mid);
	}
	if (any)
		ar_buf_add_str(out, "\r\n");
}

static bool is_bundle(struct ar_span line, struct ar_span *value)
{
	struct ar_span rest;

	if (!ar_sdp_line_attr(line, "group", value))
		return false;
	rest = *value;
	return ar_span_caseeq(ar_span_cut_word(&rest), "BUNDLE");
}

static void emit_session(
	struct ar_buf *out, const struct plan_session *s, const struct plan_parts *parts)
{
	bool group = false, lite = false;
	struct ar_span line, value;
	size_t pos = 0;

	while (ar_sdp_next_line(s->text, &pos, &line)) {
		if (line.p[0] == 'o' && s->session_id.n) {
			ar_buf_add_str(out, "o=");
			ar_buf_add_span(out, s->session_id);
			ar_buf_printf(out, " %llu ", (unsigned long long)s->version);
			plan_emit_line(out, s->origin_addr);
		} else if (is_bundle(line, &value)) {
			group = true;
			if (!s->drop_group)
				emit_group(out, parts, value);
		} else {
			lite |= ar_sdp_line_attr(line, "ice-lite", &value);
			if (!s->own_tcc || !plan_av_is_tcc(line))
				plan_emit_line(out, line);
		}
	}
	if (!group && !s->drop_group && s->group.n)
		emit_group(out, parts, s->group);
	if (s->ice_lite && !lite)
		ar_buf_add_str(out, "a=ice-lite\r\n");
}

void plan_emit(struct ar_buf *out, const struct plan_session *s, const struct plan_parts *parts)
{
	emit_session(out, s, parts);
	for (unsigned i = 0; i < parts->n; i++)
		emit_piece(out, s, parts, &parts->piece[i]);
}
