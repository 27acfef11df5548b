/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a check tells what it has found. */
#ifndef BRIDGE_CNI_PLUGIN_DOCTOR_FINDING_H
#define BRIDGE_CNI_PLUGIN_DOCTOR_FINDING_H

#include "known.h"

/* Adds a finding of the check at work. */
void doctor_tell(struct doctor *doctor, enum doctor_level level, const char *fmt, ...)
	_printf_(3, 4);

/* Adds a warning that this user can't see @what. */
void doctor_unseen(struct doctor *doctor, const char *what, const struct cni_error *err);

/*
 * Gives the finding that was told last the command that mends it. Each word is quoted for
 * sh(1) where it has to be, but for DOCTOR_AND between two commands, and DOCTOR_INTO in
 * front of a file; a word that is NULL ends the command. Where a word has characters that
 * a terminal would not print, no command is given: advice says that. What sysctl(8),
 * mount(8) and the firewalls' programs do lasts until the next boot, which the finding
 * says.
 */
#define doctor_command(doctor, ...) \
	doctor_command_words(doctor, __VA_ARGS__, (const char *)NULL)
void doctor_command_words(struct doctor *doctor, ...) __attribute__((sentinel));
extern const char DOCTOR_AND[], DOCTOR_INTO[];

/* The same with `bridge-cni repair` and the file of the configuration; "": it finds that
 * itself. The second takes that of the network at work. */
void doctor_repair(struct doctor *doctor, const char *file);
void doctor_repair_network(struct doctor *doctor);

/* The same with a whole line, whose words need no quotes. */
void doctor_command_line(struct doctor *doctor, const char *line);

/* Says of the finding that was told last that its command lasts: a boot doesn't bring back
 * what it removes. */
void doctor_command_lasts(struct doctor *doctor);

/* Gives the finding that was told last what mends it, in words: "set the key mtu to
 * 1450". */
void doctor_advise(struct doctor *doctor, const char *fmt, ...) _printf_(2, 3);

/* "NAME=VALUE" of a kernel parameter, for the command sysctl -w. */
#define SYSCTL_WORD_MAX 96
const char *sysctl_word(char buf[SYSCTL_WORD_MAX], const char *fmt, ...) _printf_(2, 3);
#define SYSCTL_WORD(...) sysctl_word((char[SYSCTL_WORD_MAX]){}, __VA_ARGS__)

/* Prints what there is. @names: of the checks, by their rows. */
int findings_print(const struct doctor *doctor, const char *const *names, size_t checks,
		   bool as_json);

#endif
