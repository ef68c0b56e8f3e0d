/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/dc/dcep.h"

#include <errno.h>

#define UNORDERED 0x80
#define PRIORITY 256 /* "normal", RFC 8831 6.4 */

enum { RELIABLE = 0x00, MAX_RETR = 0x01, MAX_TIME = 0x02 };

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void copy(char *out, size_t cap, const uint8_t *p, size_t n)
{
	if (n >= cap)
		n = cap - 1;
	memcpy(out, p, n);
	out[n] = '\0';
}

int dcep_read_open(struct peer_channel *ch, struct ar_span msg)
{
	const uint8_t *p = (const uint8_t *)msg.p;
	uint32_t param;
	size_t label, protocol;
	unsigned kind;

	if (msg.n < DCEP_HEAD || p[0] != DCEP_OPEN)
		return -EBADMSG;
	kind = p[1] & (uint8_t)~UNORDERED;
	param = (uint32_t)get16(p + 4) << 16 | get16(p + 6);
	label = get16(p + 8);
	protocol = get16(p + 10);
	if (kind > MAX_TIME || msg.n != DCEP_HEAD + label + protocol)
		return -EBADMSG;
	if (param > INT32_MAX)
		param = INT32_MAX;
	ch->ordered = !(p[1] & UNORDERED);
	ch->max_retr = kind == MAX_RETR ? (int32_t)param : -1;
	ch->max_time = kind == MAX_TIME ? (int32_t)param : -1;
	copy(ch->label, sizeof(ch->label), p + DCEP_HEAD, label);
	copy(ch->subprotocol, sizeof(ch->subprotocol), p + DCEP_HEAD + label, protocol);
	return 0;
}

bool dcep_is_ack(struct ar_span msg)
{
	return msg.n >= 1 && (uint8_t)msg.p[0] == DCEP_ACK;
}

size_t dcep_write_open(uint8_t out[DCEP_MAX], const struct peer_channel *ch)
{
	size_t label = strnlen(ch->label, sizeof(ch->label));
	size_t protocol = strnlen(ch->subprotocol, sizeof(ch->subprotocol));
	uint32_t param = 0;
	uint8_t type = RELIABLE;

	if (ch->max_retr >= 0) {
		type = MAX_RETR;
		param = (uint32_t)ch->max_retr;
	} else if (ch->max_time >= 0) {
		type = MAX_TIME;
		param = (uint32_t)ch->max_time;
	}
	out[0] = DCEP_OPEN;
	out[1] = (uint8_t)(type | (ch->ordered ? 0 : UNORDERED));
	put16(out + 2, PRIORITY);
	put16(out + 4, param >> 16);
	put16(out + 6, param & 0xffff);
	put16(out + 8, label);
	put16(out + 10, protocol);
	memcpy(out + DCEP_HEAD, ch->label, label);
	memcpy(out + DCEP_HEAD + label, ch->subprotocol, protocol);
	return DCEP_HEAD + label + protocol;
}
