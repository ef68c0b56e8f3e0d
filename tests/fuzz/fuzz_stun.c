/* SPDX-License-Identifier: GPL-2.0-or-later */
/* STUN: what anybody may send to the port. Parsed, then given to an agent that knows the key. */
#include "mediad/ice/ice.h"
#include "mediad/net/demux.h"
#include "mediad/net/peer_addr.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ice ice;
	struct ar_span d = {(const char *)data, size};
	struct peer_addr from;
	struct ice_out out;
	struct stun_msg m;

	if (!ice.local.key && ice_init(&ice) != 0)
		abort();
	demux_classify(d);
	stun_peek_ufrag(d);
	if (stun_parse(&m, d) == 0)
		stun_check(&m, ice.local.key);
	if (peer_addr_parse(&from, size & 1 ? "192.0.2.1" : "2001:db8::1", 5000) != 0)
		abort();
	ice_input(&ice, d, &from, size, &out);
	if (out.nreply > size || ice.npair)
		abort(); /* larger out than in, or state without integrity */
	return 0;
}
