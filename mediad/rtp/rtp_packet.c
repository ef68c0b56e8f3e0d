/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/rtp/rtp_packet.h"

#include "mediad/rtp/wire.h"

#include <errno.h>

#define PROFILE_ONE 0xbede /* RFC 8285 4.2 */
#define PROFILE_TWO 0x1000 /* RFC 8285 4.3; the low four bits are appbits */
#define ONE_MAX_ID 14
#define ONE_MAX_LEN 16
#define TWO_MAX_LEN 255
#define EXT_HEAD 4

static const char *const uris[RTP_EXT_COUNT] = {
	[RTP_EXT_ABS_SEND_TIME] = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
	[RTP_EXT_TRANSPORT_CC] =
		"http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
	[RTP_EXT_MID] = "urn:ietf:params:rtp-hdrext:sdes:mid",
	[RTP_EXT_ABS_CAPTURE_TIME] =
		"http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
	[RTP_EXT_XR_POSE] = "urn:3gpp:xr-pose",
	[RTP_EXT_PLAYOUT_DELAY] = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
};

bool rtp_is_rtcp(struct ar_span datagram)
{
	uint8_t type = datagram.n < 2 ? 0 : (uint8_t)datagram.p[1];

	return type >= 192 && type <= 223;
}

static int parse_ext(struct rtp_packet *p, const uint8_t *b, size_t n, size_t *at)
{
	size_t len;

	if (n - *at < EXT_HEAD)
		return -EBADMSG;
	p->ext_profile = get16(b + *at);
	len = (size_t)get16(b + *at + 2) * 4;
	*at += EXT_HEAD;
	if (n - *at < len)
		return -EBADMSG;
	p->ext = (struct ar_span){(const char *)b + *at, len};
	*at += len;
	return 0;
}

int rtp_parse(struct rtp_packet *p, struct ar_span datagram)
{
	const uint8_t *b = (const uint8_t *)datagram.p;
	size_t n = datagram.n, at = RTP_HEAD;

	memset(p, 0, sizeof(*p));
	if (n < RTP_HEAD || b[0] >> 6 != 2)
		return -EBADMSG;
	p->ncsrc = b[0] & 15;
	p->marker = b[1] >> 7;
	p->pt = b[1] & 127;
	p->seq = get16(b + 2);
	p->ts = get32(b + 4);
	p->ssrc = get32(b + 8);
	if (n - at < 4u * p->ncsrc)
		return -EBADMSG;
	for (unsigned i = 0; i < p->ncsrc; i++, at += 4)
		p->csrc[i] = get32(b + at);
	if (b[0] & 0x10 && parse_ext(p, b, n, &at) != 0)
		return -EBADMSG;
	if (b[0] & 0x20) {
		p->npad = n > at ? b[n - 1] : 0;
		if (!p->npad || p->npad > n - at)
			return -EBADMSG;
	}
	p->payload = (struct ar_span){datagram.p + at, n - at - p->npad};
	return 0;
}

enum rtp_ext rtp_ext_of_uri(struct ar_span uri)
{
	unsigned k = 0;

	while (k < RTP_EXT_COUNT && !ar_span_eq(uri, ar_span_str(uris[k])))
		k++;
	return k;
}

const char *rtp_ext_uri(enum rtp_ext kind)
{
	return kind < RTP_EXT_COUNT ? uris[kind] : NULL;
}

/* One element at *at; false at the end of the block, or where it is malformed. */
static bool next_element(
	const struct rtp_packet *p, size_t *at, unsigned *id, struct ar_span *value)
{
	const uint8_t *b = (const uint8_t *)p->ext.p;
	bool two = (p->ext_profile & 0xfff0) == PROFILE_TWO;
	size_t n = p->ext.n, len;

	if (!b || (!two && p->ext_profile != PROFILE_ONE))
		return false;
	while (*at < n && b[*at] == 0) /* padding */
		(*at)++;
	if (n - *at < (two ? 2u : 1u))
		return false;
	*id = two ? b[*at] : b[*at] >> 4;
	len = two ? b[*at + 1] : (b[*at] & 15) + 1u;
	*at += two ? 2 : 1;
	/* RFC 8285 4.2: 15 ends the processing; 0 with a length is padding gone wrong */
	if ((!two && (*id == 15 || *id == 0)) || n - *at < len)
		return false;
	*value = (struct ar_span){p->ext.p + *at, len};
	*at += len;
	return true;
}

bool rtp_ext_find(const struct rtp_packet *p, unsigned id, struct ar_span *value)
{
	unsigned got;
	size_t at = 0;

	while (next_element(p, &at, &got, value))
		if (got == id)
			return true;
	*value = AR_SPAN_NONE;
	return false;
}

static void read_capture(struct ar_span v, struct rtp_ext_values *out)
{
	const uint8_t *b = (const uint8_t *)v.p;

	if (v.n != 8 && v.n != 16)
		return;
	out->has_capture_time = true;
	out->capture_time = get64(b);
	out->has_capture_offset = v.n == 16;
	if (v.n == 16)
		out->capture_offset = (int64_t)get64(b + 8);
}

static void read_value(enum rtp_ext kind, struct ar_span v, struct rtp_ext_values *out)
{
	const uint8_t *b = (const uint8_t *)v.p;

	if (kind == RTP_EXT_ABS_SEND_TIME && v.n == 3) {
		out->has_send_time = true;
		out->send_time = get24(b);
	} else if (kind == RTP_EXT_TRANSPORT_CC && v.n >= 2) {
		out->has_transport_seq = true;
		out->transport_seq = get16(b);
	} else if (kind == RTP_EXT_MID && v.n && v.n <= RTP_MAX_MID) {
		out->mid = v;
	} else if (kind == RTP_EXT_ABS_CAPTURE_TIME) {
		read_capture(v, out);
	} else if (kind == RTP_EXT_XR_POSE && v.n) {
		out->xr_pose = v;
	} else if (kind == RTP_EXT_PLAYOUT_DELAY && v.n == 3) {
		out->has_playout = true;
		out->playout = get24(b);
	}
}

void rtp_ext_read(
	const struct rtp_packet *p, const struct rtp_extmap *map, struct rtp_ext_values *out)
{
	struct ar_span v;
	unsigned id;
	size_t at = 0;

	memset(out, 0, sizeof(*out));
	while (next_element(p, &at, &id, &v))
		for (unsigned k = 0; k < RTP_EXT_COUNT; k++)
			if (id && map->id[k] == id)
				read_value(k, v, out);
}

struct element {
	unsigned id;
	struct ar_span value;
};

/* The elements to write, those with binary values from scratch. */
static unsigned gather(struct element e[RTP_EXT_COUNT], uint8_t scratch[32],
	const struct rtp_extmap *map, const struct rtp_ext_values *v)
{
	const char *s = (const char *)scratch;
	const struct ar_span value[RTP_EXT_COUNT] = {
		[RTP_EXT_ABS_SEND_TIME] = {v->has_send_time ? s : NULL, 3},
		[RTP_EXT_TRANSPORT_CC] = {v->has_transport_seq ? s + 4 : NULL, 2},
		[RTP_EXT_MID] = v->mid,
		[RTP_EXT_ABS_CAPTURE_TIME] = {v->has_capture_time ? s + 8 : NULL,
			v->has_capture_offset ? 16 : 8},
		[RTP_EXT_XR_POSE] = v->xr_pose,
		[RTP_EXT_PLAYOUT_DELAY] = {v->has_playout ? s + 24 : NULL, 3},
	};
	unsigned n = 0;

	put24(scratch, v->send_time);
	put16(scratch + 4, v->transport_seq);
	put64(scratch + 8, v->capture_time);
	put64(scratch + 16, (uint64_t)v->capture_offset);
	put24(scratch + 24, v->playout);
	for (unsigned k = 0; k < RTP_EXT_COUNT; k++)
		if (map->id[k] && value[k].p && value[k].n)
			e[n++] = (struct element){map->id[k], value[k]};
	return n;
}

/* Length of the block with its head, 0 without elements; two says which form it takes. */
static int block_size(const struct element *e, unsigned n, bool *two)
{
	size_t len = 0;

	*two = false;
	for (unsigned i = 0; i < n; i++) {
		if (e[i].value.n > TWO_MAX_LEN)
			return -EINVAL;
		*two |= e[i].value.n > ONE_MAX_LEN || e[i].id > ONE_MAX_ID;
		len += e[i].value.n;
	}
	len += n * (*two ? 2u : 1u);
	return n ? (int)(EXT_HEAD + (len + 3) / 4 * 4) : 0;
}

static void write_block(uint8_t *out, int size, const struct element *e, unsigned n, bool two)
{
	memset(out, 0, (size_t)size);
	put16(out, two ? PROFILE_TWO : PROFILE_ONE);
	put16(out + 2, (uint32_t)(size - EXT_HEAD) / 4);
	out += EXT_HEAD;
	for (unsigned i = 0; i < n; i++) {
		if (two) {
			*out++ = (uint8_t)e[i].id;
			*out++ = (uint8_t)e[i].value.n;
		} else {
			*out++ = (uint8_t)(e[i].id << 4 | (e[i].value.n - 1));
		}
		memcpy(out, e[i].value.p, e[i].value.n);
		out += e[i].value.n;
	}
}

int rtp_build(uint8_t *out, size_t cap, const struct rtp_packet *p, const struct rtp_extmap *map,
	const struct rtp_ext_values *values)
{
	struct element e[RTP_EXT_COUNT];
	uint8_t scratch[32];
	unsigned n = map && values ? gather(e, scratch, map, values) : 0;
	bool two;
	int block = block_size(e, n, &two);
	size_t total;

	if (block < 0)
		return block;
	total = RTP_HEAD + (size_t)block + p->payload.n;
	if (total > cap)
		return -ENOBUFS;
	out[0] = block ? 0x90 : 0x80;
	out[1] = (uint8_t)(p->marker << 7 | (p->pt & 127));
	put16(out + 2, p->seq);
	put32(out + 4, p->ts);
	put32(out + 8, p->ssrc);
	if (block)
		write_block(out + RTP_HEAD, block, e, n, two);
	if (p->payload.n)
		memcpy(out + RTP_HEAD + block, p->payload.p, p->payload.n);
	return (int)total;
}

uint32_t rtp_send_time(uint64_t now)
{
	uint64_t in64s = now % 64000000;

	return (uint32_t)((in64s << 18) / 1000000) & 0xffffff;
}
