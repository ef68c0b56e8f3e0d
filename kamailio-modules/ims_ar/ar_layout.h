/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which m-line of the media relay's a section is at. They are the same, until audio or video that
 * was at port 0 there (at the ARMF, or refused) comes back: it gets a new m-line at the end then,
 * and the old one stays at port 0.
 *
 * rtpengine (up to 26.2, its issue 2156) becomes DTLS client on an m-line that has been answered
 * once, also with port 0, before the answer to the new offer can say who is; a UE that is client
 * itself ends its DTLS at that ClientHello, and its video with it. A fresh m-line is passive until
 * the answer.
 *
 * Kept by Call-ID and pass, in shared memory, from the first description on in which the relay gets
 * an audio or video section at port 0. Any process; one lock, nothing blocks under it.
 */
#ifndef IMS_AR_LAYOUT_H
#define IMS_AR_LAYOUT_H

#include "common/ar_buf.h"
#include "common/sdp.h"

enum ar_layout_pass { AR_LAYOUT_ANCHORED, AR_LAYOUT_THROUGH };

/* Whose description, of which exchange. Borrowed. */
struct ar_layout_key {
	struct ar_span callid;
	enum ar_layout_pass pass;
	bool offer;
	bool keep; /* begin to keep it; false: only where it is kept already */
	uint32_t exchange; /* hash of the offer's From-tag and CSeq: its copies change nothing */
	int64_t expires; /* of the entry, ms of ar_now_ms(); every use moves it */
	bool *untold; /* set: it has changed since it was last told, and counts as told now. NULL:
		       * whoever asks cannot tell asd */
};

/* "0 1- 2 2": by m-line whose it is or was, "-" after one that is at port 0 now. */
#define AR_LAYOUT_TEXT (4 * AR_SDP_MAX_MEDIA + 1)

int ar_layout_init(int max);
void ar_layout_destroy(void);
/*
 * `text`, as the relay is to get it, in the relay's order. 1: it was not that already, and is
 * appended to out; 0: text stays; or the error of the buffer or the parser.
 */
int ar_layout_to_relay(const struct ar_layout_key *k, struct ar_span text, struct ar_buf *out)
	__attribute__((warn_unused_result));
/* "" when nothing is kept. */
void ar_layout_text(struct ar_span callid, enum ar_layout_pass pass, char out[AR_LAYOUT_TEXT]);
/* From before a restart, as asd has kept it. asleep: it counts from the next offer on, since the
 * relay may have been given this one. Nothing where the call's is there already, and where the text
 * is none. */
void ar_layout_restore(struct ar_span callid, enum ar_layout_pass pass, struct ar_span text,
	bool asleep, int64_t expires);
/* Whether the call has m-lines elsewhere than its sections. */
bool ar_layout_moved(struct ar_span callid, enum ar_layout_pass pass);
/* The relay's description: its sections in the order of the call. -EBADMSG: one is missing. */
int ar_layout_from_relay(struct ar_span callid, enum ar_layout_pass pass, struct ar_sdp *relayed)
	__attribute__((warn_unused_result));
/* The call ends. */
void ar_layout_close(struct ar_span callid);
int ar_layout_count(void);

#endif
