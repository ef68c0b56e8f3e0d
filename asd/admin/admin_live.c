/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/admin/admin_live.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Strings as they are, numbers as text, the rest left out: kamcmd prints flat objects. */
static void copy(json_t *to, const char *name, const json_t *v)
{
	char buf[40];

	if (json_is_string(v)) {
		json_object_set_new(to, name, json_string(json_string_value(v)));
		return;
	}
	if (json_is_integer(v))
		snprintf(buf, sizeof(buf), "%lld", (long long)json_integer_value(v));
	else if (json_is_real(v))
		snprintf(buf, sizeof(buf), "%.3f", json_real_value(v));
	else if (json_is_boolean(v))
		snprintf(buf, sizeof(buf), "%s", json_is_true(v) ? "yes" : "no");
	else
		return;
	json_object_set_new(to, name, json_string(buf));
}

static void copy_all(json_t *to, const json_t *from, const char *prefix)
{
	const char *key;
	json_t *v;
	char name[80];

	json_object_foreach((json_t *)(uintptr_t)from, key, v)
	{
		snprintf(name, sizeof(name), "%s%s", prefix, key);
		copy(to, name, v);
	}
}

static void channel_items(json_t *items, const char *leg, const json_t *channels)
{
	const json_t *ch;
	size_t i;

	json_array_foreach(channels, i, ch)
	{
		json_t *o = json_pack("{s:s}", "channel_of", leg);

		copy_all(o, ch, "");
		json_array_append_new(items, o);
	}
}

/* Audio and video at the ARMF: one line each. */
static void media_items(json_t *items, const char *leg, const json_t *medias)
{
	const json_t *m;
	size_t i;

	json_array_foreach(medias, i, m)
	{
		const json_t *x = json_object_get(m, "x-ims-ar");
		const char *uri = json_string_value(json_object_get(m, "mediaProcessingUri"));
		const char *op = uri ? strrchr(uri, ':') : NULL;
		json_t *o;

		if (!op)
			continue;
		o = json_pack("{s:s, s:s}", "media_of", leg, "op", op + 1);
		copy(o, "media", json_object_get(m, "mediaId"));
		copy(o, "transport", json_object_get(x, "transport"));
		copy(o, "state", json_object_get(x, "state"));
		copy(o, "selected", json_object_get(x, "selected"));
		copy_all(o, json_object_get(x, "armf"), "armf_");
		copy_all(o, json_object_get(x, "counters"), "rtp_");
		json_array_append_new(items, o);
	}
}

/* Step 9 to 11 of the UE: what it sends, what it is told. */
static void participant_members(json_t *o, const json_t *p)
{
	static const char *const names[][2] = {{"joined", "joined"}, {"pose_hz", "poseHz"},
		{"update_hz", "updateHz"}, {"revision", "revision"}, {"poses", "poses"},
		{"poses_dropped", "posesDropped"}, {"actions", "actions"}, {"updates", "updates"},
		{"update_bytes", "updateBytes"}, {"scenes", "scenes"}, {"resyncs", "resyncs"},
		{"messages_bad", "messagesBad"}};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		copy(o, names[i][0], json_object_get(p, names[i][1]));
}

static void termination_items(json_t *items, const json_t *t)
{
	const char *leg = json_string_value(json_object_get(t, "terminationId"));
	const json_t *x =
		json_object_get(json_array_get(json_object_get(t, "medias"), 0), "x-ims-ar");
	json_t *o = json_pack("{s:s}", "ue", leg ? leg : "?");

	copy(o, "user", json_object_get(x, "user"));
	copy(o, "state", json_object_get(x, "state"));
	copy(o, "selected", json_object_get(x, "selected"));
	copy(o, "rtt_ms", json_object_get(x, "rttMs"));
	copy_all(o, json_object_get(x, "times"), "ms_to_");
	participant_members(o, json_object_get(json_object_get(t, "x-ims-ar"), "participant"));
	json_array_append_new(items, o);
	channel_items(items, leg ? leg : "?", json_object_get(x, "channels"));
	media_items(items, leg ? leg : "?", json_object_get(t, "medias"));
}

/* Everybody in a shared scene, whichever call brought them. */
static void room_items(json_t *items, const json_t *room)
{
	const json_t *p;
	json_t *o;
	size_t i;

	if (!room)
		return;
	o = json_object();
	copy(o, "share", json_object_get(room, "name"));
	copy(o, "calls", json_object_get(room, "calls"));
	json_object_set_new(o, "participants",
		json_sprintf("%zu", json_array_size(json_object_get(room, "participants"))));
	json_array_append_new(items, o);
	json_array_foreach(json_object_get(room, "participants"), i, p)
	{
		o = json_object();
		copy(o, "participant", json_object_get(p, "name"));
		copy(o, "user", json_object_get(p, "user"));
		copy(o, "callid", json_object_get(p, "callId"));
		participant_members(o, p);
		json_array_append_new(items, o);
	}
}

void admin_live_items(json_t *items, const json_t *context)
{
	const json_t *x = json_object_get(context, "x-ims-ar"), *t;
	json_t *o = json_object();
	size_t i;

	json_array_foreach(json_object_get(context, "terminations"), i, t)
		termination_items(items, t);
	copy_all(o, json_object_get(x, "scene"), "scene_");
	copy(o, "scene", json_object_get(x, "scene"));
	copy(o, "application", json_object_get(x, "application"));
	copy(o, "poses", json_object_get(x, "poses"));
	copy(o, "actions", json_object_get(x, "actions"));
	copy(o, "updates", json_object_get(x, "updates"));
	copy(o, "worker", json_object_get(x, "worker"));
	json_array_append_new(items, o);
	room_items(items, json_object_get(x, "room"));
}

/* ---- one medium, as an operator wants to read it ---- */

/* Part of whole in per cent; nothing of nothing is left out. */
static void share(json_t *to, const char *name, const json_t *part, const json_t *whole)
{
	double n = (double)json_integer_value(part), all = (double)json_integer_value(whole);
	json_t *v = all > 0 ? json_real(n * 100 / all) : NULL;

	if (v)
		copy(to, name, v);
	json_decref(v);
}

static void show_armf(json_t *o, const json_t *f)
{
	static const char *const names[][2] = {{"state", "state"}, {"reason", "reason"},
		{"codec_in", "codecIn"}, {"codec_out", "codecOut"}, {"width", "width"},
		{"height", "height"}, {"fps", "fps"}, {"step", "step"}, {"kbps_in", "kbpsIn"},
		{"kbps_out", "kbpsOut"}, {"target_kbps", "targetKbps"}, {"rtt_ms", "rttMs"},
		{"lost", "lost"}, {"nacks", "nacks"}, {"plis", "plis"},
		{"pose_source", "poseSource"}, {"frames", "frames"}, {"drawn", "drawn"},
		{"dropped", "dropped"}, {"decode_us", "decodeUs"}, {"draw_us", "drawUs"},
		{"encode_us", "encodeUs"}, {"splice", "splice"}};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		copy(o, names[i][0], json_object_get(f, names[i][1]));
	share(o, "spliced_percent", json_object_get(f, "spliced"), json_object_get(f, "frames"));
	share(o, "recoded_percent", json_object_get(f, "blocksRecoded"),
		json_object_get(f, "blocks"));
}

static void show_medium(json_t *items, const char *leg, const json_t *m, const json_t *worker)
{
	static const char *const names[][2] = {{"rtp_received", "rxPackets"},
		{"rtp_sent", "txPackets"}, {"srtp_bad", "srtpBad"},
		{"srtp_replayed", "srtpReplayed"}};
	const json_t *x = json_object_get(m, "x-ims-ar");
	const char *uri = json_string_value(json_object_get(m, "mediaProcessingUri"));
	json_t *o = json_pack("{s:s}", "ue", leg);

	copy(o, "media", json_object_get(m, "mediaId"));
	copy(o, "kind", json_object_get(x, "media"));
	json_object_set_new(o, "op", json_string(strrchr(uri, ':') + 1));
	copy(o, "transport", json_object_get(x, "transport"));
	copy(o, "connection", json_object_get(x, "state"));
	copy(o, "selected", json_object_get(x, "selected"));
	show_armf(o, json_object_get(x, "armf"));
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		copy(o, names[i][0], json_object_get(json_object_get(x, "counters"), names[i][1]));
	copy(o, "worker", worker);
	json_array_append_new(items, o);
}

static bool wanted(const char *name, const char *want)
{
	return name && (!want[0] || strcmp(name, want) == 0);
}

bool admin_live_media(json_t *items, const json_t *context, const char *side, const char *media)
{
	const json_t *worker = json_object_get(json_object_get(context, "x-ims-ar"), "worker");
	const json_t *t, *m;
	bool any = false;
	size_t i, k;

	json_array_foreach(json_object_get(context, "terminations"), i, t)
	{
		const char *leg = json_string_value(json_object_get(t, "terminationId"));

		json_array_foreach(json_object_get(t, "medias"), k, m)
		{
			const char *uri =
				json_string_value(json_object_get(m, "mediaProcessingUri"));

			if (!uri || !strrchr(uri, ':') || !wanted(leg, side) ||
				!wanted(json_string_value(json_object_get(m, "mediaId")), media))
				continue;
			show_medium(items, leg, m, worker);
			any = true;
		}
	}
	return any;
}
