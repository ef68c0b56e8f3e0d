/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What both legs must keep, after every description (property_check.h). */
#include "tests/unit/common/property_check.h"

#include <stdlib.h>

struct property_seen seen;
bool verbose;

/* ---- what every description must keep ---- */

static bool same_text(struct ar_span a, const char *b)
{
	return ar_span_eq(a, ar_span_str(b));
}

bool check_lines(struct dialog *d, const struct ar_buf *b)
{
	for (size_t i = 0; i < b->n; i++) {
		if (b->p[i] == '\n' && (!i || b->p[i - 1] != '\r'))
			FAIL(d, "bare LF in\n%.*s", SHOW(b));
	}
	return true;
}

static bool check_origin(struct dialog *d, enum ar_side to, const struct ar_sdp *sdp)
{
	char want[200];

	if (d->ordinary)
		return true;
	snprintf(want, sizeof(want), "%s %u %s", d->session_id[to], d->leg[to].version,
		d->origin_addr[to]);
	if (!same_text(ar_sdp_line(sdp->session, 'o'), want))
		FAIL(d, "o= is not \"%s\" in\n%.*s", want, (int)sdp->session.n, sdp->session.p);
	return true;
}

bool check_version(struct dialog *d, enum ar_side to, const struct ar_buf *now)
{
	const struct ar_buf *last = &d->leg[to].last;
	struct ar_sdp_origin was, is;
	struct ar_sdp sdp;

	/* while it is an ordinary call o= is the UE's own affair */
	if (d->ordinary || !last->n || ar_span_eq(ar_buf_span(last), ar_buf_span(now)))
		return true;
	if (ar_sdp_parse(&sdp, last->p, last->n, NULL) != 0 || !ar_sdp_origin(&sdp, &was) ||
		ar_sdp_parse(&sdp, now->p, now->n, NULL) != 0 || !ar_sdp_origin(&sdp, &is))
		FAIL(d, "no o= in\n%.*s", SHOW(now));
	if (is.version <= was.version)
		FAIL(d, "o= has not gone on:\n%.*s\nwas\n%.*s", SHOW(now), SHOW(last));
	return true;
}

static bool is_ours(const struct ar_sdp_media *m)
{
	struct ar_span u = ar_sdp_attr(m->text, "ice-ufrag");

	return u.n > 2 && memcmp(u.p, "mf", 2) == 0;
}

static bool name_all(const struct dialog *d)
{
	return d->ue[0].mids && d->ue[1].mids;
}

/* Where one UE names some of its sections only, what the two call theirs, and what is closed, is
 * their matter; but ours is named like no other. */
static bool same_mid(
	const struct dialog *d, const struct ar_sdp_media *x, const struct ar_sdp_media *y)
{
	struct ar_span mid = ar_sdp_attr(x->text, "mid");

	return mid.n && ar_span_eq(mid, ar_sdp_attr(y->text, "mid")) &&
	       (name_all(d) || (x->port && y->port && (is_ours(x) || is_ours(y))));
}

static bool check_mids(struct dialog *d, const struct ar_sdp *sdp)
{
	for (unsigned i = 0; i < sdp->nmedia; i++) {
		for (unsigned k = 0; k < i; k++) {
			if (same_mid(d, &sdp->media[i], &sdp->media[k]))
				FAIL(d, "mid of %u again at %u in\n%.*s", k, i, (int)sdp->text.n,
					sdp->text.p);
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

bool is_armf(const struct ar_sdp_media *m)
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

bool check_description(
	struct dialog *d, enum ar_side to, const struct ar_buf *b, bool offer, struct ar_sdp *sdp)
{
	struct ar_sdp_error err;

	if (ar_sdp_parse(sdp, b->p, b->n, &err) != 0)
		FAIL(d, "line %u: %s in\n%.*s", err.line, err.reason, SHOW(b));
	return check_lines(d, b) && check_origin(d, to, sdp) && check_mids(d, sdp) &&
	       check_group(d, sdp) && check_sections(d, sdp, offer);
}

/* RFC 3264 8: m-lines stay, and what is in use keeps its kind. */
bool check_later_offer(struct dialog *d, enum ar_side to, const struct ar_sdp *sdp)
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
bool check_answer(struct dialog *d, const struct ar_sdp *offer, const struct ar_sdp *answer)
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
		if (om.p && am.p && !ar_span_eq(om, am) && (name_all(d) || is_ours(a)))
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

/* ---- what passes, and what goes along ---- */

/* The section but for its a=mid, which has gone since another section of out has it. */
static bool lost_its_mid(const struct ar_sdp_media *in, const struct ar_sdp *out, unsigned at)
{
	struct ar_span mid = ar_sdp_attr(in->text, "mid"), now = out->media[at].text;
	size_t head, line = mid.n + sizeof("a=mid:\r\n") - 1;

	if (!mid.n || now.n + line != in->text.n || ar_sdp_attr(now, "mid").p || !by_mid(out, mid))
		return false;
	head = (size_t)(mid.p - in->text.p) - (sizeof("a=mid:") - 1);
	return memcmp(in->text.p, now.p, head) == 0 &&
	       memcmp(in->text.p + head + line, now.p + head, now.n - head) == 0;
}

/* Whether what passes is byte for byte what the UE sent (no rtpengine, CRLF already). */
bool check_untouched(struct dialog *d, const struct ar_recipe *r, const struct ar_sdp *in,
	const struct ar_sdp *out)
{
	for (unsigned i = 0; i < r->n; i++) {
		unsigned k = (unsigned)r->sec[i].from;

		if (r->sec[i].pass && k < in->nmedia && in->media[k].kind != AR_SDP_DATACHANNEL &&
			!ar_span_eq(in->media[k].text, out->media[i].text) &&
			!lost_its_mid(&in->media[k], out, i))
			FAIL(d, "section %u was touched:\n%.*s", i, (int)out->text.n, out->text.p);
	}
	return true;
}

/* "a=ssrc:1 cname:x"; that of video is another in our texts. */
static bool same_ssrc(
	const struct ar_sdp_media *ours, const struct ar_sdp_media *theirs, uint32_t mask)
{
	struct ar_span a = ar_sdp_attr(ours->text, "ssrc"), b = ar_sdp_attr(theirs->text, "ssrc");
	char *end[2];
	unsigned long n[2];

	if (!a.p || !b.p)
		return a.p == b.p;
	n[0] = strtoul(a.p, &end[0], 10);
	n[1] = strtoul(b.p, &end[1], 10);
	n[1] ^= mask;
	return n[0] == n[1] && a.p + a.n - end[0] == b.p + b.n - end[1] &&
	       memcmp(end[0], end[1], (size_t)(a.p + a.n - end[0])) == 0;
}

/* What goes along with a text of ours is the other side's own. */
bool check_carried(struct dialog *d, const struct ar_recipe *r, const struct ar_sdp *in,
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
		if (!same_ssrc(m, &in->media[k], r->sec[i].ssrc_mask) ||
			!ar_span_eq(ar_sdp_attr(m->text, "msid"),
				ar_sdp_attr(in->media[k].text, "msid")))
			FAIL(d, "section %u has not the sender's names", i);
	}
	return true;
}
