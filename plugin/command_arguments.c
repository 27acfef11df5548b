/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An argument that is refused is told in one line, with the word that may be meant. A
 * second line says how the command is called. */
#include "command_arguments.h"

#include <string.h>

#include "command_help.h"
#include "conf/nearest_key.h"
#include "say.h"

static int usage_print(const struct command_task *task)
{
	fputs("usage: ", stderr);
	synopsis_print(stderr, task);
	fprintf(stderr, "; `bridge-cni %s --help` says more\n", task->name);
	return ARGUMENTS_WRONG;
}

static void options_compare(struct nearest *nearest, const struct command_option *options)
{
	for (; options->name; options++)
		nearest_compare(nearest, options->name);
}

/* Adds a word to those of @text, which are told with commas between them. */
static void word_add(char *text, size_t size, const char *word)
{
	size_t len = strlen(text);

	snprintf(text + len, size - len, "%s%s", len ? ", " : "", word);
}

int argument_refuse(const char *argument)
{
	struct nearest nearest = nearest_begin(argument);
	char names[256] = "";

	for (const struct command_task *task = command_tasks; task->name; task++) {
		nearest_compare(&nearest, task->name);
		word_add(names, sizeof(names), task->name);
	}
	options_compare(&nearest, command_options);
	/* The argument itself is a known word where it stands in a wrong place. */
	if (nearest.found && strcmp(nearest.found, argument) != 0)
		say("unknown argument \"%s\": is \"%s\" meant? `bridge-cni --help` names "
		    "all commands",
		    argument, nearest.found);
	else
		say("unknown argument \"%s\": the commands are %s; `bridge-cni --help` "
		    "says more",
		    argument, names);
	return ARGUMENTS_WRONG;
}

static int option_refuse(const struct command_task *task, const char *argument)
{
	struct nearest nearest = nearest_begin(argument);

	options_compare(&nearest, task->options);
	options_compare(&nearest, command_options);
	if (nearest.found)
		say("unknown argument \"%s\": is \"%s\" meant?", argument, nearest.found);
	else
		say("unknown argument \"%s\": %s has no such option", argument,
		    task->name);
	return usage_print(task);
}

static int rule_refuse(const struct command_task *task,
		       const struct command_option *option)
{
	if (option->rule)
		say("%s %s", option->name, option->rule);
	else
		say("unknown argument \"%s\" in this place: an option goes once%s",
		    option->name,
		    task->options_anywhere ? "" : ", and in front of what is no option");
	return usage_print(task);
}

static const struct command_option *option_find(const struct command_task *task,
						const char *name)
{
	for (const struct command_option *option = task->options; option->name; option++)
		if (strcmp(option->name, name) == 0)
			return option;
	return NULL;
}

static bool is_given(const struct command *command, const struct command_option *option)
{
	const void *value = (const char *)command + option->offset;

	return option->arguments ? *(const char *const *)value != NULL
				 : *(const bool *)value;
}

/* Can this be the argument whose name is first in @names? */
static bool is_argument(const char *argument, const char *names)
{
	size_t len = strcspn(names, " ");

	if (!argument || !*argument || *argument == '-')
		return false;
	return *argument == '/' || len != strlen(DIR_ARGUMENT) ||
	       memcmp(names, DIR_ARGUMENT, len) != 0;
}

/* Sets what the option says. Returns how many arguments belong to it; -1: some are missing
 * or wrong, or it was given before. */
static int option_take(struct command *command, const struct command_option *option,
		       char **arguments)
{
	void *value = (char *)command + option->offset;
	const char **texts = value, *names = option->arguments;
	int n = 0;

	if (is_given(command, option))
		return -1;
	if (!names) {
		*(bool *)value = true;
		return 0;
	}
	for (; *names; n++) {
		if (!is_argument(arguments[n], names))
			return -1;
		texts[n] = arguments[n];
		names += strcspn(names, " ");
		names += strspn(names, " ");
	}
	return n;
}

static int word_refuse(const struct command_task *task,
		       const struct command_operand *operand, const char *argument)
{
	struct nearest nearest = nearest_begin(argument);
	char words[256] = "";

	for (const char *const *word = operand->words; *word; word++) {
		nearest_compare(&nearest, *word);
		word_add(words, sizeof(words), *word);
	}
	if (nearest.found)
		say("unknown argument \"%s\": is \"%s\" meant?", argument, nearest.found);
	else
		say("unknown argument \"%s\": %s is one of %s", argument, operand->name,
		    words);
	return usage_print(task);
}

static bool is_word(const struct command_operand *operand, const char *argument)
{
	for (const char *const *word = operand->words; *word; word++)
		if (strcmp(*word, argument) == 0)
			return true;
	return false;
}

static int operands_judge(const struct command *command, const struct command_task *task,
			  char **operands)
{
	for (const struct command_option *option = task->options; option->name; option++)
		if (*operands && option->without_operands && is_given(command, option))
			return rule_refuse(task, option);
	for (; task->operands->words && *operands; operands++)
		if (!is_word(task->operands, *operands))
			return word_refuse(task, task->operands, *operands);
	return 0;
}

int arguments_read(struct command *command, const struct command_task *task,
		   char **arguments)
{
	char **operands = arguments, **end = arguments;

	for (; *arguments; arguments++) {
		const struct command_option *option;
		int n;

		if (**arguments != '-') {
			*end++ = *arguments;
			continue;
		}
		option = option_find(task, *arguments);
		if (!option)
			return option_refuse(task, *arguments);
		if (end > operands && !task->options_anywhere)
			return rule_refuse(task, option);
		n = option_take(command, option, arguments + 1);
		if (n < 0)
			return rule_refuse(task, option);
		arguments += n;
	}
	*end = NULL;
	return operands_judge(command, task, operands);
}
