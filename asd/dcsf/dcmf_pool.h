/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The media functions (mediad) that we know: connection, health, load, event stream, choice.
 *
 * Each configured DCMF has one HTTP/2 connection with its endless event stream on it (docs/mrm.md).
 * It is usable from the stream's hello on. One thread; owned by struct asd. A DCMF is named by its
 * index, which never changes while asd runs.
 *
 * Calls back: dcsf_on_dcmf_ready(), dcsf_on_dcmf_lost(), dcsf_on_dcmf_event() of dcsf.h.
 */
#ifndef DCMF_POOL_H
#define DCMF_POOL_H

#include "asd/asd_conf.h"
#include "asd/dcsf/h2_client.h"

#include <jansson.h>

#define DCMF_MAX_LINE (64 * 1024) /* one line of the event stream */
#define DCMF_SILENCE_S 10 /* no event (load comes every 2 s): connect anew */
/* No event for so long, and a request has failed: it hangs, calls do not wait for it. */
#define DCMF_QUIET_S 3
#define DCMF_FAILURES 3 /* in a row: avoided for DCMF_AVOID_S while others are there */
#define DCMF_AVOID_S 5

struct asd;

enum dcmf_state { DCMF_DOWN, DCMF_CONNECTED, DCMF_READY };

struct dcmf {
	struct asd *asd;
	unsigned index;
	struct asd_endpoint at;
	struct near near;
	struct h2_client *h2;
	enum dcmf_state state;
	char instance[65], version[32];
	bool draining, complained;
	unsigned load; /* 0..100 */
	unsigned contexts, max_contexts;
	unsigned pending; /* reservations sent since its last load */
	unsigned failures; /* in a row */
	uint64_t avoid_until, heard, up_since;
	struct ar_buf line;
};

struct dcmf_pool;

int dcmf_pool_new(struct dcmf_pool **pp, struct asd *a, struct ar_buf *err)
	__attribute__((warn_unused_result));
void dcmf_pool_free(struct dcmf_pool *p);
unsigned dcmf_pool_n(const struct dcmf_pool *p);
struct dcmf *dcmf_pool_get(const struct dcmf_pool *p, unsigned index);
/* -1: none of that name. */
int dcmf_pool_find(const struct dcmf_pool *p, const char *name);
/* Names itself: usable for a new reservation now. */
bool dcmf_usable(const struct dcmf *d);
/*
 * The best usable one that is not in `tried` (bit per index): prefer's name first, or with
 * "nearest" those that are near to source (the address that the offer came from, or NULL), the
 * longest prefix first; then those that have not failed lately, then by load. -1: none.
 */
int dcmf_pool_choose(
	const struct dcmf_pool *p, const char *prefer, const char *source, uint32_t tried);
/* A request ended: keeps the score that dcmf_pool_choose() looks at. */
void dcmf_note(struct dcmf *d, bool ok);
const char *dcmf_state_name(const struct dcmf *d);
/* Prometheus lines. */
void dcmf_pool_print(const struct dcmf_pool *p, struct ar_buf *out);

#endif
