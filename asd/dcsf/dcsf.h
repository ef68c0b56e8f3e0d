/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The DCSF's role (TS 23.228 AC.3): picks a DCMF, reserves, updates and releases its contexts over
 * DC2 (steps 3 to 5). The seam to the AS role follows DC1: an order goes in, one answer comes out,
 * so that an external DCSF can take this file's place.
 *
 * One thread. Calls are named by id across every request. Releases belong to nobody: they are
 * repeated until mediad confirms, or says that the context is not there.
 *
 * Calls back, both in call_flow.h: call_on_reserved(), call_on_updated(), call_on_context_gone(),
 * call_on_contexts_listed().
 */
#ifndef DCSF_H
#define DCSF_H

#include "asd/dcsf/dcmf_pool.h"
#include "asd/dcsf/mrm_json.h"

#define DCSF_MAX_JOBS 8192 /* requests under way */
#define DCSF_MAX_RELEASES 65535 /* contexts to be released */
#define DCSF_LATE_MS 10000 /* how long an answer is waited for that comes too late to be used */
#define DCSF_RECONCILE_S 60

struct asd;
struct call;
struct dcsf;

/* Step 3: what the AS asks for. Everything borrowed. */
struct dcsf_order {
	struct mrm_context context;
	const char *prefer; /* a DCMF's name, "" or "least-loaded" or "nearest" */
	const char *source; /* "address:port" that the offer came from, for "nearest" */
	int only; /* this DCMF or none, by index; negative: any */
	uint64_t deadline; /* asd_now() at which the answer is of no use any more */
};

/* Step 5. */
struct dcsf_result {
	int err; /* 0; -EHOSTUNREACH no DCMF, -ETIMEDOUT, -EREMOTEIO refused by all, -EUSERS the
		  * shared scene is full */
	char why[200];
	const struct dcmf *dcmf;
	const char *context_id; /* borrowed, as is doc */
	json_t *doc;
};

int dcsf_new(struct dcsf **dp, struct asd *a) __attribute__((warn_unused_result));
void dcsf_free(struct dcsf *d);

/* 0: call_on_reserved() follows exactly once, not from inside. -EHOSTUNREACH: no DCMF is usable;
 * -ENOBUFS, -ENOMEM: nothing follows. */
int dcsf_reserve(struct asd *a, const struct call *c, const struct dcsf_order *o)
	__attribute__((warn_unused_result));
/* The call does not want its reservation any more; what comes is deleted. */
void dcsf_forget(struct asd *a, uint32_t call);
/* Gives side's facts to the call's context; call_on_updated() follows when 0. */
int dcsf_update(struct asd *a, const struct call *c, enum ar_side side, const json_t *facts)
	__attribute__((warn_unused_result));
/* At least once until confirmed. */
void dcsf_release(struct asd *a, int dcmf, const char *context_id);

/* Live facts of one context, for kamcmd; j NULL: not to be had, and why. */
typedef void dcsf_live_h(void *arg, uint32_t ref, const json_t *j, const char *why);
/* A DCMF, or one worker of it (-1: all of it), is to take no new contexts, or to take them again; h
 * is given its load. */
int dcsf_drain(struct asd *a, unsigned dcmf, int worker, bool on, dcsf_live_h *h, void *arg)
	__attribute__((warn_unused_result));
int dcsf_live(struct asd *a, const struct call *c, dcsf_live_h *h, void *arg, uint32_t ref)
	__attribute__((warn_unused_result));

/* The next picture of a medium as it leaves the ARMF, sent by that side's UE; png.n 0: none, and
 * why. */
typedef void dcsf_png_h(void *arg, struct ar_span png, const char *why);
int dcsf_snapshot(struct asd *a, const struct call *c, enum ar_side side, const char *media,
	dcsf_png_h *h, void *arg) __attribute__((warn_unused_result));

unsigned dcsf_releases(const struct dcsf *d);

/* From dcmf_pool.c. */
void dcsf_on_dcmf_ready(struct asd *a, struct dcmf *d);
void dcsf_on_dcmf_lost(struct asd *a, struct dcmf *d);
void dcsf_on_dcmf_event(struct asd *a, struct dcmf *d, const char *ev, const json_t *j);

#endif
