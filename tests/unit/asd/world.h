/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The call flow alone: the real call table, policy, planner and SDP, a clock that only the test
 * moves, and in place of front, DCSF and store what this file notes down.
 */
#ifndef WORLD_H
#define WORLD_H

#include "asd/asd.h"
#include "asd/call/call_flow.h"
#include "asd/dcsf/dcsf.h"
#include "asd/lookup/lookup.h"

#define WORLD_SDP                                                                                  \
	"v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n"              \
	"m=audio 49152 RTP/AVP 0\r\na=mid:0\r\n"                                                   \
	"m=application %u UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:1\r\na=ice-ufrag:%s\r\n"       \
	"a=ice-pwd:asd88fgpdd777uzjYhagZg\r\na=sctp-port:5000\r\na=max-message-size:65536\r\n"     \
	"a=setup:%s\r\na=fingerprint:SHA-256 "                                                     \
	"AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:"                                         \
	"AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB\r\n"                                      \
	"a=dcmap:1000 subprotocol=\"mpeg-sd\";label=\"scene\"\r\n"

#define WORLD_MAX 4096

struct world_order { /* a reservation under way */
	uint32_t call;
	bool open;
	int only;
	char prefer[64];
	json_t *doc;
};

struct world_update {
	uint32_t call;
	enum ar_side side;
	json_t *facts;
	char *context;
	bool open;
};

struct world {
	struct asd a;
	uint64_t now;
	struct dcmf dcmf;
	int reserve_err, update_err; /* what the next ones return at once */
	bool module_gone; /* front_answer() finds nobody */
	bool restarted; /* front_restarted() */
	struct world_order order[WORLD_MAX];
	unsigned norders;
	struct world_update update[WORLD_MAX];
	unsigned nupdates;
	char *live[WORLD_MAX]; /* contexts that mediad has */
	unsigned nlive, contexts, bad_releases, releases;
	unsigned answers[WORLD_MAX]; /* how often each request was answered */
	json_t *answer[WORLD_MAX]; /* the last one */
	unsigned requests;
	int lookup_err; /* of lookup_begin(): 0 at once, -EINPROGRESS later, or an error */
	uint32_t lookup_call[WORLD_MAX]; /* by batch, from 1 */
	unsigned nlookups;
	char looked_up[64]; /* caller of the last one */
	unsigned told; /* release commands to the module */
	json_t *stored; /* token -> body */
	unsigned writes; /* of calls to it */
	bool slow_store; /* what is not urgent waits for call_store_flush() */
};

extern struct world *world; /* of the test that runs */

void world_open(struct world *w);
void world_close(struct world *w);
/* asd anew, with what was stored; mediad has its contexts still. */
void world_restart(struct world *w);
/* Sends an offer; its request number. */
unsigned world_offer(struct world *w, struct front_offer *m);
/* A usual one. */
struct front_offer world_invite(const char *token, const char *sdp);
struct front_event world_event(const char *ev, const char *token);
/* "ar", "plain", "deny", "error:CODE", or "" while unanswered. */
const char *world_verdict(const struct world *w, unsigned request);
/* mediad's answer to order i: a context, or err. */
void world_confirm(struct world *w, unsigned i);
void world_refuse(struct world *w, unsigned i, int err);
void world_updated(struct world *w, unsigned i, int err);
/* Lets time pass, in ticks. */
void world_pass(struct world *w, uint64_t ms);
/* The newest open order, -1: none. */
int world_order(const struct world *w);
/* Fails the test when an invariant does not hold. */
void world_check(struct world *w);
/* Everything answered, no call, no context. */
void world_check_empty(struct world *w);
/* One fact, failed if value is NULL; static texts. */
struct lookup_facts *world_facts(const char *name, const char *value);
/* The batch is done; takes facts. */
void world_looked_up(struct world *w, uint32_t batch, struct lookup_facts *facts);
/* mediad's facts of the media of type AR in a termination's medias. */
void world_add_av(json_t *medias, const char *ufrag);
char *world_sdp(const char *ufrag, const char *setup, unsigned port);

#endif
