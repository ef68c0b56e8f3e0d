/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes wrong with media processors, and that calls get their pictures back. */
#include "rig.h"

#include "mediad/armf/link/link_sock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct armf_job_conf overlay = {.op = ARMF_OVERLAY,
	.in = DEPAY_VP8,
	.out = DEPAY_VP8,
	.start_bps = 400000,
	.call_id = "test-call"};

static struct armf_pool_stats stats(const struct rig *r)
{
	struct armf_pool_stats st;

	armf_pool_get_stats(r->pool, &st);
	return st;
}

static bool is_down(void *arg)
{
	return !((struct rig_stream *)arg)->up;
}

static struct rig_stream *start_with(
	struct rig *r, const struct armf_pool_conf *conf, const char *scene)
{
	struct armf_job_conf c = overlay;
	struct rig_stream *s;

	rig_open(r, conf);
	c.scene = rig_scene(r, scene);
	s = rig_stream(r, &c, 160, 120);
	rig_frames(s, 5);
	return s;
}

static struct rig_stream *start(struct rig *r, const struct armf_pool_conf *conf)
{
	return start_with(r, conf, "magenta.gltf");
}

static bool drawn_again(void *arg)
{
	int x0, y0, x1, y1;
	struct rig_stream *s = arg;

	return s->ups == 2 && clip_magenta(&s->last, &x0, &y0, &x1, &y1);
}

/* Down with a reason, up by itself, the scene and its newest poses are there again. */
static void comes_back(struct rig *r, struct rig_stream *s, const char *reason)
{
	pid_t old = rig_pid(r);

	rig_until(r, is_down, s, "a job to be down");
	if (!strstr(s->reason, reason))
		fail_msg("reason '%s', not '%s'", s->reason, reason);
	codec_dec_free(s->dec); /* what comes must begin with a key frame */
	assert_int_equal(codec_dec_new(&s->dec, DEPAY_VP8), 0);
	s->last = (struct codec_picture){0};
	rig_until_up(s);
	rig_frames(s, 3);
	rig_until(r, drawn_again, s, "the scene again");
	assert_int_equal(s->undecoded, 0);
	assert_int_equal(s->downs, 1);
	assert_int_not_equal(rig_pid(r), old);
}

/* Plain scenes are drawn without GL, metal is not. */
static const char *const scenes[] = {"magenta.gltf", "magenta_metal.gltf"};

static void test_killed(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct rig r;
		struct rig_stream *s = start_with(&r, NULL, scenes[i]);

		kill(rig_pid(&r), SIGKILL);
		comes_back(&r, s, "died");
		assert_int_equal(stats(&r).died, 1);
		assert_int_equal(stats(&r).started, 2);
		assert_true(stats(&r).frames_spliced > 0);
		rig_close(&r);
	}
}

static void test_stopped(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct rig r;
		struct rig_stream *s = start_with(&r, NULL, scenes[i]);

		kill(rig_pid(&r), SIGSTOP);
		comes_back(&r, s, "no sign of life");
		assert_int_equal(stats(&r).hung, 1);
		assert_true(stats(&r).frames_spliced > 0);
		rig_close(&r);
	}
}

static void test_too_much_memory(void **state)
{
	struct rig r;
	struct rig_stream *s = start(&r, NULL);

	(void)state;
	r.pool->conf.memory_mb = 20; /* less than Mesa needs */
	rig_until(&r, is_down, s, "the limit");
	r.pool->conf.memory_mb = 4000;
	comes_back(&r, s, "uses more than 20 MiB");
	assert_int_equal(stats(&r).over_memory, 1);
	rig_close(&r);
}

static void test_poses_survive(void **state)
{
	const float away[3] = {0, -90, 0}, no_turn[4] = {0, 0, 0, 1};
	struct rig r;
	struct rig_stream *s = start(&r, NULL);
	int x0, y0, x1, y1;

	(void)state;
	armf_scene_pose(r.pool, ((struct pool_job *)ar_ids_get(&r.pool->jobs, s->job))->conf.scene,
		0, away, no_turn, ar_now());
	kill(rig_pid(&r), SIGKILL);
	rig_until(&r, is_down, s, "a job to be down");
	rig_until_up(s);
	rig_frames(s, 20);
	assert_false(clip_magenta(&s->last, &x0, &y0, &x1, &y1));
	assert_true(s->drawn > 0);
	rig_close(&r);
}

/* Frames meanwhile are refused, jobs opened meanwhile wait. */
static void test_while_down(void **state)
{
	struct armf_frame_in f = {.data = AR_SPAN("xxxx"), .key = true};
	struct rig r;
	struct rig_stream *s = start(&r, NULL), *t;

	(void)state;
	kill(rig_pid(&r), SIGKILL);
	rig_until(&r, is_down, s, "a job to be down");
	assert_int_equal(armf_job_frame(r.pool, s->job, &f), -ENOTCONN);
	t = rig_stream(&r, &overlay, 160, 120);
	assert_false(t->up);
	rig_until_up(t);
	rig_frames(t, 3);
	rig_frames(s, 3);
	rig_close(&r);
}

static void test_many_deaths(void **state)
{
	unsigned fds, children = rig_children();
	struct rig r;
	struct rig_stream *s = start(&r, NULL);

	(void)state;
	fds = rig_fds();
	for (unsigned i = 0; i < 3; i++) {
		kill(rig_pid(&r), SIGKILL);
		rig_until(&r, is_down, s, "a job to be down");
		rig_until_up(s);
		rig_frames(s, 2);
	}
	assert_int_equal(rig_fds(), fds);
	assert_int_equal(rig_children(), children + 1);
	rig_close(&r);
	assert_int_equal(rig_children(), children);
}

static void test_nothing_leaks(void **state)
{
	unsigned fds, children = rig_children();

	(void)state;
	fds = rig_fds();
	for (unsigned i = 0; i < 2; i++) {
		struct rig r;

		start(&r, NULL);
		rig_close(&r);
		assert_int_equal(rig_fds(), fds);
		assert_int_equal(rig_children(), children);
	}
}

/* ---- programs that are not mediad-armf ---- */

static unsigned lines_with(FILE *f, const char *what)
{
	char line[512];
	unsigned n = 0;

	rewind(f);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, what) != NULL;
	return n;
}

/* What a pool writes to the log in these milliseconds. */
static FILE *log_of(const struct armf_pool_conf *c, unsigned ms)
{
	FILE *f = tmpfile();
	int saved = dup(STDERR_FILENO);
	struct rig r;

	assert_non_null(f);
	dup2(fileno(f), STDERR_FILENO);
	rig_open(&r, c);
	rig_turn(&r, ms);
	dup2(saved, STDERR_FILENO);
	close(saved);
	assert_true(r.pool->proc[0].retry_ms >= 2 * POOL_RETRY_MS); /* more than one try */
	rig_close(&r);
	return f;
}

/* An operator reads it once, not every few seconds for as long as it lasts. */
static void test_told_once(void **state)
{
	struct armf_pool_conf c = {.program = "/nonexistent/mediad-armf",
		.processes = 1,
		.max_jobs = 2,
		.cpu_percent = 100};
	FILE *f;

	(void)state;
	f = log_of(&c, 1500);
	assert_int_equal(lines_with(f, "cannot start /nonexistent/mediad-armf"), 1);
	fclose(f);
	c.program = "/bin/false";
	f = log_of(&c, 2500);
	assert_int_equal(lines_with(f, "processor died"), 1);
	assert_int_equal(lines_with(f, "ended with status 1"), 1);
	fclose(f);
	c.program = MEDIAD_ARMF;
	c.platform = "nonsense"; /* it says itself what is wrong */
	f = log_of(&c, 2500);
	assert_int_equal(lines_with(f, "processor died"), 1);
	fclose(f);
}

static void test_no_program(void **state)
{
	struct armf_pool_conf c = {.program = "/nonexistent/mediad-armf",
		.processes = 1,
		.max_jobs = 2,
		.cpu_percent = 100};
	struct rig r;

	(void)state;
	rig_open(&r, &c);
	rig_stream(&r, &overlay, 160, 120);
	rig_turn(&r, 1500); /* tries again, ever more slowly, and does not burn the CPU */
	assert_int_equal(stats(&r).started, 0);
	assert_true(r.pool->proc[0].retry_ms >= 2 * POOL_RETRY_MS);
	rig_close(&r);
}

static bool has_died_twice(void *arg)
{
	return stats(arg).died >= 2;
}

static void test_program_ends_at_once(void **state)
{
	struct armf_pool_conf c = {
		.program = "/bin/true", .processes = 1, .max_jobs = 2, .cpu_percent = 100};
	struct rig r;

	(void)state;
	rig_open(&r, &c);
	rig_until(&r, has_died_twice, &r, "two ends");
	assert_true(r.pool->proc[0].retry_ms >= POOL_RETRY_MS);
	rig_close(&r);
}

/* A processor that was taken over can send what it likes: it is replaced, nothing else happens. */
static void test_bad_messages(void **state)
{
	struct link_msg m = {.h = {.type = LINK_OUT}};
	struct rig r;
	struct rig_stream *s = start(&r, NULL);
	struct pool_proc *p = &r.pool->proc[0];

	(void)state;
	s->paused = true;
	rig_turn(&r, 300);
	m.h.id = s->job;
	m.u.out = (struct link_out){.seq = 12345, .size = 10, .width = 160, .height = 120};
	assert_non_null(pool_job_on_out(p, &m)); /* no such number */
	m.u.out.seq = ((struct pool_job *)ar_ids_get(&r.pool->jobs, s->job))->seq_out + 1;
	assert_non_null(pool_job_on_out(p, &m)); /* of a frame that was never given */
	m.h.id = 0x7fff0001;
	assert_null(pool_job_on_out(p, &m)); /* closed meanwhile: no fault */
	m.h = (struct link_head){LINK_JOB_UP, s->job};
	assert_non_null(pool_job_on_up(p, &m));
	m.h = (struct link_head){LINK_SNAPPED, s->job};
	assert_null(pool_job_on_snapped(p, &m)); /* nobody asked */
	rig_close(&r);
}

static void test_asset_names(void **state)
{
	static const char *const bad[] = {"nothing.bin", ".", "../armf/magenta.bin", "link"};
	struct link_msg m = {.h = {.type = LINK_WANT_ASSET}}, got;
	struct rig r;
	struct pool_proc *p;
	unsigned nfd;
	int pair[2], fd;

	(void)state;
	rig_open(&r, NULL);
	p = &r.pool->proc[1]; /* is not running: ours */
	pool_proc_init(p, r.pool, 1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	p->sock = pair[0];
	p->ready = true;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		strcpy(m.u.want_asset.uri, bad[i]);
		pool_scene_on_want_asset(p, &m);
		assert_true(link_recv(pair[1], &got, &fd, &nfd, false) > 0);
		assert_int_equal(nfd, 0);
		assert_true(got.u.asset.err < 0);
	}
	strcpy(m.u.want_asset.uri, "magenta.bin");
	pool_scene_on_want_asset(p, &m);
	assert_true(link_recv(pair[1], &got, &fd, &nfd, false) > 0);
	assert_int_equal(got.u.asset.size, 168);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	close(fd);
	close(pair[0]);
	close(pair[1]);
	rig_close(&r);
}

/* ---- the sandbox ---- */

static void test_sandbox_holds(void **state)
{
	char line[256];
	unsigned denied = 0;
	FILE *f = popen(MEDIAD_ARMF " --check --cache " ARMF_CACHE, "re");

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		assert_null(strstr(line, "POSSIBLE"));
		denied += strstr(line, ": denied") != NULL;
	}
	assert_int_equal(pclose(f), 0);
	assert_int_equal(denied, 10);
}

static long status_field(pid_t pid, const char *key)
{
	char path[64], line[256];
	long n = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, key, strlen(key)) == 0)
			n = atol(line + strlen(key));
	}
	fclose(f);
	return n;
}

/* The one that serves calls: filtered in every thread, no descriptor of ours but the socket. */
static void test_process_is_locked_in(void **state)
{
	struct rig r;
	struct rig_stream *s = start(&r, NULL);
	char path[64], target[256];
	unsigned foreign = 0;

	(void)state;
	(void)s;
	assert_int_equal(status_field(rig_pid(&r), "Seccomp:"), 2);
	assert_int_equal(status_field(rig_pid(&r), "NoNewPrivs:"), 1);
	for (int fd = 4; fd < 64; fd++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)rig_pid(&r), fd);
		n = readlink(path, target, sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = 0;
		foreign += strstr(target, "socket:") || strstr(target, "eventpoll");
	}
	assert_int_equal(foreign, 0);
	rig_close(&r);
}

static void test_ends_with_its_worker(void **state)
{
	int pipefd[2], status;
	pid_t child, grandchild = 0;

	(void)state;
	assert_int_equal(pipe2(pipefd, O_CLOEXEC), 0);
	child = fork();
	if (child == 0) {
		struct rig r;

		start(&r, NULL);
		grandchild = rig_pid(&r);
		(void)!write(pipefd[1], &grandchild, sizeof(grandchild));
		_exit(0); /* dies without a word */
	}
	assert_int_equal(read(pipefd[0], &grandchild, sizeof(grandchild)), sizeof(grandchild));
	close(pipefd[0]);
	close(pipefd[1]);
	waitpid(child, &status, 0);
	for (unsigned i = 0; i < 500 && kill(grandchild, 0) == 0; i++) {
		char path[64], c = 0;
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/stat", (int)grandchild);
		f = fopen(path, "re");
		if (!f || fscanf(f, "%*d %*s %c", &c) != 1 || c == 'Z') {
			if (f)
				fclose(f);
			return; /* gone, or waits for init */
		}
		fclose(f);
		usleep(10000);
	}
	assert_int_not_equal(kill(grandchild, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_too_much_memory),
		cmocka_unit_test(test_poses_survive),
		cmocka_unit_test(test_while_down),
		cmocka_unit_test(test_many_deaths),
		cmocka_unit_test(test_nothing_leaks),
		cmocka_unit_test(test_told_once),
		cmocka_unit_test(test_no_program),
		cmocka_unit_test(test_program_ends_at_once),
		cmocka_unit_test(test_bad_messages),
		cmocka_unit_test(test_asset_names),
		cmocka_unit_test(test_sandbox_holds),
		cmocka_unit_test(test_process_is_locked_in),
		cmocka_unit_test(test_ends_with_its_worker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
