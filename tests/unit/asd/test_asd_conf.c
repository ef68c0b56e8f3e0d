/* SPDX-License-Identifier: GPL-2.0-or-later */
/* asd.conf: what is taken, what is refused, and that the shipped file says what the code does. */
#include "asd/asd_conf.h"
#include "asd/asd_stats.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

static void endpoints(void **state)
{
	static const struct {
		const char *text;
		int port;
		const char *host;
	} cases[] = {{"127.0.0.1:9910", 9910, "127.0.0.1"}, {"[2001:db8::1]:1", 1, "2001:db8::1"},
		{"media.example:65535", 65535, "media.example"}, {"127.0.0.1", 0, NULL},
		{":9910", 0, NULL}, {"h:0", 0, NULL}, {"h:65536", 0, NULL}, {"h:12x", 0, NULL},
		{"h:-1", 0, NULL}, {"2001:db8::1:80", 0, NULL}, {"[]:80", 0, NULL}, {"", 0, NULL},
		{"[2001:db8::1:80", 0, NULL}};
	struct asd_endpoint e;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int err = asd_parse_hostport(&e, cases[i].text);

		if ((err == 0) != (cases[i].port != 0))
			fail_msg("'%s' gave %d", cases[i].text, err);
		if (err == 0) {
			assert_int_equal(e.port, cases[i].port);
			assert_string_equal(e.host, cases[i].host);
		}
	}
}

static void listeners_and_dcmfs(void **state)
{
	struct asd_endpoint e;
	char path[200] = "unix:/";

	(void)state;
	assert_int_equal(asd_parse_listen(&e, "unix:/run/ims-ar/asd.sock"), 0);
	assert_int_equal(e.port, 0);
	assert_string_equal(e.host, "/run/ims-ar/asd.sock");
	assert_int_equal(asd_parse_listen(&e, "tcp:[::1]:9900"), 0);
	assert_int_equal(e.port, 9900);
	assert_int_equal(asd_parse_listen(&e, "unix:relative"), -EINVAL);
	assert_int_equal(asd_parse_listen(&e, "udp:1.2.3.4:5"), -EINVAL);
	memset(path + 6, 'x', 150);
	assert_int_equal(asd_parse_listen(&e, path), -EINVAL);
	assert_int_equal(asd_parse_dcmf(&e, "m1 \t 10.0.0.1:9910"), 0);
	assert_string_equal(e.name, "m1");
	assert_int_equal(asd_parse_dcmf(&e, "m1"), -EINVAL);
	assert_int_equal(asd_parse_dcmf(&e, "m\"1 h:1"), -EINVAL);
	assert_int_equal(asd_parse_dcmf(&e, " h:1"), -EINVAL);
}

static void fallbacks(void **state)
{
	struct asd_fallback f;

	(void)state;
	assert_int_equal(asd_parse_fallback(&f, "plain"), 0);
	assert_false(f.deny);
	assert_int_equal(asd_parse_fallback(&f, "deny 503"), 0);
	assert_true(f.deny && f.code == 503);
	assert_int_equal(asd_parse_fallback(&f, "deny"), -EINVAL);
	assert_int_equal(asd_parse_fallback(&f, "deny 200"), -EINVAL);
	assert_int_equal(asd_parse_fallback(&f, "deny 700"), -EINVAL);
	assert_int_equal(asd_parse_fallback(&f, "deny 50x"), -EINVAL);
	assert_int_equal(asd_parse_fallback(&f, ""), -EINVAL);
}

/* The file that is installed names every setting with its default. */
static void shipped_file_is_the_default(void **state)
{
	struct asd_conf file, none;
	struct ar_buf err;

	(void)state;
	ar_buf_init(&err, 1024);
	if (asd_conf_read(&file, SRC_DIR "/etc/ims-ar/asd.conf", &err) != 0)
		fail_msg("%.*s", (int)err.n, err.p);
	assert_int_equal(asd_conf_read(&none, NULL, &err), 0);
	assert_string_equal(file.name, none.name);
	assert_string_equal(file.listen.item[0], none.listen.item[0]);
	assert_string_equal(file.dcmf.item[0], none.dcmf.item[0]);
	assert_string_equal(file.policy_file, none.policy_file);
	assert_string_equal(file.store_file, none.store_file);
	assert_string_equal(file.accept, none.accept);
	assert_int_equal(file.decision_ms, none.decision_ms);
	assert_int_equal(file.reserve_ms, none.reserve_ms);
	assert_int_equal(file.ring_ttl_s, none.ring_ttl_s);
	assert_int_equal(file.call_ttl_s, none.call_ttl_s);
	assert_int_equal(file.max_calls, none.max_calls);
	assert_int_equal(file.lease_s, none.lease_s);
	assert_int_equal(file.max_stream_id, none.max_stream_id);
	assert_int_equal(file.policy_memory_kib, none.policy_memory_kib);
	asd_conf_free(&file);
	asd_conf_free(&none);
	ar_buf_free(&err);
}

static void metrics_text(void **state)
{
	struct asd_stats s = {.n = {7}};
	struct ar_buf out;

	(void)state;
	ar_buf_init(&out, 1 << 20);
	asd_stats_verdict(&s, 900);
	asd_stats_verdict(&s, 1100);
	asd_stats_verdict(&s, 99000000);
	asd_stats_print(&s, &out);
	ar_buf_add(&out, "", 1);
	assert_non_null(strstr(out.p, "asd_offers_total 7\n"));
	assert_non_null(strstr(out.p, "asd_verdict_seconds_bucket{le=\"0.001\"} 1\n"));
	assert_non_null(strstr(out.p, "asd_verdict_seconds_bucket{le=\"0.002\"} 2\n"));
	assert_non_null(strstr(out.p, "asd_verdict_seconds_bucket{le=\"2\"} 2\n"));
	assert_non_null(strstr(out.p, "asd_verdict_seconds_bucket{le=\"+Inf\"} 3\n"));
	assert_non_null(strstr(out.p, "asd_verdict_seconds_count 3\n"));
	ar_buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(endpoints),
		cmocka_unit_test(listeners_and_dcmfs), cmocka_unit_test(fallbacks),
		cmocka_unit_test(shipped_file_is_the_default), cmocka_unit_test(metrics_text)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
