/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ar_body.h"

#include "ar_conf.h"

#include "../../core/data_lump.h"
#include "../../core/dprint.h"
#include "../../core/mem/mem.h"
#include "../../core/pvar.h"
#include "../../core/lvalue.h"

#include <errno.h>

#define VALUES_MAX 64 /* values of one variable that are cleared */

static pv_spec_t *pv_in, *pv_out, *pv_registered[2];

static pv_spec_t *bind_pv(str *name, const char *param)
{
	pv_spec_t *sp;

	if (!name->s || name->len <= 0)
		return NULL;
	sp = pv_cache_get(name);
	if (!sp || !pv_is_w(sp)) {
		LM_ERR("parameter %s: %.*s is no variable that can be written\n", param, name->len,
			name->s);
		return NULL;
	}
	return sp;
}

int ar_body_init(void)
{
	pv_in = bind_pv(&ar_conf.pv_in, "pv_in");
	pv_out = bind_pv(&ar_conf.pv_out, "pv_out");
	pv_registered[AR_SIDE_A] = bind_pv(&ar_conf.pv_registered, "pv_registered");
	pv_registered[AR_SIDE_B] = bind_pv(&ar_conf.pv_registered_callee, "pv_registered_callee");
	return pv_in && pv_out && pv_registered[AR_SIDE_A] && pv_registered[AR_SIDE_B] ? 0 : -1;
}

struct ar_span ar_body_registered(struct sip_msg *msg, enum ar_side side)
{
	pv_value_t v;

	if (pv_get_spec_value(msg, pv_registered[side], &v) < 0 || !(v.flags & PV_VAL_STR) ||
		v.rs.len <= 0)
		return AR_SPAN_NONE;
	return (struct ar_span){v.rs.s, (size_t)v.rs.len};
}

bool ar_body_is_set(const struct sip_msg *msg, struct ar_span body)
{
	int offset = (int)(body.p - msg->buf);

	for (const struct lump *l = msg->body_lumps; l; l = l->next)
		if (l->op == LUMP_DEL && l->u.offset >= offset &&
			l->u.offset < offset + (int)body.n)
			return true;
	return false;
}

int ar_body_set(struct sip_msg *msg, struct ar_span body, struct ar_span text)
{
	struct lump *anchor;
	char *copy;

	if (ar_span_eq(body, text))
		return 0;
	copy = pkg_malloc(text.n);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, text.p, text.n);
	anchor = del_lump(msg, (int)(body.p - msg->buf), (int)body.n, HDR_OTHER_T);
	if (anchor && insert_new_lump_after(anchor, copy, (int)text.n, HDR_OTHER_T))
		return 0;
	pkg_free(copy);
	return -ENOMEM;
}

int ar_body_pv_put(struct sip_msg *msg, struct ar_span text)
{
	pv_value_t v = {.flags = PV_VAL_STR, .rs = {(char *)text.p, (int)text.n}};

	return pv_in->setf(msg, &pv_in->pvp, (int)EQ_T, &v) < 0 ? -EIO : 0;
}

struct ar_span ar_body_pv_get(struct sip_msg *msg)
{
	pv_value_t v = {0};

	if (pv_get_spec_value(msg, pv_out, &v) < 0 || v.flags & PV_VAL_NULL ||
		!(v.flags & PV_VAL_STR))
		return AR_SPAN_NONE;
	return (struct ar_span){v.rs.s, v.rs.len > 0 ? (size_t)v.rs.len : 0};
}

static void clear(struct sip_msg *msg, pv_spec_t *sp)
{
	for (int i = 0; i < VALUES_MAX; i++) {
		pv_value_t v = {0};

		if (pv_get_spec_value(msg, sp, &v) < 0 || v.flags & PV_VAL_NULL ||
			(v.flags & PV_VAL_STR && v.rs.len == 0))
			return;
		if (sp->setf(msg, &sp->pvp, (int)EQ_T, NULL) < 0)
			return;
	}
}

void ar_body_pv_clear(struct sip_msg *msg)
{
	clear(msg, pv_in);
	clear(msg, pv_out);
}
