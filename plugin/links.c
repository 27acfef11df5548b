/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "links.h"

#include <stdio.h>
#include <string.h>

#include "each_network.h"
#include "name_links.h"
#include "say.h"

/* Returns whether the executable has the name now. */
static bool link_run(const char *dir, enum cni_program program)
{
	const char *name = cni_program_names[program];
	struct cni_error err = {};
	int ret = name_link_make(dir, program, &err);

	if (ret < 0)
		say_error(NULL, &err);
	else if (ret == NAME_LINK_TAKEN)
		say("%s/%s is somebody else's, and is left alone", dir, name);
	else
		printf("%s/%s: %s\n", dir, name,
		       ret == NAME_LINK_DONE ? "made" : "there already");
	return ret >= 0 && ret != NAME_LINK_TAKEN;
}

int links_run(const struct command *command, char **names)
{
	const char *dir = command->bin_dir ? command->bin_dir : BIN_DIR;
	bool asked[PROGRAMS] = {}, failed = false;

	for (int i = 0; i < PROGRAMS; i++)
		asked[i] = !*names;
	for (; *names; names++) {
		enum cni_program program;

		if (name_link_find(*names, strlen(*names), &program))
			asked[program] = true;
	}
	for (int i = 0; i < PROGRAMS; i++)
		failed |= asked[i] && !link_run(dir, i);
	return failed;
}
