/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ar_facts.h"

#include "ar_calls.h"

static void mix(uint32_t *h, const void *p, size_t n)
{
	*h = (*h ^ ar_hash32(p, n)) * 16777619u;
}

static void mix_span(uint32_t *h, struct ar_span s)
{
	mix(h, s.p ? s.p : "", s.n);
}

static void mix_int(uint32_t *h, uint64_t v)
{
	mix(h, &v, sizeof(v));
}

static void mix_stream(uint32_t *h, const struct ar_dc_stream *s)
{
	mix_int(h, s->id);
	mix_int(h, s->ordered);
	mix_int(h, (uint64_t)(int64_t)s->max_retr);
	mix_int(h, (uint64_t)(int64_t)s->max_time);
	mix_span(h, s->subprotocol);
	mix_span(h, s->label);
}

static void mix_dc(uint32_t *h, const struct ar_sdp_dc *dc)
{
	mix_span(h, dc->ufrag);
	mix_span(h, dc->pwd);
	for (unsigned i = 0; i < dc->nfingerprint; i++)
		mix_span(h, dc->fingerprint[i]);
	mix_span(h, dc->tls_id);
	mix_int(h, dc->sctp_port);
	mix_int(h, dc->max_message_size);
	for (unsigned i = 0; i < dc->nstream; i++)
		mix_stream(h, &dc->stream[i]);
}

static bool live_dc(const struct ar_sdp *sdp, unsigned i, struct ar_sdp_dc *dc)
{
	return sdp->media[i].kind == AR_SDP_DATACHANNEL && sdp->media[i].port != 0 &&
	       ar_sdp_dc_parse(dc, sdp, i, NULL) == 0 && ar_sdp_dc_live(&sdp->media[i], dc);
}

static bool is_av(const struct ar_sdp_media *m)
{
	return m->kind == AR_SDP_AUDIO || m->kind == AR_SDP_VIDEO;
}

/* The recipe that makes what `side` gets: with our text where its section goes to the media
 * function. */
static bool processed(const struct ar_plan *p, enum ar_side side, unsigned i)
{
	const struct ar_recipe *r;
	struct ar_sdp_media m;

	if (!p)
		return false;
	r = p->offerer == side ? &p->answer[0] : &p->offer;
	return i < r->n && !r->sec[i].pass && ar_sdp_parse_section(&m, r->sec[i].text, NULL) == 0 &&
	       is_av(&m) && m.port;
}

static void mix_av(uint32_t *h, const struct ar_sdp *sdp, unsigned i)
{
	static const char *const inherited[] = {"ice-ufrag", "ice-pwd", "fingerprint", "sendrecv",
		"sendonly", "recvonly", "inactive"};

	mix_span(h, sdp->media[i].text);
	for (size_t k = 0; k < sizeof(inherited) / sizeof(inherited[0]); k++) {
		struct ar_span v = ar_sdp_attr(sdp->session, inherited[k]);

		mix_int(h, v.p != NULL);
		mix_span(h, v);
	}
}

uint32_t ar_facts(const struct ar_sdp *sdp, const struct ar_plan *plan, enum ar_side side)
{
	uint32_t h = 2166136261u;
	struct ar_sdp_dc dc;

	for (unsigned i = 0; i < sdp->nmedia; i++) {
		const struct ar_sdp_media *m = &sdp->media[i];
		bool live = live_dc(sdp, i, &dc);

		mix_int(&h, m->kind);
		mix_int(&h, m->kind == AR_SDP_DATACHANNEL ? live : m->port != 0);
		if (live)
			mix_dc(&h, &dc);
		else if (is_av(m) && m->port && processed(plan, side, i))
			mix_av(&h, sdp, i);
	}
	return h;
}

uint32_t ar_facts_roles(const struct ar_sdp *sdp, enum ar_setup setup)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < sdp->nmedia; i++) {
		struct ar_span v = ar_sdp_attr(sdp->media[i].text, "setup");

		if (!v.p)
			v = ar_sdp_attr(sdp->session, "setup");
		if ((is_av(&sdp->media[i]) || sdp->media[i].kind == AR_SDP_DATACHANNEL) &&
			sdp->media[i].port && ar_span_caseeq(v, ar_setup_name(setup)))
			bits |= 1u << i;
	}
	return bits;
}

bool ar_facts_live(const struct ar_sdp *sdp)
{
	struct ar_sdp_dc dc;

	for (unsigned i = 0; i < sdp->nmedia; i++)
		if (live_dc(sdp, i, &dc))
			return true;
	return false;
}
