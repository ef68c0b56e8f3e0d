/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ar_resync.h"

#include "../../core/dprint.h"
#include "common/ar_json.h"

#include <stdlib.h>

#define PER_FRAME 5000 /* calls in one frame: 19 bytes each */
#define PAUSE 1000 /* ms between two lists */
#define FIRST_ID (1ull << 40)

struct listing {
	struct ar_resync *r;
	struct ar_conn *c;
	json_t *ids;
	bool failed;
};

static void send_list(struct listing *l, bool more)
{
	json_t *j = json_pack("{s:s, s:O, s:b}", "cmd", "resync", "calls", l->ids, "more", more);
	char *text = j ? ar_json_text(j) : NULL;

	if (!text || ar_conn_request(l->c, FIRST_ID + l->r->id++, text) < 0)
		l->failed = true;
	free(text);
	json_decref(j);
	json_array_clear(l->ids);
}

static bool add(const struct ar_call_info *i, void *arg)
{
	struct listing *l = arg;

	if (i->state == AR_CALL_DEAD || i->state == AR_CALL_PLAIN)
		return true;
	if (json_array_size(l->ids) == PER_FRAME)
		send_list(l, true);
	if (json_array_append_new(l->ids, json_string(i->id)) < 0)
		l->failed = true;
	return !l->failed;
}

static bool send_all(struct ar_resync *r, struct ar_conn *c)
{
	struct listing l = {.r = r, .c = c, .ids = json_array()};

	if (!l.ids)
		return false;
	ar_calls_each(add, &l);
	if (!l.failed)
		send_list(&l, false);
	json_decref(l.ids);
	if (!l.failed)
		LM_INFO("asd %s was told all calls\n", c->address);
	return !l.failed;
}

void ar_resync_run(struct ar_resync *r, struct ar_conn *conn, int n, int64_t now)
{
	if (ar_events_were_lost())
		for (int i = 0; i < n; i++)
			r->wanted[i] = true;
	if (now < r->next)
		return;
	for (int i = 0; i < n; i++) {
		if (!r->wanted[i] || conn[i].phase != AR_CONN_UP || conn[i].sent)
			continue;
		r->next = now + PAUSE;
		r->wanted[i] = !send_all(r, &conn[i]);
	}
}
