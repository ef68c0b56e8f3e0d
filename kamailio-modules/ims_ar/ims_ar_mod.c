/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kamailio module ims_ar: augmented-reality calls. Recognises them, hands their offers over to asd
 * and rewrites session descriptions from the plans it gets. Here: what Kamailio sees of it.
 */
#include "ar_body.h"
#include "ar_calls.h"
#include "ar_conf.h"
#include "ar_job.h"
#include "ar_kemi.h"
#include "ar_layout.h"
#include "ar_link.h"
#include "ar_mark.h"
#include "ar_pv.h"
#include "ar_rpc.h"
#include "ar_stat.h"
#include "ar_through.h"
#include "ar_tm.h"

#include "../../core/cfg/cfg_struct.h"
#include "../../core/dprint.h"
#include "../../core/kemi.h"
#include "../../core/pt.h"
#include "../../core/rpc_lookup.h"
#include "../../core/sr_module.h"

#include <stdio.h>
#include <sys/random.h>

#pragma GCC visibility push(default)
MODULE_VERSION

static int mod_init(void);
static int child_init(int rank);
static void mod_destroy(void);

static param_export_t params[] = {
	{"asd", PARAM_STRING | PARAM_USE_FUNC, (void *)ar_conf_add_asd},
	{"name", PARAM_STRING, &ar_conf.name},
	{"secret", PARAM_STRING, &ar_conf.secret},
	{"mark_header", PARAM_STR, &ar_conf.mark_header},
	{"pv_in", PARAM_STR, &ar_conf.pv_in},
	{"pv_out", PARAM_STR, &ar_conf.pv_out},
	{"pv_registered", PARAM_STR, &ar_conf.pv_registered},
	{"pv_registered_callee", PARAM_STR, &ar_conf.pv_registered_callee},
	{"subprotocols", PARAM_STRING, &ar_conf.recognise.subprotocols},
	{"req_apps", PARAM_STRING, &ar_conf.recognise.req_apps},
	{"services", PARAM_STRING, &ar_conf.recognise.services},
	{"resume_workers", PARAM_INT, &ar_conf.resume_workers},
	{"queue_max", PARAM_INT, &ar_conf.queue_max},
	{"event_max", PARAM_INT, &ar_conf.event_max},
	{"call_max", PARAM_INT, &ar_conf.call_max},
	{"hash_size", PARAM_INT, &ar_conf.hash_size},
	{"ring_ttl", PARAM_INT, &ar_conf.ring_ttl},
	{"call_ttl", PARAM_INT, &ar_conf.call_ttl},
	{"ack_ttl", PARAM_INT, &ar_conf.ack_ttl},
	{"reply_ttl", PARAM_INT, &ar_conf.reply_ttl},
	{"enabled", PARAM_INT, &ar_cfg_default.enabled},
	{"offer_timeout", PARAM_INT, &ar_cfg_default.offer_timeout},
	{"event_callback", PARAM_STR, &ar_conf.event_callback},
	{0, 0, 0},
};

static pv_export_t pvs[] = {
	{{"ims_ar", sizeof("ims_ar") - 1}, PVT_OTHER, ar_pv_get, 0, ar_pv_parse_name, 0, 0, 0},
	{{0, 0}, 0, 0, 0, 0, 0, 0, 0},
};

struct module_exports exports = {
	"ims_ar", /* module name */
	DEFAULT_DLFLAGS, /* dlopen flags */
	ar_cmds, /* exported functions */
	params, /* exported parameters */
	0, /* RPC methods: registered in mod_init */
	pvs, /* exported pseudo-variables */
	0, /* response handling function */
	mod_init, /* module initialization function */
	child_init, /* per-child init function */
	mod_destroy /* module destroy function */
};

int mod_register(char *path, int *dlflags, void *p1, void *p2);

int mod_register(char *path, int *dlflags, void *p1, void *p2)
{
	(void)path;
	(void)dlflags;
	(void)p1;
	(void)p2;
	return sr_kemi_modules_add(ar_kemi_exports);
}
#pragma GCC visibility pop

static int make_instance(char *out, size_t cap)
{
	unsigned char b[16];

	if (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b))
		return -1;
	for (size_t i = 0; i < sizeof(b); i++)
		snprintf(out + 2 * i, cap - 2 * i, "%02x", b[i]);
	return 0;
}

static int init_shared(void)
{
	if (ar_calls_init((unsigned)ar_conf.hash_size, ar_conf.call_max) < 0 ||
		ar_through_init(ar_conf.call_max) < 0 || ar_layout_init(ar_conf.call_max) < 0 ||
		ar_jobs_init() < 0) {
		LM_ERR("no shared memory for the tables\n");
		return -1;
	}
	ar_link_state->started = ar_now_ms();
	return make_instance(ar_link_state->instance, sizeof(ar_link_state->instance));
}

static int mod_init(void)
{
	if (cfg_declare("ims_ar", ar_cfg_def, &ar_cfg_default, cfg_sizeof(ims_ar), &ims_ar_cfg)) {
		LM_ERR("cannot declare the run-time parameters\n");
		return -1;
	}
	if (ar_conf_check() < 0 || ar_tm_init() < 0 || ar_body_init() < 0 || ar_mark_init() < 0 ||
		ar_stat_init() < 0)
		return -1;
	if (rpc_register_array(ar_rpc_methods) != 0) {
		LM_ERR("cannot register the RPC commands\n");
		return -1;
	}
	if (init_shared() < 0)
		return -1;
	register_procs(1 + ar_conf.resume_workers);
	cfg_register_child(1 + ar_conf.resume_workers);
	return 0;
}

/* Forks one of our processes, which never comes back from run(). */
static int start(const char *name, void (*run)(void))
{
	int pid = fork_process(PROC_RPC, (char *)name, 1);

	if (pid < 0)
		return -1;
	if (pid > 0)
		return 0;
	if (cfg_child_init())
		return -1;
	run();
	return -1;
}

static int child_init(int rank)
{
	if (rank == PROC_INIT && ar_jobs_open() < 0) {
		LM_ERR("cannot make the wake-up descriptors\n");
		return -1;
	}
	if (rank != PROC_MAIN)
		return 0;
	if (start("IMS AR link", ar_link_run) < 0)
		return -1;
	for (int i = 0; i < ar_conf.resume_workers; i++)
		if (start("IMS AR resume worker", ar_resume_run) < 0)
			return -1;
	return 0;
}

static void mod_destroy(void)
{
	ar_jobs_destroy();
	ar_calls_destroy();
	ar_layout_destroy();
	ar_through_destroy();
}
