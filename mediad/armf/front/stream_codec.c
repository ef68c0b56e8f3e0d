/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/front/stream_int.h"

#include <stdlib.h>

int stream_by_pt(const struct stream_side *s, uint8_t pt, bool *rtx)
{
	for (unsigned i = 0; i < s->ncodec; i++) {
		*rtx = s->codec[i].rtx == pt && pt != 0;
		if (s->codec[i].pt == pt || *rtx)
			return (int)i;
	}
	return -1;
}

void stream_parameter(const char *fmtp, const char *name, char *out, size_t cap)
{
	size_t n = strlen(name), len = 0;

	*out = '\0';
	for (const char *p = fmtp; *p; p += strcspn(p, ";"), p += *p == ';') {
		while (*p == ' ')
			p++;
		if (strncasecmp(p, name, n) != 0 || p[n] != '=')
			continue;
		for (p += n + 1; p[len] && p[len] != ';' && len + 1 < cap; len++)
			out[len] = p[len];
		out[len] = '\0';
		return;
	}
}

/* RFC 6184 8.1: what tells two H.264 formats apart; level and the like do not. */
static bool same_h264(const char *a, const char *b)
{
	char pa[8], pb[8], ma[4], mb[4];

	stream_parameter(a, "profile-level-id", pa, sizeof(pa));
	stream_parameter(b, "profile-level-id", pb, sizeof(pb));
	stream_parameter(a, "packetization-mode", ma, sizeof(ma));
	stream_parameter(b, "packetization-mode", mb, sizeof(mb));
	/* 4200 and 42e0 are both decoded by whoever says either, in practice */
	return strncasecmp(*pa ? pa : "42", *pb ? pb : "42", 2) == 0 && atoi(ma) == atoi(mb);
}

/* Opus and the like differ in nothing that matters to who relays; VP9 and H.265 do. */
static bool same_other(const struct stream_codec *a, const struct stream_codec *b)
{
	char pa[16], pb[16];

	stream_parameter(a->fmtp, "profile-id", pa, sizeof(pa));
	stream_parameter(b->fmtp, "profile-id", pb, sizeof(pb));
	return atoi(pa) == atoi(pb) &&
	       (a->channels ? a->channels : 1) == (b->channels ? b->channels : 1);
}

int stream_same(const struct stream_side *s, const struct stream_codec *c, bool exact)
{
	if (c->kind == STREAM_H264 && !exact)
		return stream_of_kind(s, STREAM_H264);
	for (unsigned i = 0; i < s->ncodec; i++) {
		const struct stream_codec *o = &s->codec[i];

		if (strcasecmp(o->name, c->name) != 0 || o->clock != c->clock)
			continue;
		if (c->kind == STREAM_VP8 ||
			(c->kind == STREAM_H264 && same_h264(o->fmtp, c->fmtp)) ||
			(c->kind == STREAM_OTHER && same_other(o, c)))
			return (int)i;
	}
	return -1;
}

static int base64(char c)
{
	static const char set[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = c ? strchr(set, c) : NULL;

	return p ? (int)(p - set) : -1;
}

/* One set, up to the comma; 0: broken or no room. */
static size_t decode(const char *p, size_t n, uint8_t *out, size_t cap)
{
	uint32_t bits = 0;
	size_t len = 0;

	while (n && p[n - 1] == '=')
		n--;
	for (size_t i = 0; i < n; i++) {
		int v = base64(p[i]);

		if (v < 0 || len == cap)
			return 0;
		bits = bits << 6 | (uint32_t)v;
		if (i % 4)
			out[len++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	return len;
}

size_t stream_sprop(const char *fmtp, uint8_t *out, size_t cap)
{
	static const uint8_t start_code[4] = {0, 0, 0, 1};
	char text[256];
	size_t n = 0;

	stream_parameter(fmtp, "sprop-parameter-sets", text, sizeof(text));
	for (const char *p = text; *p; p += strcspn(p, ","), p += *p == ',') {
		size_t len;

		if (n + 4 > cap)
			return 0;
		memcpy(out + n, start_code, sizeof(start_code));
		len = decode(p, strcspn(p, ","), out + n + 4, cap - n - 4);
		if (!len)
			return 0;
		n += 4 + len;
	}
	return n;
}

void stream_find_red(const struct stream_side *s, uint8_t *red, uint8_t *rtx, uint8_t *ulpfec)
{
	int i = stream_of_kind(s, STREAM_RED), parity = stream_of_kind(s, STREAM_ULPFEC);

	*red = i < 0 ? 0 : s->codec[i].pt;
	if (rtx)
		*rtx = i < 0 ? 0 : s->codec[i].rtx;
	*ulpfec = i < 0 || parity < 0 ? 0 : s->codec[parity].pt;
}

bool stream_is_frames(enum stream_kind kind)
{
	return kind == STREAM_VP8 || kind == STREAM_H264;
}

/* H.264: what we make is constrained baseline in packetization-mode 1. */
static int h264_rank(const struct stream_codec *c)
{
	char profile[8], mode[4];

	stream_parameter(c->fmtp, "profile-level-id", profile, sizeof(profile));
	stream_parameter(c->fmtp, "packetization-mode", mode, sizeof(mode));
	return (atoi(mode) == 1 ? 4 : 0) +
	       (strncasecmp(profile, "42", 2) == 0 || !*profile ? 2 : 0) +
	       (strncasecmp(profile, "42e0", 4) == 0);
}

int stream_of_kind(const struct stream_side *s, enum stream_kind kind)
{
	int best = -1, rank = -1;

	for (unsigned i = 0; i < s->ncodec; i++) {
		int r = kind == STREAM_H264 ? h264_rank(&s->codec[i]) : 0;

		if (s->codec[i].kind == kind && r > rank) {
			best = (int)i;
			rank = r;
		}
	}
	return best;
}
