/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bootstrap data channel (sub-protocol `http`, streams 0, 10, 100, 110; TS 26.114 6.2.10.1): the
 * UE's HTTP/1.1 GETs, spread over messages as it likes, answered from the assets in messages of its
 * size, one at a time. Owned by the medium that has the channel; the worker's loop only.
 */
#ifndef BOOT_H
#define BOOT_H

#include "common/ar_buf.h"
#include "mediad/dcmf/assets.h"
#include "mediad/peer.h"

#define BOOT_MAX_REQUEST 8192 /* bytes of one request's head */
#define BOOT_MAX_PIECE (7 * PEER_FRAGMENT) /* bytes of one message of ours */
#define BOOT_MAX_LIST 60000 /* bytes of a list that is made, JSON or a page */
#define BOOT_UNACKED 65536 /* bytes on the way before we wait, to begin with */
#define BOOT_MIN_UNACKED 4096
#define BOOT_MAX_UNACKED 262144
#define BOOT_QUEUE 30000 /* us by which they may lengthen the round trip */

struct boot_stats {
	uint64_t requests, not_found, refused, bytes;
};

/* What a channel serves, and to whom. */
struct boot_site {
	const struct assets *assets;
	/* The subscriber's applications as JSON; id: the channel, which says whose they are. */
	int (*list)(void *arg, uint16_t id, struct ar_buf *out);
	/* May it have this file of the scenes' folder? */
	bool (*may_have)(void *arg, const struct asset *x);
	void *arg;
};

struct boot {
	struct peer *peer; /* NULL: unused */
	uint16_t id;
	uint64_t tx; /* messages */
	struct boot_site site;
	struct boot_stats *stats;
	struct ar_buf in, head; /* head: the answer's, and generated bodies */
	size_t head_sent;
	size_t unacked; /* bytes on the way before we wait */
	uint32_t rtt; /* least seen, us */
	struct ar_span body; /* the rest of it, borrowed from the assets */
	bool closing; /* no further request: the last one could not be understood */
};

/* site is copied; what it points to must outlive the channel. */
void boot_open(struct boot *b, struct peer *peer, uint16_t id, const struct boot_site *site,
	struct boot_stats *stats);
void boot_close(struct boot *b);
void boot_input(struct boot *b, struct ar_span data);
/* Sends what the line takes. True: something waits for it. */
bool boot_run(struct boot *b);

#endif
