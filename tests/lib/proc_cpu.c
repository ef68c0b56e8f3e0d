/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/proc_cpu.h"

#include <dirent.h>
#include <stdio.h>

uint64_t proc_cpu_ns(pid_t pid)
{
	char path[64], sub[400];
	unsigned long long ns, sum = 0;
	struct dirent *e;
	DIR *d;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	d = opendir(path);
	while (d && (e = readdir(d)) != NULL) {
		snprintf(sub, sizeof(sub), "%s/%s/schedstat", path, e->d_name);
		f = e->d_name[0] == '.' ? NULL : fopen(sub, "r");
		if (f && fscanf(f, "%llu", &ns) == 1)
			sum += ns;
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
	return sum;
}
