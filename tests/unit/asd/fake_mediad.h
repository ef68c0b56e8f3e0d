/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A mediad for asd's tests: Nmf_MRM as docs/mrm.md has it, no media behind it, and bad manners on
 * demand. In the test's own event loop, or as the program fake_mediad.
 */
#ifndef FAKE_MEDIAD_H
#define FAKE_MEDIAD_H

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct fake_mediad;

/* How it behaves; 0 is well. Read anew for each request. */
struct fake_manners {
	unsigned post_delay_ms, patch_delay_ms, delete_delay_ms; /* UINT_MAX: never answers */
	int post_status, patch_status, delete_status, list_status;
	int silent_events; /* accepts the stream, says nothing */
	int bad_doc; /* CreateMediaContext answers {} */
	int armf_full; /* no medium of type AR is taken: 503, as mediad says it */
	int old_mask; /* a mediad from before ssrcMask */
	int no_picture; /* snapshots are answered 409 */
	int new_ice; /* UpdateMediaContext changes our ufrag */
	int share_full; /* no place in a shared scene: 403, as mediad says it */
	int load;
};

struct fake_mediad *fake_new(struct event_base *base, const char *instance, uint16_t *port);
void fake_free(struct fake_mediad *f);
struct fake_manners *fake_manners(struct fake_mediad *f);
json_t *fake_contexts(struct fake_mediad *f); /* borrowed: id -> MediaContext */
/* Requests seen of a method ("POST", ...). */
unsigned fake_seen(const struct fake_mediad *f, const char *method);
/* One event to every open stream; steals j. */
void fake_event(struct fake_mediad *f, json_t *j);
/* Forgets all contexts without a word, as a mediad that crashed and came back. */
void fake_forget(struct fake_mediad *f, const char *instance);
/* Cuts every connection; on: also refuses new ones until off. */
void fake_down(struct fake_mediad *f, int on);

#endif
