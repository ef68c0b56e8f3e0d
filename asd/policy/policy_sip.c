/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/policy/policy_sip.h"
#include "asd/call/planner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum header { FROM, TO, CALL_ID, CONTACT, ACCEPT_CONTACT, ASSERTED, SERVICE, HEADERS };

static const struct {
	const char *name, *compact;
} names[HEADERS] = {
	[FROM] = {"From", "f"},
	[TO] = {"To", "t"},
	[CALL_ID] = {"Call-ID", "i"},
	[CONTACT] = {"Contact", "m"},
	[ACCEPT_CONTACT] = {"Accept-Contact", "a"},
	[ASSERTED] = {"P-Asserted-Identity", NULL},
	[SERVICE] = {"P-Asserted-Service", NULL},
};

struct message {
	struct ar_span ruri, header[HEADERS], body;
};

static int refuse(char *why, size_t cap, const char *what)
{
	snprintf(why, cap, "%s", what);
	return -EINVAL;
}

/* ---- reading ---- */

/* The line at *at without its end; moves behind it. */
static struct ar_span next_line(const char **at, const char *end)
{
	const char *nl = memchr(*at, '\n', (size_t)(end - *at));
	struct ar_span s = {*at, (size_t)((nl ? nl : end) - *at)};

	*at = nl ? nl + 1 : end;
	if (s.n && s.p[s.n - 1] == '\r')
		s.n--;
	return s;
}

/* RFC 3261 7.3.1: a line that begins with a blank continues the one before. In place. */
static void unfold(char *p, char *end)
{
	for (; p < end && !(p[0] == '\n' && (p[1] == '\n' || (p[1] == '\r' && p[2] == '\n')));
		p++) {
		if (*p == '\n' && (p[1] == ' ' || p[1] == '\t')) {
			*p = ' ';
			if (p[-1] == '\r')
				p[-1] = ' ';
		}
	}
}

static void take_header(struct message *m, struct ar_span line)
{
	const char *colon = memchr(line.p, ':', line.n);
	struct ar_span name, value;
	int i;

	if (!colon)
		return;
	name = ar_span_trim((struct ar_span){line.p, (size_t)(colon - line.p)});
	value = ar_span_trim((struct ar_span){colon + 1, line.n - (size_t)(colon + 1 - line.p)});
	for (i = 0; i < HEADERS; i++)
		if (!m->header[i].p &&
			(ar_span_caseeq(name, names[i].name) ||
				(names[i].compact && ar_span_caseeq(name, names[i].compact))))
			m->header[i] = value;
}

static int read_message(struct message *m, struct ar_span text, char *why, size_t cap)
{
	const char *at = text.p, *end = text.p + text.n, *blank;
	struct ar_span line = next_line(&at, end);

	memset(m, 0, sizeof(*m));
	if (line.n < 8 || memcmp(line.p, "INVITE ", 7) != 0)
		return refuse(why, cap, "line 1: neither JSON nor an INVITE");
	line.p += 7;
	line.n -= 7;
	blank = memchr(line.p, ' ', line.n);
	if (!blank || strncmp(blank, " SIP/2.0", 8) != 0)
		return refuse(why, cap, "line 1: not a request line");
	m->ruri = (struct ar_span){line.p, (size_t)(blank - line.p)};
	while (at < end && (line = next_line(&at, end)).n)
		take_header(m, line);
	m->body = (struct ar_span){at, (size_t)(end - at)};
	return 0;
}

/* The URI of a name-addr or addr-spec (RFC 3261 20.10). */
static struct ar_span uri_of(struct ar_span value)
{
	const char *open = value.n ? memchr(value.p, '<', value.n) : NULL, *close, *stop;

	if (open) {
		open++;
		close = memchr(open, '>', value.n - (size_t)(open - value.p));
		return (struct ar_span){open, (size_t)((close ? close : value.p + value.n) - open)};
	}
	stop = value.n ? memchr(value.p, ';', value.n) : NULL;
	if (stop)
		value.n = (size_t)(stop - value.p);
	return ar_span_trim(value);
}

static bool has_tag(struct ar_span to)
{
	size_t i;

	for (i = 0; i + 5 <= to.n; i++)
		if (strncasecmp(to.p + i, ";tag=", 5) == 0)
			return true;
	return false;
}

/* ---- the call ---- */

static void take_media(struct policy_sip *s)
{
	struct policy_call *c = &s->pc.call;
	struct ar_sdp_dc dc;
	unsigned i, k;

	for (i = 0; i < s->sdp.nmedia && i < POLICY_MAX_MEDIA; i++) {
		const struct ar_sdp_media *m = &s->sdp.media[i];

		s->pc.media[c->nmedia++] = (struct policy_media){.media = m->media,
			.proto = m->proto,
			.kind = m->kind,
			.live = m->port != 0};
		if (m->kind != AR_SDP_DATACHANNEL || !m->port ||
			ar_sdp_dc_parse(&dc, &s->sdp, i, NULL) != 0)
			continue;
		if (!c->req_app.p)
			c->req_app = dc.req_app;
		for (k = 0; k < dc.nstream && c->nchannels < POLICY_MAX_CHANNELS; k++)
			s->pc.channel[c->nchannels++] = dc.stream[k];
	}
}

static void take_call(struct policy_sip *s, const struct message *m)
{
	struct policy_call *c = &s->pc.call;
	struct ar_recognise_in in = {.contact = m->header[CONTACT],
		.accept_contact = m->header[ACCEPT_CONTACT],
		.asserted_service = m->header[SERVICE],
		.ruri = m->ruri,
		.sdp = s->body.n ? &s->sdp : NULL};
	struct ar_recognise_out out;

	ar_recognise(&out, NULL, &in);
	c->cls = out.cls;
	c->reasons = out.reasons;
	c->callid = m->header[CALL_ID];
	c->asserted = uri_of(m->header[ASSERTED]);
	policy_party_set(&c->caller, c->asserted.p ? c->asserted : uri_of(m->header[FROM]));
	policy_party_set(&c->callee, m->ruri);
	in.sdp = NULL;
	ar_recognise(&out, NULL, &in);
	c->caller.caps = policy_caps(out.reasons);
	c->initial = !has_tag(m->header[TO]);
}

int policy_sip_read(struct policy_sip *s, struct ar_span text, char *why, size_t cap)
{
	struct ar_sdp_error e = {0, NULL};
	struct message m;

	memset(s, 0, sizeof(*s));
	if (text.n > POLICY_SIP_MAX)
		return refuse(why, cap, "the message is over 64 KiB");
	s->text = calloc(1, text.n + 3);
	if (!s->text)
		return refuse(why, cap, "out of memory");
	memcpy(s->text, text.p, text.n);
	unfold(s->text, s->text + text.n);
	if (read_message(&m, (struct ar_span){s->text, text.n}, why, cap) != 0)
		return -EINVAL;
	if (!m.header[CALL_ID].p || !m.header[FROM].p)
		return refuse(why, cap, "Call-ID or From is missing");
	s->body = m.body;
	if (m.body.n && ar_sdp_parse(&s->sdp, m.body.p, m.body.n, &e) != 0) {
		snprintf(why, cap, "sdp line %u: %s", e.line, e.reason ? e.reason : "malformed");
		return -EINVAL;
	}
	policy_case_defaults(&s->pc);
	take_call(s, &m);
	if (m.body.n)
		take_media(s);
	return 0;
}

void policy_sip_free(struct policy_sip *s)
{
	policy_case_free(&s->pc);
	free(s->text);
	s->text = NULL;
}

/* ---- what becomes of the offer ---- */

struct maker {
	struct planner_choice choice;
	struct planner_av_choice av;
	struct planner_in in;
	struct ar_plan plan;
	struct ar_plan_room room;
};

static struct planner_leg example_leg(const struct planner_choice *choice)
{
	return (struct planner_leg){.present = true,
		.addr = AR_SPAN("192.0.2.200"),
		.port = 40000,
		.sctp_port = 5000,
		.max_message_size = 262144,
		.ufrag = AR_SPAN("exam"),
		.pwd = AR_SPAN("exampleexampleexampleex"),
		.fingerprint =
			AR_SPAN("sha-256 00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:"
				"00:00:00:00:00:00:00:00:00:00:00:00:00"),
		.candidate = {AR_SPAN("1 1 UDP 2130706431 192.0.2.200 40000 typ host")},
		.ncandidate = 1,
		.setup = AR_SETUP_PASSIVE,
		.stream = choice->accepted,
		.nstream = choice->naccepted};
}

static struct planner_av_leg example_av_leg(void)
{
	struct planner_choice none = {.index = -1};
	struct planner_leg l = example_leg(&none);

	return (struct planner_av_leg){.addr = l.addr,
		.port = 40002,
		.ufrag = l.ufrag,
		.pwd = l.pwd,
		.fingerprint = l.fingerprint,
		.key = AR_SPAN("ZXhhbXBsZWV4YW1wbGVleGFtcGxlZXhhbXBsZWV4"),
		.candidate = {AR_SPAN("1 1 UDP 2130706431 192.0.2.200 40002 typ host")},
		.ncandidate = 1,
		.setup = AR_SETUP_PASSIVE};
}

/* The verdict's own steps; those of the answer's rules show in the lines above. */
static void choose_media(
	struct maker *m, const struct policy_sip *s, const struct policy_verdict *v)
{
	static const char *const kinds[PLANNER_AV_KINDS] = {"video", "audio"};
	struct planner_av_rules rules = {.transports = ~0u};

	for (unsigned i = 0; i < v->nsteps; i++) {
		const struct policy_step *st = &v->step[i];

		for (int k = 0; k < PLANNER_AV_KINDS; k++) {
			if (strcmp(st->media, kinds[k]) != 0)
				continue;
			rules.kind[k].wanted = true;
			snprintf(rules.kind[k].codec, sizeof(rules.kind[k].codec), "%s", st->codec);
			rules.kind[k].max_kbps[st->party == POLICY_CALLEE] = st->max_kbps;
		}
	}
	planner_av_choose(&m->av, &rules, &s->sdp, AR_SIDE_A, NULL, m->choice.max_bundle);
	for (unsigned i = 0; i < m->av.n; i++)
		m->av.av[i].leg[0] = m->av.av[i].leg[1] = example_av_leg();
	m->in.av = &m->av;
}

static int make_offer(const struct policy_sip *s, const struct policy_verdict *v,
	struct ar_buf *out, const char **why)
{
	bool ar = v->action == POLICY_AR;
	struct planner_rules rules = {NULL, 0, NULL};
	struct ar_plan_dir dir = {.answer = false, .outcome = AR_OUTCOME_AR_CAPABLE};
	struct maker *m = calloc(1, sizeof(*m));
	struct ar_buf texts;
	int i, err = -ENOMEM;

	*why = "out of memory";
	ar_buf_init(&texts, PLANNER_TEXTS_MAX);
	if (!m)
		goto out;
	planner_choose(&m->choice, &rules, &s->sdp, AR_SIDE_A, NULL);
	m->in = (struct planner_in){.offer = &s->sdp,
		.offerer = AR_SIDE_A,
		.choice = &m->choice,
		.keep = PLANNER_KEEP_USUAL,
		.ref = AR_SPAN("example-1")};
	for (i = 0; i < 2; i++) {
		if (ar && m->choice.index >= 0)
			m->in.leg[i] = example_leg(&m->choice);
		m->in.session_id[i] = AR_SPAN("- 1");
		m->in.origin_addr[i] = AR_SPAN("IN IP4 192.0.2.200");
	}
	if (ar && m->choice.index >= 0)
		choose_media(m, s, v);
	err = ar ? planner_plan(&m->in, &m->plan, &m->room, &texts, why)
		 : planner_plain(&m->in, &m->plan, &m->room, &texts, why);
	if (!err)
		err = ar_plan_apply(&m->plan, dir, &s->sdp, NULL, 1, out);
	if (!err && ar && m->choice.index < 0)
		*why = m->choice.why ? m->choice.why : "no data channel that can be anchored";
	else if (!err)
		*why = m->av.why[PLANNER_AV_VIDEO] ? m->av.why[PLANNER_AV_VIDEO]
						   : m->av.why[PLANNER_AV_AUDIO];
out:
	ar_buf_free(&texts);
	free(m);
	return err;
}

/* ---- the difference ---- */

struct lines {
	unsigned n;
	struct ar_span line[AR_SDP_MAX_LINES];
};

static void split(struct lines *l, struct ar_span text)
{
	const char *at = text.p, *end = text.p + text.n;

	l->n = 0;
	while (at < end && l->n < AR_SDP_MAX_LINES)
		l->line[l->n++] = next_line(&at, end);
}

static void print(FILE *out, char mark, struct ar_span s)
{
	fprintf(out, "%c %.*s\n", mark, (int)s.n, s.p);
}

/* Longest common subsequence; common[i][j] of the lines from i and j on. */
static void print_diff(const struct lines *a, const struct lines *b, uint16_t *common, FILE *out)
{
	unsigned i, j, w = b->n + 1;

	for (i = a->n; i-- > 0;) {
		for (j = b->n; j-- > 0;) {
			uint16_t down = common[(i + 1) * w + j], right = common[i * w + j + 1];

			if (ar_span_eq(a->line[i], b->line[j]))
				common[i * w + j] = (uint16_t)(common[(i + 1) * w + j + 1] + 1);
			else
				common[i * w + j] = down > right ? down : right;
		}
	}
	for (i = j = 0; i < a->n || j < b->n;) {
		if (i < a->n && j < b->n && ar_span_eq(a->line[i], b->line[j]))
			print(out, ' ', a->line[i++]), j++;
		else if (j == b->n ||
			 (i < a->n && common[(i + 1) * w + j] >= common[i * w + j + 1]))
			print(out, '-', a->line[i++]);
		else
			print(out, '+', b->line[j++]);
	}
}

static void diff(struct ar_span before, struct ar_span after, FILE *out)
{
	struct lines *a = malloc(sizeof(*a)), *b = malloc(sizeof(*b));
	uint16_t *common = NULL;

	if (a && b) {
		split(a, before);
		split(b, after);
		common = calloc((size_t)(a->n + 1) * (b->n + 1), sizeof(*common));
	}
	if (common)
		print_diff(a, b, common, out);
	free(common);
	free(a);
	free(b);
}

void policy_sip_diff(const struct policy_sip *s, const struct policy_verdict *v, FILE *out)
{
	const char *why = NULL;
	struct ar_buf after;
	int err;

	if (!s->body.n || v->action == POLICY_DENY)
		return;
	ar_buf_init(&after, AR_SDP_MAX_LEN);
	err = make_offer(s, v, &after, &why);
	if (err || why)
		fprintf(out, "offer to the callee: %s\n", why ? why : strerror(-err));
	if (!err) {
		fprintf(out, "offer to the callee%s:\n",
			v->action == POLICY_AR ? ", with example addresses" : "");
		diff(s->body, ar_buf_span(&after), out);
	}
	ar_buf_free(&after);
}
