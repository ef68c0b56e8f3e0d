/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parity as a UE may send it: records of kind, sequence number, length, bytes. What comes out is an
 * RTP packet's length and stays within its room; a sum that was written is read again. */
#include "mediad/rtp/ulpfec.h"
#include "mediad/rtp/wire.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t packet[RTP_MAX_PACKET];
static struct ulpfec_sum sum;

static struct ar_span make(uint16_t seq, const uint8_t *d, size_t n)
{
	memset(packet, 0, RTP_HEAD);
	packet[0] = 0x80;
	packet[1] = 96;
	put16(packet + 2, seq);
	memcpy(packet + RTP_HEAD, d, n);
	return (struct ar_span){(char *)packet, RTP_HEAD + n};
}

static void take(struct ulpfec_recv *u)
{
	static uint8_t out[RTP_MAX_PACKET];
	unsigned rounds = 0;
	size_t n;

	while ((n = ulpfec_recv_take(u, out, sizeof(out))) > 0) {
		if (n < RTP_HEAD || n > sizeof(out) || ++rounds > ULPFEC_PENDING)
			abort();
	}
}

static void flush_sum(struct ulpfec_recv *u, uint16_t seq)
{
	static uint8_t out[RTP_MAX_PACKET + ULPFEC_HEAD];
	size_t n = ulpfec_sum_write(&sum, out, sizeof(out));

	if (!n != !sum.n ||
		(n && ulpfec_recv_parity(u, seq, (struct ar_span){(char *)out, n}) != 0))
		abort();
	sum = (struct ulpfec_sum){0};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ulpfec_recv *u;
	size_t at = 0;

	sum = (struct ulpfec_sum){0};
	if (ulpfec_recv_new(&u, 7) != 0)
		return 0;
	while (at + 4 <= size) {
		const uint8_t *d = data + at;
		size_t n = d[3] < size - at - 4 ? d[3] : size - at - 4;
		uint16_t seq = get16(d + 1);

		if (d[0] & 1)
			(void)!ulpfec_recv_parity(u, seq, (struct ar_span){(const char *)d + 4, n});
		if (d[0] & 2)
			(void)!ulpfec_recv_media(u, make(seq, d + 4, n), d[0] & 4);
		if (d[0] & 8)
			(void)!ulpfec_sum_add(&sum, make(seq, d + 4, n));
		if (d[0] & 16)
			flush_sum(u, seq);
		take(u);
		at += 4 + n;
	}
	ulpfec_recv_free(u);
	return 0;
}
