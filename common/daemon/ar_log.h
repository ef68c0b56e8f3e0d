/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Log of the two daemons: one line per event to standard error, with the syslog level as <N> when
 * systemd reads it. Every line carries the Call-ID of the call being worked on: set it once at the
 * entry of an event with AR_LOG_CALL(), it ends with the block.
 *
 * Levels: ERR the operator must act, WARN something was lost or refused, NOTICE life of the daemon,
 * INFO one or two lines per call, DEBUG for us. Lines caused by strangers' packets go through
 * ar_log_limited(). Never log secrets (ICE passwords, keys, tokens).
 */
#ifndef AR_LOG_H
#define AR_LOG_H

#include "common/ar_span.h"

#include <stdint.h>

enum ar_log_level { AR_LOG_ERR, AR_LOG_WARN, AR_LOG_NOTICE, AR_LOG_INFO, AR_LOG_DEBUG };

void ar_log_init(const char *program, enum ar_log_level level);
/* "err" "warn" "notice" "info" "debug"; -EINVAL for another word. */
int ar_log_level_parse(const char *word, enum ar_log_level *level);
void ar_log_set_level(enum ar_log_level level);
bool ar_log_on(enum ar_log_level level);

/* area: the directory or component, "front", "dcsf", "ice"... */
void ar_log(enum ar_log_level level, const char *area, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* At most `burst` lines per second and place; what was suppressed is counted and told with the next
 * line. Use the macro. */
struct ar_log_limit {
	uint64_t window;
	unsigned n, suppressed;
};
bool ar_log_allow(struct ar_log_limit *l, unsigned burst);
#define ar_log_limited(level, area, ...)                                                           \
	do {                                                                                       \
		static struct ar_log_limit ar_l_;                                                  \
		if (ar_log_on(level) && ar_log_allow(&ar_l_, 5))                                   \
			ar_log(level, area, __VA_ARGS__);                                          \
	} while (0)

/* Calls of which everything is told, whatever the level: lines between AR_LOG_CALL() of such a
 * Call-ID and the end of its block. Counted: as often off as on. At AR_LOG_MAX_TRACED a further one
 * is not traced, which is said. */
#define AR_LOG_MAX_TRACED 64
void ar_log_trace(const char *call_id, bool on);

/* Call-ID prefix of every line until the end of the enclosing block. */
struct ar_log_scope {
	char prev[80];
	bool traced;
};
struct ar_log_scope ar_log_enter(const char *call_id);
void ar_log_leave(struct ar_log_scope *s);
#define AR_LOG_JOIN_(a, b) a##b
#define AR_LOG_NAME_(line) AR_LOG_JOIN_(ar_scope_, line)
#define AR_LOG_CALL(call_id)                                                                       \
	struct ar_log_scope AR_LOG_NAME_(__LINE__)                                                 \
		__attribute__((cleanup(ar_log_leave), unused)) = ar_log_enter(call_id)

#endif
