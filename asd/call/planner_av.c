/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/call/planner_av.h"

#include "common/recognise.h"

#include <stdio.h>

static const enum ar_sdp_kind sdp_kind[PLANNER_AV_KINDS] = {AR_SDP_VIDEO, AR_SDP_AUDIO};

/* Formats that the ARMF has. */
static const struct {
	enum planner_av_kind kind;
	const char *name;
	uint32_t clock;
} codecs[] = {
	{PLANNER_AV_VIDEO, "VP8", 90000},
	{PLANNER_AV_VIDEO, "H264", 90000},
	{PLANNER_AV_AUDIO, "opus", 48000},
};

/* Extensions that the ARMF understands; an attribute may follow. */
static const char *const extensions[] = {
	"http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
	"http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
	"http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
	"urn:ietf:params:rtp-hdrext:sdes:mid",
	"urn:3gpp:xr-pose",
	"http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
};
#define TCC 1 /* index above */

/* ---- what the ARMF can ---- */

/* RFC 5761 4: with these numbers RTP and RTCP cannot be told apart on one port. */
static bool usable_pt(int pt)
{
	return pt < 64 || pt > 95;
}

static bool usable_codec(enum planner_av_kind kind, const struct ar_av_codec *c)
{
	if (!usable_pt(c->pt))
		return false;
	for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++) {
		if (codecs[i].kind != kind || !ar_span_caseeq(c->name, codecs[i].name) ||
			c->clock != codecs[i].clock)
			continue;
		/* RFC 6184 8.1: absent is mode 0, one NAL unit in a packet */
		return !ar_span_caseeq(c->name, "H264") ||
		       ar_span_eq(ar_av_fmtp(c->fmtp, "packetization-mode"), AR_SPAN("1"));
	}
	return false;
}

static int extension(struct ar_span uri)
{
	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++) {
		size_t n = strlen(extensions[i]);

		if (uri.n >= n && uri.n <= n + 32 && memcmp(uri.p, extensions[i], n) == 0 &&
			(uri.n == n || uri.p[n] == ' '))
			return (int)i;
	}
	return -1;
}

/* The usable ones, the preferred first: of that name, else as they come. */
static unsigned pick_codecs(struct ar_av_codec out[PLANNER_AV_CODECS], enum planner_av_kind kind,
	const struct ar_sdp_av *from, struct ar_span prefer)
{
	unsigned n = 0;

	for (int pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < from->ncodec && n < PLANNER_AV_FORMATS; i++) {
			const struct ar_av_codec *c = &from->codec[i];
			bool preferred = prefer.n && prefer.n == c->name.n &&
					 strncasecmp(prefer.p, c->name.p, c->name.n) == 0;

			if (preferred != (pass == 0) || !usable_codec(kind, c))
				continue;
			out[n] = *c;
			if (!usable_pt(c->rtx))
				out[n].rtx = -1;
			n++;
		}
	}
	return n;
}

static bool only_feedback(const struct planner_av_desc *d)
{
	return d->proto.n &&
	       (d->proto.p[d->proto.n - 1] == 'F' || d->proto.p[d->proto.n - 1] == 'f');
}

static const struct ar_av_codec *find_format(const struct ar_sdp_av *from, const char *name)
{
	for (unsigned i = 0; i < from->ncodec; i++) {
		const struct ar_av_codec *c = &from->codec[i];

		if (ar_span_caseeq(c->name, name) && c->clock == 90000 && usable_pt(c->pt))
			return c;
	}
	return NULL;
}

/* RED (RFC 2198) and ULPFEC (RFC 5109) for VP8: for H.264, which does not number its pictures,
 * browsers do not send it beside NACK. */
static void pick_parity(struct planner_av_desc *d, const struct ar_sdp_av *from)
{
	const struct ar_av_codec *c[] = {find_format(from, "red"), find_format(from, "ulpfec")};
	bool vp8 = false;

	for (unsigned i = 0; i < d->ncodec; i++)
		vp8 |= ar_span_caseeq(d->codec[i].name, "VP8");
	if (!vp8 || !c[0] || !c[1] || !only_feedback(d))
		return;
	for (unsigned i = 0; i < 2; i++) {
		struct ar_av_codec *to = &d->codec[d->ncodec++];

		*to = *c[i];
		to->fb = 0;
		to->fmtp = AR_SPAN_NONE;
		if (i == 1 || !usable_pt(to->rtx))
			to->rtx = -1;
	}
}

static void pick_extensions(
	struct planner_av_desc *d, enum planner_av_kind kind, const struct ar_sdp_av *from)
{
	d->next = 0;
	for (unsigned i = 0; i < from->next && d->next < PLANNER_AV_EXTS; i++) {
		int ext = extension(from->ext[i].uri);

		/* one numbering for all of a UE's transports: only what we process has it */
		if (ext >= 0 && (ext != TCC || kind == PLANNER_AV_VIDEO))
			d->ext[d->next++] = from->ext[i];
	}
}

static bool has_tcc(const struct planner_av_desc *d)
{
	for (unsigned i = 0; i < d->next; i++) {
		if (extension(d->ext[i].uri) == TCC)
			return true;
	}
	return false;
}

/* transport-cc reports what the extension numbers. */
static void match_feedback(struct planner_av_desc *d)
{
	for (unsigned i = 0; i < d->ncodec && !has_tcc(d); i++)
		d->codec[i].fb &= ~(unsigned)AR_FB_TCC;
}

/* The suite that every phone has (RFC 4568 6.2.1), the only one that our keys are made for. */
static const struct ar_av_crypto *pick_crypto(const struct ar_sdp_av *av)
{
	for (unsigned i = 0; i < av->ncrypto; i++) {
		if (ar_span_caseeq(av->crypto[i].suite, "AES_CM_128_HMAC_SHA1_80"))
			return &av->crypto[i];
	}
	return NULL;
}

/* ---- slots ---- */

/* Our text of the map in slot i, live and of that kind. */
static bool map_text(
	const struct ar_recipe *r, unsigned i, enum planner_av_kind kind, struct ar_sdp_media *m)
{
	return r && i < r->n && !r->sec[i].pass &&
	       ar_sdp_parse_section(m, r->sec[i].text, NULL) == 0 && m->port &&
	       m->kind == sdp_kind[kind];
}

static const struct ar_recipe *map_towards(const struct ar_plan *map, enum ar_side side)
{
	if (!map)
		return NULL;
	return map->offerer == side ? &map->answer[0] : &map->offer;
}

/* The slot on the other leg, as planner.c lays them out: -1: it has none. */
static int peer_of(const struct ar_plan *map, enum ar_side offerer, unsigned j)
{
	const struct ar_recipe *here = map_towards(map, offerer);
	const struct ar_recipe *there = map_towards(map, ar_other_side(offerer));

	if (!map)
		return (int)j;
	if (j >= here->n)
		return (int)(there->n + j - here->n);
	if (here->sec[j].from >= 0)
		return here->sec[j].from;
	for (unsigned i = 0; i < there->n; i++) {
		if (!there->sec[i].pass && there->sec[i].from == (int)j)
			return (int)i;
	}
	return -1;
}

static void name_slot(
	char id[PLANNER_AV_ID_LEN + 1], enum planner_av_kind kind, enum ar_side here, int j, int i)
{
	snprintf(id, PLANNER_AV_ID_LEN + 1, "%c%d", kind == PLANNER_AV_VIDEO ? 'v' : 'a',
		here == AR_SIDE_A ? j : i);
}

unsigned planner_av_slots(const struct ar_plan *p, struct planner_av_slot out[PLANNER_MAX_AV])
{
	enum ar_side here = p->offerer, there = ar_other_side(here);
	struct ar_sdp_media m;
	unsigned n = 0;

	for (unsigned i = 0; i < p->offer.n && n < PLANNER_MAX_AV; i++) {
		for (int k = 0; k < PLANNER_AV_KINDS; k++) {
			int j = p->offer.sec[i].from;

			if (j < 0 || !map_text(&p->offer, i, (enum planner_av_kind)k, &m))
				continue;
			out[n].kind = (enum planner_av_kind)k;
			out[n].at[here] = (unsigned)j;
			out[n].at[there] = i;
			name_slot(out[n].id, out[n].kind, here, j, (int)i);
			n++;
		}
	}
	return n;
}

/* ---- the choice ---- */

/* unbundled: it is ours in the dialog's map, and so an offer before its candidates is no bundled
 * one */
static const char *refuse_section(const struct planner_av_rules *rules, const struct ar_sdp *offer,
	const struct planner_av *av, bool unbundled)
{
	const struct ar_sdp_dc as_dc = {.mid = av->offered.mid,
		.bundle_only = av->offered.bundle_only,
		.ncandidate = av->offered.ncandidate};
	struct ar_av_codec codec[PLANNER_AV_CODECS];

	if (av->peer < 0)
		return "the other side does not have this m-line";
	if (!unbundled && ar_recognise_max_bundle(offer, av->index, &as_dc))
		return "max-bundle: the UE cannot take unbundled media";
	if (av->offered.transport == AR_AV_OTHER)
		return "a transport that the ARMF does not have";
	if (!(rules->transports & 1u << av->offered.transport))
		return "a transport that is not allowed ([armf] transports)";
	if (av->offered.transport == AR_AV_SDES && !pick_crypto(&av->offered))
		return "no SRTP suite that the ARMF has";
	if (!pick_codecs(codec, av->kind, &av->offered, AR_SPAN_NONE))
		return av->kind == PLANNER_AV_VIDEO
			       ? "neither VP8 nor H264 with packetization-mode=1 is offered"
			       : "no codec that the ARMF has";
	if (av->offered.transport == AR_AV_DTLS && !av->offered.rtcp_mux)
		return "no a=rtcp-mux: the ARMF has one association for RTP and RTCP";
	return NULL;
}

static unsigned at_most(unsigned a, unsigned b)
{
	return a && (!b || a < b) ? a : b;
}

/* Our answer to the offerer: one codec. */
static void describe_here(struct planner_av *av, const struct planner_av_rule *rule,
	const struct ar_sdp_media *m, enum ar_side here)
{
	const struct ar_sdp_av *o = &av->offered;
	const struct ar_av_crypto *crypto = pick_crypto(o);
	struct planner_av_desc *d = &av->desc[here];

	*d = (struct planner_av_desc){.transport = o->transport,
		.proto = m->proto,
		.mid = o->mid,
		.ice = o->ufrag.n && o->transport == AR_AV_DTLS,
		.rtcp_mux = o->rtcp_mux,
		.rtcp_rsize = o->rtcp_rsize,
		.max_kbps = rule->max_kbps[here]};
	(void)pick_codecs(d->codec, av->kind, o, ar_span_str(rule->codec));
	d->ncodec = 1;
	pick_parity(d, o);
	pick_extensions(d, av->kind, o);
	match_feedback(d);
	if (o->transport == AR_AV_SDES && crypto) {
		d->crypto_tag = crypto->tag;
		d->crypto_suite = crypto->suite;
	}
}

static struct ar_span proto_of(enum ar_av_transport t, bool feedback)
{
	static const char *const names[][2] = {[AR_AV_OTHER] = {"RTP/AVP", "RTP/AVP"},
		[AR_AV_DTLS] = {"UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"},
		[AR_AV_SDES] = {"RTP/SAVP", "RTP/SAVPF"},
		[AR_AV_RTP] = {"RTP/AVP", "RTP/AVPF"}};

	return ar_span_str(names[t][feedback]);
}

/* Our offer: what the leg has from before, else what was offered to us, of the same codec first. */
static void describe_there(struct planner_av *av, const struct planner_av_rules *rules,
	const struct ar_sdp_media *m, enum ar_side there, const struct ar_recipe *old)
{
	const struct planner_av_desc *h = &av->desc[ar_other_side(there)];
	struct planner_av_desc *d = &av->desc[there];
	struct ar_sdp was = {.nmedia = 1};
	struct ar_sdp_av leg = av->offered;
	bool known = map_text(old, (unsigned)av->peer, av->kind, &was.media[0]) &&
		     ar_sdp_av_parse(&leg, &was, 0);

	if (!known)
		leg = av->offered;
	*d = (struct planner_av_desc){.transport = leg.transport,
		.proto = known ? was.media[0].proto : m->proto,
		.mid = known ? leg.mid : av->offered.mid,
		.rtcp_mux = !known || leg.rtcp_mux,
		.rtcp_rsize = !known || leg.rtcp_rsize};
	if (!known && rules->offered != AR_AV_OTHER && rules->offered != leg.transport) {
		d->transport = rules->offered;
		/* what cannot do better is an old phone */
		d->proto = proto_of(rules->offered, rules->offered == AR_AV_DTLS);
	}
	d->ice = d->transport == AR_AV_DTLS && (!known || leg.ufrag.n);
	d->ncodec = pick_codecs(d->codec, av->kind, &leg, h->codec[0].name);
	pick_extensions(d, av->kind, &leg);
	for (unsigned i = 0; i < d->ncodec && !known && av->kind == PLANNER_AV_VIDEO; i++)
		d->codec[i].fb = only_feedback(d) ? AR_FB_NACK | AR_FB_PLI | AR_FB_FIR |
							    AR_FB_REMB | AR_FB_TCC
						  : AR_FB_PLI | AR_FB_FIR;
	pick_parity(d, &leg);
	match_feedback(d);
	d->max_kbps = at_most(
		rules->kind[av->kind].max_kbps[there], known ? leg.max_kbps : av->offered.max_kbps);
	if (d->transport == AR_AV_SDES)
		d->crypto_suite = known && leg.ncrypto ? leg.crypto[0].suite
						       : AR_SPAN("AES_CM_128_HMAC_SHA1_80");
}

/* RFC 4796: a document or a shared screen, where a camera is wanted. */
static bool is_slides(const struct ar_sdp_media *m)
{
	return ar_span_caseeq(ar_sdp_attr(m->text, "content"), "slides");
}

/* The section of that kind: where it is already, else the first live one, slides last. -1: none. */
static int find_section(
	const struct ar_sdp *offer, enum planner_av_kind kind, const struct ar_recipe *old_here)
{
	struct ar_sdp_media m;
	int first = -1;

	for (unsigned j = 0; j < offer->nmedia; j++) {
		if (offer->media[j].kind != sdp_kind[kind] ||
			(!offer->media[j].port &&
				!ar_sdp_attr(offer->media[j].text, "bundle-only").p))
			continue;
		if (map_text(old_here, j, kind, &m))
			return (int)j;
		if (first < 0 || (is_slides(&offer->media[first]) && !is_slides(&offer->media[j])))
			first = (int)j;
	}
	return first;
}

/* What is at the media function has one transport for its life there. */
static bool changes_transport(
	const struct ar_recipe *old, const struct planner_av *av, enum planner_av_kind kind)
{
	struct ar_sdp was = {.nmedia = 1};
	struct ar_sdp_av leg;

	return map_text(old, av->index, kind, &was.media[0]) && ar_sdp_av_parse(&leg, &was, 0) &&
	       leg.transport != av->offered.transport;
}

static const char *choose_kind(struct planner_av_choice *c, const struct planner_av_rules *rules,
	const struct ar_sdp *offer, enum ar_side here, const struct ar_plan *map,
	enum planner_av_kind kind)
{
	struct planner_av *av = &c->av[c->n];
	enum ar_side there = ar_other_side(here);
	int j = find_section(offer, kind, map_towards(map, here));
	struct ar_sdp_media m;
	const char *why;

	if (j < 0)
		return NULL; /* nothing there to be processed */
	*av = (struct planner_av){.index = (unsigned)j, .peer = peer_of(map, here, (unsigned)j)};
	av->kind = kind;
	if (!ar_sdp_av_parse(&av->offered, offer, (unsigned)j))
		return "the section cannot be read";
	why = refuse_section(
		rules, offer, av, map_text(map_towards(map, here), (unsigned)j, kind, &m));
	if (why)
		return why;
	if (changes_transport(map_towards(map, here), av, kind))
		return "its transport is another now: at the next offer again";
	name_slot(av->id, kind, here, j, av->peer);
	describe_here(av, &rules->kind[kind], &offer->media[j], here);
	describe_there(av, rules, &offer->media[j], there, map_towards(map, there));
	if (!av->desc[there].ncodec)
		return "no codec in common with the other side";
	if (!(rules->transports & 1u << av->desc[there].transport))
		return "the other side's transport is not allowed ([armf] transports)";
	c->n++;
	return NULL;
}

/* At an offer of B what is at the ARMF stays there until A's next one: B's own edge has left the
 * section out of its media relay before the offer came here (common/plan.h, AR_PLAN_ARMF_ATTR). */
static bool in_map(const struct ar_plan *map, int kind)
{
	struct planner_av_slot slot[PLANNER_MAX_AV];
	unsigned n = map ? planner_av_slots(map, slot) : 0;

	for (unsigned i = 0; i < n; i++) {
		if ((int)slot[i].kind == kind)
			return true;
	}
	return false;
}

void planner_av_choose(struct planner_av_choice *c, const struct planner_av_rules *rules,
	const struct ar_sdp *offer, enum ar_side offerer, const struct ar_plan *map,
	bool max_bundle)
{
	*c = (struct planner_av_choice){.n = 0};
	for (int k = 0; k < PLANNER_AV_KINDS; k++) {
		if (!rules->kind[k].wanted && !(offerer == AR_SIDE_B && in_map(map, k)))
			continue;
		if (max_bundle || (map && !map->drop_group))
			c->why[k] = "max-bundle: the UE cannot take unbundled media";
		else
			c->why[k] =
				choose_kind(c, rules, offer, offerer, map, (enum planner_av_kind)k);
	}
}
