/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ar_evroute.h"

#include "ar_conf.h"
#include "ar_pv.h"

#include "../../core/action.h"
#include "../../core/dprint.h"
#include "../../core/fmsg.h"
#include "../../core/kemi.h"
#include "../../core/route.h"

static void run_kemi(sr_kemi_eng_t *keng, sip_msg_t *msg, const char *name)
{
	str ev = {(char *)name, (int)strlen(name)};

	if (ar_conf.event_callback.len <= 0)
		return;
	if (sr_kemi_route(keng, msg, EVENT_ROUTE, &ar_conf.event_callback, &ev) < 0)
		LM_ERR("%s: the event callback failed\n", name);
}

void ar_event_route(const char *name, const char *asd)
{
	sr_kemi_eng_t *keng = sr_kemi_eng_get();
	int rt = keng ? -1 : route_lookup(&event_rt, (char *)name), saved = get_route_type();
	sip_msg_t *msg;

	if (!keng && (rt < 0 || !event_rt.rlist[rt]))
		return;
	if (faked_msg_init() < 0 || !(msg = faked_msg_next()))
		return;
	ar_pv_event(msg, asd);
	set_route_type(EVENT_ROUTE);
	if (keng)
		run_kemi(keng, msg, name);
	else if (run_top_route(event_rt.rlist[rt], msg, 0) < 0)
		LM_ERR("%s: the event route failed\n", name);
	set_route_type(saved);
}
