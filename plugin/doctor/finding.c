/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Collects findings, and prints them. */
#include "finding.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/base/list.h"
#include "conf/base/printable.h"
#include "conf/json/json_write.h"

const char DOCTOR_AND[] = "&&", DOCTOR_INTO[] = ">";

/* So many lines of one check are printed, as more of them tell a person nothing new. A
 * program gets all findings. */
#define LINES_PER_CHECK 50

void doctor_tell(struct doctor *doctor, enum doctor_level level, const char *fmt, ...)
{
	struct doctor_finding *finding;
	va_list args;
	char *text;

	va_start(args, fmt);
	text = printable_format(fmt, args);
	va_end(args);
	finding = text ? LIST_ADD(&doctor->findings) : NULL;
	if (!finding) {
		free(text);
		doctor->out_of_memory = true;
		return;
	}
	finding->check = doctor->check;
	finding->level = level;
	finding->text = text;
	if (!doctor->network)
		return;
	finding->network = printable_copy(doctor->network);
	doctor->out_of_memory |= !finding->network;
}

void doctor_unseen(struct doctor *doctor, const char *what, const struct cni_error *err)
{
	doctor_tell(doctor, DOCTOR_WARNING, "%s could not be seen: %s", what, err->msg);
	doctor_advise(doctor,
		      geteuid() == 0 ? "see the kernel's log" : "run doctor as root");
}

static struct doctor_finding *last(struct doctor *doctor)
{
	size_t n = doctor->findings.n;

	return n ? &doctor->findings.items[n - 1] : NULL;
}

void doctor_advise(struct doctor *doctor, const char *fmt, ...)
{
	struct doctor_finding *finding = last(doctor);
	va_list args;
	char *advice;

	va_start(args, fmt);
	advice = printable_format(fmt, args);
	va_end(args);
	if (!advice || !finding) {
		free(advice);
		doctor->out_of_memory = true;
		return;
	}
	free(finding->advice);
	finding->advice = advice;
}

/* Adds a word so that sh(1) takes it for one word, and for nothing else. */
static void word_add(struct text *command, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-+./:=,@%";

	if (*word && !word[strspn(word, plain)]) {
		text_add(command, "%s", word);
		return;
	}
	text_put(command, "'", 1);
	for (; *word; word++) {
		if (*word == '\'')
			text_add(command, "'\\''");
		else
			text_put(command, word, 1);
	}
	text_put(command, "'", 1);
}

/* Does the command's effect end with the next boot? These programs write no file. */
static bool lasts_until_boot(const char *command)
{
	static const char *const programs[] = {"sysctl ", "mount ", "nft ", "iptables",
					       "ip6tables"};

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		if (strncmp(command, programs[i], strlen(programs[i])) == 0)
			return true;
	return false;
}

/* Takes the text over. */
static void command_set(struct doctor *doctor, struct text *command)
{
	_cleanup_(free_p) char *shown = NULL;
	struct doctor_finding *finding = last(doctor);

	shown = command->failed || !command->text ? NULL : printable_copy(command->text);
	if (!shown || !finding) {
		doctor->out_of_memory = true;
	} else if (strcmp(shown, command->text) == 0) {
		free(finding->command);
		finding->until_boot = lasts_until_boot(command->text);
		finding->command = TAKE_PTR(command->text);
	} else {
		doctor_advise(doctor, "its name has characters that can't be typed; take "
				      "it from the program that made it");
	}
	free(command->text);
}

void doctor_command_words(struct doctor *doctor, ...)
{
	struct text command = {};
	const char *word;
	va_list args;

	va_start(args, doctor);
	while ((word = va_arg(args, const char *))) {
		if (command.len)
			text_put(&command, " ", 1);
		if (word == DOCTOR_AND || word == DOCTOR_INTO)
			text_add(&command, "%s", word);
		else
			word_add(&command, word);
	}
	va_end(args);
	command_set(doctor, &command);
}

void doctor_repair(struct doctor *doctor, const char *file)
{
	doctor_command(doctor, doctor->self, "repair", *file ? file : NULL);
}

void doctor_repair_network(struct doctor *doctor)
{
	doctor_repair(doctor, doctor->networks.items[doctor->networks.n - 1].file);
}

void doctor_command_line(struct doctor *doctor, const char *line)
{
	struct text command = {};

	text_add(&command, "%s", line);
	command_set(doctor, &command);
}

void doctor_command_lasts(struct doctor *doctor)
{
	struct doctor_finding *finding = last(doctor);

	if (finding)
		finding->until_boot = false;
}

const char *sysctl_word(char buf[SYSCTL_WORD_MAX], const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(buf, SYSCTL_WORD_MAX, fmt, args);
	va_end(args);
	return buf;
}

/* ---- Printing ---- */

static const char *level_name(const struct doctor_finding *finding)
{
	static const char *const names[] = {
		[DOCTOR_OK] = "ok",
		[DOCTOR_WARNING] = "warning",
		[DOCTOR_PROBLEM] = "problem",
	};

	return names[finding->level];
}

static void line_print(const struct doctor_finding *finding, const char *name)
{
	printf("%s: %s: ", level_name(finding), name);
	if (finding->network)
		printf("network %s: ", finding->network);
	fputs(finding->text, stdout);
	if (finding->command)
		printf("; this mends it%s: %s",
		       finding->until_boot ? " until the next boot" : "",
		       finding->command);
	if (finding->advice)
		printf("; %s%s", finding->command ? "or " : "", finding->advice);
	puts("");
}

static void entry_add(struct json_writer *writer, const struct doctor_finding *finding,
		      const char *name)
{
	json_open(writer, NULL, '{');
	json_text(writer, "check", name);
	json_text(writer, "level", level_name(finding));
	json_text_if(writer, "network", finding->network);
	json_text(writer, "message", finding->text);
	json_text_if(writer, "command", finding->command);
	if (finding->command)
		json_bool(writer, "untilBoot", finding->until_boot);
	json_text_if(writer, "advice", finding->advice);
	json_close(writer, '}');
}

static int json_print(const struct doctor *doctor, const char *const *names,
		      size_t checks)
{
	_cleanup_(free_p) char *text = NULL;
	struct json_writer writer = {};

	json_open(&writer, NULL, '[');
	for (size_t check = 0; check < checks; check++)
		for (size_t i = 0; i < doctor->findings.n; i++)
			if (doctor->findings.items[i].check == check)
				entry_add(&writer, &doctor->findings.items[i],
					  names[check]);
	json_close(&writer, ']');
	text = json_finish(&writer);
	if (text)
		fputs(text, stdout);
	return text ? 0 : -ENOMEM;
}

static void lines_print(const struct doctor *doctor, const char *const *names,
			size_t checks)
{
	for (size_t check = 0; check < checks; check++) {
		size_t n = 0;

		for (size_t i = 0; i < doctor->findings.n; i++)
			if (doctor->findings.items[i].check == check &&
			    n++ < LINES_PER_CHECK)
				line_print(&doctor->findings.items[i], names[check]);
		if (n > LINES_PER_CHECK)
			printf("... %zu more of %s, which --json prints\n",
			       n - LINES_PER_CHECK, names[check]);
	}
}

int findings_print(const struct doctor *doctor, const char *const *names, size_t checks,
		   bool as_json)
{
	enum doctor_level worst = DOCTOR_OK;

	for (size_t i = 0; i < doctor->findings.n; i++)
		if (doctor->findings.items[i].level > worst)
			worst = doctor->findings.items[i].level;
	if (as_json)
		return json_print(doctor, names, checks) < 0 ? DOCTOR_PROBLEM
							     : (int)worst;
	lines_print(doctor, names, checks);
	return worst;
}
