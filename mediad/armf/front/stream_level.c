/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How much H.264 a UE takes, by what its description says (RFC 6184 8.1, H.264 table A-1). */
#include "mediad/armf/front/stream_int.h"

#include <stdlib.h>

#define CONSTRAINT_SET3 0x10
#define SMALL_PROFILE 100 /* below: level 1b is level_idc 11 with constraint_set3 */
#define MOST 1000000000u /* that a parameter is believed to say */

struct level {
	uint8_t idc;
	uint32_t blocks_s, blocks, kbps; /* MaxMBPS, MaxFS, MaxBR */
};

static const struct level levels[] = {
	{9, 1485, 99, 128}, /* 1b */
	{10, 1485, 99, 64},
	{11, 3000, 396, 192},
	{12, 6000, 396, 384},
	{13, 11880, 396, 768},
	{20, 11880, 396, 2000},
	{21, 19800, 792, 4000},
	{22, 20250, 1620, 4000},
	{30, 40500, 1620, 10000},
	{31, 108000, 3600, 14000},
	{32, 216000, 5120, 20000},
};

/* False: not said, or more than is ever sent. */
static bool find_level(const char *fmtp, struct level *out)
{
	char text[8];
	uint32_t id;
	uint8_t idc;

	stream_parameter(fmtp, "profile-level-id", text, sizeof(text));
	if (strlen(text) != 6 || strspn(text, "0123456789abcdefABCDEF") != 6)
		return false;
	id = (uint32_t)strtoul(text, NULL, 16);
	idc = (uint8_t)id;
	if (idc == 11 && (id >> 8 & CONSTRAINT_SET3) && id >> 16 < SMALL_PROFILE)
		idc = 9;
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		*out = levels[i];
		if (out->idc == idc)
			return true;
	}
	return false;
}

/* What it can beyond its level. */
static void extend(const char *fmtp, const char *name, uint32_t *value)
{
	char text[12];
	unsigned long v;

	stream_parameter(fmtp, name, text, sizeof(text));
	v = strtoul(text, NULL, 10);
	if (v > *value)
		*value = v < MOST ? (uint32_t)v : MOST;
}

static bool receives(const char *fmtp, struct level *out)
{
	if (!find_level(fmtp, out))
		return false;
	extend(fmtp, "max-mbps", &out->blocks_s);
	extend(fmtp, "max-fs", &out->blocks);
	extend(fmtp, "max-br", &out->kbps);
	return true;
}

static bool asymmetric(const char *fmtp)
{
	char text[4];

	stream_parameter(fmtp, "level-asymmetry-allowed", text, sizeof(text));
	return strcmp(text, "1") == 0;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* As large as the level allows at the usual rate of pictures; where that would be much smaller than
 * at half that rate, at half. */
static void divide(const struct level *v, struct stream_limits *out)
{
	uint32_t whole = least(v->blocks_s / STREAM_FPS, v->blocks);
	uint32_t half = least(v->blocks_s / (STREAM_FPS / 2), v->blocks);
	bool slow = whole < half / 4 * 3;

	out->fps = slow ? STREAM_FPS / 2 : STREAM_FPS;
	out->blocks = slow ? half : whole;
	out->bps = least(v->kbps, UINT32_MAX / 1000) * 1000;
}

void stream_h264_limits(const char *remote, const char *local, struct stream_limits *out)
{
	struct level v, ours;

	*out = (struct stream_limits){0};
	if (!receives(remote, &v))
		return;
	/* the level of an answer holds both ways, unless both say that it need not */
	if (!(asymmetric(remote) && asymmetric(local)) && find_level(local, &ours)) {
		v.blocks_s = least(v.blocks_s, ours.blocks_s);
		v.blocks = least(v.blocks, ours.blocks);
		v.kbps = least(v.kbps, ours.kbps);
	}
	divide(&v, out);
}

void stream_limits_of(const struct stream_leg *l, enum stream_kind kind, struct stream_limits *out)
{
	const struct stream_side *remote = &l->conf.remote;
	int i = kind == STREAM_H264 ? stream_of_kind(remote, kind) : -1, o;
	bool rtx;

	*out = (struct stream_limits){0};
	if (i < 0)
		return;
	o = stream_by_pt(&l->conf.local, remote->codec[i].pt, &rtx);
	stream_h264_limits(
		remote->codec[i].fmtp, o < 0 || rtx ? "" : l->conf.local.codec[o].fmtp, out);
}
