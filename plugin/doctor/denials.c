/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What SELinux and AppArmor have denied our programs, as the kernel's log has it. The
 * audit daemon, where it runs, gets these lines in place of that log.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "checks.h"
#include "finding.h"

#define LOG	  "/dev/kmsg"
#define LINE_SIZE 16384 /* the kernel gives a line at once, of at most 8 KB */
#define TOLD_MAX  400 /* bytes of a line that are told */

struct denials {
	size_t n;
	char newest[TOLD_MAX];
	bool by_selinux; /* the newest one */
};

static bool is_selinux(const char *line)
{
	return strstr(line, "avc:") && strstr(line, " denied ") &&
	       !strstr(line, "permissive=1");
}

static bool is_apparmor(const char *line)
{
	return strstr(line, "apparmor=\"DENIED\"");
}

/*
 * Is a program of ours in the line, as the one that wanted something (comm) or that was
 * wanted? Names there are in quotes; comm is cut to 15 characters. The bundle's ld.so is
 * bridge-cni-nft.
 */
static bool names_us(const char *line)
{
	static const char *const names[] = {"\"bridge-cni",	     "/bridge-cni",
					    "comm=\"host-local\"",   "comm=\"loopback\"",
					    "/bridge-cni.lib/ld.so", "comm=\"ld.so\""};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strstr(line, names[i]))
			return true;
	return false;
}

static void line_read(char *line, struct denials *denials)
{
	const char *text = strchr(line, ';'); /* behind level, number and time */
	bool selinux;

	if (!text || line[0] == ' ') /* a line that goes on with the one before */
		return;
	selinux = is_selinux(text);
	if ((!selinux && !is_apparmor(text)) || !names_us(text))
		return;
	denials->n++;
	denials->by_selinux = selinux;
	line[strcspn(line, "\n")] = '\0';
	snprintf(denials->newest, sizeof(denials->newest), "%.*s", TOLD_MAX - 1,
		 text + 1);
}

/* Reads from where the log was cleared last (dmesg --clear). -errno: it can't be read. */
static int log_read(struct denials *ret_denials)
{
	struct denials denials = {};
	char buffer[LINE_SIZE], line[LINE_SIZE];
	int fd = open(LOG, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	int ret = -errno;
	bool overtaken;

	if (!file) {
		close_p(&fd);
		return ret;
	}
	setvbuf(file, buffer, _IOFBF, sizeof(buffer));
	(void)lseek(fd, 0, SEEK_DATA);
	do {
		errno = 0;
		while (fgets(line, sizeof(line), file))
			line_read(line, &denials);
		overtaken = errno == EPIPE; /* lines were dropped for newer ones */
		clearerr(file);
	} while (overtaken);
	fclose(file);
	*ret_denials = denials;
	return 0;
}

static bool has_selinux(void)
{
	return access("/sys/fs/selinux/enforce", F_OK) == 0;
}

static bool has_apparmor(void)
{
	FILE *file = fopen("/sys/module/apparmor/parameters/enabled", "re");
	bool is_on = file && fgetc(file) == 'Y';

	if (file)
		fclose(file);
	return is_on;
}

static void denials_tell(struct doctor *doctor, const struct denials *denials)
{
	doctor_tell(
		doctor, DOCTOR_WARNING,
		"%s has denied something to bridge-cni's programs, %zu time%s; the last "
		"one: %s",
		denials->by_selinux ? "SELinux" : "AppArmor", denials->n,
		denials->n == 1 ? "" : "s", denials->newest);
	doctor_advise(doctor, "%s; then forget these lines: dmesg --clear",
		      denials->by_selinux
			      ? "put the labels right (restorecon -R -v on the plugin's "
				"directory and the store), or allow it (audit2allow(1))"
			      : "allow it in the profile that the line names (in "
				"/etc/apparmor.d; apparmor_parser -r)");
}

void denials_check(struct doctor *doctor)
{
	struct denials denials = {};
	struct cni_error err = {};
	int ret = log_read(&denials);

	if (ret == 0 && denials.n)
		denials_tell(doctor, &denials);
	if ((ret != -EPERM && ret != -EACCES) || (!has_selinux() && !has_apparmor()))
		return;
	error_errno(&err, CNI_ERR_IO, -ret, LOG);
	doctor_unseen(doctor, "what SELinux or AppArmor denies", &err);
}
