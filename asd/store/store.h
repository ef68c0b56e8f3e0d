/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The embedded store (SQLite, WAL): token -> text. Survives kill -9 of asd after store_commit();
 * a power cut may lose the last transactions, never the file.
 *
 * One thread. Writes collect in one transaction until store_commit(). One asd at a time: the file
 * is locked for as long as it is open.
 */
#ifndef STORE_H
#define STORE_H

#include "common/ar_buf.h"

#define STORE_SCHEMA 1

struct store;

/*
 * Opens or makes the file. -EUCLEAN: it is corrupt (store_move_aside() makes way for a new one),
 * -EBUSY: another asd has it, -EPROTONOSUPPORT: it is not ours or of a newer version. err: a
 * sentence for the operator.
 */
int store_open(struct store **sp, const char *path, struct ar_buf *err)
	__attribute__((warn_unused_result));
void store_close(struct store *s); /* commits */
/* Looks at it without changing it; a file that does not exist is fine. */
int store_check(const char *path, struct ar_buf *err) __attribute__((warn_unused_result));
/* Renames it to path.corrupt-<seconds>; to gets the name. */
int store_move_aside(const char *path, char *to, size_t cap) __attribute__((warn_unused_result));

int store_put(struct store *s, const char *token, struct ar_span text)
	__attribute__((warn_unused_result));
int store_del(struct store *s, const char *token) __attribute__((warn_unused_result));
int store_clear(struct store *s) __attribute__((warn_unused_result));
/* -EIO: nothing of the transaction is stored (disk full, as a rule). */
int store_commit(struct store *s) __attribute__((warn_unused_result));

typedef void store_row_h(void *arg, const char *token, struct ar_span text);
/* Reads all; the handler must not write. */
int store_each(struct store *s, store_row_h *h, void *arg) __attribute__((warn_unused_result));

#endif
