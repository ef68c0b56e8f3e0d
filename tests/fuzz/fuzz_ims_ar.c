/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the Kamailio module takes from outside: asd's answers, and signed texts in headers. */
#include "kamailio-modules/ims_ar/ar_token.h"
#include "kamailio-modules/ims_ar/ar_wire.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void answer(const char *p, size_t n)
{
	static struct ar_plan_room room;
	struct ar_wire_verdict v;
	const char *why = NULL;
	json_t *j = json_loadb(p, n, JSON_REJECT_DUPLICATES, NULL);
	int rc = json_is_object(j) ? ar_wire_verdict(j, &v, &room, &why) : -1;

	if (rc == 0) {
		must(v.action != AR_ACTION_NONE && v.reason && v.rule);
		must(v.has_plan == (v.action == AR_ACTION_AR));
		must((v.code >= 300) == (v.action == AR_ACTION_DENY));
	} else if (json_is_object(j)) {
		must(why != NULL);
	}
	if (rc == 0 && v.has_plan) {
		struct ar_plan *copy = ar_plan_clone(&v.plan, malloc);

		must(copy && copy->offer.n == v.plan.offer.n);
		free(copy);
	}
	json_decref(j);
}

/* Without the secret nobody makes one that is believed. */
static void token(struct ar_span text)
{
	char id[AR_CALL_ID_LEN + 1];
	unsigned asd;

	must(!ar_token_mark_ok(text, AR_SPAN("of the fuzzer"), AR_SPAN("c"), AR_SPAN("t")));
	must(!ar_token_route_ok(text, AR_SPAN("of the fuzzer"), AR_SPAN("c"), id, &asd));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	answer((const char *)data, size);
	token((struct ar_span){(const char *)data, size});
	return 0;
}
