/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `drain`: a mediad, or one worker of it, takes no new contexts, or takes them again. It tells
 * every asd itself. */
#include "asd/admin/admin.h"
#include "asd/asd.h"
#include "asd/dcsf/dcmf_pool.h"
#include "asd/dcsf/dcsf.h"
#include "asd/front/front.h"
#include "asd/front/front_msg.h"
#include "common/daemon/ar_log.h"

#include <stdio.h>
#include <stdlib.h>

#define USAGE "want <mediad, its name in ims_ar.status> on|off [worker's number]"

struct asked {
	struct asd *a;
	struct front_ref ref;
	unsigned dcmf;
	int worker; /* -1: all of it */
	bool on;
};

static json_t *answer(const struct asked *q, const struct dcmf *d, const json_t *load)
{
	json_t *o = json_pack("{s:s, s:s, s:I}", "dcmf", d->at.name, "state", dcmf_state_name(d),
		"contexts", json_integer_value(json_object_get(load, "contexts")));

	if (q->worker >= 0) {
		const json_t *w = json_object_get(load, "drained");

		json_object_set_new(o, "worker", json_integer(q->worker));
		json_object_set_new(o, "worker_state",
			json_string(json_is_true(json_object_get(w, "draining")) ? "draining"
										 : "ready"));
		json_object_set_new(o, "worker_contexts",
			json_integer(json_integer_value(json_object_get(w, "contexts"))));
	}
	return json_pack("[o]", o);
}

static void log_it(const struct asked *q, const struct dcmf *d)
{
	char which[32] = "";

	if (q->worker >= 0)
		snprintf(which, sizeof(which), " worker %d", q->worker);
	ar_log(AR_LOG_NOTICE, "admin", "%s%s: %s", d->at.name, which,
		q->on ? "draining, new calls go to others" : "takes new calls");
}

static void on_load(void *arg, uint32_t ref, const json_t *load, const char *why)
{
	struct asked *q = arg;
	struct dcmf *d = dcmf_pool_get(q->a->pool, q->dcmf);

	(void)ref;
	if (load) {
		/* not only with its next report of load: the next call goes elsewhere */
		d->draining = json_is_true(json_object_get(load, "draining"));
		log_it(q, d);
		admin_reply(q->a, q->ref, answer(q, d, load));
	} else {
		front_answer(q->a, q->ref, front_error("not_drained", why));
	}
	free(q);
}

/* "mediad1 on 2" or less. */
static bool read_wish(const char *arg, char name[64], bool *on, int *worker)
{
	char what[8] = "", number[8] = "", more[2] = "", *end;
	int n = sscanf(arg, "%63s %7s %7s %1s", name, what, number, more);
	long w = strtol(number, &end, 10);

	*on = strcmp(what, "on") == 0;
	*worker = number[0] ? (int)w : -1;
	return (n == 2 || (n == 3 && number[0] >= '0' && number[0] <= '9' && !*end)) &&
	       (*on || strcmp(what, "off") == 0);
}

void admin_drain(struct asd *a, struct front_ref ref, const char *arg)
{
	struct asked ask = {.a = a, .ref = ref}, *q;
	char name[64] = "";
	int i;

	if (!read_wish(arg, name, &ask.on, &ask.worker)) {
		front_answer(a, ref, front_error("usage", USAGE));
		return;
	}
	i = dcmf_pool_find(a->pool, name);
	if (i < 0) {
		front_answer(a, ref, front_error("no_dcmf", "no mediad of that name in asd.conf"));
		return;
	}
	ask.dcmf = (unsigned)i;
	q = malloc(sizeof(*q));
	if (q)
		*q = ask;
	if (!q || dcsf_drain(a, ask.dcmf, ask.worker, ask.on, on_load, q) != 0) {
		free(q);
		front_answer(a, ref, front_error("not_drained", "no connection to that mediad"));
	}
}
