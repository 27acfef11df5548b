/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "show_prepare.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "misnamed.h"
#include "say.h"

/*
 * Is it a FILE? Any path is that begins with "/" or ".". Another argument may be a pod,
 * NAMESPACE/NAME, whose name may end like a file's, too: one that does, or ends in "/", is
 * a FILE where one of that name is there.
 */
static bool is_file(const char *argument)
{
	const char *slash = strrchr(argument, '/');

	if (*argument == '/' || *argument == '.')
		return true;
	return ((slash && !slash[1]) ||
		conf_name_is_read(slash ? slash + 1 : argument)) &&
	       access(argument, F_OK) == 0;
}

static int names_take(struct show *show, char **arguments, struct cni_error *err)
{
	char **files = arguments, **names;
	size_t n = 0;

	while (arguments[n])
		n++;
	names = calloc(n + 1, sizeof(*names));
	if (!names)
		return error_oom(err);
	n = 0;
	for (; *arguments; arguments++) {
		if (is_file(*arguments))
			*files++ = *arguments;
		else
			names[n++] = *arguments;
	}
	*files = NULL;
	if (n > 0)
		show->names = names;
	else
		free(names);
	return 0;
}

/* Does the user want colour? It is for terminals alone, and can be turned off by
 * NO_COLOR (no-color.org). */
static bool wants_colour(void)
{
	const char *none = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(none && *none) &&
	       !(term && strcmp(term, "dumb") == 0);
}

int show_prepare(struct show *show, char **arguments, bool as_json)
{
	struct cni_error err = {};

	show->json = as_json;
	show->colour = wants_colour();
	if (names_take(show, arguments, &err) == 0 && show_begin(show, &err) == 0)
		return 0;
	say_error(NULL, &err);
	return 1;
}
