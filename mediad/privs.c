/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/privs.h"

#include "common/daemon/ar_log.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static int become(const struct passwd *pw, gid_t gid)
{
	if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 ||
		setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) != 0)
		return -errno;
	if (pw->pw_uid != 0 && setuid(0) == 0)
		return -EPERM; /* it must not be possible to come back */
	return 0;
}

uid_t privs_uid(const char *user)
{
	const struct passwd *pw = user ? getpwnam(user) : NULL;

	return pw ? pw->pw_uid : geteuid();
}

int privs_drop(const char *user, const char *group, struct ar_buf *err)
{
	const struct passwd *pw = user ? getpwnam(user) : NULL;
	const struct group *gr = group ? getgrnam(group) : NULL;
	int rc = 0;

	if (user && !pw) {
		ar_buf_printf(err, "user = %s: no such user", user);
		return -ENOENT;
	}
	if (group && !user) {
		ar_buf_printf(err, "group = %s: set user too", group);
		return -EINVAL;
	}
	if (group && !gr) {
		ar_buf_printf(err, "group = %s: no such group", group);
		return -ENOENT;
	}
	if (pw && geteuid() == pw->pw_uid)
		pw = NULL; /* is it already */
	if (pw)
		rc = become(pw, gr ? gr->gr_gid : pw->pw_gid);
	if (rc) {
		ar_buf_printf(err, "cannot become user %s: %s", user, strerror(-rc));
		return rc;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		ar_log(AR_LOG_WARN, "mediad", "no_new_privs: %s", strerror(errno));
	return 0;
}

void privs_allow_files(unsigned n)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) != 0 || l.rlim_cur >= n)
		return;
	l.rlim_cur = l.rlim_max < n ? l.rlim_max : n;
	if (setrlimit(RLIMIT_NOFILE, &l) != 0)
		ar_log(AR_LOG_WARN, "mediad", "open files stay limited: %s", strerror(errno));
}
