/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Module parameters, read-only after mod_init, and the run-time ones of the cfg framework. */
#ifndef IMS_AR_CONF_H
#define IMS_AR_CONF_H

#include "common/recognise.h"

#include "../../core/str.h"
#include "../../core/cfg/cfg.h"

#define AR_ASD_MAX 8 /* values of the asd parameter */

struct ar_conf {
	char *asd[AR_ASD_MAX]; /* "unix:/path", "tcp:host:port" */
	int nasd;
	char *name; /* how asd's logs call this Kamailio */
	char *secret; /* of the mark and of the Record-Route parameter */
	str mark_header;
	str pv_in, pv_out;
	str pv_registered, pv_registered_callee;
	struct ar_recognise_conf recognise;
	int resume_workers;
	int queue_max; /* offers waiting for asd */
	int event_max; /* events that asd has not acknowledged */
	int call_max; /* calls in shared memory */
	int hash_size; /* log2 of the buckets of the call table */
	int ring_ttl; /* s */
	int call_ttl; /* s */
	int ack_ttl; /* s, from the 2xx on, until its ACK comes */
	int reply_ttl; /* s, plan after the first 2xx, call after BYE */
	str event_callback; /* KEMI */
};

extern struct ar_conf ar_conf;

/* cfg.set_now_int ims_ar <name> <value> */
struct cfg_group_ims_ar {
	int enabled;
	int offer_timeout; /* ms, below tm's fr_timer */
};

extern struct cfg_group_ims_ar ar_cfg_default;
extern void *ims_ar_cfg;
extern cfg_def_t ar_cfg_def[];

/* cb of modparam("ims_ar", "asd", ...), may be given several times. */
int ar_conf_add_asd(unsigned int type, void *value);
/* Checks ranges and addresses, fills what was not given. 0 or -1 with a log line. */
int ar_conf_check(void);

#endif
