/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Server of the front link: ims_ar module (and kamcmd's RPC process) to asd; docs/front.md.
 *
 * One thread, the loop's. Connections are named by id; a ref to one that has gone answers nobody.
 * Strangers' bytes end at worst with the connection closed, one log line and a counter: a peer that
 * sends garbage, does not say hello in FRONT_HELLO_S, falls silent for FRONT_SILENCE_S, or does not
 * read what it asked for (front.send_buffer_kib).
 *
 * Calls: call_on_offer(), call_on_event(), call_map(), call_on_module() of call_flow.h;
 * admin_command() of admin.h.
 */
#ifndef FRONT_H
#define FRONT_H

#include "asd/call/call.h"

#include <jansson.h>

#define FRONT_VERSION 1
#define FRONT_HELLO_S 5
#define FRONT_SILENCE_S 20 /* ping comes every 5 s */
#define FRONT_MODULES 64 /* module instances whose event numbers are remembered */
#define FRONT_WINDOW 1024 /* event numbers remembered of each */

struct asd;
struct front;
struct ar_buf;

/* Listens on all of a->conf.listen, accepts nothing yet. err: which one and why. */
int front_open(struct front **fp, struct asd *a, struct ar_buf *err)
	__attribute__((warn_unused_result));
int front_start(struct front *f) __attribute__((warn_unused_result));
/* Removes the sockets' files as well. */
void front_close(struct front *f);

/* Answers the request: steals reply (NULL: no memory, the peer's timeout decides), adds the id.
 * -ENOTCONN when nobody is there to hear it. */
int front_answer(struct asd *a, struct front_ref ref, json_t *reply);
/* The module of that name is connected, but not that instance of it. */
bool front_restarted(struct asd *a, const char *module, const char *instance);
/* One-way message to every connection of that module. Steals j. False: not connected. */
bool front_tell(struct asd *a, const char *module, json_t *j);
/* The acknowledgements that wait for the store. */
void front_settle(struct front *f);
/* Connections: all, and those of modules. */
void front_counts(const struct front *f, unsigned *all, unsigned *modules);
/* For kamcmd: appends one flat object for each connected module. */
void front_items(const struct front *f, json_t *items);

#endif
