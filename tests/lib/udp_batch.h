/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A UDP socket that reads and writes many datagrams per system call; for test programs. */
#ifndef UDP_BATCH_H
#define UDP_BATCH_H

#include "mediad/peer.h"

#define UDP_BATCH 64
#define UDP_BATCH_SIZE 2048

struct udp_batch {
	int fd;
	unsigned nout;
	uint64_t lost; /* datagrams the kernel would not take */
	struct peer_addr to[UDP_BATCH];
	size_t len[UDP_BATCH];
	char out[UDP_BATCH][UDP_BATCH_SIZE];
	char in[UDP_BATCH][UDP_BATCH_SIZE];
};

/* port 0: any; the bound one comes back in *port. Exits when it cannot. */
void udp_batch_open(struct udp_batch *u, const char *host, uint16_t *port);
void udp_batch_send(struct udp_batch *u, struct ar_span d, const struct peer_addr *to);
void udp_batch_flush(struct udp_batch *u);
/* Reads what is there, at most UDP_BATCH datagrams; returns how many. */
int udp_batch_read(struct udp_batch *u,
	void (*on)(void *arg, struct ar_span d, const struct peer_addr *from), void *arg);

#endif
