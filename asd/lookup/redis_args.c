/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/lookup/redis_args.h"

#include <errno.h>
#include <stdio.h>

static bool answers_otherwise(const struct template *t)
{
	static const char *const words[] = {"subscribe", "psubscribe", "ssubscribe", "unsubscribe",
		"punsubscribe", "sunsubscribe", "monitor", "sync", "psync", "quit", "reset",
		"hello"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (ar_span_caseeq(t->part[0].text, words[i]))
			return true;
	}
	return false;
}

int redis_args_parse(struct redis_args *a, const char *command, char *why, size_t cap)
{
	a->n = 0;
	for (const char *p = command + strspn(command, " \t"); *p; p += strspn(p, " \t")) {
		size_t n = strcspn(p, " \t");

		if (a->n == REDIS_MAX_ARGS) {
			snprintf(why, cap, "more than %d words", REDIS_MAX_ARGS);
			return -EINVAL;
		}
		if (template_parse(&a->arg[a->n++], (struct ar_span){p, n}, why, cap) != 0)
			return -EINVAL;
		p += n;
	}
	snprintf(why, cap, "want a command, HGET subscriber:{caller.user} tier");
	if (!a->n || template_varies(&a->arg[0]))
		return -EINVAL;
	snprintf(why, cap, "this command does not answer once");
	return answers_otherwise(&a->arg[0]) ? -EINVAL : 0;
}

int redis_args_fill(const struct redis_args *a, const struct lookup_query *q, struct ar_buf *out)
{
	int err = 0;

	for (unsigned i = 0; !err && i < a->n; i++) {
		size_t at = out->n;
		uint32_t n = 0;

		err = ar_buf_add(out, &n, sizeof(n));
		if (!err)
			err = template_fill(&a->arg[i], q, TEMPLATE_RAW, out);
		if (err)
			break;
		n = (uint32_t)(out->n - at - sizeof(n));
		memcpy(out->p + at, &n, sizeof(n));
	}
	return err;
}

unsigned redis_args_split(
	struct ar_span filled, const char *argv[REDIS_MAX_ARGS], size_t argvlen[REDIS_MAX_ARGS])
{
	unsigned argc = 0;
	uint32_t n;

	while (filled.n >= sizeof(n) && argc < REDIS_MAX_ARGS) {
		memcpy(&n, filled.p, sizeof(n));
		filled = (struct ar_span){filled.p + sizeof(n), filled.n - sizeof(n)};
		if (n > filled.n)
			return 0;
		argv[argc] = filled.p;
		argvlen[argc++] = n;
		filled = (struct ar_span){filled.p + n, filled.n - n};
	}
	return argc;
}
