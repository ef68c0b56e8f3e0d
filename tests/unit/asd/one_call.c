/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "one_call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

struct world w;
char *sdp_a, *sdp_b, *sdp_off;

int one_call_setup(void **state)
{
	(void)state;
	world_open(&w);
	sdp_a = world_sdp("aaaa", "actpass", 52718);
	sdp_b = world_sdp("bbbb", "active", 52718);
	sdp_off = world_sdp("bbbb", "active", 0);
	return 0;
}

int one_call_teardown(void **state)
{
	(void)state;
	world_close(&w);
	free(sdp_a);
	free(sdp_b);
	free(sdp_off);
	return 0;
}

struct call *one_call(void)
{
	return calls_find(&w.a.calls, T1);
}

unsigned one_call_rings(void)
{
	struct front_offer m = world_invite(T1, sdp_a);
	unsigned r = world_offer(&w, &m);

	world_confirm(&w, (unsigned)world_order(&w));
	assert_string_equal(world_verdict(&w, r), "ar");
	world_check(&w);
	return r;
}

void one_call_event(const char *ev, uint32_t cseq, const char *from, const char *to,
	unsigned status, const char *sdp, const char *outcome)
{
	struct front_event e = world_event(ev, T1);

	e.cseq = cseq;
	e.has_cseq = cseq != 0;
	e.from_tag = from;
	e.to_tag = to;
	e.status = status;
	e.sdp = sdp ? sdp : "";
	e.outcome = outcome ? outcome : "";
	call_on_event(&w.a, &e);
	world_check(&w);
}

void one_call_up(void)
{
	one_call_rings();
	one_call_event("answered", 1, "ta", "tb", 200, sdp_b, "ar-capable");
	assert_int_equal(one_call()->state, CALL_UP);
	for (unsigned i = 0; i < w.nupdates; i++)
		world_updated(&w, i, 0);
	world_check(&w);
}

unsigned one_call_re_invite(uint32_t cseq, enum ar_side side, const char *sdp)
{
	struct front_offer m = world_invite(T1, sdp);

	m.cseq = cseq;
	m.initial = false;
	m.side = side;
	m.from_tag = side == AR_SIDE_A ? "ta" : "tb";
	m.to_tag = side == AR_SIDE_A ? "tb" : "ta";
	return world_offer(&w, &m);
}
