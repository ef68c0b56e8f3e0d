/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What SIP workers, the link process and the resume workers pass each other through shared memory:
 * jobs (one suspended transaction each) and events for asd; and what all may read of the link.
 *
 * A job has one owner at a time: the worker that made it, the link process, a resume worker. Who
 * has it frees it. A slot is reserved before the transaction is suspended, so that a full queue is
 * found out while the script can still go another way.
 */
#ifndef IMS_AR_JOB_H
#define IMS_AR_JOB_H

#include "ar_calls.h"
#include "ar_conf.h"
#include "ar_wire.h"

#define AR_ROUTE_NAME_MAX 64
#define AR_REASON_MAX 128

/* What became of an offer, $ims_ar(status). */
enum ar_status {
	AR_STATUS_OK = 200, /* asd has decided */
	AR_STATUS_TIMEOUT = 408, /* no answer in time */
	AR_STATUS_ERROR = 500, /* asd could not decide, or its answer is not the protocol */
	AR_STATUS_AWAY = 503, /* no asd reachable */
};

struct ar_job {
	struct ar_job *next;
	bool map; /* asks for the map of a call that this Kamailio has forgotten */
	bool through; /* ... and that is anchored in another pass: the request goes on in any case
		       */
	/* the suspended transaction and where it goes on */
	unsigned tindex, tlabel;
	int route;
	char route_name[AR_ROUTE_NAME_MAX];
	/* the exchange */
	struct ar_msg_key key; /* spans into data[] */
	enum ar_side side;
	enum ar_class cls;
	unsigned reasons;
	bool initial;
	bool bare; /* the request has no description */
	bool mark; /* the next pass here is the anchored one: the mark tells it */
	int64_t deadline;
	unsigned asd; /* preferred, then the one asked */
	unsigned tries;
	uint32_t wire_id; /* the link process's */
	/* what came of it */
	int status;
	enum ar_wire_action action;
	int code;
	char reason[AR_REASON_MAX], rule[AR_REASON_MAX], headers[AR_HEADERS_MAX];
	const char *json; /* the request to asd, without its head */
	char data[];
};

struct ar_event {
	struct ar_event *next;
	unsigned asd;
	uint64_t seq; /* given by the link process, per asd */
	size_t n;
	char text[];
};

struct ar_asd_state {
	int up;
	int64_t since;
	unsigned inflight, unacked, downs;
	char instance[40], version[24], why[96];
};

/* Written by the link process, read by all without a lock: single words and texts for humans. */
struct ar_link_state {
	int nup;
	int pid;
	int64_t started;
	int64_t due; /* deadline of the offer that has waited for an answer longest; 0: none waits
		      */
	char instance[33];
	struct ar_asd_state asd[AR_ASD_MAX];
};

extern struct ar_link_state *ar_link_state;

int ar_jobs_init(void); /* mod_init */
int ar_jobs_open(void); /* child_init(PROC_INIT): what children inherit */
void ar_jobs_destroy(void);

/* True with a slot taken; ar_job_unreserve() or the end of the job gives it back. */
/* asd is so far behind that an offer given to it now would go on without an answer as well: most of
 * those that wait would then be answered too late, all of them in the end. */
#define AR_BEHIND_MIN 64 /* fewer waiting offers are no backlog */
bool ar_jobs_behind(int timeout); /* ms, that an offer has */
bool ar_job_reserve(void);
void ar_job_unreserve(void);
/* A job with copies of json and of the key's texts; NULL without memory. Not yet queued. */
struct ar_job *ar_job_new(const struct ar_msg_key *k, const char *json);
void ar_job_free(struct ar_job *j); /* and its slot */

void ar_jobs_push_offer(struct ar_job *j);
struct ar_job *ar_jobs_take_offers(void); /* a list, oldest first */
void ar_jobs_push_resume(struct ar_job *j);
struct ar_job *ar_jobs_take_resume(void); /* one, or NULL */
int ar_jobs_offer_fd(void); /* readable when there is something to take */
int ar_jobs_resume_fd(void);
int ar_jobs_pending(void);

/* Copies text. False, counted, when it is lost: no memory or event_max. What is not urgent goes
 * with the next one that is, or at the link process's next tick. */
bool ar_event_push(unsigned asd, const char *text, bool urgent);
struct ar_event *ar_events_take(void); /* a list, oldest first; link process */
void ar_event_free(struct ar_event *e);
int ar_events_unacked(void);
/* True once after events were lost: asd must be told all calls (`resync`). Link process. */
bool ar_events_were_lost(void);

#endif
