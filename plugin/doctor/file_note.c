/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Notes the files of configurations, and which plugins they name. */
#include <stdlib.h>
#include <string.h>

#include "conf/base/list.h"
#include "conf/net_programs.h"
#include "doctor.h"

static void program_note(struct doctor *doctor, const char *name)
{
	char **program;

	if (doctor->out_of_memory)
		return;
	for (size_t i = 0; i < doctor->programs.n; i++)
		if (strcmp(doctor->programs.items[i], name) == 0)
			return;
	program = LIST_ADD(&doctor->programs);
	if (program)
		*program = strdup(name);
	if (!program || !*program) {
		doctor->programs.n -= program != NULL;
		doctor->out_of_memory = true;
	}
}

static void configured_note(struct doctor *doctor, const char *name)
{
	char **added = LIST_ADD(&doctor->configured);

	if (added)
		*added = strdup(name);
	if (!added || !*added) {
		doctor->configured.n -= added != NULL;
		doctor->out_of_memory = true;
	}
}

/* A file whose plugins are noted. */
struct noted {
	struct doctor *doctor;
	const char *const *types; /* of ours */
	bool is_ours;
	bool hands_on; /* out */
};

static bool is_one_of(const char *type, const char *const *types)
{
	while (*types && strcmp(type, *types) != 0)
		types++;
	return *types;
}

/* Where host-local is this plugin's IPAM, it is no program of its own. Multus takes the
 * first other file of the directory as each pod's default network: as "multus", or
 * "multus-shim" where it runs as a daemon. */
static void programs_note(const struct net_program *program, void *data)
{
	struct noted *noted = data;
	const char *type = program->type, *ipam = program->ipam;

	configured_note(noted->doctor, type);
	if (*program->bridge)
		configured_note(noted->doctor, program->bridge);
	else if (strcmp(type, "bridge") == 0)
		configured_note(noted->doctor, "cni0");
	if (!noted->is_ours) {
		noted->hands_on |= strncmp(type, "multus", strlen("multus")) == 0;
		return;
	}
	program_note(noted->doctor, type);
	if (*ipam && (strcmp(ipam, "host-local") != 0 || !is_one_of(type, noted->types)))
		program_note(noted->doctor, ipam);
}

void doctor_file(struct doctor *doctor, const char *const *types, const char *path,
		 const char *text, size_t len, bool in_directory, size_t ours)
{
	struct doctor_file *file = LIST_ADD(&doctor->files);
	struct noted noted = {doctor, types, ours > 0, false};

	(void)net_programs(text, len, programs_note, &noted, NULL);
	if (file)
		*file = (struct doctor_file){strdup(path), in_directory, ours,
					     noted.hands_on};
	if (!file || !file->path) {
		doctor->files.n -= file != NULL;
		doctor->out_of_memory = true;
	}
}
