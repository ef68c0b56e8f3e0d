/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An audio or video text of the map as the answer to another offer. */
#include "common/plan_emit.h"
#include "common/sdp_av.h"

bool plan_av_is_tcc(struct ar_span line)
{
	static const char uri[] =
		"http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
	struct ar_span v;

	if (ar_sdp_line_attr(line, "extmap", &v)) {
		(void)ar_span_cut_word(&v);
		return ar_span_eq(ar_span_cut_word(&v), ar_span_str(uri));
	}
	if (!ar_sdp_line_attr(line, "rtcp-fb", &v))
		return false;
	(void)ar_span_cut_word(&v);
	return ar_span_caseeq(ar_span_trim(v), "transport-cc");
}

static bool has_word(struct ar_span list, struct ar_span word)
{
	while (list.n) {
		struct ar_span w = ar_span_cut_word(&list);

		if (w.n && ar_span_eq(w, word))
			return true;
	}
	return false;
}

static bool same_caseless(struct ar_span a, struct ar_span b)
{
	return a.n == b.n && (!a.n || strncasecmp(a.p, b.p, a.n) == 0);
}

/* Value of the section's a=rtpmap for that format, AR_SPAN_NONE: none. */
static struct ar_span rtpmap(struct ar_span section, struct ar_span fmt)
{
	struct ar_span v;
	size_t pos = 0;

	while (ar_sdp_next_attr(section, &pos, "rtpmap", &v)) {
		if (ar_span_eq(ar_span_cut_word(&v), fmt))
			return ar_span_trim(v);
	}
	return AR_SPAN_NONE;
}

/* RFC 3264 6.1: a format of ours that the offer has, and means the same by. */
static bool format_offered(
	struct ar_span text, const struct ar_sdp_media *offered, struct ar_span fmt)
{
	return has_word(offered->fmt, fmt) &&
	       same_caseless(rtpmap(text, fmt), rtpmap(offered->text, fmt));
}

/* RFC 8285 7: an extension is answered with its own number. */
static bool extension_offered(struct ar_span offered, struct ar_span ext)
{
	struct ar_span v;
	size_t pos = 0;

	while (ar_sdp_next_attr(offered, &pos, "extmap", &v)) {
		if (ar_span_eq(v, ext))
			return true;
	}
	return false;
}

/* The offered a=crypto with the suite of ours (RFC 4568 6.1): its tag, n 0: none. */
static struct ar_span crypto_tag(struct ar_span offered, struct ar_span ours)
{
	struct ar_span v, suite;
	size_t pos = 0;

	(void)ar_span_cut_word(&ours);
	suite = ar_span_cut_word(&ours);
	while (ar_sdp_next_attr(offered, &pos, "crypto", &v)) {
		struct ar_span tag = ar_span_cut_word(&v);

		if (ar_span_eq(ar_span_cut_word(&v), suite))
			return tag;
	}
	return AR_SPAN_NONE;
}

bool plan_av_fits(const struct ar_sdp_media *ours, const struct ar_sdp_media *offered)
{
	struct ar_span fmt = ours->fmt, crypto = ar_sdp_attr(ours->text, "crypto");

	/* the first format is what the media function was told of */
	return same_caseless(ours->proto, offered->proto) &&
	       format_offered(ours->text, offered, ar_span_cut_word(&fmt)) &&
	       (!crypto.p || crypto_tag(offered->text, crypto).n);
}

static void emit_m(
	struct ar_buf *out, const struct ar_sdp_media *ours, const struct ar_sdp_media *offered)
{
	struct ar_span fmt = ours->fmt;

	ar_buf_add_str(out, "m=");
	ar_buf_add_span(out, ours->media);
	ar_buf_add_str(out, " ");
	ar_buf_add_span(out, ours->port_text);
	ar_buf_add_str(out, " ");
	ar_buf_add_span(out, ours->proto);
	while (fmt.n) {
		struct ar_span word = ar_span_cut_word(&fmt);

		if (!word.n || !format_offered(ours->text, offered, word))
			continue;
		ar_buf_add_str(out, " ");
		ar_buf_add_span(out, word);
	}
	ar_buf_add_str(out, "\r\n");
}

static bool of_format(struct ar_span line, struct ar_span *fmt)
{
	static const char *const names[] = {"rtpmap", "fmtp", "rtcp-fb"};
	struct ar_span v;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (ar_sdp_line_attr(line, names[i], &v)) {
			*fmt = ar_span_cut_word(&v);
			return true;
		}
	}
	return false;
}

/* RFC 5761 5.1.1, RFC 5506 5, RFC 8839 5: only in answer to the same. */
static bool flag_missing(struct ar_span line, const struct plan_offered *o)
{
	static const struct {
		const char *name, *wants;
	} pairs[] = {{"rtcp-mux", "rtcp-mux"}, {"rtcp-rsize", "rtcp-rsize"},
		{"ice-ufrag", "ice-ufrag"}, {"ice-pwd", "ice-ufrag"}, {"candidate", "ice-ufrag"},
		{"ice-options", "ice-ufrag"}};
	struct ar_span v;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (ar_sdp_line_attr(line, pairs[i].name, &v))
			return !ar_sdp_attr(o->m->text, pairs[i].wants).p &&
			       !ar_sdp_attr(o->session, pairs[i].wants).p;
	}
	return false;
}

bool plan_av_emit(struct ar_buf *out, const struct ar_sdp_media *ours, struct ar_span line,
	const struct plan_offered *o)
{
	struct ar_span v, tag;

	if (line.n > 1 && line.p[0] == 'm') {
		emit_m(out, ours, o->m);
		return true;
	}
	if (of_format(line, &v))
		return !ar_span_eq(v, AR_SPAN("*")) && !format_offered(ours->text, o->m, v);
	if (ar_sdp_line_attr(line, "extmap", &v))
		return !extension_offered(o->m->text, v);
	if (!ar_sdp_line_attr(line, "crypto", &v))
		return flag_missing(line, o);
	tag = crypto_tag(o->m->text, v);
	if (tag.n) {
		(void)ar_span_cut_word(&v);
		ar_buf_add_str(out, "a=crypto:");
		ar_buf_add_span(out, tag);
		ar_buf_add_str(out, " ");
		plan_emit_line(out, ar_span_trim(v));
	}
	return true;
}
