/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/store/store.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define APPLICATION_ID 0x41524153 /* "ARAS" */

struct store {
	sqlite3 *db;
	sqlite3_stmt *put, *del, *clear;
	bool open; /* a transaction */
};

static int exec(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static int pragma(sqlite3 *db, const char *sql, int *value)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);

	if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		*value = sqlite3_column_int(st, 0);
		rc = SQLITE_OK;
	}
	sqlite3_finalize(st);
	return rc;
}

static int explain(sqlite3 *db, int rc, const char *path, struct ar_buf *err)
{
	int code = rc & 0xff;

	if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) {
		ar_buf_printf(err,
			"store %s is damaged: %s (move it away; calls under way lose "
			"their AR part)",
			path, sqlite3_errmsg(db));
		return -EUCLEAN;
	}
	if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
		ar_buf_printf(err, "store %s is in use: is another asd running?", path);
		return -EBUSY;
	}
	ar_buf_printf(err, "store %s: %s", path, db ? sqlite3_errmsg(db) : "no memory");
	return code == SQLITE_NOMEM ? -ENOMEM : -EIO;
}

/* Ours, of a version that we know, and whole? *fresh: empty. */
static int check_db(sqlite3 *db, const char *path, bool *fresh, struct ar_buf *err)
{
	int id = 0, version = 0, tables = 0, rc;
	sqlite3_stmt *st = NULL;

	rc = pragma(db, "PRAGMA application_id", &id);
	if (rc == SQLITE_OK)
		rc = pragma(db, "PRAGMA user_version", &version);
	if (rc == SQLITE_OK)
		rc = pragma(db, "SELECT count(*) FROM sqlite_master", &tables);
	if (rc != SQLITE_OK)
		return explain(db, rc, path, err);
	*fresh = tables == 0 && id == 0;
	if (*fresh)
		return 0;
	if (id != APPLICATION_ID || version < 1 || version > STORE_SCHEMA) {
		ar_buf_printf(err,
			id != APPLICATION_ID ? "store %s is a database of something else"
					     : "store %s was written by a newer asd",
			path);
		return -EPROTONOSUPPORT;
	}
	rc = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &st, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(st, 0), "ok") != 0)
		rc = SQLITE_CORRUPT;
	sqlite3_finalize(st);
	return rc == SQLITE_ROW ? 0 : explain(db, rc, path, err);
}

static int create(sqlite3 *db)
{
	char sql[300];

	snprintf(sql, sizeof(sql),
		"BEGIN; CREATE TABLE call (token TEXT PRIMARY KEY, body TEXT NOT NULL) "
		"WITHOUT ROWID; PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
		APPLICATION_ID, STORE_SCHEMA);
	return exec(db, sql);
}

static int set_up(struct store *s, const char *path, struct ar_buf *err)
{
	bool fresh = false;
	int rc, e;

	sqlite3_busy_timeout(s->db, 1000);
	/* before WAL: then no shared-memory file is needed, and the lock stays with us */
	rc = exec(s->db, "PRAGMA locking_mode = EXCLUSIVE");
	e = rc == SQLITE_OK ? check_db(s->db, path, &fresh, err) : explain(s->db, rc, path, err);
	if (e)
		return e;
	rc = exec(s->db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; "
			 "PRAGMA wal_autocheckpoint = 1000");
	if (rc == SQLITE_OK && fresh)
		rc = create(s->db);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(s->db,
			"INSERT INTO call VALUES (?1, ?2) ON CONFLICT (token) DO UPDATE SET body = "
			"?2",
			-1, &s->put, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(
			s->db, "DELETE FROM call WHERE token = ?1", -1, &s->del, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(s->db, "DELETE FROM call", -1, &s->clear, NULL);
	/* takes the lock now, not at the first call */
	if (rc == SQLITE_OK)
		rc = exec(s->db, "BEGIN IMMEDIATE; COMMIT");
	return rc == SQLITE_OK ? 0 : explain(s->db, rc, path, err);
}

int store_open(struct store **sp, const char *path, struct ar_buf *err)
{
	struct store *s = calloc(1, sizeof(*s));
	mode_t mask;
	int rc, e;

	if (!s)
		return -ENOMEM;
	mask = umask(0027); /* who calls whom, and keys of media: nobody else's to read */
	rc = sqlite3_open_v2(path, &s->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	e = rc == SQLITE_OK ? set_up(s, path, err) : explain(s->db, rc, path, err);
	umask(mask);
	if (e) {
		store_close(s);
		return e;
	}
	*sp = s;
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	if (s->open)
		exec(s->db, "COMMIT");
	sqlite3_finalize(s->put);
	sqlite3_finalize(s->del);
	sqlite3_finalize(s->clear);
	sqlite3_close(s->db);
	free(s);
}

int store_check(const char *path, struct ar_buf *err)
{
	sqlite3 *db = NULL;
	bool fresh;
	int rc, e;

	if (access(path, F_OK) != 0)
		return 0;
	rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
	e = rc == SQLITE_OK ? check_db(db, path, &fresh, err) : explain(db, rc, path, err);
	sqlite3_close(db);
	return e;
}

int store_move_aside(const char *path, char *to, size_t cap)
{
	static const char *const with[] = {"-wal", "-shm"};
	char extra[4096];

	if ((size_t)snprintf(to, cap, "%s.corrupt-%lld", path, (long long)time(NULL)) >= cap)
		return -ENAMETOOLONG;
	for (unsigned i = 0; i < sizeof(with) / sizeof(with[0]); i++) {
		if ((size_t)snprintf(extra, sizeof(extra), "%s%s", path, with[i]) < sizeof(extra))
			unlink(extra); /* belongs to the damaged file only */
	}
	return rename(path, to) == 0 ? 0 : -errno;
}

static int run(struct store *s, sqlite3_stmt *st)
{
	int rc = SQLITE_OK;

	if (!s->open) {
		rc = exec(s->db, "BEGIN");
		s->open = rc == SQLITE_OK;
	}
	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return rc == SQLITE_DONE ? 0 : -EIO;
}

int store_put(struct store *s, const char *token, struct ar_span text)
{
	sqlite3_bind_text(s->put, 1, token, -1, SQLITE_STATIC);
	sqlite3_bind_text(s->put, 2, text.p, (int)text.n, SQLITE_STATIC);
	return run(s, s->put);
}

int store_del(struct store *s, const char *token)
{
	sqlite3_bind_text(s->del, 1, token, -1, SQLITE_STATIC);
	return run(s, s->del);
}

int store_clear(struct store *s)
{
	return run(s, s->clear);
}

int store_commit(struct store *s)
{
	if (!s->open)
		return 0;
	s->open = false;
	if (exec(s->db, "COMMIT") == SQLITE_OK)
		return 0;
	exec(s->db, "ROLLBACK");
	return -EIO;
}

int store_each(struct store *s, store_row_h *h, void *arg)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(s->db, "SELECT token, body FROM call", -1, &st, NULL);

	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		rc = sqlite3_step(st);
		if (rc == SQLITE_ROW)
			h(arg, (const char *)sqlite3_column_text(st, 0),
				(struct ar_span){(const char *)sqlite3_column_text(st, 1),
					(size_t)sqlite3_column_bytes(st, 1)});
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : -EIO;
}
