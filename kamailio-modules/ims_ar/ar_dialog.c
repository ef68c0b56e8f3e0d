/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ar_dialog.h"

#include "ar_conf.h"
#include "ar_facts.h"
#include "ar_pass.h"
#include "ar_report.h"
#include "ar_stat.h"

#include "../../core/dprint.h"

#include <errno.h>

#define TEXTS_MAX (AR_PLAN_MAX_SECTIONS * AR_PLAN_MAX_TEXT * 4)

static int plan_from(const struct ar_use *dialog, const struct ar_view *v, enum ar_side offerer,
	const struct ar_sdp *offer)
{
	static struct ar_plan_room room;
	struct ar_plan plan;
	struct ar_buf texts;
	int rc;

	ar_buf_init(&texts, TEXTS_MAX);
	rc = ar_plan_from_map(dialog->plan, offerer, offer, &dialog->roles, &plan, &room, &texts);
	if (rc == 0)
		rc = ar_calls_decide(&v->key, &plan, dialog->asd,
			ar_now_ms() + (int64_t)ar_conf.ring_ttl * 1000);
	ar_buf_free(&texts);
	return rc == -EEXIST ? 0 : rc;
}

int ar_dialog_plan(const struct ar_view *v, enum ar_side offerer, const struct ar_sdp *offer)
{
	struct ar_use dialog;
	int rc = ar_calls_find_dialog(&v->key, &dialog);

	if (rc < 0)
		return rc;
	rc = dialog.plan ? plan_from(&dialog, v, offerer, offer) : -ENOENT;
	if (rc == 0) {
		AR_COUNT(offers_local);
		dialog.offerer = offerer;
		if (ar_facts(offer, dialog.plan, offerer) != dialog.facts[offerer])
			ar_report_offer(v, &dialog);
	} else {
		AR_COUNT(offers_refused);
		AR_LIMITED(LM_INFO, "call %s: an offer inside the dialog cannot be planned: %s\n",
			dialog.id,
			rc == -EPROTO ? "it does not fit the last answered one" : strerror(-rc));
	}
	ar_use_done(&dialog);
	return rc;
}

int ar_dialog_hide(struct sip_msg *msg, const struct ar_view *v, const struct ar_sdp *offer,
	struct ar_buf *out)
{
	const struct ar_plan_dir dir = {.answer = false};
	static struct ar_plan_room room;
	struct ar_view named = *v;
	struct ar_use dialog;
	struct ar_plan plan;
	struct ar_buf texts;
	unsigned asd;
	int rc = -ENOENT;

	if (ar_where(msg, &named, &dialog, &asd, false) != AR_WHERE_HERE)
		return -ENOENT;
	ar_buf_init(&texts, TEXTS_MAX);
	if (dialog.plan)
		rc = ar_plan_from_map(
			dialog.plan, dialog.offerer, offer, &dialog.roles, &plan, &room, &texts);
	if (rc == 0)
		rc = ar_plan_hide(&plan, dir, offer, out);
	ar_buf_free(&texts);
	ar_use_done(&dialog);
	return rc;
}

bool ar_dialog_changes(const struct ar_use *dialog, const struct ar_sdp *offer)
{
	return ar_facts(offer, dialog->plan, dialog->offerer) != dialog->facts[dialog->offerer];
}
