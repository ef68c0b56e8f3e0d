/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lists of subscribers, numbers and domains, read from files while a policy loads (ar.lists.file)
 * and immutable afterwards. They live outside the Lua state, so that a million entries neither
 * count against the script's memory nor burden its collector.
 *
 * One entry a line; blank lines and what follows a '#' are skipped:
 *
 *	alice@ims.example	this user (also written sip:alice@ims.example)
 *	@ims.example		everybody of this domain; @*.example: of its subdomains
 *	+4930123456		this number, or user part, in any domain and as tel:
 *	+4930*			every number, or user part, that begins so
 *
 * A map (ar.lists.map) has a value behind each of these, the rest of the line.
 *
 * Host parts and everything without an '@' compare without regard to case. Owner: a policy
 * generation. No I/O after lists_open().
 */
#ifndef POLICY_LISTS_H
#define POLICY_LISTS_H

#include "common/ar_span.h"

#include <stddef.h>
#include <stdint.h>

#define LISTS_MAX 64
#define LISTS_MAX_ENTRY 255 /* bytes */

struct policy_list;

struct lists {
	size_t max_entries, max_bytes; /* of all together */
	size_t entries, bytes;
	unsigned n;
	struct policy_list *list[LISTS_MAX];
};

void lists_init(struct lists *ls, size_t max_entries, size_t max_bytes);
void lists_free(struct lists *ls);

/* Reads the file, or finds it if it was read before. *out is owned by ls. On failure why has
 * "blocked.list:3: what". 0, -errno of reading, -EINVAL (a bad line), -E2BIG, -ENOMEM. */
int lists_open(struct lists *ls, const char *path, bool map, const struct policy_list **out,
	char *why, size_t cap) __attribute__((warn_unused_result));

/* One string as it would stand in the file. */
bool list_has(const struct policy_list *l, struct ar_span s);
/* A party, by any of its forms; host may be absent (tel:). */
bool list_has_party(const struct policy_list *l, struct ar_span user, struct ar_span host);
/* The value of the most particular entry; absent where there is none. */
struct ar_span list_value(const struct policy_list *l, struct ar_span s);
struct ar_span list_party_value(
	const struct policy_list *l, struct ar_span user, struct ar_span host);
size_t list_size(const struct policy_list *l);
const char *list_path(const struct policy_list *l);

#endif
