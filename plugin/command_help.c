/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command_help.h"

#include <string.h>

static const char about[] =
	"bridge-cni " BRIDGE_CNI_VERSION
	": a CNI plugin that connects containers to a bridge of their node.\n"
	"It is called by a container runtime, with CNI_* variables in its environment and\n"
	"a network configuration on its standard input (https://www.cni.dev).\n"
	"\n"
	"Put it into the runtime's plugin directory (mostly /opt/cni/bin) and name it as\n"
	"\"type\" in a configuration in /etc/cni/net.d. Under the names host-local and\n"
	"loopback it is the plugin of that name. By hand:\n"
	"\n"
	"  CNI_COMMAND=VERSION bridge-cni </dev/null\n"
	"  CNI_COMMAND=ADD CNI_CONTAINERID=test1 CNI_NETNS=/run/netns/test1 CNI_IFNAME=eth0 \\\n"
	"      CNI_PATH=/opt/cni/bin bridge-cni <network.json\n"
	"\n";

static void line_print(FILE *stream, const char *name, const char *what)
{
	fprintf(stream, "  bridge-cni %-17s  %s\n", name, what);
}

void help_print(FILE *stream)
{
	fputs(about, stream);
	for (const struct command_task *task = command_tasks; task->name; task++)
		line_print(stream, task->name, task->about);
	line_print(stream, "COMMAND --help", "all about one of these");
	line_print(stream, "--help", "this text");
	line_print(stream, "--version", "the version of bridge-cni");
}

static void option_text(const struct command_option *option, char *text, size_t size)
{
	snprintf(text, size, "%s%s%s", option->name, option->arguments ? " " : "",
		 option->arguments ? option->arguments : "");
}

void synopsis_print(FILE *stream, const struct command_task *task)
{
	fprintf(stream, "bridge-cni %s", task->name);
	for (const struct command_option *option = task->options; option->name;
	     option++) {
		char text[80];

		option_text(option, text, sizeof(text));
		fprintf(stream, " [%s]", text);
	}
	for (const struct command_operand *operand = task->operands; operand->name;
	     operand++)
		fprintf(stream, " [%s...]", operand->name);
}

/* ": bridge, host-local or loopback" */
static void words_print(const char *const *words)
{
	for (const char *const *word = words; *word; word++)
		printf("%s%s", word == words ? ": " : word[1] ? ", " : " or ", *word);
}

void help_task_print(const struct command_task *task)
{
	printf("usage: ");
	synopsis_print(stdout, task);
	printf("\n\nIt %s.\n%s\n", task->about, task->details ? task->details : "");
	for (const struct command_option *option = task->options; option->name;
	     option++) {
		char text[80];

		option_text(option, text, sizeof(text));
		printf("  %-28s  %s\n", text, option->about);
	}
	for (const struct command_operand *operand = task->operands; operand->name;
	     operand++) {
		printf("  %-28s  %s", operand->name, operand->about);
		if (operand->words)
			words_print(operand->words);
		putchar('\n');
	}
}
