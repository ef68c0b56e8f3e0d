/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many stream ids on few streams. dcmap ids begin at 1000 (TS 26.264), and usrsctp has tables for
 * every stream up to the highest: 90 kB an association, which it also walks for each packet. So it
 * is given AR_SCTP_MAP_STREAMS, and the ids are translated in the packets between it and DTLS:
 * those below AR_SCTP_MAP_LOW are the same on both sides, the others get the places after them as
 * they come. What the UE sees is as if there were a stream for every id (RFC 9260 6.5).
 *
 * Called by ar_sctp.c and ar_sctp_stack.c. Pure; in memory of its owner.
 */
#ifndef AR_SCTP_MAP_H
#define AR_SCTP_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AR_SCTP_MAP_LOW 64
#define AR_SCTP_MAP_HIGH 64 /* different ids from 64 up in one association's life */
#define AR_SCTP_MAP_STREAMS (AR_SCTP_MAP_LOW + AR_SCTP_MAP_HIGH)
#define AR_SCTP_MAP_NONE UINT16_MAX /* usrsctp answers it as RFC 9260 6.5 wants */

struct ar_sctp_map {
	bool on; /* false: few streams, ids are the same on both sides */
	uint16_t streams; /* each way, as the UE is told */
	uint16_t ue_out, ue_in; /* as the UE has told us */
	uint16_t high[AR_SCTP_MAP_HIGH]; /* the ids of stream AR_SCTP_MAP_LOW and up */
	unsigned nhigh;
	uint64_t full; /* ids for which there was no place */
};

void ar_sctp_map_init(struct ar_sctp_map *m, uint16_t streams);
/* Streams that usrsctp is to have. */
uint16_t ar_sctp_map_inside(const struct ar_sctp_map *m);
/* Streams that can be used, when the association is up; inside: as usrsctp says. */
uint16_t ar_sctp_map_usable(const struct ar_sctp_map *m, uint16_t inside);
/* usrsctp's stream of an id, which gets one now if it has none; AR_SCTP_MAP_NONE: there is none. */
uint16_t ar_sctp_map_in(struct ar_sctp_map *m, uint16_t id);
uint16_t ar_sctp_map_out(const struct ar_sctp_map *m, uint16_t stream);
/* A packet from the UE, for usrsctp; and one of usrsctp's, for the UE. In place; what is malformed
 * stays as it is. The checksum is not touched. */
void ar_sctp_map_packet_in(struct ar_sctp_map *m, uint8_t *packet, size_t n);
void ar_sctp_map_packet_out(struct ar_sctp_map *m, uint8_t *packet, size_t n);

#endif
