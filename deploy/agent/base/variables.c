/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A regular expression tells the variables that Kubernetes makes for Services. */
#include "variables.h"

#include <regex.h>
#include <stdio.h>
#include <string.h>

#define NAME_SHOWN_MAX 128 /* bytes of a variable's name; the log cuts no sooner */

/* Kubernetes' own variables of a Service, and those that Docker's links once had. A name
 * that ends with _PORT may be a misspelt option, so there the value decides. */
static const char of_service[] =
	"^BRIDGE_CNI(_[A-Z0-9_]+)?_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|"
	"PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)=|"
	"^BRIDGE_CNI(_[A-Z0-9_]+)?_PORT=(tcp|udp|sctp)://";

bool variable_is_of_service(const char *entry)
{
	regex_t regex;
	bool matches;

	if (regcomp(&regex, of_service, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	matches = regexec(&regex, entry, 0, NULL, 0) == 0;
	regfree(&regex);
	return matches;
}

void variables_tell_unknown(const struct log *log, bool (*is_known)(const char *name),
			    const char *(*meant)(const char *name, char *buf,
						 size_t size))
{
	for (char **entry = environ; *entry; entry++) {
		char name[NAME_SHOWN_MAX], buf[NAME_SHOWN_MAX];
		const char *other;
		size_t len = strcspn(*entry, "=");

		if (strncmp(*entry, VARIABLE_PREFIX, strlen(VARIABLE_PREFIX)) != 0 ||
		    variable_is_of_service(*entry))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)len, *entry);
		if (is_known(name))
			continue;
		other = meant(name, buf, sizeof(buf));
		log_write(log, LOG_LEVEL_WARN,
			  "this environment variable stands for no option, and has no "
			  "effect; is it misspelt?",
			  "variable", name, other ? "meant" : NULL, other, NULL);
	}
}
