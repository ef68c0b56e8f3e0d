/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by ctl.c (routes), ctl_worker.c (requests that a worker answers), ctl_events.c (streams,
 * leases) and ctl_status.c (status, metrics); nobody else. */
#ifndef CTL_INTERNAL_H
#define CTL_INTERNAL_H

#include "common/ar_ids.h"
#include "mediad/ctl/contexts.h"
#include "mediad/ctl/ctl.h"
#include "mediad/ctl/h2.h"

#define CTL_PROBLEM "application/problem+json"
#define CTL_JSON "application/json"
#define CTL_PNG "image/png"

struct ctl_subscriber {
	uint32_t stream; /* 0: free */
	char owner[MRM_MAX_TEXT + 1];
};

/* A request that a worker is working on. */
struct ctl_pending {
	uint32_t id, stream;
	unsigned worker;
	uint64_t deadline;
	const char *op;
	char context[MRM_MAX_ID + 1];
	char share[MRM_MAX_TEXT + 1]; /* of a create */
};

struct ctl_stats {
	uint64_t timeouts, worker_deaths, worker_drained, leases, no_worker, events_lost;
	uint64_t answers[6]; /* by first digit of the status */
};

struct ctl {
	struct event_base *base;
	const struct mediad_conf *conf;
	struct h2_server *h2;
	struct workers *workers;
	struct contexts *contexts;
	struct ar_ids pending;
	struct ctl_subscriber sub[CTL_MAX_SUBSCRIBERS];
	struct event *tick;
	uint64_t next_load, started;
	char instance[17];
	bool draining;
	bool resting[MEDIAD_MAX_WORKERS]; /* those that drain by themselves, until told otherwise */
	struct ctl_stats stats;
};

/* What a handler gets: the request, and the {contextId} of its path, "" for none. */
struct ctl_call {
	const struct h2_request *req;
	char context[MRM_MAX_ID + 1];
};

/* ctl.c */
void ctl_answer(struct ctl *c, uint32_t stream, int status, const char *type, struct ar_span body);
void ctl_problem(struct ctl *c, uint32_t stream, int status, const char *cause, const char *fmt,
	...) __attribute__((format(printf, 5, 6)));
void ctl_answer_json(struct ctl *c, uint32_t stream, json_t *j); /* stolen */
/* Value of a query parameter, percent-decoded; false: absent or too long. */
bool ctl_query(const char *query, const char *name, char *out, size_t cap);

/* ctl_worker.c */
void ctl_create(struct ctl *c, const struct ctl_call *q);
void ctl_patch(struct ctl *c, const struct ctl_call *q);
void ctl_delete(struct ctl *c, const struct ctl_call *q);
void ctl_get(struct ctl *c, const struct ctl_call *q);
void ctl_get_snapshot(struct ctl *c, const struct ctl_call *q);
void ctl_get_scene(struct ctl *c, const struct ctl_call *q);
void ctl_check_pending(struct ctl *c, uint64_t now);
/* Does this worker take no new contexts? */
bool ctl_rests(const struct ctl *c, unsigned w, const struct workers_info *i);
/* Without a client: nobody waits for the answer. */
void ctl_delete_quietly(struct ctl *c, const struct mcontext *m);

/* ctl_events.c */
void ctl_events(struct ctl *c, const struct ctl_call *q);
void ctl_publish(struct ctl *c, const json_t *event);
void ctl_publish_gone(struct ctl *c, const char *context, const char *reason);
void ctl_unsubscribe(struct ctl *c, uint32_t stream);
void ctl_check_leases(struct ctl *c, uint64_t now);
void ctl_touch(struct mcontext *m, uint64_t now);

/* ctl_status.c */
void ctl_list(struct ctl *c, const struct ctl_call *q);
void ctl_status(struct ctl *c, const struct ctl_call *q);
void ctl_metrics(struct ctl *c, const struct ctl_call *q);
json_t *ctl_load(const struct ctl *c); /* members of load and status; new reference */

#endif
