/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of a call as the policy's on_end sees it, and what it wants in the call record.
 *
 * mediad is asked first what the UEs did (poses, actions, updates), so the record is written within
 * a second after the end, when the call itself is gone: all that is needed is copied. It is one
 * line of the log (area "record") and, with [call] records, one line of JSON in that file.
 */
#ifndef CALL_RECORD_H
#define CALL_RECORD_H

struct asd;
struct call;

/* Before the context is released. Never fails: a record that cannot be written is counted. */
void call_record(struct asd *a, struct call *c, const char *reason);

#endif
