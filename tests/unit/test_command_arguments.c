/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the arguments of a command are read by a table of its options. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/command_arguments.h"
#include "plugin/each_network.h"

#define ARGUMENTS_MAX 8

static struct asked {
	struct command command; /* first: the offsets count from its beginning */
	bool flag;
	const char *pair[2], *dir;
} asked;

static const struct command_option options[] = {
	{.name = "--flag", .offset = offsetof(struct asked, flag)},
	{.name = "--pair",
	 .arguments = "POD ADDRESS[:PORT]",
	 .offset = offsetof(struct asked, pair),
	 .rule = "goes once, with two words behind it"},
	{.name = "--dir",
	 .arguments = DIR_ARGUMENT,
	 .offset = offsetof(struct asked, dir),
	 .rule = "goes without a FILE",
	 .without_operands = true},
	{},
};
static const char *const words[] = {"one", "other", NULL};
static const struct command_operand any[] = {{.name = "FILE"}, {}};
static const struct command_operand known[] = {{.name = "NAME", .words = words}, {}};

static const struct command_task in_front = {
	.name = "x", .options = options, .operands = any};
static const struct command_task anywhere = {
	.name = "x", .options = options, .options_anywhere = true, .operands = any};
static const struct command_task by_name = {
	.name = "x", .options = options, .operands = known};

/* Reads @line, whose words have one space between them, and leaves the operands there. */
static int lines_read(const struct command_task *task, char *line, char **operands)
{
	size_t n = 0;

	asked = (struct asked){};
	for (char *word = strtok(line, " "); word; word = strtok(NULL, " "))
		operands[n++] = word;
	operands[n] = NULL;
	return arguments_read(&asked.command, task, operands);
}

static void options_and_their_arguments_are_taken_out(void **state)
{
	char line[] = "--pair pod 10.0.0.1:80 --flag file", *operands[ARGUMENTS_MAX];

	(void)state;
	assert_int_equal(lines_read(&in_front, line, operands), 0);
	assert_true(asked.flag);
	assert_string_equal(asked.pair[0], "pod");
	assert_string_equal(asked.pair[1], "10.0.0.1:80");
	assert_null(asked.dir);
	assert_string_equal(operands[0], "file");
	assert_null(operands[1]);
}

static void a_command_may_take_its_options_anywhere(void **state)
{
	char line[] = "a --flag b --pair c d e", *operands[ARGUMENTS_MAX];

	(void)state;
	assert_int_equal(lines_read(&anywhere, line, operands), 0);
	assert_true(asked.flag);
	assert_string_equal(asked.pair[1], "d");
	assert_string_equal(operands[0], "a");
	assert_string_equal(operands[1], "b");
	assert_string_equal(operands[2], "e");
	assert_null(operands[3]);
}

static void other_lines_are_refused(void **state)
{
	static const struct {
		const struct command_task *task;
		const char *line;
	} wrong[] = {
		{&in_front, "--other"},
		{&in_front, "-"},
		{&in_front, "file --flag"},
		{&in_front, "--flag --flag"},
		{&in_front, "--pair"},
		{&in_front, "--pair pod"},
		{&in_front, "--pair pod --flag"},
		{&in_front, "--pair a b --pair c d"},
		{&in_front, "--dir here"},
		{&in_front, "--dir /a file"},
		{&anywhere, "--flag a --flag"},
		{&by_name, "neither"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		char *line = strdup(wrong[i].line), *operands[ARGUMENTS_MAX];

		assert_int_equal(lines_read(wrong[i].task, line, operands),
				 ARGUMENTS_WRONG);
		free(line);
	}
}

static void words_and_directories_that_are_right_are_not(void **state)
{
	char line[] = "--dir /a --flag", names[] = "other one", *operands[ARGUMENTS_MAX];

	(void)state;
	assert_int_equal(lines_read(&in_front, line, operands), 0);
	assert_string_equal(asked.dir, "/a");
	assert_int_equal(lines_read(&by_name, names, operands), 0);
	assert_string_equal(operands[1], "one");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_and_their_arguments_are_taken_out),
		cmocka_unit_test(a_command_may_take_its_options_anywhere),
		cmocka_unit_test(other_lines_are_refused),
		cmocka_unit_test(words_and_directories_that_are_right_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
