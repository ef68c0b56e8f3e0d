/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One picture of a medium at the ARMF (docs/mrm.md, snapshot). */
#include "asd/asd.h"
#include "asd/dcsf/dcsf_int.h"

#include <errno.h>
#include <stdio.h>

#define SNAPSHOT_MS 3000 /* mediad waits two seconds for a frame */

static const char *why_not(const struct h2_response *r, const struct dcmf *m, char *buf, size_t cap)
{
	if (r->err || r->status != 200)
		dcsf_failure_text(r, m, buf, cap);
	else
		snprintf(buf, cap, "%s: its answer is empty", m->at.name);
	return buf;
}

static void on_done(void *arg, uint64_t cookie, const struct h2_response *r)
{
	struct dcmf *m = arg;
	struct dcsf *d = m->asd->dcsf;
	struct job *j = ar_ids_get(&d->jobs, (uint32_t)cookie);
	bool ok = !r->err && r->status == 200 && r->body.n;
	char why[200];

	if (!j)
		return;
	j->png(j->arg, ok ? r->body : AR_SPAN_NONE, ok ? "" : why_not(r, m, why, sizeof(why)));
	dcsf_job_free(d, j);
}

int dcsf_snapshot(struct asd *a, const struct call *c, enum ar_side side, const char *media,
	dcsf_png_h *h, void *arg)
{
	struct dcmf *m = dcsf_dcmf_of(a, c);
	char path[MRM_MAX_CONTEXT_ID + 100];
	struct h2_request q = {
		.method = "GET", .path = path, .timeout_ms = SNAPSHOT_MS, .on_done = on_done};
	struct job *j = m ? dcsf_job_new(a->dcsf, JOB_SNAPSHOT, m->index) : NULL;

	if (!m)
		return -ENOTCONN;
	if (!j)
		return -ENOMEM;
	snprintf(path, sizeof(path), "/x-ims-ar/v1/contexts/%s/snapshot?termination=%s&media=%s",
		c->ctx.id, side == AR_SIDE_A ? "a" : "b", media);
	j->png = h;
	j->arg = arg;
	return dcsf_send_job(a->dcsf, j, m, &q);
}
