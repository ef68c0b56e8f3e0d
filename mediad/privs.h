/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gives up what is not needed once the sockets are open. Process-wide; before any fork or thread.
 */
#ifndef PRIVS_H
#define PRIVS_H

#include "common/ar_buf.h"

#include <sys/types.h>

/* Of that name; our own for NULL or a name that is not known. */
uid_t privs_uid(const char *user);
/* user NULL: stays as it is. group NULL: the user's; without a user an error. In any case no
 * program started from here can gain privileges, and no core limit is touched. 0, or negative errno
 * with the reason in err. */
int privs_drop(const char *user, const char *group, struct ar_buf *err)
	__attribute__((warn_unused_result));
/* Room for n file descriptors, as far as the hard limit goes. */
void privs_allow_files(unsigned n);

#endif
