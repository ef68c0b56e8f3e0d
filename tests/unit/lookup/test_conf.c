/* SPDX-License-Identifier: GPL-2.0-or-later */
/* [fact NAME] and [lookup] of asd.conf: what is taken, and what each mistake is told. */
#include "asd/asd_conf.h"
#include "asd/lookup/lookup_int.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

static int read_text(struct asd_conf *c, const char *text, char *err, size_t cap)
{
	char path[] = "/tmp/test_lookup_conf.XXXXXX";
	int fd = mkstemp(path), rc;
	struct ar_buf b;

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	ar_buf_init(&b, 4096);
	rc = asd_conf_read(c, path, &b);
	snprintf(err, cap, "%.*s", (int)b.n, b.p ? b.p : "");
	ar_buf_free(&b);
	unlink(path);
	return rc;
}

static void every_kind(void **state)
{
	struct asd_conf c;
	char err[1000];

	(void)state;
	if (read_text(&c,
		    "[lookup]\ndeadline_ms = 250\n"
		    "[fact tier]\nkind = http\nurl = https://hss.example:8443/s/{caller.user}\n"
		    "pointer = /data/tier\nca_file = /etc/ca.pem\n"
		    "[fact barred]\nkind = file\nfile = /etc/barred\nparty = asserted\ncolumn = 2\n"
		    "[fact credit]\nkind = redis\nserver = [::1]:6379\n"
		    "command = HGET sub:{caller.uri} credit\ndb = 3\nttl = 0\n"
		    "[fact via_socket]\nkind = redis\nserver = unix:/run/redis.sock\n"
		    "command = GET {callee.user}\n",
		    err, sizeof(err)) != 0)
		fail_msg("%s", err);
	assert_int_equal(c.lookup_deadline_ms, 250);
	assert_int_equal(c.nfacts, 4);
	assert_string_equal(c.fact[0].name, "tier");
	assert_int_equal(c.fact[0].timeout_ms, 200);
	assert_int_equal(c.fact[0].ttl_s, 60);
	assert_int_equal(c.fact[1].column, 2);
	assert_int_equal(c.fact[2].ttl_s, 0);
	asd_conf_free(&c);
}

static void mistakes(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"[fact t]\nttl = 1\n", "[fact t] kind: missing"},
		{"[fact t]\nkind = ldap\n", "[fact t] kind = ldap: want http, file or redis"},
		{"[fact t]\nkind = http\n", "[fact t] url: missing"},
		{"[fact t]\nkind = http\nurl = ftp://x/\n", "want http://"},
		{"[fact t]\nkind = http\nurl = http://{caller.host}/\n", "neither {places}"},
		{"[fact t]\nkind = http\nurl = http://me@x/\n", "nor user@"},
		{"[fact t]\nkind = http\nurl = http://x:0/\n", "url"},
		{"[fact t]\nkind = http\nurl = http://x:99999/\n", "url"},
		{"[fact t]\nkind = http\nurl = http://x:/\n", "url"},
		{"[fact t]\nkind = http\nurl = http:///\n", "url"},
		{"[fact t]\nkind = http\nurl = http://[::1/\n", "url"},
		{"[fact t]\nkind = http\nurl = http://x/a b\n", "url"},
		{"[fact t]\nkind = http\nurl = http://x/{caller.age}\n",
			"{caller.age} is not known"},
		{"[fact t]\nkind = http\nurl = http://x/\npointer = data\n", "JSON Pointer"},
		{"[fact t]\nkind = http\nurl = http://x/\nca_file = /x\n", "only with https"},
		{"[fact t]\nkind = http\nurl = http://x/\nfile = /x\n", "file: does not go with"},
		{"[fact t]\nkind = file\nfile = /x\nurl = http://x/\n", "url: does not go with"},
		{"[fact t]\nkind = file\n", "file: missing"},
		{"[fact t]\nkind = file\nfile = /x\nparty = both\n", "party = both"},
		{"[fact t]\nkind = redis\ncommand = GET x\n", "server: missing"},
		{"[fact t]\nkind = redis\nserver = db.example:6379\ncommand = GET x\n",
			"not a name"},
		{"[fact t]\nkind = redis\nserver = 127.0.0.1:6379\n", "command: missing"},
		{"[fact t]\nkind = redis\nserver = 127.0.0.1:6379\ncommand = MONITOR\n",
			"does not answer once"},
		{"[fact t]\nkind = http\nurl = http://x/\ntimeout_ms = 0\n", "[fact t] timeout_ms"},
		{"[fact Tier]\nkind = file\n", "up to 31 of a-z 0-9 _"},
		{"[fact 1st]\nkind = file\n", "want [fact NAME]"},
		{"[fact]\nkind = file\n", "want [fact NAME]"},
		{"[fact a_name_that_is_longer_than_what_fits]\nkind = file\n", "up to 31"},
		{"[fact t]\nkind = file\nfile = /x\n[fact u]\nkind = file\nfile = /x\n[fact t]\n"
		 "ttl = 1\n",
			"[fact t]: there twice"},
		{"[lookup]\ndeadline_ms = 800\n[fact t]\nkind = file\nfile = /x\n",
			"[lookup] deadline_ms = 800: not below"},
		{"[policy]\ninstructions = 1\n", "instructions"},
		{"[policy]\nlist_entries = 0\n", "list_entries"},
		{"[policy]\nlist_kib = 0\n", "list_kib"},
	};
	struct asd_conf c;
	char err[1000];

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (read_text(&c, cases[i].text, err, sizeof(err)) == 0)
			fail_msg("'%s' was taken", cases[i].text);
		if (!strstr(err, cases[i].want))
			fail_msg("'%s' gave '%s', not '%s'", cases[i].text, err, cases[i].want);
		asd_conf_free(&c);
	}
}

static void at_most_sixteen(void **state)
{
	char text[2000] = "", err[1000];
	struct asd_conf c;

	(void)state;
	for (unsigned i = 0; i < LOOKUP_MAX_FACTS; i++)
		sprintf(text + strlen(text), "[fact f%u]\nkind = file\nfile = /x\n", i);
	assert_int_equal(read_text(&c, text, err, sizeof(err)), 0);
	assert_int_equal(c.nfacts, LOOKUP_MAX_FACTS);
	asd_conf_free(&c);
	strcat(text, "[fact more]\nkind = file\n");
	assert_int_not_equal(read_text(&c, text, err, sizeof(err)), 0);
	assert_non_null(strstr(err, "more than 16 facts"));
	asd_conf_free(&c);
}

static void limits_of_the_policy(void **state)
{
	struct asd_conf c;
	struct policy_conf p;
	char err[1000];

	(void)state;
	if (read_text(&c,
		    "[policy]\ntime_ms = 7\nmemory_kib = 300\ninstructions = 12345\n"
		    "list_entries = 99\nlist_kib = 3\n",
		    err, sizeof(err)) != 0)
		fail_msg("%s", err);
	p = asd_policy_conf(&c);
	assert_int_equal(p.limits.cpu_ms, 7);
	assert_int_equal(p.limits.memory, 300 * 1024);
	assert_int_equal(p.limits.instructions, 12345);
	assert_int_equal(p.limits.list_entries, 99);
	assert_int_equal(p.limits.list_bytes, 3 * 1024);
	asd_conf_free(&c);
}

/* What docs/policy.md shows. */
static void documented(void **state)
{
	static const char mark[] = "```ini asd.conf\n";
	FILE *f = fopen(SRC_DIR "/docs/policy.md", "r");
	char text[65536], err[1000], *from, *to;
	struct asd_conf c;

	(void)state;
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	from = strstr(text, mark);
	assert_non_null(from);
	from += strlen(mark);
	to = strstr(from, "```");
	*to = '\0';
	if (read_text(&c, from, err, sizeof(err)) != 0)
		fail_msg("%s", err);
	assert_int_equal(c.nfacts, 3);
	asd_conf_free(&c);
}

static void urls(void **state)
{
	static const struct {
		const char *text, *host, *path;
		unsigned port;
		bool tls;
	} cases[] = {{"http://h", "h", "", 80, false}, {"HTTPS://h/x", "h", "/x", 443, true},
		{"http://10.0.0.1:8080/a/b?c={callid}", "10.0.0.1", "/a/b?c={callid}", 8080, false},
		{"http://[2001:db8::1]:81/x", "2001:db8::1", "/x", 81, false},
		{"https://[::1]?x", "::1", "?x", 443, true}};
	struct lookup_url u;
	char why[200];

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (lookup_parse_url(&u, cases[i].text, why, sizeof(why)) != 0)
			fail_msg("%s: %s", cases[i].text, why);
		assert_string_equal(u.host, cases[i].host);
		assert_int_equal(u.port, cases[i].port);
		assert_int_equal(u.tls, cases[i].tls);
		assert_true(ar_span_eq(u.path, ar_span_str(cases[i].path)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_kind), cmocka_unit_test(mistakes),
		cmocka_unit_test(at_most_sixteen), cmocka_unit_test(limits_of_the_policy),
		cmocka_unit_test(documented), cmocka_unit_test(urls)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
