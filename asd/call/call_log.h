/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CALL_LOG(c) at the entry of an event: every line until the end of the block has the Call-ID, and
 * for a call that the policy traces (act.trace()) debug lines are written too.
 */
#ifndef CALL_LOG_H
#define CALL_LOG_H

#include "asd/call/call.h"
#include "common/daemon/ar_log.h"

struct call_log {
	struct ar_log_scope scope;
	enum ar_log_level was;
	bool raised;
};

static inline struct call_log call_log_enter(const struct call *c)
{
	struct call_log l = {.scope = ar_log_enter(c ? c->callid : NULL), .was = AR_LOG_ERR};

	l.raised = c && c->trace && !ar_log_on(AR_LOG_DEBUG);
	while (l.raised && ar_log_on((enum ar_log_level)(l.was + 1)))
		l.was++;
	if (l.raised)
		ar_log_set_level(AR_LOG_DEBUG);
	return l;
}

static inline void call_log_leave(struct call_log *l)
{
	if (l->raised)
		ar_log_set_level(l->was);
	ar_log_leave(&l->scope);
}

#define CALL_LOG(c)                                                                                \
	struct call_log call_log_ __attribute__((cleanup(call_log_leave), unused)) =               \
		call_log_enter(c)

#endif
