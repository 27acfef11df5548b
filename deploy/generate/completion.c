/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes a shell function that has the tables' words. Options stand in front of FILEs or
 * names, each at most once. */
#include "completion.h"

#include <string.h>

#include "conf/base/text.h"
#include "plugin/command.h"
#include "plugin/each_network.h"

#define ORIGIN                                                                   \
	"# SPDX-License-Identifier: GPL-2.0-or-later\n"                          \
	"# Made by `make generated` from the tables of commands and options in " \
	"plugin/command.c.\n"
#define SEPARATOR ", " /* of PATTERNS */

static char *finish(struct text *script)
{
	if (!script->failed)
		return script->text;
	free(script->text);
	return NULL;
}

/* Writes what stands between single quotes. */
static void quoted_add(struct text *script, const char *words)
{
	for (; *words; words++)
		if (*words == '\'')
			text_add(script, "'\\''");
		else
			text_put(script, words, 1);
}

/* " --force --data-dir " */
static void options_add(struct text *script, const struct command_option *options)
{
	for (; options->name; options++)
		text_add(script, " %s", options->name);
}

/* "bridge host-local loopback" */
static void names_add(struct text *script, const char *const *names)
{
	for (const char *const *name = names; name && *name; name++)
		text_add(script, "%s%s", name == names ? "" : " ", *name);
}

/* Calls @add with each of PATTERNS. */
static void patterns_add(struct text *script,
			 void (*add)(struct text *script, const char *pattern, int len))
{
	const char *pattern = PATTERNS;

	while (*pattern) {
		const char *end = strstr(pattern, SEPARATOR);
		int len = end ? end - pattern : (int)strlen(pattern);

		add(script, pattern, len);
		pattern += len + (end ? strlen(SEPARATOR) : 0);
	}
}

static void bash_pattern_add(struct text *script, const char *pattern, int len)
{
	text_add(script, "\t\tcompgen -f -X '!%.*s' -- \"$1\"\n", len, pattern);
}

static void bash_task_add(struct text *script, const struct command_task *task)
{
	text_add(script, "\t%s)\n\t\toptions='", task->name);
	options_add(script, task->options);
	text_add(script, " --help '\n\t\twith_directory='");
	for (const struct command_option *option = task->options; option->name; option++)
		if (option->argument)
			text_add(script, " %s", option->name);
	text_add(script, " '\n");
	if (task->names) {
		text_add(script, "\t\tnames='");
		names_add(script, task->names);
		text_add(script, "'\n");
	}
	text_add(script, "\t\t;;\n");
}

char *completion_bash(void)
{
	struct text script = {};

	text_add(&script, "# bash completion for bridge-cni\n" ORIGIN "\n"
			  "# What a FILE may be: a configuration, or a directory.\n"
			  "_bridge_cni_files()\n{\n"
			  "\t{\n\t\tcompgen -d -- \"$1\"\n");
	patterns_add(&script, bash_pattern_add);
	text_add(
		&script,
		"\t} | sort -u\n}\n\n_bridge_cni()\n{\n"
		"\tlocal cur=${COMP_WORDS[COMP_CWORD]} options with_directory names= i\n\n"
		"\tif ((COMP_CWORD == 1)); then\n"
		"\t\tmapfile -t COMPREPLY < <(compgen -W '");
	for (const struct command_task *task = command_tasks; task->name; task++)
		text_add(&script, "%s%s", task == command_tasks ? "" : " ", task->name);
	options_add(&script, command_options);
	text_add(&script,
		 "' -- \"$cur\")\n\t\treturn\n\tfi\n\tcase ${COMP_WORDS[1]} in\n");
	for (const struct command_task *task = command_tasks; task->name; task++)
		bash_task_add(&script, task);
	text_add(
		&script,
		"\t*)\n\t\tCOMPREPLY=()\n\t\treturn\n\t\t;;\n\tesac\n"
		"\tfor ((i = 2; i < COMP_CWORD; i++)); do\n"
		"\t\tcase ${COMP_WORDS[i]} in\n"
		"\t\t-*)\n"
		"\t\t\toptions=${options/ ${COMP_WORDS[i]} / }\n"
		"\t\t\t[[ $with_directory == *\" ${COMP_WORDS[i]} \"* ]] && ((i++))\n"
		"\t\t\t;;\n"
		"\t\t*)\n\t\t\toptions=\n\t\t\t;;\n"
		"\t\tesac\n\tdone\n"
		"\tcompopt -o filenames 2>/dev/null\n"
		"\tif [[ $with_directory == *\" ${COMP_WORDS[COMP_CWORD-1]} \"* ]]; then\n"
		"\t\tmapfile -t COMPREPLY < <(compgen -d -- \"$cur\")\n"
		"\telif [[ $cur == -* ]]; then\n"
		"\t\tmapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\")\n"
		"\telif [[ $names ]]; then\n"
		"\t\tmapfile -t COMPREPLY < <(compgen -W \"$names\" -- \"$cur\")\n"
		"\telse\n"
		"\t\tmapfile -t COMPREPLY < <(_bridge_cni_files \"$cur\")\n"
		"\tfi\n}\n\ncomplete -F _bridge_cni bridge-cni\n");
	return finish(&script);
}

static void zsh_pattern_add(struct text *script, const char *pattern, int len)
{
	text_add(script, "%.*s(-.) ", len, pattern);
}

static void zsh_option_add(struct text *script, const struct command_option *option,
			   const char *lead)
{
	text_add(script, " \\\n\t\t\t'%s%s[", lead, option->name);
	quoted_add(script, option->about);
	text_add(script, "]%s%s%s'", option->argument ? ":" : "",
		 option->argument ? option->argument : "",
		 option->argument ? ":_files -/" : "");
}

static void zsh_task_add(struct text *script, const struct command_task *task)
{
	text_add(script, "\t%s)\n\t\t_arguments -S", task->name);
	for (const struct command_option *option = task->options; option->name; option++)
		zsh_option_add(script, option, "");
	zsh_option_add(script, &command_options[0], "(- *)");
	if (task->names) {
		text_add(script, " \\\n\t\t\t'*:NAME:(");
		names_add(script, task->names);
		text_add(script, ")'\n\t\t;;\n");
		return;
	}
	text_add(script, " \\\n\t\t\t'*:FILE:_files -g \"");
	patterns_add(script, zsh_pattern_add);
	text_add(script, "\"'\n\t\t;;\n");
}

char *completion_zsh(void)
{
	struct text script = {};

	text_add(&script, "#compdef bridge-cni\n" ORIGIN "\n"
			  "local -a commands\n"
			  "local context state state_descr line\n"
			  "typeset -A opt_args\n\n"
			  "commands=(\n");
	for (const struct command_task *task = command_tasks; task->name; task++) {
		text_add(&script, "\t'%s:", task->name);
		quoted_add(&script, task->about);
		text_add(&script, "'\n");
	}
	text_add(&script, ")\n\n_arguments -C");
	for (const struct command_option *option = command_options; option->name;
	     option++)
		zsh_option_add(&script, option, "(- *)");
	text_add(
		&script,
		" \\\n\t\t\t'1:command:->command' '*::argument:->arguments' && return\n\n"
		"case $state in\n"
		"command)\n\t_describe command commands\n\t;;\n"
		"arguments)\n\tcase $words[1] in\n");
	for (const struct command_task *task = command_tasks; task->name; task++)
		zsh_task_add(&script, task);
	text_add(&script, "\tesac\n\t;;\nesac\n");
	return finish(&script);
}
