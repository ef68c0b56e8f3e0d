/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts from a file: whose entry, which column, and files that change while calls go on. */
#include "bench.h"
#include "common/daemon/ar_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

static struct bench b;
static char path[64];

static void write_file(const char *text)
{
	char tmp[80];
	FILE *f;

	snprintf(tmp, sizeof(tmp), "%s.new", path);
	f = fopen(tmp, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(rename(tmp, path), 0);
}

static int setup(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "/tmp/test_lookup_file.%d", (int)getpid());
	bench_init(&b);
	write_file("# who, what, since\nalice@ims.example gold, 2019\n@ims.example,basic,2020\n"
		   "+4930* berlin\n");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bench_close(&b);
	unlink(path);
	return 0;
}

static struct lookup_fact_conf *tier(void)
{
	struct lookup_fact_conf *c = bench_fact(&b, "tier", "file");

	c->file = path;
	return c;
}

static void by_party(void **state)
{
	(void)state;
	tier();
	bench_open(&b);
	assert_int_equal(bench_begin(&b, "sip:alice@ims.example"), 0); /* nothing to wait for */
	assert_ok(bench_ask(&b, "sip:alice@ims.example", "tier"), "gold, 2019");
	assert_ok(bench_ask(&b, "sip:carol@IMS.example", "tier"), "basic,2020");
	assert_ok(bench_ask(&b, "tel:+49301234", "tier"), "berlin");
	assert_none(bench_ask(&b, "sip:eve@evil.example", "tier"));
}

static void of_the_callee_a_column(void **state)
{
	struct lookup_fact_conf *c = tier();

	(void)state;
	c->party = (char *)(uintptr_t) "callee"; /* bob */
	c->column = 2;
	bench_open(&b);
	assert_ok(bench_ask(&b, "sip:alice@ims.example", "tier"), "2020");
	bench_close(&b);
	bench_init(&b);
	c = tier();
	c->column = 3; /* there is none */
	bench_open(&b);
	assert_none(bench_ask(&b, "sip:alice@ims.example", "tier"));
	bench_close(&b);
	bench_init(&b);
	c = tier();
	c->party = (char *)(uintptr_t) "asserted"; /* nobody is */
	bench_open(&b);
	assert_none(bench_ask(&b, "sip:alice@ims.example", "tier"));
}

static void until(const char *want)
{
	uint64_t end = ar_now() + 40 * AR_SEC;
	const struct lookup_fact *x;

	for (;;) {
		x = bench_ask(&b, "sip:alice@ims.example", "tier");
		if (x->state == LOOKUP_OK && strcmp(x->text, want) == 0)
			return;
		if (ar_now() > end)
			fail_msg("still '%s', not '%s'", x->text ? x->text : "", want);
		bench_run(&b, 20);
	}
}

static void changes_are_read(void **state)
{
	(void)state;
	tier();
	bench_open(&b);
	assert_ok(bench_ask(&b, "sip:alice@ims.example", "tier"), "gold, 2019");
	write_file("alice@ims.example platinum\n");
	until("platinum");
	assert_none(bench_ask(&b, "sip:carol@ims.example", "tier"));
}

/* A bad file, or none, changes nothing; the next good one counts. */
static void bad_changes_are_not(void **state)
{
	(void)state;
	tier();
	bench_open(&b);
	write_file("alice@ims.example\n");
	bench_run(&b, 1500);
	assert_ok(bench_ask(&b, "sip:alice@ims.example", "tier"), "gold, 2019");
	unlink(path);
	bench_run(&b, 1500);
	assert_ok(bench_ask(&b, "sip:alice@ims.example", "tier"), "gold, 2019");
	write_file("alice@ims.example silver\n");
	until("silver");
}

static void not_there_at_start(void **state)
{
	char *why;

	(void)state;
	tier()->file = (char *)(uintptr_t) "/nonexistent/tiers";
	why = bench_open_error(&b);
	assert_non_null(strstr(why, "[fact tier] /nonexistent/tiers: No such file"));
	free(why);
}

static void bad_at_start(void **state)
{
	char *why;

	(void)state;
	write_file("alice@ims.example gold\nbob\n");
	tier();
	why = bench_open_error(&b);
	assert_non_null(strstr(why, ":2: no value behind the key"));
	free(why);
}

/* Many entries, changed under load: the loop goes on meanwhile. */
static void large(void **state)
{
	uint64_t worst = 0, end;
	FILE *f;

	(void)state;
	tier();
	bench_open(&b);
	f = fopen(path, "w");
	for (unsigned i = 0; i < 300000; i++)
		fprintf(f, "user%u@ims.example tier%u\n", i, i % 5);
	fprintf(f, "alice@ims.example one-of-many\n");
	fclose(f);
	for (end = ar_now() + 60 * AR_SEC; ar_now() < end;) {
		uint64_t began = ar_now();
		const struct lookup_fact *x;

		bench_run(&b, 1);
		x = bench_ask(&b, "sip:alice@ims.example", "tier");
		worst = ar_now() - began > worst ? ar_now() - began : worst;
		if (x->state == LOOKUP_OK && strcmp(x->text, "one-of-many") == 0)
			break;
	}
	assert_ok(bench_ask(&b, "sip:user299999@ims.example", "tier"), "tier4");
	print_message("the loop's longest pause: %llu us\n", (unsigned long long)worst);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {T(by_party), T(of_the_callee_a_column),
		T(changes_are_read), T(bad_changes_are_not), T(not_there_at_start), T(bad_at_start),
		T(large)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
