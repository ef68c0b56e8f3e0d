/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What strangers and servers can put into a look-up: a caller's URI never leaves its place in a
 * URL or a command, and what an answer gives is a text or nothing. Input: a URI, a line end, a
 * body.
 */
#include "asd/lookup/json_value.h"
#include "asd/lookup/lookup_int.h"
#include "asd/lookup/redis_args.h"
#include "asd/lookup/template.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* One segment: nothing of RFC 3986's reserved characters, and not "." or "..". */
static void check_segment(struct ar_span s)
{
	if (ar_span_eq(s, AR_SPAN(".")) || ar_span_eq(s, AR_SPAN("..")) || !s.n)
		abort();
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] <= ' ' || (unsigned char)s.p[i] >= 0x7f ||
			strchr("/?#[]@:!$&'()*+,;=\\\"<>", s.p[i]))
			abort();
	}
}

static void check_url(const struct lookup_query *q)
{
	struct template t;
	struct ar_buf b;
	char why[400];
	const char *slash;

	ar_buf_init(&b, LOOKUP_MAX_REQUEST);
	if (template_parse(&t, AR_SPAN("/s/{caller.user}/{caller.host}"), why, sizeof(why)) != 0)
		abort();
	if (template_fill(&t, q, TEMPLATE_URL, &b) == 0) {
		slash = memchr(b.p + 3, '/', b.n - 3);
		if (!slash || b.n > LOOKUP_MAX_REQUEST)
			abort();
		check_segment((struct ar_span){b.p + 3, (size_t)(slash - b.p) - 3});
		check_segment((struct ar_span){slash + 1, (size_t)(b.p + b.n - slash) - 1});
	}
	ar_buf_free(&b);
}

static void check_words(const struct lookup_query *q)
{
	const char *argv[REDIS_MAX_ARGS];
	size_t len[REDIS_MAX_ARGS];
	struct redis_args a;
	struct ar_buf b;
	char why[400];

	ar_buf_init(&b, LOOKUP_MAX_REQUEST);
	if (redis_args_parse(&a, "HGET s:{caller.uri} tier", why, sizeof(why)) != 0)
		abort();
	if (redis_args_fill(&a, q, &b) == 0 &&
		(redis_args_split(ar_buf_span(&b), argv, len) != 3 || len[0] != 4 || len[2] != 4 ||
			len[1] != 2 + q->caller.uri.n))
		abort();
	(void)redis_args_split(q->caller.uri, argv, len);
	ar_buf_free(&b);
}

static void check_body(struct ar_span body)
{
	static const char *const pointers[] = {NULL, "", "/a", "/a/0", "/~1~0/b", "/0"};

	for (size_t i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++) {
		char *text = NULL;
		size_t n = 0;

		if (json_value_read(body, pointers[i], &text, &n) != 0)
			continue;
		if (text[n] != '\0')
			abort();
		if (!lookup_text_bad((struct ar_span){text, n}) && n > LOOKUP_MAX_VALUE)
			abort();
		free(text);
	}
}

static void check_conf(struct ar_span s)
{
	struct lookup_url u;
	struct redis_args a;
	struct template t;
	char why[400], *text = strndup(s.p ? s.p : "", s.n);

	if (!text)
		return;
	if (lookup_parse_url(&u, text, why, sizeof(why)) == 0 && (!u.port || !u.host[0]))
		abort();
	(void)!lookup_parse_server(&u, text);
	(void)!template_parse(&t, s, why, sizeof(why));
	if (redis_args_parse(&a, text, why, sizeof(why)) == 0 && (!a.n || a.n > REDIS_MAX_ARGS))
		abort();
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct ar_span all = {(const char *)data, n}, uri = all, body = AR_SPAN_NONE;
	const char *eol = n ? memchr(data, '\n', n) : NULL;
	struct lookup_query q = {.callid = AR_SPAN("1@x")};

	if (eol) {
		uri.n = (size_t)(eol - uri.p);
		body = (struct ar_span){eol + 1, n - uri.n - 1};
	}
	policy_party_set(&q.caller, uri);
	check_url(&q);
	check_words(&q);
	check_body(body);
	check_conf(uri);
	return 0;
}
