/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Feeds files to a fuzz target without libFuzzer, so that a corpus can be replayed with
 * any compiler. The last name printed is the one that broke it.
 */
#include "fuzz.h"

static int replay(const char *path)
{
	_cleanup_(free_p) uint8_t *data = NULL;
	FILE *file = fopen(path, "rb");
	long size = -1;
	size_t got;

	if (file && fseek(file, 0, SEEK_END) == 0)
		size = ftell(file);
	if (size < 0) {
		perror(path);
		if (file)
			fclose(file);
		return -1;
	}
	rewind(file);
	/* As large as the input: a sanitizer then sees what is read behind its end. */
	data = malloc(size > 0 ? (size_t)size : 1);
	got = data ? fread(data, 1, (size_t)size, file) : 0;
	fclose(file);
	if (got != (size_t)size) {
		fprintf(stderr, "%s: can't be read\n", path);
		return -1;
	}
	LLVMFuzzerTestOneInput(data, got);
	return 0;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		printf("%s\n", argv[i]);
		fflush(stdout);
		if (replay(argv[i]) < 0)
			return 1;
	}
	return 0;
}
