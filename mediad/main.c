/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/daemon/ar_log.h"
#include "mediad/mediad.h"

#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#define DEFAULT_CONFIG "/etc/ims-ar/mediad.conf"

enum { EXIT_GOOD = 0, EXIT_RUN = 1, EXIT_USE = 2, EXIT_CONF = 78 };

static void help(void)
{
	printf("usage: mediad [-c FILE] [-t]\n\n"
	       "The media function of ims-ar: data channels of AR calls (DCMF). Runs in the\n"
	       "foreground; SIGTERM ends it, SIGUSR1 starts and ends draining, SIGUSR2 upgrades:\n"
	       "a new mediad takes its place, the calls that there are go on.\n\n"
	       "  -c, --config FILE  configuration (default: %s if there)\n"
	       "  -t, --check        check configuration and scenes, then exit\n"
	       "  -V, --version\n"
	       "  -h, --help\n\n"
	       "exit: 0 stopped or all is well, 1 could not start or a scene is at fault, 2 wrong "
	       "use,\n"
	       "      78 error in the configuration\n\nsettings:\n",
		DEFAULT_CONFIG);
	mediad_conf_help(stdout);
}

static void fine(const struct mediad_conf *conf, const char *path)
{
	printf("mediad: %s is fine\n", path ? path : "the default configuration");
	mediad_conf_ports(conf, stdout);
}

static int run(const char *path, bool check, char *const *argv)
{
	struct upgrade up;
	struct mediad_conf conf;
	enum ar_log_level level = AR_LOG_INFO;
	struct ar_buf why;
	int status, err;

	ar_buf_init(&why, 4096);
	err = mediad_conf_read(&conf, path, &why);
	status = err ? EXIT_CONF : EXIT_GOOD;
	if (!err) {
		ar_log_level_parse(conf.log_level, &level);
		ar_log_init("mediad", level);
		upgrade_init(&up, argv);
		err = check ? mediad_check(&conf, &why) : mediad_run(&conf, &up, &why);
		status = err ? EXIT_RUN : EXIT_GOOD;
		if (!err && check)
			fine(&conf, path);
		mediad_conf_free(&conf);
	}
	if (err)
		fprintf(stderr, "mediad: %.*s\n", (int)why.n, why.n ? why.p : "");
	ar_buf_free(&why);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
		{"check", no_argument, NULL, 't'}, {"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	const char *path = access(DEFAULT_CONFIG, R_OK) == 0 ? DEFAULT_CONFIG : NULL;
	bool check = false;
	int o;

	while ((o = getopt_long(argc, argv, "c:tVh", options, NULL)) != -1) {
		switch (o) {
		case 'c':
			path = optarg;
			break;
		case 't':
			check = true;
			break;
		case 'V':
			printf("mediad %s\n", IMS_AR_VERSION);
			return EXIT_GOOD;
		case 'h':
			help();
			return EXIT_GOOD;
		default:
			return EXIT_USE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "mediad: what is '%s'? (--help)\n", argv[optind]);
		return EXIT_USE;
	}
	return run(path, check, argv);
}
