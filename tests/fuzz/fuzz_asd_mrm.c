/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a DCMF answers to asd: whatever it is, nothing of it may break an SDP or a path. */
#include "asd/admin/admin_live.h"
#include "asd/dcsf/mrm_av.h"
#include "asd/dcsf/mrm_json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void clean(struct ar_span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] < 0x20 || (unsigned char)s.p[i] >= 0x7f)
			abort();
	}
}

static void check_local(const struct mrm_local *l)
{
	if (!l->port || !l->sctp_port || !l->ufrag.n || !l->pwd.n || !l->addr.n)
		abort();
	clean(l->addr);
	clean(l->ufrag);
	clean(l->pwd);
	clean(l->fingerprint);
	clean(l->tls_id);
	for (unsigned i = 0; i < l->ncandidate; i++)
		clean(l->candidate[i]);
}

static void check_media(json_t *j, enum ar_side side)
{
	json_t *facts = json_pack(
		"{s:{s:{s:s, s:{}}}}", "av", "v1", "mediaProcessingUri", "x:relay", "x-ims-ar");
	json_t *ops = json_array();
	struct mrm_av_reserved r;
	const char *why;

	if (mrm_av_reserved(j, side, "v1", &r, &why) == 0) {
		if (!r.port || !r.addr.n)
			abort();
		clean(r.addr);
		clean(r.ufrag);
		clean(r.pwd);
		clean(r.fingerprint);
		for (unsigned i = 0; i < r.ncandidate; i++)
			clean(r.candidate[i]);
	}
	if (!mrm_av_patch(ops, side, facts, NULL, j))
		abort();
	json_decref(ops);
	json_decref(facts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	json_t *j = json_loadb((const char *)data, n, JSON_REJECT_DUPLICATES, NULL), *items;
	const char *why, *id = mrm_context_id(j);
	struct mrm_local l;
	char text[64];

	if (id && strpbrk(id, "/?# \r\n"))
		abort();
	for (int side = 0; side < 2; side++) {
		if (mrm_local(j, (enum ar_side)side, &l, &why) == 0)
			check_local(&l);
		check_media(j, (enum ar_side)side);
	}
	(void)mrm_av_refused((struct ar_span){(const char *)data, n});
	(void)mrm_av_strip(j);
	mrm_problem((struct ar_span){(const char *)data, n}, text, sizeof(text));
	items = json_array();
	admin_live_items(items, j);
	(void)admin_live_media(items, j, "", "");
	json_decref(items);
	json_decref(j);
	return 0;
}
