/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes a shell function that has the tables' words. An option is offered once, and, but
 * for commands that take it anywhere, in front of what is no option. */
#include "completion.h"

#include <string.h>

#include "conf/base/text.h"
#include "plugin/command_table.h"
#include "plugin/each_network.h"

#define ORIGIN                                          \
	"# SPDX-License-Identifier: GPL-2.0-or-later\n" \
	"# Made by `make generated` from the tables in plugin/command_table.c.\n"
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
static void words_add(struct text *script, const char *const *words)
{
	for (const char *const *word = words; word && *word; word++)
		text_add(script, "%s%s", word == words ? "" : " ", *word);
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

/* "[--trace]='POD ADDRESS'" */
static void bash_arguments_add(struct text *script, const struct command_option *option)
{
	if (!option->arguments)
		return;
	text_add(script, "[%s]='", option->name);
	quoted_add(script, option->arguments);
	text_add(script, "' ");
}

static void bash_task_add(struct text *script, const struct command_task *task)
{
	text_add(script, "\t%s)\n\t\toptions='", task->name);
	options_add(script, task->options);
	text_add(script, " --help '\n\t\targuments=( ");
	for (const struct command_option *option = task->options; option->name; option++)
		bash_arguments_add(script, option);
	text_add(script, ")\n");
	if (task->options_anywhere)
		text_add(script, "\t\tanywhere=yes\n");
	if (task->operands->words) {
		text_add(script, "\t\tnames='");
		words_add(script, task->operands->words);
		text_add(script, "'\n");
	}
	text_add(script, "\t\t;;\n");
}

/* The function's end, which is the same whatever the tables have. */
static const char bash_end[] =
	"\t*)\n"
	"\t\tCOMPREPLY=()\n"
	"\t\treturn\n"
	"\t\t;;\n"
	"\tesac\n"
	"\tfor ((i = 2; i < COMP_CWORD; i++)); do\n"
	"\t\tcase ${COMP_WORDS[i]} in\n"
	"\t\t-*)\n"
	"\t\t\toptions=${options/ ${COMP_WORDS[i]} / }\n"
	"\t\t\tread -ra wanted <<<\"${arguments[${COMP_WORDS[i]}]}\"\n"
	"\t\t\twant=${wanted[COMP_CWORD-i-1]}\n"
	"\t\t\t((i += ${#wanted[@]}))\n"
	"\t\t\t;;\n"
	"\t\t*)\n"
	"\t\t\t[[ $anywhere ]] || options=\n"
	"\t\t\t;;\n"
	"\t\tesac\n"
	"\tdone\n"
	"\tcompopt -o filenames 2>/dev/null\n"
	"\tif [[ $want == " DIR_ARGUMENT " ]]; then\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -d -- \"$cur\")\n"
	"\telif [[ $want ]]; then\n"
	"\t\tCOMPREPLY=()\n"
	"\telif [[ $cur == -* ]]; then\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\")\n"
	"\telif [[ $names ]]; then\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -W \"$names\" -- \"$cur\")\n"
	"\telse\n"
	"\t\tmapfile -t COMPREPLY < <(_bridge_cni_files \"$cur\")\n"
	"\tfi\n"
	"}\n"
	"\n"
	"complete -F _bridge_cni bridge-cni\n";

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
		"\tlocal cur=${COMP_WORDS[COMP_CWORD]} options anywhere= names= i\n"
		"\tlocal -a wanted\n"
		"\t# The names of the arguments of each option, and of the one that is typed.\n"
		"\tlocal -A arguments\n"
		"\tlocal want=\n\n"
		"\tif ((COMP_CWORD == 1)); then\n"
		"\t\tmapfile -t COMPREPLY < <(compgen -W '");
	for (const struct command_task *task = command_tasks; task->name; task++)
		text_add(&script, "%s%s", task == command_tasks ? "" : " ", task->name);
	options_add(&script, command_options);
	text_add(&script,
		 "' -- \"$cur\")\n\t\treturn\n\tfi\n\tcase ${COMP_WORDS[1]} in\n");
	for (const struct command_task *task = command_tasks; task->name; task++)
		bash_task_add(&script, task);
	text_add(&script, "%s", bash_end);
	return finish(&script);
}

static void zsh_pattern_add(struct text *script, const char *pattern, int len)
{
	text_add(script, "%.*s(-.) ", len, pattern);
}

/* ":POD: ", with which nothing is offered, or ":DIR:_files -/". */
static void zsh_arguments_add(struct text *script, const char *names)
{
	size_t len;

	for (; *names; names += len + strspn(names + len, " ")) {
		len = strcspn(names, " ");
		text_put(script, ":", 1);
		for (size_t i = 0; i < len; i++)
			text_add(script, "%s%c", names[i] == ':' ? "\\" : "", names[i]);
		text_add(script, ":%s",
			 len == strlen(DIR_ARGUMENT) &&
					 memcmp(names, DIR_ARGUMENT, len) == 0
				 ? "_files -/"
				 : " ");
	}
}

static void zsh_option_add(struct text *script, const struct command_option *option,
			   const char *lead)
{
	text_add(script, " \\\n\t\t\t'%s%s[", lead, option->name);
	quoted_add(script, option->about);
	text_add(script, "]");
	if (option->arguments)
		zsh_arguments_add(script, option->arguments);
	text_add(script, "'");
}

static void zsh_operands_add(struct text *script, const struct command_operand *operands)
{
	text_add(script, " \\\n\t\t\t'*:");
	for (const struct command_operand *operand = operands; operand->name; operand++)
		text_add(script, "%s%s", operand == operands ? "" : " or ",
			 operand->name);
	if (operands->words) {
		text_add(script, ":(");
		words_add(script, operands->words);
		text_add(script, ")'");
		return;
	}
	text_add(script, ":_files -g \"");
	patterns_add(script, zsh_pattern_add);
	text_add(script, "\"'");
}

static void zsh_task_add(struct text *script, const struct command_task *task)
{
	text_add(script, "\t%s)\n\t\t_arguments%s", task->name,
		 task->options_anywhere ? "" : " -S");
	for (const struct command_option *option = task->options; option->name; option++)
		zsh_option_add(script, option, "");
	zsh_option_add(script, &command_options[0], "(- *)");
	zsh_operands_add(script, task->operands);
	text_add(script, "\n\t\t;;\n");
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
