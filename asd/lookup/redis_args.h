/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A Redis command of the configuration, "HGET subscriber:{caller.user} tier": its words, each a
 * template. Filled in, each goes out with its length before it, so nothing that a stranger says can
 * become another word. Pure.
 */
#ifndef LOOKUP_REDIS_ARGS_H
#define LOOKUP_REDIS_ARGS_H

#include "asd/lookup/template.h"

#define REDIS_MAX_ARGS 16

struct redis_args {
	unsigned n;
	struct template arg[REDIS_MAX_ARGS];
};

/* command is borrowed. -EINVAL with why: no words, too many, a place in the first, a command that
 * does not answer once (SUBSCRIBE, MONITOR). */
int redis_args_parse(struct redis_args *a, const char *command, char *why, size_t cap)
	__attribute__((warn_unused_result));
/* Appends each filled in, with its length as four bytes before it. As template_fill(). */
int redis_args_fill(const struct redis_args *a, const struct lookup_query *q, struct ar_buf *out)
	__attribute__((warn_unused_result));
/* The words of what redis_args_fill() made; their number. */
unsigned redis_args_split(
	struct ar_span filled, const char *argv[REDIS_MAX_ARGS], size_t argvlen[REDIS_MAX_ARGS]);

#endif
