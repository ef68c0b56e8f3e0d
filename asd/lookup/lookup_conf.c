/* SPDX-License-Identifier: GPL-2.0-or-later */
/* [fact NAME] of asd.conf. */
#include "asd/lookup/lookup_int.h"
#include "asd/lookup/redis_args.h"
#include "asd/lookup/template.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define AT(member) offsetof(struct lookup_fact_conf, member)
#define TEXT(name, member, deflt, help)                                                            \
	{                                                                                          \
		"fact NAME", name, AR_CONF_STRING, AT(member), deflt, 0, 0, help                   \
	}
#define NUMBER(name, member, deflt, min, max, help)                                                \
	{                                                                                          \
		"fact NAME", name, AR_CONF_INT, AT(member), deflt, min, max, help                  \
	}

const struct ar_conf_key lookup_keys[] = {
	TEXT("kind", kind, NULL, "http, file or redis"),
	NUMBER("timeout_ms", timeout_ms, "200", 1, 10000, "http, redis: time for one answer"),
	NUMBER("ttl", ttl_s, "60", 0, 86400,
		"http, redis: seconds an answer is kept, also that there is none; 0: never"),
	TEXT("url", url, NULL, "http: http:// or https://, with {caller.user} and the like"),
	TEXT("pointer", pointer, NULL, "http: JSON Pointer to the value; unset: the whole body"),
	TEXT("authorization_file", authorization_file, NULL,
		"http: file with what goes into the header Authorization"),
	TEXT("ca_file", ca_file, NULL, "https: certificates to trust; unset: the system's"),
	NUMBER("connections", connections, "8", 1, 64, "http: connections at a time"),
	TEXT("file", file, NULL, "file: lines of key and value; read anew when it changes"),
	TEXT("party", party, "caller", "file: whose entry, caller, callee or asserted"),
	NUMBER("column", column, "0", 0, 32,
		"file: which of the values, separated by commas; 0: all of the line"),
	TEXT("server", server, NULL, "redis: address:port, or unix:/path"),
	TEXT("command", command, NULL, "redis: command with {caller.user} and the like"),
	TEXT("password_file", password_file, NULL, "redis: file with the password"),
	NUMBER("db", db, "0", 0, 65535, "redis: number of the database"),
};
const unsigned lookup_nkeys = sizeof(lookup_keys) / sizeof(lookup_keys[0]);

void lookup_conf_free(struct lookup_fact_conf *c)
{
	ar_conf_free(lookup_keys, lookup_nkeys, c);
	free(c->name);
	c->name = NULL;
}

static int bad(const struct lookup_fact_conf *c, struct ar_buf *err, const char *key,
	const char *value, const char *want)
{
	ar_buf_printf(err, "[fact %s] %s%s%s: %s", c->name, key, value ? " = " : "",
		value ? value : "", want);
	return -EINVAL;
}

/* ---- http ---- */

static int parse_port(struct lookup_url *u, struct ar_span s)
{
	unsigned long n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9' || n > 65535)
			return -EINVAL;
		n = n * 10 + (unsigned long)(s.p[i] - '0');
	}
	if (!s.n || n < 1 || n > 65535)
		return -EINVAL;
	u->port = (uint16_t)n;
	return 0;
}

/* "host", "host:80", "[2001:db8::1]:80" */
static int parse_authority(struct lookup_url *u, struct ar_span s)
{
	const char *end = s.n && s.p[0] == '[' ? memchr(s.p, ']', s.n) : NULL;
	struct ar_span host, rest;
	size_t n;

	if (s.n && s.p[0] == '[') {
		n = end ? (size_t)(end - s.p) + 1 : 0;
		host = n > 2 ? (struct ar_span){s.p + 1, n - 2} : AR_SPAN_NONE;
	} else {
		end = memchr(s.p, ':', s.n);
		n = end ? (size_t)(end - s.p) : s.n;
		host = (struct ar_span){s.p, n};
	}
	if (!host.n || host.n >= sizeof(u->host))
		return -EINVAL;
	memcpy(u->host, host.p, host.n);
	u->host[host.n] = '\0';
	rest = (struct ar_span){s.p + n, s.n - n};
	if (!rest.n)
		return 0;
	return rest.p[0] == ':' ? parse_port(u, (struct ar_span){rest.p + 1, rest.n - 1}) : -EINVAL;
}

int lookup_parse_url(struct lookup_url *u, const char *text, char *why, size_t cap)
{
	const char *at = strstr(text, "://");
	struct ar_span scheme = {text, at ? (size_t)(at - text) : 0}, authority;

	*u = (struct lookup_url){.tls = ar_span_caseeq(scheme, "https")};
	u->port = u->tls ? 443 : 80;
	snprintf(why, cap, "want http://host[:port]/path or https://");
	if (!u->tls && !ar_span_caseeq(scheme, "http"))
		return -EINVAL;
	authority = (struct ar_span){at + 3, strcspn(at + 3, "/?#")};
	if (memchr(authority.p, '{', authority.n) || memchr(authority.p, '@', authority.n)) {
		snprintf(why, cap, "neither {places} nor user@ before the path");
		return -EINVAL;
	}
	for (const char *p = text; *p; p++) {
		if ((unsigned char)*p <= ' ' || *p == '#')
			return -EINVAL;
	}
	u->path = ar_span_str(authority.p + authority.n);
	return parse_authority(u, authority);
}

static int check_http(const struct lookup_fact_conf *c, struct ar_buf *err)
{
	struct lookup_url u;
	struct template t;
	char why[400];

	if (!c->url)
		return bad(c, err, "url", NULL, "missing");
	if (lookup_parse_url(&u, c->url, why, sizeof(why)) != 0 ||
		template_parse(&t, u.path, why, sizeof(why)) != 0)
		return bad(c, err, "url", c->url, why);
	if (c->pointer && c->pointer[0] && c->pointer[0] != '/')
		return bad(c, err, "pointer", c->pointer, "want a JSON Pointer, /data/tier");
	if (c->ca_file && !u.tls)
		return bad(c, err, "ca_file", c->ca_file, "only with https://");
	return 0;
}

/* ---- file, redis ---- */

static int check_file(const struct lookup_fact_conf *c, struct ar_buf *err)
{
	if (!c->file || !c->file[0])
		return bad(c, err, "file", NULL, "missing");
	if (strcmp(c->party, "caller") != 0 && strcmp(c->party, "callee") != 0 &&
		strcmp(c->party, "asserted") != 0)
		return bad(c, err, "party", c->party, "want caller, callee or asserted");
	return 0;
}

int lookup_parse_server(struct lookup_url *u, const char *text)
{
	const char *colon = strrchr(text, ':');
	struct in6_addr a6;
	struct in_addr a4;

	*u = (struct lookup_url){.port = 0};
	if (strncmp(text, "unix:/", 6) == 0) {
		u->path = ar_span_str(text + 5);
		return u->path.n < 108 ? 0 : -EINVAL;
	}
	if (!colon || parse_authority(u, ar_span_str(text)) != 0 || !u->port)
		return -EINVAL;
	/* hiredis would ask a name server and wait for it */
	return inet_pton(AF_INET, u->host, &a4) == 1 || inet_pton(AF_INET6, u->host, &a6) == 1
		       ? 0
		       : -EINVAL;
}

static int check_redis(const struct lookup_fact_conf *c, struct ar_buf *err)
{
	struct redis_args args;
	struct lookup_url u;
	char why[400];

	if (!c->server)
		return bad(c, err, "server", NULL, "missing");
	if (lookup_parse_server(&u, c->server) != 0)
		return bad(c, err, "server", c->server,
			"want address:port (a number, not a name) or unix:/path");
	if (!c->command)
		return bad(c, err, "command", NULL, "missing");
	if (redis_args_parse(&args, c->command, why, sizeof(why)) != 0)
		return bad(c, err, "command", c->command, why);
	return 0;
}

/* ---- all ---- */

/* Settings that only one kind has; the others' are mistakes. */
static int check_kind(const struct lookup_fact_conf *c, struct ar_buf *err)
{
	static const struct {
		const char *key, *kind;
		size_t at;
	} of[] = {{"url", "http", AT(url)}, {"pointer", "http", AT(pointer)},
		{"authorization_file", "http", AT(authorization_file)},
		{"ca_file", "http", AT(ca_file)}, {"file", "file", AT(file)},
		{"server", "redis", AT(server)}, {"command", "redis", AT(command)},
		{"password_file", "redis", AT(password_file)}};

	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		const char *value = *(char *const *)(const void *)((const char *)c + of[i].at);

		if (value && strcmp(of[i].kind, c->kind) != 0)
			return bad(c, err, of[i].key, NULL, "does not go with this kind");
	}
	return 0;
}

int lookup_conf_check(const struct lookup_fact_conf *c, struct ar_buf *err)
{
	static const struct {
		const char *kind;
		int (*check)(const struct lookup_fact_conf *c, struct ar_buf *err);
	} kinds[] = {{"http", check_http}, {"file", check_file}, {"redis", check_redis}};

	if (!c->kind)
		return bad(c, err, "kind", NULL, "missing: http, file or redis");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int e;

		if (strcmp(kinds[i].kind, c->kind) != 0)
			continue;
		e = check_kind(c, err);
		return e ? e : kinds[i].check(c, err);
	}
	return bad(c, err, "kind", c->kind, "want http, file or redis");
}
