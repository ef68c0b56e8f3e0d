/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/proc/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_FILE_BYTES (256u << 20) /* snapshots and Mesa's shader cache */

void sandbox_limits(unsigned max_files)
{
	const struct rlimit none = {0, 0}, files = {max_files, max_files},
			    bytes = {MAX_FILE_BYTES, MAX_FILE_BYTES};

	setrlimit(RLIMIT_CORE, &none);
	setrlimit(RLIMIT_NOFILE, &files);
	setrlimit(RLIMIT_FSIZE, &bytes);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

static const int allowed[] = {
	/* memory; mprotect because llvmpipe compiles shaders */
	SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect), SCMP_SYS(madvise),
	SCMP_SYS(brk), SCMP_SYS(membarrier), SCMP_SYS(mincore),
	/* the socket and the descriptors that come over it */
	SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(writev),
	SCMP_SYS(pwrite64), SCMP_SYS(recvmsg), SCMP_SYS(sendmsg), SCMP_SYS(recvfrom),
	SCMP_SYS(sendto), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(close), SCMP_SYS(fstat),
	SCMP_SYS(lseek), SCMP_SYS(fcntl), SCMP_SYS(flock), SCMP_SYS(ftruncate), SCMP_SYS(dup),
	SCMP_SYS(shutdown),
	/* threads and time */
	SCMP_SYS(futex), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(getcpu),
	SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep), SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(restart_syscall),
	SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(exit), SCMP_SYS(exit_group),
	/* its own signals and numbers */
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getrandom),
	SCMP_SYS(getrusage), SCMP_SYS(times), SCMP_SYS(uname), SCMP_SYS(sysinfo)};

/* Calls of which only some forms are harmless. */
static int allow_some(scmp_filter_ctx f, bool hardware)
{
	const uint32_t ok = SCMP_ACT_ALLOW;
	int pid = (int)getpid();
	int err = seccomp_rule_add(f, ok, SCMP_SYS(newfstatat), 1,
		SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH)); /* glibc's fstat() */

	if (!err) /* abort() */
		err = seccomp_rule_add(
			f, ok, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)pid));
	if (!err) /* the size of a thread's stack */
		err = seccomp_rule_add(f, ok, SCMP_SYS(prlimit64), 1, SCMP_A2(SCMP_CMP_EQ, 0));
	if (!err && hardware)
		err = seccomp_rule_add(f, ok, SCMP_SYS(ioctl), 0);
	/* what is in an unmapped file in memory is in nobody's resident set, and so under no limit
	 */
	if (!err && hardware)
		err = seccomp_rule_add(f, ok, SCMP_SYS(memfd_create), 0);
	return err;
}

int sandbox_enter(bool hardware, struct ar_buf *why)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int err = f ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < sizeof(allowed) / sizeof(allowed[0]); i++)
		err = seccomp_rule_add(f, SCMP_ACT_ALLOW, allowed[i], 0);
	if (!err)
		err = allow_some(f, hardware);
	if (!err)
		err = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
	if (!err)
		err = seccomp_load(f); /* sets no_new_privs */
	if (f)
		seccomp_release(f);
	if (err)
		ar_buf_printf(why, "seccomp: %s", strerror(-err));
	return err;
}

/* ---- does it hold? ---- */

static long try_open(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static long try_create(void)
{
	return open("/tmp/mediad-armf-probe", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

static long try_socket(void)
{
	return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static long try_unix(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static long try_memory(void)
{
	return memfd_create("mediad-armf-probe", MFD_CLOEXEC);
}

static long try_fork(void)
{
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return pid;
}

static long try_exec(void)
{
	char *argv[] = {"true", NULL}, *envp[] = {NULL};

	return execve("/nonexistent/true", argv, envp);
}

static long try_kill(void)
{
	return kill(getppid(), 0);
}

static long try_ptrace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static long try_unlink(void)
{
	return unlink("/nonexistent/file");
}

unsigned sandbox_probe(FILE *out, bool hardware)
{
	static const struct {
		const char *name;
		long (*attempt)(void);
	} probes[] = {{"open a file", try_open}, {"create a file", try_create},
		{"remove a file", try_unlink}, {"make an Internet socket", try_socket},
		{"make a Unix socket", try_unix}, {"fork", try_fork}, {"exec", try_exec},
		{"signal the parent", try_kill}, {"ptrace", try_ptrace},
		{"keep memory in a file", try_memory}};
	/* the last one is what a GPU's driver may need */
	size_t n = sizeof(probes) / sizeof(probes[0]) - hardware;
	unsigned worked = 0;

	for (size_t i = 0; i < n; i++) {
		bool denied = probes[i].attempt() < 0 && errno == EPERM;

		fprintf(out, "sandbox: %s: %s\n", probes[i].name, denied ? "denied" : "POSSIBLE");
		worked += !denied;
	}
	return worked;
}
