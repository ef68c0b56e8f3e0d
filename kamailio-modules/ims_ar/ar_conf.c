/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ar_conf.h"

#include "ar_conn.h"

#include "../../core/dprint.h"
#include "../../core/sr_module.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct ar_conf ar_conf = {
	.mark_header = str_init("P-IMS-AR"),
	.pv_in = str_init("$avp(rtpe_in)"),
	.pv_out = str_init("$avp(rtpe_out)"),
	.pv_registered = str_init("$avp(ar_registered)"),
	.pv_registered_callee = str_init("$avp(ar_registered_callee)"),
	.resume_workers = 2,
	.queue_max = 1000,
	.event_max = 20000,
	.call_max = 100000,
	.hash_size = 10,
	.ring_ttl = 190,
	.call_ttl = 43200,
	.ack_ttl = 64,
	.reply_ttl = 40,
};

struct cfg_group_ims_ar ar_cfg_default = {
	1, /* enabled */
	2500, /* offer_timeout: below fr_timer of Kamailio's own P-CSCF, 3000 */
};

void *ims_ar_cfg = &ar_cfg_default;

cfg_def_t ar_cfg_def[] = {
	{"enabled", CFG_VAR_INT | CFG_ATOMIC, 0, 1, 0, 0,
		"0: initial INVITEs are not looked at; calls that are anchored go on"},
	{"offer_timeout", CFG_VAR_INT | CFG_ATOMIC, 50, 60000, 0, 0,
		"how long asd may take over an offer, in ms; below tm's fr_timer"},
	{0, 0, 0, 0, 0, 0, 0},
};

int ar_conf_add_asd(unsigned int type, void *value)
{
	char *s = value;

	(void)type;
	if (ar_conf.nasd == AR_ASD_MAX) {
		LM_ERR("at most %d values of asd\n", AR_ASD_MAX);
		return -1;
	}
	if (ar_conn_check(s) < 0) {
		LM_ERR("asd: '%s' is none of unix:/path, tcp:host:port, tcp:[address]:port\n", s);
		return -1;
	}
	ar_conf.asd[ar_conf.nasd++] = s;
	return 0;
}

static int in_range(const char *name, int v, int min, int max)
{
	if (v >= min && v <= max)
		return 1;
	LM_ERR("%s is %d, may be %d to %d\n", name, v, min, max);
	return 0;
}

int ar_conf_check(void)
{
	static char host[64];
	static char def[] = "unix:/run/ims-ar/asd.sock";
	const struct ar_conf *c = &ar_conf;

	if (!c->nasd)
		ar_conf.asd[ar_conf.nasd++] = def;
	if (!c->name) {
		if (gethostname(host, sizeof(host) - 1) < 0)
			snprintf(host, sizeof(host), "kamailio");
		ar_conf.name = host;
	}
	return in_range("resume_workers", c->resume_workers, 0, 64) &&
			       in_range("queue_max", c->queue_max, 1, 50000) &&
			       in_range("event_max", c->event_max, 10, 10000000) &&
			       in_range("call_max", c->call_max, 1, 10000000) &&
			       in_range("hash_size", c->hash_size, 1, 20) &&
			       in_range("ring_ttl", c->ring_ttl, 5, 86400) &&
			       in_range("call_ttl", c->call_ttl, 10, 10000000) &&
			       in_range("ack_ttl", c->ack_ttl, 1, 86400) &&
			       in_range("reply_ttl", c->reply_ttl, 1, 600)
		       ? 0
		       : -1;
}
