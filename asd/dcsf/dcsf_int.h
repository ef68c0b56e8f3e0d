/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between dcsf.c and dcsf_release.c. */
#ifndef DCSF_INT_H
#define DCSF_INT_H

#include "asd/dcsf/dcsf.h"
#include "asd/dcsf/mrm_av.h"
#include "common/ar_ids.h"

#define CONTEXTS "/nmf-mrm/v1/contexts"

enum job_kind { JOB_RESERVE, JOB_UPDATE, JOB_LIVE, JOB_LIST, JOB_SNAPSHOT };

/* One request under way. */
struct job {
	enum job_kind kind;
	uint32_t id, call;
	unsigned dcmf;
	uint32_t order; /* RESERVE */
	unsigned attempt; /* RESERVE */
	enum ar_side side; /* UPDATE */
	json_t *facts; /* UPDATE: what was sent */
	uint64_t since; /* LIST: when it was asked for */
	dcsf_live_h *live;
	dcsf_png_h *png; /* SNAPSHOT */
	void *arg;
	uint32_t ref;
	char *callid, *context; /* context: UPDATE */
};

/* A context that is to go; belongs to no call. */
struct release {
	unsigned dcmf, tries;
	bool sent;
	uint64_t after; /* not before */
	uint32_t id;
	char context[MRM_MAX_CONTEXT_ID + 1];
};

struct dcsf {
	struct asd *asd;
	struct ar_ids orders, jobs, releases;
	struct event *tick;
	uint64_t reconcile_at;
};

struct job *dcsf_job_new(struct dcsf *d, enum job_kind kind, unsigned dcmf);
void dcsf_job_free(struct dcsf *d, struct job *j);
/* Frees the job when the request cannot be sent. */
int dcsf_send_job(struct dcsf *d, struct job *j, struct dcmf *m, struct h2_request *q);
/* The call's DCMF, where it has a context; NULL: none that is ready. */
struct dcmf *dcsf_dcmf_of(struct asd *a, const struct call *c);
json_t *dcsf_parse(const struct h2_response *r); /* NULL: not JSON */
void dcsf_failure_text(const struct h2_response *r, const struct dcmf *m, char *buf, size_t cap);

/* When it is due and the DCMF is there. */
void dcsf_release_send(struct dcsf *d, struct release *r);
/* Asks the DCMF which contexts of ours it has. */
void dcsf_reconcile(struct dcsf *d, struct dcmf *m);

#endif
