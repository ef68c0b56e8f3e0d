/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/upgrade.h"

#include "common/ar_buf.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VARIABLE "IMS_AR_MEDIAD_UPGRADE" /* "PORT FD FD ..." */
#define MAX_ARGS 64

void upgrade_init(struct upgrade *u, char *const *argv)
{
	/* now: when the file has been replaced, the link says "(deleted)" */
	ssize_t n = readlink("/proc/self/exe", u->program, sizeof(u->program) - 1);

	u->program[n > 0 ? n : 0] = '\0';
	u->argv = argv;
	u->checker = 0;
}

void upgrade_take(struct upgrade_from *f)
{
	const char *text = getenv(VARIABLE);
	char *end;
	long v;

	*f = (struct upgrade_from){.upgraded = text != NULL};
	if (!text)
		return;
	f->base = (uint16_t)strtol(text, &end, 10);
	while (*end == ' ' && f->nsocket < UPGRADE_MAX_SOCKETS) {
		v = strtol(end + 1, &end, 10);
		if (v > 2 && fcntl((int)v, F_SETFD, FD_CLOEXEC) == 0)
			f->socket[f->nsocket++] = (int)v;
	}
	unsetenv(VARIABLE);
}

static void run_check(const struct upgrade *u)
{
	char *args[MAX_ARGS + 2] = {u->argv[0]};
	unsigned n = 1;
	sigset_t none;

	for (unsigned i = 1; u->argv[i] && n < MAX_ARGS; i++)
		args[n++] = u->argv[i];
	args[n] = strdup("-t");
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	unsetenv("NOTIFY_SOCKET");
	dup2(STDERR_FILENO, STDOUT_FILENO);
	close_range(3, ~0u, 0);
	execv(u->program, args);
	_exit(127);
}

int upgrade_check(struct upgrade *u)
{
	pid_t pid;

	if (u->checker)
		return -EBUSY;
	pid = fork();
	if (pid == 0)
		run_check(u);
	if (pid < 0)
		return -errno;
	u->checker = pid;
	return 0;
}

int upgrade_become(const struct upgrade *u, uint16_t base, const int *socket, unsigned nsocket)
{
	struct ar_buf b;
	int err;

	ar_buf_init(&b, 1024);
	ar_buf_printf(&b, "%u", base);
	for (unsigned i = 0; i < nsocket && i < UPGRADE_MAX_SOCKETS; i++)
		ar_buf_printf(&b, " %d", socket[i]);
	ar_buf_add(&b, "", 1);
	if (ar_buf_err(&b) || setenv(VARIABLE, b.p, 1) != 0 ||
		close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) != 0) {
		ar_buf_free(&b);
		return -ENOMEM;
	}
	ar_buf_free(&b);
	for (unsigned i = 0; i < nsocket; i++)
		fcntl(socket[i], F_SETFD, 0);
	execv(u->program, u->argv);
	err = -errno;
	for (unsigned i = 0; i < nsocket; i++)
		fcntl(socket[i], F_SETFD, FD_CLOEXEC);
	unsetenv(VARIABLE);
	return err;
}
