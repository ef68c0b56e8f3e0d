/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kamcmd ims_ar.media: what goes through the ARMF and how well, or a picture of it. */
#include "asd/admin/admin.h"
#include "asd/admin/admin_live.h"
#include "asd/asd.h"
#include "asd/call/planner_av.h"
#include "asd/dcsf/dcsf.h"
#include "asd/front/front.h"
#include "asd/front/front_msg.h"
#include "common/daemon/ar_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define USAGE "<call or Call-ID> [show|snapshot [a|b [medium]]]"
#define NO_MEDIA "no such medium of this call at the ARMF"

struct asked {
	struct asd *a;
	struct front_ref ref;
	char token[CALL_TOKEN_LEN + 1], media[PLANNER_AV_ID_LEN + 1];
	enum ar_side side;
};

/* What was asked for, of "a v2" or less. */
struct wish {
	char callid[CALL_MAX_CALLID + 1], what[16], side[8], media[16];
};

static int write_file(const char *path, struct ar_span png)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
	size_t at = 0;
	ssize_t n = 1;

	if (fd < 0)
		return -errno;
	while (at < png.n && n > 0) {
		n = write(fd, png.p + at, png.n - at);
		at += n > 0 ? (size_t)n : 0;
	}
	if (close(fd) != 0 || at < png.n) {
		int err = errno ? -errno : -EIO;

		unlink(path);
		return err;
	}
	return 0;
}

static void name_file(char *path, size_t cap, const struct asked *q)
{
	struct timespec now;
	struct tm tm;
	char when[40];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%S", &tm);
	snprintf(path, cap, "%s/%s-%s-%s-%s.%03ldZ.png", q->a->conf.snapshots, q->token,
		q->side == AR_SIDE_A ? "a" : "b", q->media, when, now.tv_nsec / 1000000);
}

static void on_png(void *arg, struct ar_span png, const char *why)
{
	struct asked *q = arg;
	char path[4096], text[4200];
	int err;

	if (!png.n) {
		front_answer(q->a, q->ref, front_error("no_picture", why));
		free(q);
		return;
	}
	name_file(path, sizeof(path), q);
	err = write_file(path, png);
	if (err) {
		snprintf(text, sizeof(text), "%s: %s", path, strerror(-err));
		ar_log(AR_LOG_WARN, "admin", "snapshot: %s", text);
		front_answer(q->a, q->ref, front_error("no_file", text));
	} else {
		admin_reply(q->a, q->ref,
			json_pack("[{s:s, s:s, s:s, s:i, s:s}]", "call", q->token, "ue",
				q->side == AR_SIDE_A ? "a" : "b", "media", q->media, "bytes",
				(int)png.n, "file", path));
	}
	free(q);
}

static bool processed(const json_t *m)
{
	const char *uri = json_string_value(json_object_get(m, "mediaProcessingUri"));

	return uri && !strstr(uri, ":relay");
}

/* The medium of that name, else the first that is processed, else the first. */
static const char *choose(const struct call *c, enum ar_side side, const char *want)
{
	json_t *av = json_object_get(c->ctx.told[side], "av"), *m;
	const char *id, *first = NULL, *best = NULL;

	if (want[0]) {
		void *it = json_object_iter_at(av, want);

		return it ? json_object_iter_key(it) : NULL;
	}
	json_object_foreach(av, id, m)
	{
		if (!first)
			first = id;
		if (!best && processed(m))
			best = id;
	}
	return best ? best : first;
}

/* Where no side is named: the one whose video is drawn on. */
static const char *choose_side(const struct call *c, const struct wish *w, enum ar_side *side)
{
	const char *id;

	if (w->side[0]) {
		*side = w->side[0] == 'b' ? AR_SIDE_B : AR_SIDE_A;
		return choose(c, *side, w->media);
	}
	for (int i = 0; i < 2; i++) {
		*side = (enum ar_side)i;
		id = choose(c, *side, "");
		if (id && processed(json_object_get(json_object_get(c->ctx.told[i], "av"), id)))
			return id;
	}
	*side = AR_SIDE_A;
	return choose(c, AR_SIDE_A, "");
}

static void ask(struct asd *a, struct front_ref ref, const struct call *c, const struct wish *w)
{
	struct asked *q = malloc(sizeof(*q));
	enum ar_side side;
	const char *id = choose_side(c, w, &side);
	int err;

	if (!q || !id) {
		free(q);
		front_answer(a, ref, front_error("no_media", NO_MEDIA));
		return;
	}
	*q = (struct asked){.a = a, .ref = ref, .side = side};
	snprintf(q->token, sizeof(q->token), "%s", c->token);
	snprintf(q->media, sizeof(q->media), "%s", id);
	err = dcsf_snapshot(a, c, side, q->media, on_png, q);
	if (!err)
		return;
	free(q);
	front_answer(a, ref, front_error("no_picture", "the call's mediad is not there"));
}

/* ---- show ---- */

struct shown {
	struct asd *a;
	struct front_ref ref;
	char side[8], media[16];
};

static void on_live(void *arg, uint32_t ref, const json_t *context, const char *why)
{
	struct shown *q = arg;
	json_t *items = json_array();

	(void)ref;
	if (!context)
		front_answer(q->a, q->ref, front_error("no_facts", why));
	else if (!admin_live_media(items, context, q->side, q->media))
		front_answer(q->a, q->ref, front_error("no_media", NO_MEDIA));
	else
		admin_reply(q->a, q->ref, json_incref(items));
	json_decref(items);
	free(q);
}

static void show(struct asd *a, struct front_ref ref, const struct call *c, const struct wish *w)
{
	struct shown *q = c->ctx.id ? malloc(sizeof(*q)) : NULL;

	if (q) {
		*q = (struct shown){.a = a, .ref = ref};
		snprintf(q->side, sizeof(q->side), "%s", w->side);
		snprintf(q->media, sizeof(q->media), "%s", w->media);
	}
	if (q && dcsf_live(a, c, on_live, q, 0) == 0)
		return;
	free(q);
	front_answer(a, ref, front_error("no_facts", "no context at a DCMF"));
}

/* ---- the command ---- */

static void snapshot(
	struct asd *a, struct front_ref ref, const struct call *c, const struct wish *w)
{
	if (a->conf.snapshots)
		ask(a, ref, c, w);
	else
		front_answer(a, ref,
			front_error("no_folder", "asd.conf has no folder: [armf] snapshots"));
}

void admin_media(struct asd *a, struct front_ref ref, const char *arg)
{
	struct wish w = {.what = "show"};
	const struct call *c;
	int n = sscanf(arg, "%255s %15s %7s %15s", w.callid, w.what, w.side, w.media);
	bool pictured = strcmp(w.what, "snapshot") == 0;

	c = n >= 1 ? admin_find_call(a, w.callid) : NULL;
	if (n < 1 || (!pictured && strcmp(w.what, "show") != 0) ||
		(w.side[0] && strcmp(w.side, "a") != 0 && strcmp(w.side, "b") != 0))
		front_answer(a, ref, front_error("usage", "want " USAGE));
	else if (!c)
		front_answer(a, ref, front_error("no_call", "no call of that name or Call-ID"));
	else if (pictured)
		snapshot(a, ref, c, &w);
	else
		show(a, ref, c, &w);
}
