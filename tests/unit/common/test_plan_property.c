/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random dialogs through the planner, the map and the plans, with and without an rtpengine in the
 * middle; after every description both legs are held against RFC 3264, 5888, 8839, 8841, 8842, 8864
 * and 9143.
 *
 *   unit_plan_property [-n dialogs] [-s seed] [-v 1]
 *
 * A failure names the dialog's own seed: -n 1 -s <that> -v 1 repeats it alone and shows all.
 */
#include "asd/call/planner.h"
#include "tests/unit/common/property_ue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MAX_EXCHANGES 10
#define PWD "mfmfmfmfmfmfmfmfmfmfmfmf"
#define FP "SHA-256 AA:BB"

/* One leg as the UE on it sees it. */
struct leg {
	struct ar_buf last; /* the last description to it */
	uint32_t version;
	unsigned n; /* its m-lines so far */
	bool live[AR_SDP_MAX_MEDIA];
	enum ar_sdp_kind kind[AR_SDP_MAX_MEDIA];
};

struct dialog {
	uint64_t seed;
	struct rng rng;
	struct ue ue[2];
	struct leg leg[2];
	bool rtpengine;
	unsigned rtpengine_n; /* m-lines that it has seen */
	struct ar_plan *map;
	struct ar_plan plan;
	struct ar_plan_room room;
	struct ar_buf texts, offer, answer, hidden, relayed, out, again;
	char ufrag[2][16];
	unsigned exchanges, step;
	bool broken; /* the UE that answers leaves m-lines out; the dialog ends after it */
};

static struct {
	unsigned long exchanges, refused, anchored, plain, local, failed, added, shorts, armf, gone;
} seen;

#define FAIL(d, ...)                                                                               \
	do {                                                                                       \
		printf("\ndialog seed %llu, exchange %u: ", (unsigned long long)(d)->seed,         \
			(d)->step);                                                                \
		printf(__VA_ARGS__);                                                               \
		printf("\n");                                                                      \
		return false;                                                                      \
	} while (0)

#define SHOW(b) (int)(b)->n, (b)->p

static bool verbose;

static void show(const struct dialog *d, const char *what, const struct ar_buf *b)
{
	if (verbose)
		printf("---- exchange %u: %s\n%.*s\n", d->step, what, SHOW(b));
}

/* ---- what every description must keep ---- */

static bool same_text(struct ar_span a, const char *b)
{
	return ar_span_eq(a, ar_span_str(b));
}

static bool check_lines(struct dialog *d, const struct ar_buf *b)
{
	for (size_t i = 0; i < b->n; i++) {
		if (b->p[i] == '\n' && (!i || b->p[i - 1] != '\r'))
			FAIL(d, "bare LF in\n%.*s", SHOW(b));
	}
	return true;
}

static bool check_origin(struct dialog *d, enum ar_side to, const struct ar_sdp *sdp)
{
	char want[100];

	snprintf(want, sizeof(want), "- 390%d %u IN IP4 198.51.100.%d", to, d->leg[to].version, to);
	if (!same_text(ar_sdp_line(sdp->session, 'o'), want))
		FAIL(d, "o= is not \"%s\" in\n%.*s", want, (int)sdp->session.n, sdp->session.p);
	return true;
}

static bool check_mids(struct dialog *d, const struct ar_sdp *sdp)
{
	if (!d->ue[0].mids || !d->ue[1].mids)
		return true;
	for (unsigned i = 0; i < sdp->nmedia; i++) {
		struct ar_span mid = ar_sdp_attr(sdp->media[i].text, "mid");

		for (unsigned k = 0; k < i && mid.n; k++) {
			if (ar_span_eq(ar_sdp_attr(sdp->media[k].text, "mid"), mid))
				FAIL(d, "mid %.*s twice in\n%.*s", (int)mid.n, mid.p,
					(int)sdp->text.n, sdp->text.p);
		}
	}
	return true;
}

static const struct ar_sdp_media *by_mid(const struct ar_sdp *sdp, struct ar_span mid)
{
	for (unsigned i = 0; i < sdp->nmedia; i++) {
		if (ar_span_eq(ar_sdp_attr(sdp->media[i].text, "mid"), mid))
			return &sdp->media[i];
	}
	return NULL;
}

/* RFC 9143: only sections in use are in the group; none is there when the plan drops it. */
static bool check_group(struct dialog *d, const struct ar_sdp *sdp)
{
	struct ar_span v = ar_sdp_attr(sdp->session, "group");

	if (!v.p)
		return true;
	if (d->plan.drop_group)
		FAIL(d, "a group that should be gone");
	for (size_t i = 0, n; i < v.n; i += n + 1) {
		const struct ar_sdp_media *m;

		for (n = 0; i + n < v.n && v.p[i + n] != ' ';)
			n++;
		if (i == 0)
			continue; /* BUNDLE */
		m = by_mid(sdp, (struct ar_span){v.p + i, n});
		if (!m || (!m->port && !ar_sdp_attr(m->text, "bundle-only").p))
			FAIL(d, "group %.*s has a mid not in use:\n%.*s", (int)v.n, v.p,
				(int)sdp->text.n, sdp->text.p);
	}
	return true;
}

static bool is_ours(const struct ar_sdp_media *m)
{
	struct ar_span u = ar_sdp_attr(m->text, "ice-ufrag");

	return u.n > 2 && memcmp(u.p, "mf", 2) == 0;
}

static bool is_armf(const struct ar_sdp_media *m)
{
	return m->port && ar_sdp_attr(m->text, AR_PLAN_ARMF_ATTR).p;
}

static unsigned directions(struct ar_span section)
{
	unsigned n = 0;

	for (int i = 0; i < 4; i++)
		n += ar_sdp_attr(section, ar_direction_name((enum ar_direction)i)).p != NULL;
	return n;
}

/* RFC 8842 5, RFC 8839 5, RFC 4566 6 */
static bool check_armf(struct dialog *d, const struct ar_sdp *sdp, unsigned i, bool offer)
{
	const struct ar_sdp_media *m = &sdp->media[i];
	struct ar_sdp_av av;

	seen.armf++;
	if (!ar_sdp_av_parse(&av, sdp, i) || !av.ncodec)
		FAIL(d, "our media: no format in section %u", i);
	if (directions(m->text) != 1)
		FAIL(d, "our media: %u directions in\n%.*s", directions(m->text), (int)m->text.n,
			m->text.p);
	if (ar_sdp_attr(m->text, "x-section").p)
		FAIL(d, "our media have the UE's lines");
	if (ar_sdp_attr(m->text, "fingerprint").p) {
		if (offer != (av.setup == AR_SETUP_ACTPASS))
			FAIL(d, "our media: setup %s in an %s", ar_setup_name(av.setup),
				offer ? "offer" : "answer");
	} else if (ar_sdp_attr(m->text, "setup").p || ar_sdp_attr(m->text, "ice-ufrag").p) {
		FAIL(d, "our media: RTP with setup or ICE");
	}
	return true;
}

static bool check_sections(struct dialog *d, const struct ar_sdp *sdp, bool offer)
{
	bool session_c = ar_sdp_line(sdp->session, 'c').p != NULL, ours = false;

	for (unsigned i = 0; i < sdp->nmedia; i++) {
		const struct ar_sdp_media *m = &sdp->media[i];
		struct ar_sdp_error err;
		struct ar_sdp_dc dc;

		if (!session_c && !ar_sdp_line(m->text, 'c').p)
			FAIL(d, "no c= in section %u of\n%.*s", i, (int)sdp->text.n, sdp->text.p);
		if (ar_sdp_attr(m->text, "ice-lite").p)
			FAIL(d, "ice-lite in section %u", i);
		if (is_armf(m)) {
			ours |= is_ours(m);
			if (!check_armf(d, sdp, i, offer))
				return false;
			continue;
		}
		if (!is_ours(m))
			continue;
		ours = true;
		if (ar_sdp_dc_parse(&dc, sdp, i, &err) != 0)
			FAIL(d, "our section: line %u: %s", err.line, err.reason);
		if (offer != (dc.setup == AR_SETUP_ACTPASS))
			FAIL(d, "setup %s in an %s", ar_setup_name(dc.setup),
				offer ? "offer" : "answer");
	}
	if (ours && !ar_sdp_attr(sdp->session, "ice-lite").p)
		FAIL(d, "a section of ours without a=ice-lite");
	return true;
}

static bool check_description(
	struct dialog *d, enum ar_side to, const struct ar_buf *b, bool offer, struct ar_sdp *sdp)
{
	struct ar_sdp_error err;

	if (ar_sdp_parse(sdp, b->p, b->n, &err) != 0)
		FAIL(d, "line %u: %s in\n%.*s", err.line, err.reason, SHOW(b));
	return check_lines(d, b) && check_origin(d, to, sdp) && check_mids(d, sdp) &&
	       check_group(d, sdp) && check_sections(d, sdp, offer);
}

/* RFC 3264 8: m-lines stay, and what is in use keeps its kind. */
static bool check_later_offer(struct dialog *d, enum ar_side to, const struct ar_sdp *sdp)
{
	struct leg *l = &d->leg[to];

	if (sdp->nmedia < l->n)
		FAIL(d, "%u m-lines to %c that has %u", sdp->nmedia, 'A' + to, l->n);
	for (unsigned i = 0; i < l->n; i++) {
		if (l->live[i] && sdp->media[i].kind != l->kind[i])
			FAIL(d, "section %u to %c in use became another kind:\n%.*s", i, 'A' + to,
				(int)sdp->text.n, sdp->text.p);
	}
	return true;
}

static bool offered_stream(const struct ar_sdp_dc *offered, uint16_t id)
{
	for (unsigned i = 0; i < offered->nstream; i++) {
		if (offered->stream[i].id == id)
			return true;
	}
	return false;
}

/* RFC 8864 5.2.2, RFC 8842 5.3 */
static bool check_dc_answer(
	struct dialog *d, const struct ar_sdp *offer, const struct ar_sdp *answer, unsigned i)
{
	struct ar_sdp_dc o, a;

	if (ar_sdp_dc_parse(&o, offer, i, NULL) != 0 || ar_sdp_dc_parse(&a, answer, i, NULL) != 0)
		FAIL(d, "data channel section %u does not parse", i);
	for (unsigned k = 0; k < a.nstream; k++) {
		if (!offered_stream(&o, a.stream[k].id))
			FAIL(d, "stream %u answered, not offered", a.stream[k].id);
	}
	if (a.tls_id.p && !o.tls_id.p)
		FAIL(d, "tls-id answered, not offered");
	return true;
}

/* RFC 3264 6.1, RFC 5761 5.1.1: only what is offered, and our first format is one. */
static bool check_av_answer(
	struct dialog *d, const struct ar_sdp *offer, const struct ar_sdp *answer, unsigned i)
{
	struct ar_sdp_av o, a;
	unsigned found = 0;

	if (!ar_sdp_av_parse(&o, offer, i) || !ar_sdp_av_parse(&a, answer, i))
		FAIL(d, "media section %u does not parse", i);
	for (unsigned k = 0; k < a.ncodec; k++) {
		for (unsigned n = 0; n < o.ncodec; n++)
			found += o.codec[n].pt == a.codec[k].pt &&
				 ar_span_eq(o.codec[n].name, a.codec[k].name);
	}
	if (found != a.ncodec)
		FAIL(d, "a format answered, not offered:\n%.*s", (int)answer->media[i].text.n,
			answer->media[i].text.p);
	if (a.rtcp_mux && !o.rtcp_mux)
		FAIL(d, "rtcp-mux answered, not offered");
	return true;
}

/* RFC 3264 6: as many sections, of the same kind; port 0 is answered with port 0. */
static bool check_answer(struct dialog *d, const struct ar_sdp *offer, const struct ar_sdp *answer)
{
	if (offer->nmedia != answer->nmedia)
		FAIL(d, "%u m-lines answered with %u", offer->nmedia, answer->nmedia);
	for (unsigned i = 0; i < offer->nmedia; i++) {
		const struct ar_sdp_media *o = &offer->media[i], *a = &answer->media[i];
		struct ar_span om = ar_sdp_attr(o->text, "mid"), am = ar_sdp_attr(a->text, "mid");

		if (!ar_span_eq(o->media, a->media) || !ar_span_eq(o->proto, a->proto))
			FAIL(d, "section %u answered as another kind:\n%.*s", i,
				(int)answer->text.n, answer->text.p);
		if (!o->port && a->port)
			FAIL(d, "port 0 of section %u answered with %u", i, a->port);
		if (om.p && am.p && !ar_span_eq(om, am))
			FAIL(d, "mid of section %u", i);
		if (om.p && !am.p && is_ours(a))
			FAIL(d, "section %u of ours answers without the mid", i);
		if (is_armf(a)) {
			if (!check_av_answer(d, offer, answer, i))
				return false;
		} else if (is_ours(a) && !check_dc_answer(d, offer, answer, i)) {
			return false;
		}
	}
	return true;
}

/* ---- rtpengine ---- */

/* Its ports and address, no group, what is at port 0 left alone. */
static bool relay(struct dialog *d, const struct ar_sdp *in, struct ar_buf *out)
{
	bool session_c = ar_sdp_line(in->session, 'c').p != NULL;

	ar_buf_reset(out);
	ar_buf_add_str(out, "v=0\r\no=- 1 1 IN IP4 203.0.113.200\r\ns=-\r\nt=0 0\r\n");
	for (unsigned i = 0; i < in->nmedia; i++) {
		const struct ar_sdp_media *m = &in->media[i];
		struct ar_span line;
		size_t pos = 0;

		if (!session_c && !ar_sdp_line(m->text, 'c').p)
			FAIL(d, "rtpengine: no c= in section %u", i);
		if (m->kind == AR_SDP_DATACHANNEL && m->port)
			FAIL(d, "rtpengine sees a data channel");
		if (is_armf(m))
			FAIL(d, "rtpengine sees media of the ARMF");
		ar_buf_printf(out, "m=%.*s %u %.*s %.*s\r\nc=IN IP4 203.0.113.200\r\n",
			(int)m->media.n, m->media.p, m->port ? m->port ^ 1 : 0, (int)m->proto.n,
			m->proto.p, (int)m->fmt.n, m->fmt.p);
		while (ar_sdp_next_line(m->text, &pos, &line)) {
			if (line.p[0] == 'a') {
				ar_buf_add_span(out, line);
				ar_buf_add_str(out, "\r\n");
			}
		}
	}
	if (in->nmedia < d->rtpengine_n && !d->broken)
		FAIL(d, "rtpengine saw %u m-lines, now %u", d->rtpengine_n, in->nmedia);
	d->rtpengine_n = in->nmedia;
	return true;
}

/* In A's layout what does not pass is at port 0. */
static bool check_hidden(struct dialog *d, struct ar_plan_dir dir, const struct ar_sdp *hidden)
{
	const struct ar_recipe *r = ar_plan_recipe(&d->plan, dir);
	bool to_a = ar_plan_to(&d->plan, dir) == AR_SIDE_A;

	for (unsigned i = 0; i < hidden->nmedia; i++) {
		bool passes = to_a && i < r->n && r->sec[i].pass;

		for (unsigned j = 0; !to_a && j < r->n; j++)
			passes |= r->sec[j].pass && r->sec[j].from == (int)i;
		if (!passes && hidden->media[i].port)
			FAIL(d, "rtpengine sees section %u, which does not pass", i);
	}
	return true;
}

/* hide, rtpengine; *relayed NULL when there is none. */
static bool through_rtpengine(struct dialog *d, struct ar_plan_dir dir, const struct ar_sdp *in,
	struct ar_sdp *store, const struct ar_sdp **relayed)
{
	struct ar_sdp hidden;
	struct ar_sdp_error err;
	int rc;

	*relayed = NULL;
	if (!d->rtpengine)
		return true;
	ar_buf_reset(&d->hidden);
	rc = ar_plan_hide(&d->plan, dir, in, &d->hidden);
	if (rc)
		FAIL(d, "hide: %d", rc);
	if (ar_sdp_parse(&hidden, d->hidden.p, d->hidden.n, &err) != 0)
		FAIL(d, "hidden: line %u: %s", err.line, err.reason);
	if (!check_hidden(d, dir, &hidden) || !relay(d, &hidden, &d->relayed))
		return false;
	if (ar_sdp_parse(store, d->relayed.p, d->relayed.n, &err) != 0)
		FAIL(d, "relayed: line %u: %s", err.line, err.reason);
	*relayed = store;
	return true;
}

/* ---- one direction ---- */

/* Whether what passes is byte for byte what the UE sent (no rtpengine, CRLF already). */
static bool check_untouched(struct dialog *d, const struct ar_recipe *r, const struct ar_sdp *in,
	const struct ar_sdp *out)
{
	for (unsigned i = 0; i < r->n; i++) {
		unsigned k = (unsigned)r->sec[i].from;

		if (r->sec[i].pass && k < in->nmedia && in->media[k].kind != AR_SDP_DATACHANNEL &&
			!ar_span_eq(in->media[k].text, out->media[i].text))
			FAIL(d, "section %u was touched:\n%.*s", i, (int)out->text.n, out->text.p);
	}
	return true;
}

/* What goes along with a text of ours is the other side's own. */
static bool check_carried(struct dialog *d, const struct ar_recipe *r, const struct ar_sdp *in,
	const struct ar_sdp *out)
{
	for (unsigned i = 0; i < r->n; i++) {
		const struct ar_sdp_media *m = &out->media[i];
		unsigned k = (unsigned)r->sec[i].from;
		const char *want;

		if (!r->sec[i].carry || !m->port)
			continue;
		want = ar_direction_name(ar_sdp_direction(in->media[k].text, in->session));
		if (!ar_sdp_attr(m->text, want).p)
			FAIL(d, "section %u is not %s:\n%.*s", i, want, (int)m->text.n, m->text.p);
		if (!ar_span_eq(
			    ar_sdp_attr(m->text, "ssrc"), ar_sdp_attr(in->media[k].text, "ssrc")) ||
			!ar_span_eq(ar_sdp_attr(m->text, "msid"),
				ar_sdp_attr(in->media[k].text, "msid")))
			FAIL(d, "section %u has not the sender's names", i);
	}
	return true;
}

/* As the module does: the version goes up when the bytes change, and only then. */
static bool send_to(struct dialog *d, struct ar_plan_dir dir, const struct ar_sdp *in, bool lf,
	struct ar_sdp *out)
{
	enum ar_side to = ar_plan_to(&d->plan, dir);
	struct leg *l = &d->leg[to];
	const struct ar_sdp *relayed;
	struct ar_sdp store;
	int rc;

	if (!through_rtpengine(d, dir, in, &store, &relayed))
		return false;
	ar_buf_reset(&d->out);
	rc = ar_plan_apply(&d->plan, dir, in, relayed, l->version, &d->out);
	if (rc)
		FAIL(d, "apply: %d", rc);
	if (!ar_span_eq(ar_buf_span(&d->out), ar_buf_span(&l->last))) {
		ar_buf_reset(&d->out);
		rc = ar_plan_apply(&d->plan, dir, in, relayed, ++l->version, &d->out);
	}
	ar_buf_reset(&d->again);
	if (!rc)
		rc = ar_plan_apply(&d->plan, dir, in, relayed, l->version, &d->again);
	if (rc || !ar_span_eq(ar_buf_span(&d->out), ar_buf_span(&d->again)))
		FAIL(d, "the same input gave other bytes");
	ar_buf_reset(&l->last);
	ar_buf_add_span(&l->last, ar_buf_span(&d->out));
	if (!check_description(d, to, &l->last, !dir.answer, out))
		return false;
	if (!check_carried(d, ar_plan_recipe(&d->plan, dir), in, out))
		return false;
	return relayed || lf || check_untouched(d, ar_plan_recipe(&d->plan, dir), in, out);
}

/* ---- planning ---- */

static void fill_leg(struct dialog *d, struct planner_leg *leg, enum ar_side side, bool present)
{
	*leg = (struct planner_leg){.present = present,
		.addr = AR_SPAN("203.0.113.1"),
		.port = 9001,
		.sctp_port = 5000,
		.max_message_size = 1000,
		.ufrag = ar_span_str(d->ufrag[side]),
		.pwd = AR_SPAN(PWD),
		.fingerprint = AR_SPAN(FP),
		.tls_id = AR_SPAN("mfmfmfmfmfmfmfmfmfmfmfmf"),
		.setup = rng_percent(&d->rng, 50) ? AR_SETUP_ACTIVE : AR_SETUP_PASSIVE};
}

static const struct ar_dc_stream mirrored[] = {{.id = 1000,
	.ordered = true,
	.max_retr = -1,
	.max_time = -1,
	.subprotocol = AR_SPAN("mpeg-sd")}};

static void choose_media(struct dialog *d, struct planner_av_choice *av, const struct ar_sdp *offer,
	enum ar_side y, const struct planner_choice *choice)
{
	struct planner_av_rules rules = {.transports = ~0u};

	rules.kind[PLANNER_AV_VIDEO].wanted = rng_percent(&d->rng, 70);
	if (rng_percent(&d->rng, 20))
		rules.offered = rng_percent(&d->rng, 50) ? AR_AV_DTLS : AR_AV_RTP;
	planner_av_choose(av, &rules, offer, y, d->map, choice->max_bundle);
	for (unsigned i = 0; i < av->n; i++) {
		for (int s = 0; s < 2; s++)
			av->av[i].leg[s] = (struct planner_av_leg){.addr = AR_SPAN("203.0.113.2"),
				.port = 9002,
				.ufrag = ar_span_str(d->ufrag[s]),
				.pwd = AR_SPAN(PWD),
				.fingerprint = AR_SPAN(FP),
				.setup = rng_percent(&d->rng, 50) ? AR_SETUP_ACTIVE
								  : AR_SETUP_PASSIVE};
	}
}

/* asd is there. */
static int plan_with_asd(struct dialog *d, enum ar_side y, const struct ar_sdp *offer)
{
	static struct planner_choice choice;
	enum ar_side x = ar_other_side(y);
	struct planner_in in = {.offer = offer,
		.offerer = y,
		.choice = &choice,
		.map = d->map,
		.keep = rng_percent(&d->rng, 70) ? PLANNER_KEEP_USUAL
						 : rng_below(&d->rng, 1u << AR_OUTCOMES),
		.ref = AR_SPAN("p"),
		.session_id = {AR_SPAN("- 3900"), AR_SPAN("- 3901")},
		.origin_addr = {AR_SPAN("IN IP4 198.51.100.0"), AR_SPAN("IN IP4 198.51.100.1")}};
	bool plain = rng_percent(&d->rng, 15);
	static struct planner_av_choice av;
	const char *why = "?";
	int rc;

	planner_choose(&choice, NULL, offer, y, d->map);
	fill_leg(d, &in.leg[y], y, choice.index >= 0 && rng_percent(&d->rng, 95));
	fill_leg(d, &in.leg[x], x,
		choice.index >= 0 ? rng_percent(&d->rng, 85)
				  : !choice.max_bundle && rng_percent(&d->rng, 10));
	in.leg[y].stream = choice.accepted;
	in.leg[y].nstream = choice.naccepted;
	in.leg[x].stream = mirrored;
	in.leg[x].nstream = 1;
	choose_media(d, &av, offer, y, &choice);
	in.av = &av;
	rc = (plain ? planner_plain : planner_plan)(&in, &d->plan, &d->room, &d->texts, &why);
	if (rc)
		printf("planner: %s\n", why);
	if (plain || choice.index < 0)
		seen.plain++;
	else
		seen.anchored++;
	return rc;
}

static int make_plan(struct dialog *d, enum ar_side y, const struct ar_sdp *offer)
{
	const struct ar_plan_roles roles = {.setup = {AR_SETUP_PASSIVE, AR_SETUP_ACTIVE},
		.active = {rng_next(&d->rng), rng_next(&d->rng)},
		.av_gone = rng_percent(&d->rng, 20)};

	ar_buf_reset(&d->texts);
	if (d->map && rng_percent(&d->rng, 30)) {
		seen.local++;
		seen.gone += roles.av_gone;
		return ar_plan_from_map(d->map, y, offer, &roles, &d->plan, &d->room, &d->texts);
	}
	return plan_with_asd(d, y, offer);
}

static bool keep_map(struct dialog *d, enum ar_outcome o)
{
	struct ar_plan *c;

	d->plan.settled = rng_percent(&d->rng, 80) ? (uint8_t)(1 + o) : 0;
	c = ar_plan_clone(&d->plan, malloc);
	if (!c)
		FAIL(d, "no memory");
	free(d->map);
	d->map = c;
	return true;
}

/* ---- an exchange ---- */

static void settle_leg(struct leg *l, const struct ar_sdp *offer, const struct ar_sdp *answer)
{
	l->n = offer->nmedia;
	for (unsigned i = 0; i < offer->nmedia; i++) {
		l->live[i] = offer->media[i].port && i < answer->nmedia && answer->media[i].port;
		l->kind[i] = offer->media[i].kind;
	}
}

static bool offers_dc(const struct ar_sdp *sdp)
{
	for (unsigned i = 0; i < sdp->nmedia; i++) {
		if (sdp->media[i].kind == AR_SDP_DATACHANNEL && sdp->media[i].port)
			return true;
	}
	return false;
}

static bool answer_part(
	struct dialog *d, enum ar_side y, const struct ar_sdp *offer, const struct ar_sdp *to_x)
{
	enum ar_side x = ar_other_side(y);
	struct ar_plan_dir dir = {.answer = true};
	struct ar_sdp from_x, to_y;
	struct ar_sdp_error err;

	d->broken = rng_percent(&d->rng, 2);
	ar_buf_reset(&d->answer);
	ue_answer(&d->ue[x], &d->rng, to_x, d->broken, &d->answer);
	if (ar_sdp_parse(&from_x, d->answer.p, d->answer.n, &err) != 0)
		FAIL(d, "the test's own answer: line %u: %s", err.line, err.reason);
	dir.outcome = ar_recognise_outcome(
		NULL, &(struct ar_recognise_in){.sdp = &from_x}, offers_dc(to_x));
	if (!send_to(d, dir, &from_x, d->ue[x].lf, &to_y) || !check_answer(d, offer, &to_y))
		return false;
	show(d, "answer", &d->answer);
	show(d, "passed on", &d->out);
	seen.shorts += d->broken;
	settle_leg(&d->leg[y], offer, &to_y);
	settle_leg(&d->leg[x], to_x, &from_x);
	ue_on_answer(&d->ue[y], &to_y);
	return keep_map(d, dir.outcome);
}

static bool exchange(struct dialog *d, enum ar_side y)
{
	struct ue before[2] = {d->ue[0], d->ue[1]};
	struct ar_sdp offer, to_x;
	struct ar_sdp_error err;
	unsigned relayed_before = d->rtpengine_n;
	int rc;

	ar_buf_reset(&d->offer);
	ue_offer(&d->ue[y], &d->rng, &d->offer);
	if (ar_sdp_parse(&offer, d->offer.p, d->offer.n, &err) != 0)
		FAIL(d, "the test's own offer: line %u: %s", err.line, err.reason);
	seen.added += offer.nmedia > d->leg[y].n;
	rc = make_plan(d, y, &offer);
	if (rc)
		FAIL(d, "plan: %d for\n%.*s", rc, SHOW(&d->offer));
	if (ar_plan_check(&d->plan, &err.reason) != 0)
		FAIL(d, "not a plan: %s", err.reason);
	if (!send_to(d, (struct ar_plan_dir){0}, &offer, d->ue[y].lf, &to_x) ||
		!check_later_offer(d, ar_other_side(y), &to_x))
		return false;
	show(d, "offer", &d->offer);
	show(d, "passed on", &d->out);
	seen.exchanges++;
	if (d->map && rng_percent(&d->rng, 10)) { /* 488: everything is as before */
		unsigned version = d->ue[y].version;

		seen.refused++;
		d->ue[0] = before[0];
		d->ue[1] = before[1];
		d->ue[y].version = version;
		d->rtpengine_n = relayed_before;
		return true;
	}
	return answer_part(d, y, &offer, &to_x);
}

static void dialog_open(struct dialog *d, uint64_t seed)
{
	d->seed = seed;
	d->rng.x = seed * 2654435761u + 88172645463325252ull;
	rng_next(&d->rng);
	ue_init(&d->ue[0], &d->rng, "alice");
	ue_init(&d->ue[1], &d->rng, "bob");
	d->rtpengine = rng_percent(&d->rng, 40);
	d->rtpengine_n = 0;
	d->broken = false;
	free(d->map);
	d->map = NULL;
	for (int i = 0; i < 2; i++) {
		d->leg[i].version = 0;
		d->leg[i].n = 0;
		ar_buf_reset(&d->leg[i].last);
		snprintf(d->ufrag[i], sizeof(d->ufrag[i]), "mf%d0", i);
	}
	d->exchanges = 1 + rng_below(&d->rng, MAX_EXCHANGES);
}

static bool run_dialog(struct dialog *d, uint64_t seed)
{
	dialog_open(d, seed);
	for (d->step = 0; d->step < d->exchanges && !d->broken; d->step++) {
		enum ar_side y = d->map && rng_percent(&d->rng, 45) ? AR_SIDE_B : AR_SIDE_A;

		if (rng_percent(&d->rng, 10)) /* an ICE restart at the media function */
			d->ufrag[rng_below(&d->rng, 2)][3]++;
		if (!exchange(d, y))
			return false;
	}
	return true;
}

static struct dialog *dialog_new(void)
{
	struct dialog *d = calloc(1, sizeof(*d));
	struct ar_buf *all[] = {&d->offer, &d->answer, &d->hidden, &d->relayed, &d->out, &d->again,
		&d->leg[0].last, &d->leg[1].last};

	if (!d)
		exit(2);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		ar_buf_init(all[i], AR_SDP_MAX_LEN);
	ar_buf_init(&d->texts, PLANNER_TEXTS_MAX);
	return d;
}

static void dialog_free(struct dialog *d)
{
	struct ar_buf *all[] = {&d->offer, &d->answer, &d->hidden, &d->relayed, &d->out, &d->again,
		&d->leg[0].last, &d->leg[1].last, &d->texts};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		ar_buf_free(all[i]);
	free(d->map);
	free(d);
}

int main(int argc, char **argv)
{
	unsigned long n = 20000, i;
	uint64_t seed = (uint64_t)time(NULL);
	struct dialog *d = dialog_new();
	bool ok = true;

	for (int a = 1; a + 1 < argc; a += 2) {
		if (strcmp(argv[a], "-n") == 0)
			n = strtoul(argv[a + 1], NULL, 10);
		else if (strcmp(argv[a], "-s") == 0)
			seed = strtoull(argv[a + 1], NULL, 10);
		else if (strcmp(argv[a], "-v") == 0)
			verbose = true;
	}
	printf("seed %llu, %lu dialogs\n", (unsigned long long)seed, n);
	for (i = 0; i < n && ok; i++)
		ok = run_dialog(d, seed + i);
	printf("%lu exchanges: %lu anchored, %lu plain, %lu from the map (%lu without the ARMF); "
	       "%lu "
	       "refused, %lu short answers, %lu offers with new m-lines, %lu sections of the "
	       "ARMF\n",
		seen.exchanges, seen.anchored, seen.plain, seen.local, seen.gone, seen.refused,
		seen.shorts, seen.added, seen.armf);
	/* a walk that never went there proves nothing */
	if (ok && n >= 1000 &&
		(!seen.anchored || !seen.plain || !seen.local || !seen.refused || !seen.armf ||
			!seen.gone))
		ok = false;
	dialog_free(d);
	return ok ? 0 : 1;
}
