/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TLS towards the servers of facts: certificates and names are always checked. */
#ifndef LOOKUP_TLS_H
#define LOOKUP_TLS_H

#include "common/ar_buf.h"

#include <event2/event.h>

struct tls;
struct bufferevent;

/* ca_file NULL: the system's certificates. -EINVAL with err. */
int tls_new(struct tls **tp, const char *ca_file, struct ar_buf *err)
	__attribute__((warn_unused_result));
void tls_free(struct tls *t);
/* For one connection to that host, a name or an address. NULL: no memory. */
struct bufferevent *tls_bufferevent(struct tls *t, struct event_base *base, const char *host);

#endif
