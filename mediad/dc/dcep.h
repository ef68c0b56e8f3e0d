/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Data Channel Establishment Protocol messages (RFC 8832 5). Pure codec. */
#ifndef DCEP_H
#define DCEP_H

#include "mediad/peer.h"

#define DCEP_HEAD 12
#define DCEP_MAX (DCEP_HEAD + 128 + 64) /* largest OPEN that we write */

enum dcep_type { DCEP_ACK = 0x02, DCEP_OPEN = 0x03 };

/*
 * Reads an OPEN into ch (its id is left alone). Over-long label and protocol are cut: they are
 * only names. -EBADMSG: too short, lengths do not add up, unknown channel type (RFC 8832 6).
 */
int dcep_read_open(struct peer_channel *ch, struct ar_span msg) __attribute__((warn_unused_result));
bool dcep_is_ack(struct ar_span msg);
/* Writes an OPEN; returns its size. */
size_t dcep_write_open(uint8_t out[DCEP_MAX], const struct peer_channel *ch);

#endif
