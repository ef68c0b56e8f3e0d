/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/sdp.h"

#include <errno.h>

static int fail(struct ar_sdp_error *err, int code, unsigned line, const char *reason)
{
	if (err)
		*err = (struct ar_sdp_error){line, reason};
	return code;
}

/* Empty lines at the end are no part of the description; some UEs add one. */
static size_t content_length(const char *p, size_t n)
{
	size_t end = n;

	while (end && (p[end - 1] == '\n' || p[end - 1] == '\r'))
		end--;
	if (end && end < n && p[end] == '\r')
		end++;
	if (end && end < n && p[end] == '\n')
		end++;
	return end;
}

/* Cuts the next line off *rest. The end is LF or CRLF; the last line may lack it. */
static struct ar_span cut_line(struct ar_span *rest)
{
	const char *lf = memchr(rest->p, '\n', rest->n);
	size_t n = lf ? (size_t)(lf - rest->p) : rest->n;
	struct ar_span line = {rest->p, n};

	rest->p += lf ? n + 1 : n;
	rest->n -= lf ? n + 1 : n;
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

/* Cuts the next word off *rest: up to a blank, blanks before and after removed. */
static struct ar_span cut_word(struct ar_span *rest)
{
	struct ar_span word;
	size_t n = 0;

	*rest = ar_span_trim(*rest);
	while (n < rest->n && rest->p[n] != ' ' && rest->p[n] != '\t')
		n++;
	word = (struct ar_span){rest->p, n};
	rest->p += n;
	rest->n -= n;
	*rest = ar_span_trim(*rest);
	return word;
}

/* RFC 8866 9: type=value, the type one lower-case letter; no NUL and no CR inside. */
static const char *line_fault(struct ar_span line)
{
	if (line.n < 2 || line.p[1] != '=' || line.p[0] < 'a' || line.p[0] > 'z')
		return "not a line of the form x=value";
	if (memchr(line.p, '\0', line.n))
		return "NUL in the line";
	if (memchr(line.p, '\r', line.n))
		return "carriage return inside the line";
	return NULL;
}

/* Port [ "/" count ]; false when either is not a number in range. */
static bool parse_port(struct ar_span text, uint16_t *port)
{
	unsigned value[2] = {0, 1};
	unsigned digits[2] = {0, 1};
	unsigned k = 0;

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c == '/' && k == 0 && digits[0]) {
			k = 1;
			value[1] = digits[1] = 0;
			continue;
		}
		if (c < '0' || c > '9')
			return false;
		value[k] = value[k] * 10 + (unsigned)(c - '0');
		if (++digits[k] > 5 || value[k] > 65535)
			return false;
	}
	*port = (uint16_t)value[0];
	return digits[0] && digits[1] && value[1];
}

/* RFC 8841 4: the two transport names and one format make a data channel section. Whether there is
 * only one format is checked by ar_sdp_dc_parse(), which can say why it refuses. */
static bool is_datachannel(const struct ar_sdp_media *m)
{
	struct ar_span rest = m->fmt;

	if (!ar_span_caseeq(m->media, "application"))
		return false;
	if (!ar_span_caseeq(m->proto, "UDP/DTLS/SCTP") &&
		!ar_span_caseeq(m->proto, "TCP/DTLS/SCTP"))
		return false;
	while (rest.n) {
		if (ar_span_caseeq(cut_word(&rest), "webrtc-datachannel"))
			return true;
	}
	return false;
}

static enum ar_sdp_kind kind_of(const struct ar_sdp_media *m)
{
	if (ar_span_caseeq(m->media, "audio"))
		return AR_SDP_AUDIO;
	if (ar_span_caseeq(m->media, "video"))
		return AR_SDP_VIDEO;
	return is_datachannel(m) ? AR_SDP_DATACHANNEL : AR_SDP_OTHER;
}

/* RFC 8866 5.14: m=<media> <port> <proto> <fmt> ... */
static const char *parse_m(struct ar_sdp_media *m, struct ar_span line)
{
	struct ar_span rest = {line.p + 2, line.n - 2};

	m->media = cut_word(&rest);
	m->port_text = cut_word(&rest);
	m->proto = cut_word(&rest);
	m->fmt = rest;
	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] < ' ' || line.p[i] > '~')
			return "m= line with bytes outside ASCII";
	}
	if (!m->fmt.n)
		return "m= line needs media, port, proto and at least one format";
	if (!parse_port(m->port_text, &m->port))
		return "m= line with a bad port";
	m->kind = kind_of(m);
	return NULL;
}

struct parser {
	struct ar_sdp *sdp;
	struct ar_span rest;
	struct ar_sdp_media *media; /* the section being read; NULL: session */
	unsigned line, media_line;
	bool session_c, media_c, origin;
};

/* RFC 8866 5.7: a connection address in the session, or in each section in use. */
static const char *end_section(struct parser *ps, const char *end)
{
	struct ar_span *text = ps->media ? &ps->media->text : &ps->sdp->session;

	text->n = (size_t)(end - text->p);
	if (ps->media && ps->media->port && !ps->media_c && !ps->session_c)
		return "m= section in use without a c= line, and the session has none";
	return NULL;
}

static int begin_media(struct parser *ps, struct ar_span line, struct ar_sdp_error *err)
{
	const char *why = end_section(ps, line.p);

	if (why)
		return fail(err, -EBADMSG, ps->media_line, why);
	if (ps->sdp->nmedia == AR_SDP_MAX_MEDIA)
		return fail(err, -E2BIG, ps->line, "too many m= lines");
	ps->media = &ps->sdp->media[ps->sdp->nmedia++];
	*ps->media = (struct ar_sdp_media){.text = {line.p, 0}};
	ps->media_line = ps->line;
	ps->media_c = false;
	why = parse_m(ps->media, line);
	return why ? fail(err, -EBADMSG, ps->line, why) : 0;
}

static int origin_line(struct parser *ps, struct ar_span line, struct ar_sdp_error *err)
{
	struct ar_span rest = {line.p + 2, line.n - 2};
	unsigned words = 0;

	while (rest.n) {
		cut_word(&rest);
		words++;
	}
	if (ps->origin || ps->media || words != 6)
		return fail(err, -EBADMSG, ps->line,
			"o= needs six words and comes once, in the session");
	ps->origin = true;
	return 0;
}

static int one_line(struct parser *ps, struct ar_span line, struct ar_sdp_error *err)
{
	const char *why = line_fault(line);

	if (why)
		return fail(err, -EBADMSG, ps->line, why);
	if (line.n > AR_SDP_MAX_LINE)
		return fail(err, -E2BIG, ps->line, "line too long");
	if (ps->line == 1 && !(line.n == 3 && memcmp(line.p, "v=0", 3) == 0))
		return fail(err, -EBADMSG, 1, "a description begins with v=0");
	switch (line.p[0]) {
	case 'v':
		return ps->line == 1 ? 0 : fail(err, -EBADMSG, ps->line, "second v= line");
	case 'o':
		return origin_line(ps, line, err);
	case 'c':
		*(ps->media ? &ps->media_c : &ps->session_c) = true;
		return 0;
	case 'm':
		return begin_media(ps, line, err);
	default:
		return 0;
	}
}

static int all_lines(struct parser *ps, struct ar_sdp_error *err)
{
	const char *why;

	while (ps->rest.n) {
		struct ar_span line = cut_line(&ps->rest);
		int rc;

		if (++ps->line > AR_SDP_MAX_LINES)
			return fail(err, -E2BIG, ps->line, "too many lines");
		rc = one_line(ps, line, err);
		if (rc)
			return rc;
	}
	if (!ps->origin)
		return fail(err, -EBADMSG, 0, "no o= line");
	why = end_section(ps, ps->rest.p);
	return why ? fail(err, -EBADMSG, ps->media_line, why) : 0;
}

int ar_sdp_parse(struct ar_sdp *sdp, const char *p, size_t n, struct ar_sdp_error *err)
{
	struct parser ps = {.sdp = sdp};

	sdp->text = sdp->session = (struct ar_span){p, 0};
	sdp->nmedia = 0;
	if (n > AR_SDP_MAX_LEN)
		return fail(err, -E2BIG, 0, "description too long");
	sdp->text.n = n ? content_length(p, n) : 0;
	ps.rest = sdp->text;
	if (!sdp->text.n)
		return fail(err, -EBADMSG, 0, "empty description");
	return all_lines(&ps, err);
}

int ar_sdp_parse_section(struct ar_sdp_media *m, struct ar_span text, struct ar_sdp_error *err)
{
	struct ar_span rest = text;
	unsigned n = 0;

	*m = (struct ar_sdp_media){.text = text};
	while (rest.n) {
		struct ar_span line = cut_line(&rest);
		const char *why = line_fault(line);

		n++;
		if (!why && line.n > AR_SDP_MAX_LINE)
			why = "line too long";
		if (!why && (line.p[0] == 'm') != (n == 1))
			why = "a section has one m= line, its first";
		if (!why && n == 1)
			why = parse_m(m, line);
		if (why)
			return fail(err, -EBADMSG, n, why);
	}
	return n ? 0 : fail(err, -EBADMSG, 0, "empty section");
}

bool ar_sdp_next_line(struct ar_span section, size_t *pos, struct ar_span *line)
{
	struct ar_span rest;

	if (*pos >= section.n)
		return false;
	rest = (struct ar_span){section.p + *pos, section.n - *pos};
	*line = cut_line(&rest);
	*pos = section.n - rest.n;
	return true;
}

bool ar_sdp_line_attr(struct ar_span line, const char *name, struct ar_span *value)
{
	size_t n = strlen(name);

	if (line.n < 2 + n || memcmp(line.p, "a=", 2) != 0 || memcmp(line.p + 2, name, n) != 0)
		return false;
	line.p += 2 + n;
	line.n -= 2 + n;
	if (line.n && line.p[0] != ':')
		return false;
	if (line.n)
		line.p++, line.n--;
	*value = ar_span_trim(line);
	return true;
}

bool ar_sdp_next_attr(struct ar_span section, size_t *pos, const char *name, struct ar_span *value)
{
	struct ar_span line;

	while (ar_sdp_next_line(section, pos, &line)) {
		if (ar_sdp_line_attr(line, name, value))
			return true;
	}
	return false;
}

struct ar_span ar_sdp_attr(struct ar_span section, const char *name)
{
	struct ar_span value;
	size_t pos = 0;

	return ar_sdp_next_attr(section, &pos, name, &value) ? value : AR_SPAN_NONE;
}

struct ar_span ar_sdp_line(struct ar_span section, char type)
{
	struct ar_span line;
	size_t pos = 0;

	while (ar_sdp_next_line(section, &pos, &line)) {
		if (line.n >= 2 && line.p[0] == type && line.p[1] == '=')
			return (struct ar_span){line.p + 2, line.n - 2};
	}
	return AR_SPAN_NONE;
}

/* Up to the n-th blank; RFC 8866 5.2 has single ones. */
static struct ar_span words(struct ar_span *rest, unsigned n)
{
	struct ar_span s = {rest->p, 0};

	while (s.n < rest->n && (rest->p[s.n] != ' ' || --n))
		s.n++;
	rest->p += s.n;
	rest->n -= s.n;
	if (rest->n)
		rest->p++, rest->n--;
	return s;
}

bool ar_sdp_origin(const struct ar_sdp *sdp, struct ar_sdp_origin *origin)
{
	return ar_sdp_origin_value(ar_sdp_line(sdp->session, 'o'), origin);
}

bool ar_sdp_origin_value(struct ar_span rest, struct ar_sdp_origin *origin)
{
	struct ar_span version;
	unsigned blanks = 0;

	for (size_t i = 0; i < rest.n; i++) {
		if ((unsigned char)rest.p[i] < ' ')
			return false;
		if (rest.p[i] != ' ')
			continue;
		if (i == 0 || i + 1 == rest.n || rest.p[i + 1] == ' ')
			return false;
		blanks++;
	}
	if (blanks != 5)
		return false;
	origin->session_id = words(&rest, 2);
	version = words(&rest, 1);
	origin->address = rest;
	origin->version = 0;
	for (size_t i = 0; i < version.n; i++) {
		if (version.p[i] < '0' || version.p[i] > '9' || i == 18)
			return false;
		origin->version = origin->version * 10 + (uint64_t)(version.p[i] - '0');
	}
	return version.n > 0;
}
