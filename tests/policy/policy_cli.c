/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The policy's tools alone, as asd's options have them, for the tests of this folder. */
#include "asd/policy/policy_tool.h"

#include "common/daemon/ar_log.h"

#include <string.h>

int main(int argc, char **argv)
{
	struct policy_conf conf = {
		.lib_dir = SRC_DIR "/lua/ar", .script = SRC_DIR "/lua/default.lua"};
	int i;

	ar_log_init("asd", AR_LOG_WARN);
	for (i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--policy") == 0)
			conf.script = argv[i + 1];
		else if (strcmp(argv[i], "--decide") == 0)
			return policy_decide_main(&conf, argv[i + 1], stdout);
		else if (strcmp(argv[i], "--test") == 0)
			return policy_test_main(&conf, argv[i + 1], stdout);
		else if (strcmp(argv[i], "--check") == 0) {
			conf.script = argv[i + 1];
			return policy_check_main(&conf, stdout);
		}
	}
	fprintf(stderr,
		"policy_cli [--policy FILE] --check FILE | --decide CALL.json | --test DIR\n");
	return 2;
}
