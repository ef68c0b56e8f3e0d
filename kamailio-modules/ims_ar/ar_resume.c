/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Going on with a suspended transaction, in a resume worker or the link process. */
#include "ar_link.h"

#include "ar_pv.h"
#include "ar_report.h"
#include "ar_stat.h"
#include "ar_tm.h"

#include "../../core/cfg/cfg_struct.h"
#include "../../core/dprint.h"
#include "../../core/kemi.h"
#include "../../core/route.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* asd did not decide: an initial call goes on as an ordinary one if the script lets it. */
static void fall_back(const struct ar_job *j)
{
	if (j->status == AR_STATUS_OK || !j->initial)
		return;
	AR_LIMITED(LM_WARN, "%.*s: no AR service for this call: %s (asd %s)\n",
		(int)j->key.callid.n, j->key.callid.p, j->reason, ar_conf.asd[j->asd]);
	if (ar_calls_decide(&j->key, NULL, j->asd, ar_now_ms() + (int64_t)ar_conf.ring_ttl * 1000) <
		0)
		LM_DBG("call %s ended while asd was asked\n", j->key.id);
}

static int continue_route(const struct ar_job *j)
{
	str name = {(char *)j->route_name, (int)strlen(j->route_name)};
	str ev = str_init("ims_ar:resume");

	if (sr_kemi_eng_get())
		return ar_tm.t_continue_cb(j->tindex, j->tlabel, &name, &ev);
	return ar_tm.t_continue(j->tindex, j->tlabel, main_rt.rlist[j->route]);
}

void ar_resume(struct ar_job *j)
{
	int rc;

	fall_back(j);
	ar_pv_job(j);
	rc = continue_route(j);
	ar_pv_job_done();
	if (rc != 0) {
		/* tm knows it no more: cancelled, or its own timer was first */
		struct ar_ended e;

		AR_COUNT(offers_gone);
		AR_LIMITED(LM_INFO, "call %s: the transaction was gone when asd had decided\n",
			j->key.id);
		if (!j->through && ar_calls_failed(&j->key, ar_now_ms(), &e) && e.planned)
			ar_report_gone(j);
	}
	ar_job_free(j);
}

void ar_resume_run(void)
{
	struct ar_job *j;
	uint64_t one;

	for (;;) {
		if (read(ar_jobs_resume_fd(), &one, sizeof(one)) < 0) {
			if (errno != EINTR)
				LM_ERR("resume worker: %s\n", strerror(errno));
			continue;
		}
		cfg_update();
		j = ar_jobs_take_resume();
		if (j)
			ar_resume(j);
	}
}
