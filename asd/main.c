/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/asd.h"
#include "asd/lookup/lookup.h"
#include "asd/policy/policy_tool.h"
#include "asd/store/store.h"
#include "common/daemon/ar_log.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define CONF_FILE "/etc/ims-ar/asd.conf"

/* Exit codes, as in --help. */
enum { EXIT_GOOD = 0, EXIT_RUN = 1, EXIT_USE = 2, EXIT_CONF = 78 };

struct args {
	const char *conf, *level, *decide, *test, *policy;
	bool check;
};

static void usage(FILE *out)
{
	fprintf(out,
		"usage: asd [-c FILE] [-d LEVEL]            run\n"
		"       asd [-c FILE] -t                    check configuration, policy and store\n"
		"       asd [-c FILE] --check POLICY.lua    check that policy alone\n"
		"       asd [-c FILE] --decide CALL         what the policy says to that call: "
		"JSON, "
		"or an INVITE\n"
		"       asd [-c FILE] --test DIR            run the policy tests of that folder\n"
		"       asd --help | --version\n\n"
		"  -c, --config FILE   default " CONF_FILE "\n"
		"  -d, --log LEVEL     err, warn, notice, info, debug; over [asd] log_level\n"
		"  -p, --policy FILE   instead of [policy] file, with --decide and --test\n\n"
		"signals: TERM, INT stop (calls stay in the store); HUP load the policy anew\n"
		"exit: 0 stopped or all is well, 1 could not start or policy at fault, 2 wrong "
		"use,\n"
		"      78 error in the configuration\n\n"
		"settings (name = default):\n");
	asd_conf_help(out);
}

static int parse_args(struct args *x, int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
		{"log", required_argument, NULL, 'd'}, {"check", no_argument, NULL, 't'},
		{"decide", required_argument, NULL, 'D'}, {"test", required_argument, NULL, 'T'},
		{"policy", required_argument, NULL, 'p'}, {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'}, {0}};
	int o;

	*x = (struct args){.conf = CONF_FILE};
	while ((o = getopt_long(argc, argv, "c:d:p:th", options, NULL)) != -1) {
		switch (o) {
		case 'c':
			x->conf = optarg;
			break;
		case 'd':
			x->level = optarg;
			break;
		case 't':
			x->check = true;
			break;
		case 'p':
			x->policy = optarg;
			break;
		case 'D':
			x->decide = optarg;
			break;
		case 'T':
			x->test = optarg;
			break;
		case 'h':
			usage(stdout);
			exit(EXIT_GOOD);
		case 'V':
			printf("asd %s\n", IMS_AR_VERSION);
			exit(EXIT_GOOD);
		default:
			return -EINVAL;
		}
	}
	if (x->check && optind + 1 == argc)
		x->policy = argv[optind++];
	return optind == argc ? 0 : -EINVAL;
}

static void complain(const struct ar_buf *err)
{
	fprintf(stderr, "asd: %.*s\n", (int)err->n, err->p ? err->p : "");
}

static int check_store(const struct asd_conf *c, struct ar_buf *err)
{
	int e = c->store_file && c->store_file[0] ? store_check(c->store_file, err) : 0;

	if (e != -EBUSY)
		return e;
	ar_buf_reset(err);
	printf("store %s: in use, not checked\n", c->store_file);
	return 0;
}

static void no_facts(void *arg, uint32_t call, uint32_t batch, struct lookup_facts *facts)
{
	(void)arg;
	(void)call;
	(void)batch;
	free(facts);
}

/* The files and secrets of the facts; servers that are down are none of the configuration's. */
static int check_facts(const struct asd_conf *c, struct ar_buf *err)
{
	struct lookup_conf lc = {.fact = c->fact, .nfacts = c->nfacts, .on_facts = no_facts};
	struct event_base *base = c->nfacts ? event_base_new() : NULL;
	struct lookup *l = NULL;
	int e = base ? lookup_new(&l, base, &lc, err) : 0;

	lookup_free(l);
	if (base)
		event_base_free(base);
	return e;
}

static int check(const struct asd_conf *c, const char *path, struct ar_buf *err)
{
	struct policy_conf pc = asd_policy_conf(c);
	int rc = policy_check_main(&pc, stdout);

	if (rc != 0)
		return rc;
	if (check_facts(c, err) != 0 || check_store(c, err) != 0) {
		complain(err);
		return EXIT_RUN;
	}
	printf("%s is all right\n", path);
	return EXIT_GOOD;
}

static int run(struct asd *a, struct ar_buf *err)
{
	if (asd_open(a, err) != 0) {
		ar_log(AR_LOG_ERR, "asd", "%.*s", (int)err->n, err->p);
		sd_notifyf(0, "STATUS=%.*s", (int)err->n, err->p);
		return EXIT_RUN;
	}
	ar_log(AR_LOG_NOTICE, "asd", "asd " IMS_AR_VERSION " runs, instance %s, %u calls",
		a->instance, calls_n(&a->calls));
	sd_notify(0, "READY=1");
	event_base_dispatch(a->base);
	return EXIT_GOOD;
}

static int run_daemon(struct asd *a, struct ar_buf *err)
{
	int rc = run(a, err);

	asd_close(a);
	if (rc == EXIT_GOOD)
		ar_log(AR_LOG_NOTICE, "asd", "stopped");
	return rc;
}

int main(int argc, char **argv)
{
	static struct asd a;
	struct policy_conf pc;
	enum ar_log_level level;
	struct ar_buf err;
	struct args x;
	int rc;

	ar_buf_init(&err, 8192);
	if (parse_args(&x, argc, argv) != 0) {
		fprintf(stderr, "asd: wrong use; asd --help tells\n");
		return EXIT_USE;
	}
	/* A policy can be tried where asd is not set up. */
	if ((x.policy || x.test) && strcmp(x.conf, CONF_FILE) == 0 && access(CONF_FILE, F_OK) != 0)
		x.conf = NULL;
	if (asd_conf_read(&a.conf, x.conf, &err) != 0) {
		complain(&err);
		if (x.decide && !x.policy)
			fprintf(stderr,
				"asd: --policy FILE names a policy where asd is not set up\n");
		rc = EXIT_CONF;
	} else if (ar_log_level_parse(x.level ? x.level : a.conf.log_level, &level) != 0) {
		fprintf(stderr, "asd: -d %s: want err, warn, notice, info or debug\n", x.level);
		rc = EXIT_USE;
	} else {
		ar_log_init("asd", level);
		pc = asd_policy_conf(&a.conf);
		/* tests bring their own facts */
		pc.facts_known = x.conf && !x.test;
		if (x.policy)
			pc.script = x.policy;
		rc = x.check && x.policy ? policy_check_main(&pc, stdout)
		     : x.check           ? check(&a.conf, x.conf, &err)
		     : x.decide          ? policy_decide_main(&pc, x.decide, stdout)
		     : x.test            ? policy_test_main(&pc, x.test, stdout)
					 : -1;
	}
	if (rc < 0)
		rc = run_daemon(&a, &err);
	else
		asd_conf_free(&a.conf);
	ar_buf_free(&err);
	return rc;
}
