/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/daemon/ar_log.h"
#include "mediad/armf/proc/job.h"
#include "mediad/armf/proc/proc.h"
#include "mediad/armf/proc/sandbox.h"
#include "mediad/armf/proc/side.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define SOCKET 3
#define SEND_TIMEOUT_S 5 /* of a worker that reads nothing */
#define FILES_PER_JOB 8
#define FILES_ELSE 256
#define FIRST_SETTING 1000 /* of getopt_long()'s values */

struct args {
	struct proc_conf conf;
	enum ar_log_level level;
	bool check, done, again;
	const char *wrong;
};

static void usage(FILE *out)
{
	fprintf(out,
		"usage: mediad-armf --check [options]\n\n"
		"The media processor of mediad: decodes, draws and encodes video. mediad "
		"starts it.\n"
		"With --check it starts the renderer and the sandbox, says what it found, and "
		"ends.\n\n"
		"  --platform NAME     surfaceless (default), device, auto\n"
		"  --device N          number of the device, -1: the first that works\n"
		"  --cache DIR         of compiled shaders\n"
		"  --max-jobs N        streams at a time (default 8)\n"
		"  --max-triangles N   drawn in one frame, 0: by kind of renderer\n"
		"  --h264 NAME         encoder: x264 (default) or openh264\n"
		"  --log-level LEVEL   err, warn, notice, info or debug\n"
		"  --again             it could not start before: not a word if it still cannot\n"
		"  -V, --version\n  -h, --help\n");
}

/* ---- options; each returns false for a value that it cannot take ---- */

static bool number(const char *text, unsigned max, unsigned *out)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	*out = (unsigned)n;
	return *text && !*end && n <= max;
}

static bool set_platform(struct args *a, const char *v)
{
	return render_platform_parse(v, &a->conf.render.platform) == 0;
}

static bool set_device(struct args *a, const char *v)
{
	a->conf.render.device = (int)strtol(v, NULL, 10);
	return true;
}

static bool set_cache(struct args *a, const char *v)
{
	a->conf.render.cache_dir = *v ? v : NULL;
	return true;
}

static bool set_jobs(struct args *a, const char *v)
{
	return number(v, PROC_MAX_JOBS, &a->conf.max_jobs);
}

static bool set_triangles(struct args *a, const char *v)
{
	return number(v, 100000000, &a->conf.render.max_triangles);
}

static bool set_h264(struct args *a, const char *v)
{
	return codec_h264_parse(v, &a->conf.h264) == 0;
}

static bool set_level(struct args *a, const char *v)
{
	return ar_log_level_parse(v, &a->level) == 0;
}

static const struct {
	const char *name;
	bool (*set)(struct args *a, const char *v);
} settings[] = {{"platform", set_platform}, {"device", set_device}, {"cache", set_cache},
	{"max-jobs", set_jobs}, {"max-triangles", set_triangles}, {"h264", set_h264},
	{"log-level", set_level}};
#define NSETTING (sizeof(settings) / sizeof(settings[0]))

static void simple(struct args *a, int o)
{
	if (o == 'c') {
		a->check = true;
	} else if (o == 'a') {
		a->again = true;
	} else if (o == 'V') {
		printf("mediad-armf %s\n", IMS_AR_VERSION);
		a->done = true;
	} else if (o == 'h') {
		usage(stdout);
		a->done = true;
	} else {
		a->wrong = "that option";
	}
}

static void parse(struct args *a, int argc, char **argv)
{
	struct option options[NSETTING + 5] = {{"check", no_argument, NULL, 'c'},
		{"again", no_argument, NULL, 'a'}, {"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'}};
	int o;

	for (size_t i = 0; i < NSETTING; i++)
		options[i + 4] = (struct option){
			settings[i].name, required_argument, NULL, FIRST_SETTING + (int)i};
	while (!a->wrong && (o = getopt_long(argc, argv, "Vh", options, NULL)) != -1) {
		const char *value = optarg;

		if (o < FIRST_SETTING)
			simple(a, o);
		else if (value && !settings[o - FIRST_SETTING].set(a, value))
			a->wrong = value;
	}
	if (!a->wrong && optind < argc)
		a->wrong = argv[optind];
}

/* ---- start ---- */

static bool is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

static int start_threads(struct proc *p)
{
	int err = side_new(&p->side, p);

	for (unsigned i = 0; !err && i < p->conf.max_jobs + PROC_SPARE_JOBS; i++) {
		err = job_new(&p->job[i], p);
		p->njob += !err;
	}
	return err;
}

/* Display and shaders first, then threads, and last the sandbox: a filter before EGL breaks Mesa.
 */
static int start(struct proc *p, struct ar_buf *why)
{
	unsigned warm = p->conf.max_jobs < PROC_MAX_WARM ? p->conf.max_jobs : PROC_MAX_WARM;
	int err;

	if (getrandom(p->hash_key, sizeof(p->hash_key), 0) != sizeof(p->hash_key))
		return -EIO;
	err = render_new(&p->render, &p->conf.render, why);
	if (!err)
		err = render_prewarm(p->render, warm, why);
	if (!err)
		err = start_threads(p);
	if (!err)
		err = sandbox_enter(render_get_info(p->render)->hardware, why);
	return err;
}

static int check(const struct proc *p)
{
	const struct render_info *info = render_get_info(p->render);

	printf("renderer: %s\nplatform: %s\n", info->renderer, info->platform);
	return sandbox_probe(stdout, info->hardware) ? 1 : 0;
}

int main(int argc, char **argv)
{
	static struct proc p;
	struct args a = {.conf = {.max_jobs = 8, .render = {.device = -1}}, .level = AR_LOG_NOTICE};
	const struct timeval limit = {.tv_sec = SEND_TIMEOUT_S};
	struct ar_buf why;
	int err;

	parse(&a, argc, argv);
	if (a.done)
		return 0;
	if (a.wrong || (!a.check && !is_socket(SOCKET))) {
		if (a.wrong)
			fprintf(stderr, "mediad-armf: what is '%s'?\n", a.wrong);
		usage(stderr);
		return 2;
	}
	ar_log_init("mediad-armf", a.level);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a cache that became too large is no reason to die */
	/* opened before the sandbox and kept open: compiled shaders can be looked up inside it */
	setenv("MESA_DISK_CACHE_SINGLE_FILE", "1", 0);
	sandbox_limits(FILES_ELSE + a.conf.max_jobs * FILES_PER_JOB);
	p.conf = a.conf;
	p.sock = SOCKET;
	setsockopt(SOCKET, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	ar_buf_init(&why, 1024);
	err = start(&p, &why);
	if (err)
		ar_log(a.again ? AR_LOG_DEBUG : AR_LOG_ERR, "armf", "cannot start: %.*s (%s)",
			(int)why.n, why.n ? why.p : "", strerror(-err));
	ar_buf_free(&why);
	if (!err)
		err = a.check ? check(&p) : proc_run(&p);
	fflush(stdout);
	_exit(err ? 1 : 0); /* threads are at work: no exit handlers */
}
