/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `drain`: a mediad takes no new contexts, or takes them again. It tells every asd itself. */
#include "asd/admin/admin.h"
#include "asd/asd.h"
#include "asd/dcsf/dcmf_pool.h"
#include "asd/dcsf/dcsf.h"
#include "asd/front/front.h"
#include "asd/front/front_msg.h"
#include "common/daemon/ar_log.h"

#include <stdio.h>
#include <stdlib.h>

#define USAGE "want <mediad, its name in ims_ar.status> on|off"

struct asked {
	struct asd *a;
	struct front_ref ref;
	unsigned dcmf;
};

static void on_load(void *arg, uint32_t ref, const json_t *load, const char *why)
{
	struct asked *q = arg;
	struct dcmf *d = dcmf_pool_get(q->a->pool, q->dcmf);
	bool on = json_is_true(json_object_get(load, "draining"));

	(void)ref;
	if (load) {
		/* not only with its next report of load: the next call goes elsewhere */
		d->draining = on;
		ar_log(AR_LOG_NOTICE, "admin", "%s: %s", d->at.name,
			on ? "draining, new calls go to others" : "takes new calls");
		admin_reply(q->a, q->ref,
			json_pack("[{s:s, s:s, s:I}]", "dcmf", d->at.name, "state",
				dcmf_state_name(d), "contexts",
				json_integer_value(json_object_get(load, "contexts"))));
	} else {
		front_answer(q->a, q->ref, front_error("not_drained", why));
	}
	free(q);
}

void admin_drain(struct asd *a, struct front_ref ref, const char *arg)
{
	char name[64] = "", what[8] = "";
	int n = sscanf(arg, "%63s %7s", name, what), i;
	bool on = strcmp(what, "on") == 0;
	struct asked *q;

	if (n < 2 || (!on && strcmp(what, "off") != 0)) {
		front_answer(a, ref, front_error("usage", USAGE));
		return;
	}
	i = dcmf_pool_find(a->pool, name);
	if (i < 0) {
		front_answer(a, ref, front_error("no_dcmf", "no mediad of that name in asd.conf"));
		return;
	}
	q = malloc(sizeof(*q));
	if (q)
		*q = (struct asked){a, ref, (unsigned)i};
	if (!q || dcsf_drain(a, (unsigned)i, on, on_load, q) != 0) {
		free(q);
		front_answer(a, ref, front_error("not_drained", "no connection to that mediad"));
	}
}
