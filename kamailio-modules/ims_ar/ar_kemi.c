/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ar_kemi.h"

#include "ar_mark.h"
#include "ar_offer.h"
#include "ar_sdp.h"

#include "../../core/dprint.h"
#include "../../core/mod_fix.h"

#include <stdio.h>

/* ---- KEMI */

static int ki_offer_role(sip_msg_t *msg, str *route, str *role)
{
	char text[24];

	snprintf(text, sizeof(text), "%.*s", role->len, role->s);
	return ar_offer(msg, route, text);
}

static int ki_offer(sip_msg_t *msg, str *route)
{
	return ar_offer(msg, route, "originating");
}

static int ki_sdp_hide(sip_msg_t *msg)
{
	return ar_sdp_hide(msg);
}

static int ki_sdp_restore(sip_msg_t *msg)
{
	return ar_sdp_restore_body(msg);
}

static int ki_sdp(sip_msg_t *msg)
{
	return ar_sdp_apply(msg);
}

static int ki_untrusted(sip_msg_t *msg)
{
	ar_mark_strip(msg);
	return 1;
}

static int ki_to_ue(sip_msg_t *msg)
{
	ar_mark_to_ue(msg);
	return 1;
}

/* ---- native */

static int w_offer(sip_msg_t *msg, char *p1, char *p2)
{
	str route, role;

	if (get_str_fparam(&route, msg, (fparam_t *)p1) < 0) {
		LM_ERR("ims_ar_offer: no route name\n");
		return -1;
	}
	if (!p2)
		return ki_offer(msg, &route);
	if (get_str_fparam(&role, msg, (fparam_t *)p2) < 0) {
		LM_ERR("ims_ar_offer: no role\n");
		return -1;
	}
	return ki_offer_role(msg, &route, &role);
}

static int w_sdp_hide(sip_msg_t *msg, char *p1, char *p2)
{
	(void)p1;
	(void)p2;
	return ar_sdp_hide(msg);
}

static int w_sdp_restore(sip_msg_t *msg, char *p1, char *p2)
{
	(void)p1;
	(void)p2;
	return ar_sdp_restore_body(msg);
}

static int w_sdp(sip_msg_t *msg, char *p1, char *p2)
{
	(void)p1;
	(void)p2;
	return ar_sdp_apply(msg);
}

static int w_untrusted(sip_msg_t *msg, char *p1, char *p2)
{
	(void)p1;
	(void)p2;
	return ki_untrusted(msg);
}

static int w_to_ue(sip_msg_t *msg, char *p1, char *p2)
{
	(void)p1;
	(void)p2;
	return ki_to_ue(msg);
}

cmd_export_t ar_cmds[] = {
	{"ims_ar_offer", (cmd_function)w_offer, 1, fixup_spve_null, fixup_free_spve_null,
		REQUEST_ROUTE | FAILURE_ROUTE},
	{"ims_ar_offer", (cmd_function)w_offer, 2, fixup_spve_spve, fixup_free_spve_spve,
		REQUEST_ROUTE | FAILURE_ROUTE},
	{"ims_ar_sdp_hide", (cmd_function)w_sdp_hide, 0, 0, 0, ANY_ROUTE},
	{"ims_ar_sdp_restore", (cmd_function)w_sdp_restore, 0, 0, 0, ANY_ROUTE},
	{"ims_ar_sdp", (cmd_function)w_sdp, 0, 0, 0, ANY_ROUTE},
	{"ims_ar_untrusted", (cmd_function)w_untrusted, 0, 0, 0,
		REQUEST_ROUTE | FAILURE_ROUTE | BRANCH_ROUTE},
	{"ims_ar_to_ue", (cmd_function)w_to_ue, 0, 0, 0,
		REQUEST_ROUTE | FAILURE_ROUTE | BRANCH_ROUTE},
	{0, 0, 0, 0, 0, 0},
};

/* clang-format off */
sr_kemi_t ar_kemi_exports[] = {
	{ str_init("ims_ar"), str_init("offer"), SR_KEMIP_INT, ki_offer,
		{ SR_KEMIP_STR, SR_KEMIP_NONE, SR_KEMIP_NONE,
		  SR_KEMIP_NONE, SR_KEMIP_NONE, SR_KEMIP_NONE } },
	{ str_init("ims_ar"), str_init("offer_role"), SR_KEMIP_INT, ki_offer_role,
		{ SR_KEMIP_STR, SR_KEMIP_STR, SR_KEMIP_NONE,
		  SR_KEMIP_NONE, SR_KEMIP_NONE, SR_KEMIP_NONE } },
	{ str_init("ims_ar"), str_init("sdp_hide"), SR_KEMIP_INT, ki_sdp_hide,
		{ SR_KEMIP_NONE, SR_KEMIP_NONE, SR_KEMIP_NONE,
		  SR_KEMIP_NONE, SR_KEMIP_NONE, SR_KEMIP_NONE } },
	{ str_init("ims_ar"), str_init("sdp_restore"), SR_KEMIP_INT, ki_sdp_restore,
		{ SR_KEMIP_NONE, SR_KEMIP_NONE, SR_KEMIP_NONE,
		  SR_KEMIP_NONE, SR_KEMIP_NONE, SR_KEMIP_NONE } },
	{ str_init("ims_ar"), str_init("sdp"), SR_KEMIP_INT, ki_sdp,
		{ SR_KEMIP_NONE, SR_KEMIP_NONE, SR_KEMIP_NONE,
		  SR_KEMIP_NONE, SR_KEMIP_NONE, SR_KEMIP_NONE } },
	{ str_init("ims_ar"), str_init("untrusted"), SR_KEMIP_INT, ki_untrusted,
		{ SR_KEMIP_NONE, SR_KEMIP_NONE, SR_KEMIP_NONE,
		  SR_KEMIP_NONE, SR_KEMIP_NONE, SR_KEMIP_NONE } },
	{ str_init("ims_ar"), str_init("to_ue"), SR_KEMIP_INT, ki_to_ue,
		{ SR_KEMIP_NONE, SR_KEMIP_NONE, SR_KEMIP_NONE,
		  SR_KEMIP_NONE, SR_KEMIP_NONE, SR_KEMIP_NONE } },

	{ {0, 0}, {0, 0}, 0, NULL, { 0, 0, 0, 0, 0, 0 } }
};
/* clang-format on */
