/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An RTCP datagram as a UE may write it, with everything that looks into it. */
#include "mediad/rtp/rtcp.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const struct rtcp_packet *p)
{
	struct rtcp_twcc_status s;
	struct ar_span cname;
	struct rtcp_twcc it;
	uint16_t seq[RTCP_MAX_NACK];
	uint8_t cmd;

	if (rtcp_nack_list(p, seq, RTCP_MAX_NACK) > RTCP_MAX_NACK)
		abort();
	rtcp_fir_find(p, 1, &cmd);
	rtcp_bye_has(p, 1);
	rtcp_sdes_cname(p, 1, &cname);
	if (rtcp_twcc_begin(p, &it) == 0)
		while (rtcp_twcc_next(&it, &s))
			;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ar_span rest = {(const char *)data, size};
	struct rtcp_packet p;

	rtcp_is_compound(rest);
	while (rtcp_next(&rest, &p) == 1)
		look(&p);
	return 0;
}
