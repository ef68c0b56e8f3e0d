/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of asd/policy: what policy.c (life and decisions), policy_load.c (a generation from files)
 * and policy_tool.c share. */
#ifndef POLICY_INT_H
#define POLICY_INT_H

#include "asd/policy/host.h"
#include "asd/policy/policy.h"
#include "asd/policy/view.h"
#include "common/lua/vm.h"

#define POLICY_MAX_VIEW 4096 /* bytes of any text of a call; longer ones are refused */

struct policy_rule {
	enum policy_hook hook;
	char name[POLICY_MAX_NAME];
	char text[POLICY_MAX_TEXT]; /* its match */
	bool ends; /* every call that comes to it */
	uint64_t hits;
};

struct policy_gen {
	struct policy *owner;
	struct policy_gen *next; /* of owner->gens */
	uint64_t id; /* 0 until swapped in */
	unsigned refs; /* calls, and one for being the current one */
	uint64_t loaded_ms; /* wall clock */
	struct vm *vm;
	struct host host;
	char name[POLICY_MAX_NAME];
	/* Slots of vm_keep(); LUA_NOREF: none. */
	int hook[POLICY_HOOKS], progress, selftest;
	unsigned nrules;
	struct policy_rule *rule;
	uint64_t result[POLICY_RESULTS], restarts;
	uint64_t decision_us; /* CPU time of the last decision, its answers included */
	/* The last run: rules that matched, in order. */
	unsigned nlast, last[POLICY_MAX_RULES];
};

struct policy {
	struct policy_conf conf; /* strings are ours */
	char *script, *lib_dir, *dir;
	struct policy_gen *current, *gens;
	uint64_t next_id;
	struct policy_stats stats;
};

/* One evaluation. */
struct policy_run {
	struct view view;
	enum policy_hook hook;
	union {
		struct policy_verdict *verdict;
		struct policy_answer *answer;
		struct policy_record *record;
	} out;
	char rule[POLICY_MAX_NAME]; /* at work when it ended */
	bool fell_off; /* no rule ended it */
	int bad; /* what it returned is not what it should */
	char why[256];
	struct policy_gen *gen;
	unsigned cpu_ms; /* that it may take; 0: the limit */
};

/* policy_decide(), _on_answer(), _on_end() without counting and logging; run says more. */
enum policy_result policy_try_decide(struct policy_gen *gen, const struct policy_call *call,
	struct policy_verdict *v, struct policy_run *run);
enum policy_result policy_try_answer(struct policy_gen *gen, const struct policy_call *call,
	const struct policy_verdict *v, enum ar_outcome outcome, struct policy_answer *a,
	struct policy_run *run);
/* err of POLICY_MAX_ERROR bytes. */
enum policy_result policy_try_end(struct policy_gen *gen, const struct policy_call *call,
	const struct policy_end *end, struct policy_record *rec, struct policy_run *run, char *err);

/* Where the library is when the configuration does not say; malloc'd. */
char *policy_default_lib(void);
struct policy_gen *policy_gen_new(const struct policy *p);
void policy_gen_free(struct policy_gen *gen);

/* policy_load.c: fills a new generation from the files. */
int policy_gen_load(struct policy_gen *gen, unsigned cpu_ms, struct ar_buf *err);
/* A new state from the texts and lists read then, for one that a script has filled with what it
 * keeps between calls; it takes cpu_ms of CPU time at most. On failure the old one stays. */
int policy_gen_restart(struct policy_gen *gen, unsigned cpu_ms, struct ar_buf *err);
/* The message of a load or a test that failed, for the operator; cuts why. */
void policy_explain(struct ar_buf *err, const struct policy *p, char *why);
/* policy_test.c: sample calls and the script's own cases. */
int policy_gen_selftest(struct policy_gen *gen, struct ar_buf *err);

#endif
