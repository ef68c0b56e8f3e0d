/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is committed survives; what is not a store of ours is left alone. */
#include "asd/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[] = "/tmp/asd-store-XXXXXX", path[64];
static struct ar_buf err;

static int setup(void **state)
{
	(void)state;
	memcpy(dir + sizeof(dir) - 7, "XXXXXX", 6);
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/asd.db", dir);
	ar_buf_init(&err, 1024);
	return 0;
}

static int teardown(void **state)
{
	char cmd[100];

	(void)state;
	ar_buf_free(&err);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd); /* NOLINT(cert-env33-c) */
}

static bool said(const char *what)
{
	return err.n && memmem(err.p, err.n, what, strlen(what)) != NULL;
}

static struct store *opened(void)
{
	struct store *s = NULL;

	ar_buf_reset(&err);
	if (store_open(&s, path, &err) != 0)
		fail_msg("%.*s", (int)err.n, err.p);
	return s;
}

struct rows {
	unsigned n;
	char last[64];
};

static void on_row(void *arg, const char *token, struct ar_span text)
{
	struct rows *r = arg;

	r->n++;
	snprintf(r->last, sizeof(r->last), "%s=%.*s", token, (int)text.n, text.p);
}

static unsigned count(struct store *s)
{
	struct rows r = {.n = 0};

	assert_int_equal(store_each(s, on_row, &r), 0);
	return r.n;
}

static void put_change_delete(void **state)
{
	struct store *s = opened();
	struct rows r = {.n = 0};

	(void)state;
	assert_int_equal(store_put(s, "t1", AR_SPAN("one")), 0);
	assert_int_equal(store_put(s, "t2", AR_SPAN("two")), 0);
	assert_int_equal(store_put(s, "t1", AR_SPAN("changed \xc3\xa9")), 0);
	assert_int_equal(store_del(s, "t2"), 0);
	assert_int_equal(store_del(s, "nobody"), 0);
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(store_commit(s), 0);
	store_close(s);
	s = opened();
	assert_int_equal(store_each(s, on_row, &r), 0);
	assert_int_equal(r.n, 1);
	assert_string_equal(r.last, "t1=changed \xc3\xa9");
	store_close(s);
}

/* A child writes until it is killed; all that it said to be committed must be there. */
static void survives_kill_9(void **state)
{
	for (int round = 0; round < 5; round++) {
		unsigned told = 0, n;
		int fd[2], status;
		struct store *s;
		pid_t pid;

		assert_int_equal(pipe(fd), 0);
		pid = fork();
		if (pid == 0) {
			s = opened();
			for (unsigned i = count(s);; i++) {
				char token[24], body[3000];

				snprintf(token, sizeof(token), "%016u", i);
				memset(body, 'x', sizeof(body));
				if (store_put(s, token, (struct ar_span){body, sizeof(body)}) !=
						0 ||
					store_commit(s) != 0)
					_exit(1);
				i++;
				if (write(fd[1], &i, sizeof(i)) != (ssize_t)sizeof(i))
					_exit(1);
				i--;
			}
		}
		close(fd[1]);
		for (int i = 0; i < 400; i++)
			assert_int_equal(read(fd[0], &told, sizeof(told)), sizeof(told));
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		while (read(fd[0], &n, sizeof(n)) == (ssize_t)sizeof(n))
			told = n;
		close(fd[0]);
		s = opened();
		n = count(s);
		assert_true(n >= told && n <= told + 1);
		store_close(s);
	}
	(void)state;
}

static void nobody_else_may_read_it(void **state)
{
	static const char *const with[] = {"", "-wal"};
	mode_t mask = umask(0);
	struct store *s = opened();
	struct stat st;
	char file[80];

	(void)state;
	assert_int_equal(umask(mask), 0); /* as it was */
	assert_int_equal(store_put(s, "0123456789abcdef", AR_SPAN("{}")), 0);
	assert_int_equal(store_commit(s), 0);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(file, sizeof(file), "%s%s", path, with[i]);
		assert_int_equal(stat(file, &st), 0);
		assert_int_equal(st.st_mode & 0007, 0);
	}
	store_close(s);
}

static void what_is_not_committed_is_not_there(void **state)
{
	pid_t pid = fork();
	struct store *s;
	int status;

	(void)state;
	if (pid == 0) {
		s = opened();
		_exit(store_put(s, "t", AR_SPAN("x")) != 0);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	s = opened();
	assert_int_equal(count(s), 0);
	store_close(s);
}

static void one_at_a_time(void **state)
{
	struct store *s = opened(), *other = NULL;

	(void)state;
	assert_int_equal(store_open(&other, path, &err), -EBUSY);
	assert_true(said("another asd"));
	ar_buf_reset(&err);
	assert_int_equal(store_check(path, &err), -EBUSY);
	store_close(s);
}

static void write_file(const char *text, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), n);
	close(fd);
}

static void not_a_database(void **state)
{
	struct store *s = NULL;
	char to[128], text[4096];

	(void)state;
	memset(text, 'n', sizeof(text));
	write_file(text, sizeof(text));
	assert_int_equal(store_check(path, &err), -EUCLEAN);
	ar_buf_reset(&err);
	assert_int_equal(store_open(&s, path, &err), -EUCLEAN);
	assert_true(said("damaged"));
	assert_int_equal(store_move_aside(path, to, sizeof(to)), 0);
	assert_int_equal(access(to, F_OK), 0);
	s = opened();
	assert_int_equal(count(s), 0);
	store_close(s);
}

/* Pages overwritten in the middle: found at start, not at the first call. */
static void damaged_in_the_middle(void **state)
{
	struct store *s = opened();
	char token[24], junk[4096];
	int fd;

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(token, sizeof(token), "%016u", i * 7919 % 2000);
		assert_int_equal(store_put(s, token, AR_SPAN("some body of a call")), 0);
	}
	store_close(s);
	memset(junk, 0xa5, sizeof(junk));
	fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, junk, sizeof(junk), 3 * 4096), sizeof(junk));
	close(fd);
	assert_int_equal(store_check(path, &err), -EUCLEAN);
	ar_buf_reset(&err);
	assert_int_equal(store_open(&s, path, &err), -EUCLEAN);
}

static void somebody_elses_database(void **state)
{
	struct store *s = NULL;
	char cmd[200];

	(void)state;
	s = opened();
	store_close(s);
	/* user_version and application_id in the header, bytes 60 and 68 (sqlite.org/fileformat2)
	 */
	for (int i = 0; i < 2; i++) {
		int fd = open(path, O_WRONLY);

		assert_int_equal(pwrite(fd, i ? "\1\2\3\4" : "\0\0\0\11", 4, i ? 68 : 60), 4);
		close(fd);
		ar_buf_reset(&err);
		assert_int_equal(store_open(&s, path, &err), -EPROTONOSUPPORT);
		assert_true(said(i ? "something else" : "newer"));
	}
	assert_int_equal(access(path, F_OK), 0);
	(void)cmd;
}

static void no_such_folder(void **state)
{
	struct store *s = NULL;

	(void)state;
	assert_int_equal(store_check("/nonexistent/asd.db", &err), 0); /* will be made */
	assert_true(store_open(&s, "/nonexistent/asd.db", &err) < 0);
	assert_true(said("/nonexistent"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {T(put_change_delete), T(survives_kill_9),
		T(nobody_else_may_read_it), T(what_is_not_committed_is_not_there), T(one_at_a_time),
		T(not_a_database), T(damaged_in_the_middle), T(somebody_elses_database),
		T(no_such_folder)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
