/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/common/property_ue.h"

#include <stdio.h>
#include <stdlib.h>

#define FP                                                                                         \
	"sha-256 0A:1B:2C:3D:4E:5F:60:71:82:93:A4:B5:C6:D7:E8:F9:0A:1B:2C:3D:4E:5F:60:71:82:93:"   \
	"A4:B5:C6:D7:E8:F9"

uint32_t rng_next(struct rng *r)
{
	/* xorshift64*, for the same walk on every machine */
	r->x ^= r->x >> 12;
	r->x ^= r->x << 25;
	r->x ^= r->x >> 27;
	return (uint32_t)(r->x * 2685821657736338717ull >> 32);
}

unsigned rng_below(struct rng *r, unsigned n)
{
	return rng_next(r) % n;
}

bool rng_percent(struct rng *r, unsigned n)
{
	return rng_below(r, 100) < n;
}

static const char *const dcmaps[] = {
	"0 subprotocol=\"http\"",
	"10 subprotocol=\"http\"",
	"110 subprotocol=\"mpeg-sd\"",
	"1000 subprotocol=\"mpeg-sd\";label=\"scene\"",
	"1002 subprotocol=\"3gpp-ar-metadata\";ordered=false;max-retr=0",
	"1004 subprotocol=\"mpeg-sd\";ordered=false",
	"2000 subprotocol=\"3gpp-sr-pose\"",
	"1006 subprotocol=\"chess\"",
};

/* Video: VP8, its retransmissions, H264 in two modes, and one that nobody here has. */
static const struct {
	unsigned pt;
	const char *lines[3];
} formats[] = {
	{96, {"a=rtpmap:96 VP8/90000", "a=rtcp-fb:96 nack pli"}},
	{97, {"a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96"}},
	{102, {"a=rtpmap:102 H264/90000", "a=fmtp:102 packetization-mode=1"}},
	{103, {"a=rtpmap:103 H264/90000", "a=fmtp:103 packetization-mode=0"}},
	{110, {"a=rtpmap:110 VP9/90000"}},
};

#define NFORMAT (sizeof(formats) / sizeof(formats[0]))
#define NDCMAP (sizeof(dcmaps) / sizeof(dcmaps[0]))

static unsigned random_port(struct rng *r)
{
	return 10000 + rng_below(r, 50000);
}

static enum ar_sdp_kind random_kind(struct rng *r)
{
	unsigned n = rng_below(r, 10);

	return n < 3   ? AR_SDP_AUDIO
	       : n < 5 ? AR_SDP_VIDEO
	       : n < 9 ? AR_SDP_DATACHANNEL
		       : AR_SDP_OTHER;
}

static bool mid_taken(const struct ue *u, const char *mid)
{
	for (unsigned i = 0; i < u->n; i++) {
		if (strcmp(u->sec[i].mid, mid) == 0)
			return true;
	}
	return false;
}

static void fill_section(struct ue *u, struct ue_section *s, struct rng *r, enum ar_sdp_kind kind)
{
	bool named = u->mids || (u->names_data && kind == AR_SDP_DATACHANNEL);

	s->kind = kind;
	s->port = random_port(r);
	s->dtls = u->dtls;
	s->mux = rng_percent(r, 80);
	s->formats = 1u << rng_below(r, NFORMAT) | 1u << rng_below(r, NFORMAT);
	s->formats |= s->formats & 2 ? 1 : 0;
	s->direction = rng_below(r, 5);
	s->ssrc = rng_next(r);
	s->has_dcmap = rng_percent(r, 85);
	s->tls_id = rng_percent(r, 40);
	s->streams = rng_next(r) & ((1u << NDCMAP) - 1);
	if (rng_percent(r, 60))
		s->streams |= 1u << 3;
	s->used_by = 0;
	if (kind == AR_SDP_DATACHANNEL && rng_percent(r, 20)) {
		s->used_by = 1 + rng_below(r, 2);
		s->streams = 3;
		s->has_dcmap = true;
	}
	for (unsigned i = 0; named && !s->mid[0]; i++) {
		char mid[16];

		snprintf(mid, sizeof(mid), "%u", i);
		if (!mid_taken(u, mid))
			memcpy(s->mid, mid, sizeof(mid));
	}
}

static void add_section(struct ue *u, struct rng *r, enum ar_sdp_kind kind)
{
	struct ue_section s = {0};

	if (u->n >= UE_MAX_SECTIONS - 4) /* the network may add some */
		return;
	fill_section(u, &s, r, kind);
	u->sec[u->n++] = s;
}

void ue_init(struct ue *u, struct rng *r, const char *name)
{
	*u = (struct ue){.name = name,
		.mids = rng_percent(r, 75),
		.session_c = rng_percent(r, 40),
		.session_ice = rng_percent(r, 30),
		.lf = rng_percent(r, 10),
		.group = rng_percent(r, 60),
		.rejects_dc = rng_percent(r, 20),
		.dtls = rng_percent(r, 60),
		.names_data = rng_percent(r, 30)};
	u->group = u->group && u->mids;
	u->max_bundle = u->group && rng_percent(r, 20);
	u->bundle_only = u->max_bundle && rng_percent(r, 50);
}

/* closed: lines that were at port 0 before this offer, by bit. */
static void change(struct ue *u, struct rng *r, unsigned closed)
{
	struct ue_section *s = &u->sec[rng_below(r, u->n)];

	switch (rng_below(r, 9)) {
	case 0:
		add_section(u, r, random_kind(r));
		break;
	case 1: /* swallow */
		s->port = 0;
		break;
	case 2: /* use a disabled line again, perhaps for something else */
		if (closed & 1u << (s - u->sec))
			fill_section(u, s, r, rng_percent(r, 50) ? s->kind : random_kind(r));
		break;
	case 3: /* re-anchor: new port, other streams */
		if (s->port)
			fill_section(u, s, r, s->kind);
		break;
	case 4:
		if (s->port && !s->used_by)
			s->streams = rng_next(r) & ((1u << NDCMAP) - 1);
		break;
	case 5: /* hold, resume */
		s->direction = rng_below(r, 5);
		break;
	default:
		return; /* a refresh */
	}
	u->version++;
}

/* ---- writing ---- */

struct writer {
	const struct ue *u;
	struct ar_buf *out;
};

static void put(struct writer *w, const char *line)
{
	ar_buf_add_str(w->out, line);
	ar_buf_add_str(w->out, w->u->lf ? "\n" : "\r\n");
}

static void put_attr(struct writer *w, const char *name, const char *value)
{
	char line[400];

	snprintf(line, sizeof(line), "a=%s:%s", name, value);
	put(w, line);
}

static void put_ice(struct writer *w, const char *setup)
{
	char v[64];

	snprintf(v, sizeof(v), "uf%s", w->u->name);
	put_attr(w, "ice-ufrag", v);
	snprintf(v, sizeof(v), "0123456789abcdef012345%s", w->u->name);
	put_attr(w, "ice-pwd", v);
	put_attr(w, "fingerprint", FP);
	put_attr(w, "setup", setup);
}

static void put_group(struct writer *w)
{
	const struct ue *u = w->u;
	char line[300] = "a=group:BUNDLE";
	size_t n = strlen(line);

	for (unsigned i = 0; i < u->n; i++) {
		if (u->sec[i].port && u->sec[i].mid[0])
			n += (size_t)snprintf(line + n, sizeof(line) - n, " %s", u->sec[i].mid);
	}
	put(w, line);
}

static void put_session(struct writer *w, const char *setup)
{
	const struct ue *u = w->u;
	char line[200];

	put(w, "v=0");
	snprintf(line, sizeof(line), "o=%s 77 %u IN IP4 192.0.2.1", u->name, u->version);
	put(w, line);
	put(w, "s=-");
	if (u->session_c)
		put(w, "c=IN IP4 192.0.2.1");
	put(w, "t=0 0");
	if (u->group)
		put_group(w);
	if (u->session_ice)
		put_ice(w, setup);
	put_attr(w, "x-session", u->name);
}

static void put_dc(struct writer *w, const struct ue_section *s)
{
	static const char *const marks[] = {
		"", "a=3gpp-bdc-used-by:sender", "a=3gpp-bdc-used-by:receiver"};

	if (s->used_by)
		put(w, marks[s->used_by]);
	put(w, "a=sctp-port:5000");
	if (s->tls_id)
		put(w, "a=tls-id: abc3de65cddef001be82");
	for (unsigned i = 0; i < NDCMAP && s->has_dcmap; i++) {
		if (s->streams & 1u << i)
			put_attr(w, "dcmap", dcmaps[i]);
	}
}

static void put_video(struct writer *w, const struct ue_section *s)
{
	static const char *const directions[] = {
		"", "a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"};
	char line[60];

	for (unsigned i = 0; i < NFORMAT; i++) {
		for (unsigned k = 0; s->formats & 1u << i && k < 3 && formats[i].lines[k]; k++)
			put(w, formats[i].lines[k]);
	}
	if (s->mux)
		put(w, "a=rtcp-mux");
	if (s->direction)
		put(w, directions[s->direction]);
	snprintf(line, sizeof(line), "%u cname:%s", s->ssrc, w->u->name);
	put_attr(w, "ssrc", line);
	snprintf(line, sizeof(line), "%s %u", w->u->name, s->ssrc);
	put_attr(w, "msid", line);
}

static void put_m(struct writer *w, const struct ue_section *s, unsigned port)
{
	static const char *const forms[][2] = {{"audio", "RTP/AVP 8 0"}, {"video", ""},
		{"application", "UDP/DTLS/SCTP webrtc-datachannel"}, {"application", "UDP/BFCP *"}};
	char line[200];
	size_t n = (size_t)snprintf(
		line, sizeof(line), "m=%s %u %s", forms[s->kind][0], port, forms[s->kind][1]);

	if (s->kind == AR_SDP_VIDEO)
		n += (size_t)snprintf(line + n, sizeof(line) - n, "%s",
			s->dtls ? "UDP/TLS/RTP/SAVPF" : "RTP/AVP");
	for (unsigned i = 0; s->kind == AR_SDP_VIDEO && i < NFORMAT; i++) {
		if (s->formats & 1u << i)
			n += (size_t)snprintf(line + n, sizeof(line) - n, " %u", formats[i].pt);
	}
	put(w, line);
}

static void put_section(
	struct writer *w, const struct ue_section *s, const char *setup, bool first, bool offer)
{
	bool dc = s->kind == AR_SDP_DATACHANNEL;
	bool only = offer && w->u->bundle_only && dc && s->port && !first;
	char line[200];

	put_m(w, s, only ? 0 : s->port);
	if (!w->u->session_c)
		put(w, "c=IN IP4 192.0.2.1");
	if (s->mid[0])
		put_attr(w, "mid", s->mid);
	if (!s->port)
		return;
	if (!w->u->session_ice)
		put_ice(w, setup);
	if (!w->u->max_bundle || first || !offer)
		put_attr(w, "candidate", "1 1 udp 1 192.0.2.1 9 typ host");
	if (only)
		put(w, "a=bundle-only");
	if (dc)
		put_dc(w, s);
	if (s->kind == AR_SDP_VIDEO)
		put_video(w, s);
	snprintf(line, sizeof(line), "port %u", s->port);
	put_attr(w, "x-section", line);
}

void ue_offer(struct ue *u, struct rng *r, struct ar_buf *out)
{
	struct writer w = {u, out};
	unsigned closed = 0;

	for (unsigned i = 0; i < u->n; i++)
		closed |= (u->sec[i].port == 0) << i;
	if (!u->n) {
		add_section(u, r, AR_SDP_AUDIO);
		if (rng_percent(r, 60))
			add_section(u, r, AR_SDP_DATACHANNEL);
		for (unsigned i = rng_below(r, 4); i; i--)
			add_section(u, r, random_kind(r));
	} else {
		for (unsigned i = rng_below(r, 3); i; i--)
			change(u, r, closed);
	}
	put_session(&w, "actpass");
	for (unsigned i = 0; i < u->n; i++)
		put_section(&w, &u->sec[i], "actpass", i == 0, true);
}

void ue_on_answer(struct ue *u, const struct ar_sdp *answer)
{
	for (unsigned i = 0; i < u->n && i < answer->nmedia; i++) {
		if (!answer->media[i].port)
			u->sec[i].port = 0;
	}
}

/* Those that are offered; an answer has one at least. */
static unsigned offered_formats(const struct ar_sdp_media *m)
{
	struct ar_span fmt = m->fmt;
	unsigned mask = 0;

	for (size_t n = 0; fmt.n; fmt.p += n, fmt.n -= n) {
		unsigned pt = (unsigned)strtoul(fmt.p, NULL, 10);

		for (unsigned i = 0; i < NFORMAT; i++) {
			if (formats[i].pt == pt)
				mask |= 1u << i;
		}
		for (n = 0; n < fmt.n && fmt.p[n] != ' '; n++)
			;
		n += n < fmt.n;
	}
	return mask;
}

static void take_section(struct ue *u, struct rng *r, const struct ar_sdp_media *m, unsigned i)
{
	struct ue_section *s = &u->sec[i];
	struct ar_span mid = ar_sdp_attr(m->text, "mid");
	bool fresh = i >= u->n;

	if (fresh)
		*s = (struct ue_section){0};
	if (mid.n && mid.n < sizeof(s->mid)) {
		memset(s->mid, 0, sizeof(s->mid));
		memcpy(s->mid, mid.p, mid.n);
	}
	s->kind = m->kind;
	if (fresh) {
		s->direction = rng_below(r, 5);
		s->ssrc = rng_next(r);
	}
	s->dtls = m->proto.n > 3 && memcmp(m->proto.p, "UDP", 3) == 0;
	s->mux = ar_sdp_attr(m->text, "rtcp-mux").p != NULL;
	s->formats = offered_formats(m);
	if (!m->port || rng_percent(r, 8) || (m->kind == AR_SDP_DATACHANNEL && u->rejects_dc))
		s->port = 0;
	else if (!s->port || fresh)
		s->port = random_port(r);
	s->streams = (1u << NDCMAP) - 1;
	s->has_dcmap = true;
	s->tls_id = ar_sdp_attr(m->text, "tls-id").p != NULL;
}

void ue_answer(
	struct ue *u, struct rng *r, const struct ar_sdp *offer, bool short_one, struct ar_buf *out)
{
	struct writer w = {u, out};
	const char *setup = rng_percent(r, 50) ? "active" : "passive";
	unsigned n = offer->nmedia < UE_MAX_SECTIONS ? offer->nmedia : UE_MAX_SECTIONS;
	bool group = u->group;

	for (unsigned i = 0; i < n; i++)
		take_section(u, r, &offer->media[i], i);
	u->n = n;
	u->version++;
	u->group = group && ar_sdp_attr(offer->session, "group").p;
	put_session(&w, setup);
	u->group = group;
	for (unsigned i = 0; i < (short_one ? n - 1 : n); i++)
		put_section(&w, &u->sec[i], setup, i == 0, false);
}
