/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/policy/policy_tool.h"
#include "asd/policy/policy_int.h"
#include "asd/policy/policy_json.h"
#include "asd/policy/policy_sip.h"
#include "asd/policy/policy_test.h"
#include "common/lua/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ERROR 4096
#define MAX_CALL (256 * 1024)

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Loads, or prints why not. */
static struct policy *load(const struct policy_conf *conf, FILE *out)
{
	struct policy *p = NULL;
	struct ar_buf err;

	ar_buf_init(&err, MAX_ERROR);
	if (policy_load(&p, conf, &err) != 0)
		fprintf(out, "%.*s\n", (int)ar_buf_span(&err).n, ar_buf_span(&err).p);
	ar_buf_free(&err);
	return p;
}

/* ---- check ---- */

/* What is no error, and seldom meant. */
static void print_notes(const struct policy_gen *gen, FILE *out)
{
	const struct policy_rule *last = NULL;
	unsigned i;

	for (i = 0; i < gen->nrules; i++) {
		const struct policy_rule *r = &gen->rule[i];

		if (r->hook != POLICY_HOOK_CALL)
			continue;
		if (last)
			fprintf(out, "  note: '%s' is never reached, '%s' ends every call\n",
				r->name, last->name);
		else if (r->ends)
			last = r;
	}
	if (!last)
		fprintf(out,
			"  note: calls that no rule ends are refused with 403; to end the list: "
			":rule('others', m.any, act.plain())\n");
}

int policy_check_main(const struct policy_conf *conf, FILE *out)
{
	static const char *const hooks[] = {"rule", "on_answer", "on_change", "on_end"};
	struct policy *p = load(conf, out);
	const struct policy_gen *gen;
	unsigned i;

	if (!p)
		return 1;
	gen = p->current;
	fprintf(out, "%s: ok, policy '%s', %u rules, %zu list entries, %zu KiB of %zu\n",
		base_name(conf->script), gen->name, gen->nrules, gen->host.lists.entries,
		(vm_memory(gen->vm) + 1023) / 1024, p->conf.limits.memory / 1024);
	for (i = 0; i < gen->nrules; i++)
		fprintf(out, "  %-9s  '%s': %s\n", hooks[gen->rule[i].hook], gen->rule[i].name,
			gen->rule[i].text);
	print_notes(gen, out);
	policy_free(p);
	return 0;
}

/* ---- decide ---- */

/* The whole file or, "-", standard input; malloc'd, terminated. */
static int read_text(const char *path, char **text, size_t *n, FILE *out)
{
	int err = 0;

	if (strcmp(path, "-") != 0) {
		err = sandbox_read_file(path, MAX_CALL, text, n);
	} else if (!(*text = malloc(MAX_CALL + 1))) {
		err = -ENOMEM;
	} else {
		*n = fread(*text, 1, MAX_CALL, stdin);
		(*text)[*n] = '\0';
	}
	if (err)
		fprintf(out, "%s: %s\n", path, strerror(-err));
	return err;
}

static void print_value(FILE *out, const char *key, json_t *v)
{
	char *text;
	json_t *x;
	size_t i;

	if (json_is_array(v)) {
		json_array_foreach(v, i, x)
		{
			print_value(out, key, x);
		}
		return;
	}
	text = json_is_string(v) ? strdup(json_string_value(v))
				 : json_dumps(v, JSON_ENCODE_ANY | JSON_PRESERVE_ORDER);
	fprintf(out, "%-12s %s\n", key, text ? text : "?");
	free(text);
}

static void print_object(FILE *out, json_t *o)
{
	const char *key;
	json_t *v;

	json_object_foreach(o, key, v) print_value(out, key, v);
	json_decref(o);
}

static bool matched(const struct policy_gen *gen, unsigned rule)
{
	unsigned i;

	for (i = 0; i < gen->nlast; i++)
		if (gen->last[i] == rule)
			return true;
	return false;
}

/* Every rule up to the one that ended it. */
static void print_rules(FILE *out, const struct policy_gen *gen, const struct policy_run *run)
{
	unsigned i;
	bool change = run->hook == POLICY_HOOK_CHANGE;

	for (i = 0; i < gen->nrules; i++) {
		const struct policy_rule *r = &gen->rule[i];

		if (r->hook != POLICY_HOOK_CALL && !(change && r->hook == POLICY_HOOK_CHANGE))
			continue;
		fprintf(out, "  %-8s '%s': %s\n", matched(gen, i) ? "matches" : "no", r->name,
			r->text);
		if (matched(gen, i) && strcmp(r->name, run->rule) == 0)
			break;
	}
}

static void print_answers(FILE *out, struct policy_gen *gen, const struct policy_call *call,
	const struct policy_verdict *v)
{
	static const char *const outcomes[] = {
		"ar-capable", "ar-assisted", "dc-only", "dc-refused", "none-offered"};
	struct policy_run run;
	struct policy_answer a;
	enum policy_result r;
	int o;

	if (gen->hook[POLICY_HOOK_ANSWER] < 0 || v->action != POLICY_AR)
		return;
	for (o = 0; o < AR_OUTCOMES; o++) {
		char *text;
		json_t *j;

		r = policy_try_answer(gen, call, v, (enum ar_outcome)o, &a, &run);
		j = policy_answer_json(&a, r);
		text = json_dumps(j, JSON_PRESERVE_ORDER);
		fprintf(out, "if the callee is %-13s %s\n", outcomes[o], text ? text : "?");
		free(text);
		json_decref(j);
	}
}

static void decide(
	struct policy *p, const struct policy_call *call, struct policy_verdict *v, FILE *out)
{
	struct policy_gen *gen = p->current;
	struct policy_run run;
	enum policy_result r = policy_try_decide(gen, call, v, &run);

	print_object(out, policy_verdict_json(v, r));
	fprintf(out, "rules of policy '%s':\n", gen->name);
	print_rules(out, gen, &run);
	fputs(vm_log(gen->vm), out);
	print_answers(out, gen, call, v);
}

/* path: for messages. Both return a process status. */
static int decide_json(
	const struct policy_conf *conf, const char *path, struct ar_span text, FILE *out)
{
	struct policy_case *c = malloc(sizeof(*c));
	json_error_t je;
	json_t *obj = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &je);
	struct policy_verdict v;
	struct policy *p = NULL;
	char why[256];
	int rc = 2;

	if (!obj) {
		fprintf(out, "%s:%d: %s\n", path, je.line, je.text);
	} else if (c && policy_case_read(c, obj, why, sizeof(why)) != 0) {
		fprintf(out, "%s: %s\n", path, why);
	} else if (c) {
		p = load(conf, out);
		if (p)
			decide(p, &c->call, &v, out);
		rc = p ? 0 : 1;
		policy_case_free(c);
	}
	policy_free(p);
	json_decref(obj);
	free(c);
	return rc;
}

static int decide_sip(
	const struct policy_conf *conf, const char *path, struct ar_span text, FILE *out)
{
	struct policy_sip *s = calloc(1, sizeof(*s));
	struct policy_verdict v;
	struct policy *p = NULL;
	char why[256];
	int rc = 2;

	if (!s)
		return rc;
	if (policy_sip_read(s, text, why, sizeof(why)) != 0) {
		fprintf(out, "%s: %s\n", path, why);
	} else {
		p = load(conf, out);
		if (p) {
			decide(p, &s->pc.call, &v, out);
			policy_sip_diff(s, &v, out);
		}
		rc = p ? 0 : 1;
	}
	policy_free(p);
	policy_sip_free(s);
	free(s);
	return rc;
}

int policy_decide_main(const struct policy_conf *conf, const char *call_path, FILE *out)
{
	struct ar_span text = AR_SPAN_NONE;
	char *buf = NULL;
	size_t blank;
	int rc = 2;

	if (read_text(call_path, &buf, &text.n, out) != 0)
		return rc;
	text.p = buf;
	blank = strspn(buf, " \t\r\n");
	if (buf[blank] == '{')
		rc = decide_json(conf, call_path, text, out);
	else
		rc = decide_sip(conf, call_path, text, out);
	free(buf);
	return rc;
}

/* ---- test ---- */

struct table_run {
	const char *path;
	json_t *table;
};

static int table_entry(lua_State *L)
{
	struct table_run *r = lua_touserdata(L, 1);

	sandbox_load_file(L, r->path, base_name(r->path));
	lua_call(L, 0, 1);
	r->table = policy_json_from_lua(L, -1);
	return 0;
}

/* The table of a *.test.lua; it runs in a sandbox of its own. */
static json_t *read_table(
	const struct policy_conf *conf, const char *dir, const char *path, FILE *out)
{
	char *lib = conf->lib_dir ? strdup(conf->lib_dir) : policy_default_lib();
	struct vm_conf vc = {.memory = 16 * 1024 * 1024,
		.lib_dir = lib,
		.policy_dir = dir,
		.module = host_modules};
	struct vm_budget budget = {2000, 1000000000};
	struct table_run r = {path, NULL};
	struct vm *vm;
	char why[POLICY_MAX_ERROR] = "it must return a table of plain values";

	if (!lib || vm_new(&vm, &vc) != 0) {
		free(lib);
		return NULL;
	}
	vm_set_loading(vm, true);
	if (vm_run(vm, table_entry, &r, &budget, why, sizeof(why)) != VM_OK || !r.table)
		fprintf(out, "%s: %s\n", base_name(path), why);
	vm_free(vm);
	free(lib);
	return r.table;
}

struct tally {
	unsigned passed, failed;
};

static void run_cases(struct policy *p, json_t *cases, const char *file, struct tally *t, FILE *out)
{
	char why[POLICY_MAX_ERROR], name[128];
	json_t *tc;
	size_t i;

	json_array_foreach(cases, i, tc)
	{
		if (policy_test_case(p->current, tc, why, sizeof(why)) == 0) {
			t->passed++;
			continue;
		}
		t->failed++;
		fprintf(out, "%s: %s: %s\n", file, policy_test_name(tc, i, name, sizeof(name)),
			why);
	}
	if (!json_array_size(cases)) {
		t->failed++;
		fprintf(out, "%s: has no cases\n", file);
	}
}

static void test_file(const struct policy_conf *conf, const char *dir, const char *file,
	struct tally *t, FILE *out)
{
	struct policy_conf pc = *conf;
	char path[4096], script[4096];
	const char *name;
	json_t *table;
	struct policy *p = NULL;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	table = read_table(conf, dir, path, out);
	name = json_string_value(json_object_get(table, "policy"));
	if (name) {
		snprintf(script, sizeof(script), "%s%s%s", *name == '/' ? "" : dir,
			*name == '/' ? "" : "/", name);
		pc.script = script;
	}
	if (table && !pc.script)
		fprintf(out, "%s: names no policy\n", file);
	else if (table)
		p = load(&pc, out);
	if (p)
		run_cases(p, json_object_get(table, "cases"), file, t, out);
	else
		t->failed++;
	policy_free(p);
	json_decref(table);
}

static int is_test(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 9 && strcmp(d->d_name + n - 9, ".test.lua") == 0;
}

int policy_test_main(const struct policy_conf *conf, const char *dir, FILE *out)
{
	struct dirent **file = NULL;
	struct tally t = {0, 0};
	int i, n = scandir(dir, &file, is_test, alphasort);

	if (n < 0) {
		fprintf(out, "%s: %s\n", dir, strerror(errno));
		return 2;
	}
	for (i = 0; i < n; i++) {
		test_file(conf, dir, file[i]->d_name, &t, out);
		free(file[i]);
	}
	free(file);
	if (n == 0) {
		fprintf(out, "%s: no *.test.lua in it\n", dir);
		return 2;
	}
	fprintf(out, "%u passed, %u failed, in %d files\n", t.passed, t.failed, n);
	return t.failed ? 1 : 0;
}
