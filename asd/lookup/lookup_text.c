/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What may be a fact, and what may be a secret. */
#include "asd/lookup/lookup_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

const char *lookup_text_bad(struct ar_span text)
{
	json_t *utf8;

	if (text.n > LOOKUP_MAX_VALUE)
		return "too long";
	for (size_t i = 0; i < text.n; i++) {
		if ((unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f)
			return "not a text";
	}
	utf8 = json_stringn(text.p ? text.p : "", text.n);
	json_decref(utf8);
	return utf8 ? NULL : "not a text";
}

int lookup_read_secret(const char *path, char **secret, struct ar_buf *err)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t cap = 0;
	ssize_t n = f ? getline(&line, &cap, f) : -1;

	if (f)
		fclose(f);
	while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		line[--n] = '\0';
	if (n > 0 && n < 1024 && !lookup_text_bad((struct ar_span){line, (size_t)n})) {
		*secret = line;
		return 0;
	}
	ar_buf_printf(err, "%s: %s", path, f ? "want one line of text" : strerror(errno));
	free(line);
	return -EINVAL;
}
