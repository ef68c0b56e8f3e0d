/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/sctp/ar_sctp_map.h"

#define COMMON_HEADER 12
#define CHUNK_HEADER 4

enum { DATA = 0, INIT = 1, INIT_ACK = 2, RE_CONFIG = 130, FORWARD_TSN = 192 };
enum { RESET_OUTGOING = 13, RESET_INCOMING = 14 }; /* RFC 6525 4.1, 4.2 */

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint16_t least(uint16_t a, uint16_t b)
{
	return a < b ? a : b;
}

void ar_sctp_map_init(struct ar_sctp_map *m, uint16_t streams)
{
	*m = (struct ar_sctp_map){.on = streams > AR_SCTP_MAP_STREAMS,
		.streams = streams,
		.ue_out = UINT16_MAX,
		.ue_in = UINT16_MAX};
}

uint16_t ar_sctp_map_inside(const struct ar_sctp_map *m)
{
	return m->on ? AR_SCTP_MAP_STREAMS : m->streams;
}

uint16_t ar_sctp_map_usable(const struct ar_sctp_map *m, uint16_t inside)
{
	return m->on ? least(m->streams, least(m->ue_in, m->ue_out)) : inside;
}

uint16_t ar_sctp_map_in(struct ar_sctp_map *m, uint16_t id)
{
	if (!m->on || id < AR_SCTP_MAP_LOW)
		return id;
	for (unsigned i = 0; i < m->nhigh; i++) {
		if (m->high[i] == id)
			return (uint16_t)(AR_SCTP_MAP_LOW + i);
	}
	if (id >= m->streams || m->nhigh == AR_SCTP_MAP_HIGH) {
		m->full += id < m->streams;
		return AR_SCTP_MAP_NONE;
	}
	m->high[m->nhigh] = id;
	return (uint16_t)(AR_SCTP_MAP_LOW + m->nhigh++);
}

uint16_t ar_sctp_map_out(const struct ar_sctp_map *m, uint16_t stream)
{
	if (!m->on || stream < AR_SCTP_MAP_LOW)
		return stream;
	return stream < AR_SCTP_MAP_LOW + m->nhigh ? m->high[stream - AR_SCTP_MAP_LOW]
						   : AR_SCTP_MAP_NONE;
}

struct pass { /* one packet, one way */
	struct ar_sctp_map *m;
	bool in;
};

static void id_at(const struct pass *w, uint8_t *p)
{
	put16(p, w->in ? ar_sctp_map_in(w->m, get16(p)) : ar_sctp_map_out(w->m, get16(p)));
}

static void data(const struct pass *w, uint8_t *chunk, size_t n)
{
	if (n >= 16)
		id_at(w, chunk + 8);
}

/* Outbound streams, then inbound ones (RFC 9260 3.3.2). */
static void init(const struct pass *w, uint8_t *chunk, size_t n)
{
	struct ar_sctp_map *m = w->m;

	if (n < 20)
		return;
	if (w->in) {
		m->ue_out = get16(chunk + 12);
		m->ue_in = get16(chunk + 14);
		/* none at all is an error, and usrsctp is to see it */
		put16(chunk + 12, m->ue_out ? AR_SCTP_MAP_STREAMS : 0);
		put16(chunk + 14, m->ue_in ? AR_SCTP_MAP_STREAMS : 0);
		return;
	}
	/* in an INIT ACK no more than the UE takes */
	put16(chunk + 12, chunk[0] == INIT ? m->streams : least(m->streams, m->ue_in));
	put16(chunk + 14, m->streams);
}

/* RFC 3758 3.2: pairs of stream and sequence number. */
static void forward_tsn(const struct pass *w, uint8_t *chunk, size_t n)
{
	for (size_t at = 8; at + 4 <= n; at += 4)
		id_at(w, chunk + at);
}

static void re_config(const struct pass *w, uint8_t *chunk, size_t n)
{
	size_t at = CHUNK_HEADER, len, ids;

	for (; at + 4 <= n; at += (len + 3) & ~(size_t)3) {
		uint16_t type = get16(chunk + at);

		len = get16(chunk + at + 2);
		if (len < 4 || at + len > n)
			return;
		ids = type == RESET_OUTGOING ? 16 : type == RESET_INCOMING ? 8 : len;
		for (; ids + 2 <= len; ids += 2)
			id_at(w, chunk + at + ids);
	}
}

static void walk(const struct pass *w, uint8_t *packet, size_t n)
{
	size_t at = COMMON_HEADER, len;

	for (; at + CHUNK_HEADER <= n; at += (len + 3) & ~(size_t)3) {
		uint8_t *chunk = packet + at;

		len = get16(chunk + 2);
		if (len < CHUNK_HEADER || at + len > n)
			return;
		if (chunk[0] == DATA)
			data(w, chunk, len);
		else if (chunk[0] == INIT || chunk[0] == INIT_ACK)
			init(w, chunk, len);
		else if (chunk[0] == FORWARD_TSN)
			forward_tsn(w, chunk, len);
		else if (chunk[0] == RE_CONFIG)
			re_config(w, chunk, len);
	}
}

void ar_sctp_map_packet_in(struct ar_sctp_map *m, uint8_t *packet, size_t n)
{
	if (m->on)
		walk(&(struct pass){m, true}, packet, n);
}

void ar_sctp_map_packet_out(struct ar_sctp_map *m, uint8_t *packet, size_t n)
{
	if (m->on)
		walk(&(struct pass){m, false}, packet, n);
}
