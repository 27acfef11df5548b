/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each kind of value has its reader; options.c says which option has which kind. */
#include "option_values.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/names.h"
#include "conf/network.h"
#include "conf/version.h"
#include "dns_name.h"
#include "listen_address.h"
#include "log.h"
#include "plugin/name_links.h"
#include "variables.h"

#define CLUSTER_CIDRS_MAX 16

const char *option_variable(const char *name, char buf[OPTION_VARIABLE_MAX])
{
	char *c;

	if (strcmp(name, "node-name") == 0)
		return "NODE_NAME";
	snprintf(buf, OPTION_VARIABLE_MAX, VARIABLE_PREFIX "%s", name);
	for (c = buf; *c; c++)
		*c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
	return buf;
}

static int wrong(const struct option_spec *spec, const char *value, const char *expected,
		 struct cni_error *err)
{
	char buf[OPTION_VARIABLE_MAX];

	return error_set(err, CNI_ERR_ENVIRONMENT, EINVAL,
			 "--%s (or %s): \"%s\" isn't right, expected %s", spec->name,
			 option_variable(spec->name, buf), value, expected);
}

static int number_read(const struct option_spec *spec, const char *value, uint32_t *ret,
		       struct cni_error *err)
{
	char *end = NULL, expected[64];
	unsigned long number;

	errno = 0;
	number = strtoul(value, &end, 10);
	snprintf(expected, sizeof(expected), "a number from %u to %u", spec->min,
		 spec->max);
	if (!isdigit((unsigned char)value[0]) || *end || errno || number < spec->min ||
	    number > spec->max)
		return wrong(spec, value, expected, err);
	*ret = number;
	return 0;
}

static int cidrs_read(const struct option_spec *spec, const char *value,
		      struct prefix_list *list, struct cni_error *err)
{
	static const char expected[] =
		"CIDRs without host bits, separated by commas, such as 10.244.0.0/16";

	free(list->items);
	*list = (struct prefix_list){};
	while (*value) {
		size_t len = strcspn(value, ",");
		struct ip_prefix prefix, network;
		char text[PREFIX_TEXT_MAX] = "";

		if (len < sizeof(text))
			memcpy(text, value, len);
		/* An IPv4-mapped one would be of IPv6, and no podCIDR is inside of it. */
		if (prefix_parse(text, &prefix) < 0 || ip_is_v4_mapped(&prefix.addr) ||
		    list->n == CLUSTER_CIDRS_MAX)
			return wrong(spec, value, expected, err);
		network = prefix_network(&prefix);
		if (!prefix_equal(&network, &prefix))
			return wrong(spec, value, expected, err);
		if (!list->items)
			list->items = calloc(CLUSTER_CIDRS_MAX, sizeof(*list->items));
		if (!list->items)
			return error_oom(err);
		list->items[list->n++] = prefix;
		value += len + (value[len] == ',');
	}
	return 0;
}

static int links_read(const struct option_spec *spec, const char *value, uint32_t *ret,
		      struct cni_error *err)
{
	const char *name = strcmp(value, "none") == 0 ? NULL : value;
	uint32_t links = 0;

	while (name) {
		size_t len = strcspn(name, ",");
		int place;

		if (!name_link_find(name, len, &place))
			return wrong(spec, value,
				     "none, or names out of bridge, host-local, "
				     "loopback, macvlan, ipvlan and ovs, separated by "
				     "commas",
				     err);
		links |= 1u << place;
		name = name[len] ? name + len + 1 : NULL;
	}
	*ret = links;
	return 0;
}

/* Reads one of the @n words into @ret, an enum whose values are in their order. */
static int word_read(const struct option_spec *spec, const char *value,
		     const char *const *words, unsigned int n, unsigned int *ret,
		     struct cni_error *err)
{
	char expected[64] = "";
	size_t len = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (strcmp(value, words[i]) == 0) {
			*ret = i;
			return 0;
		}
		/* "" is the option's absence. */
		if (words[i][0] && len < sizeof(expected))
			len += snprintf(expected + len, sizeof(expected) - len, "%s%s",
					!len	    ? ""
					: i + 1 < n ? ", "
						    : " or ",
					words[i]);
	}
	return wrong(spec, value, expected, err);
}

static int yes_no_read(const struct option_spec *spec, const char *value, bool *ret,
		       struct cni_error *err)
{
	*ret = strcmp(value, "true") == 0;
	if (!*ret && strcmp(value, "false") != 0)
		return wrong(spec, value, "true or false", err);
	return 0;
}

static bool is_version(const char *value)
{
	for (int i = 0; i < CNI_VERSIONS; i++)
		if (i >= CNI_0_3_1 && strcmp(value, cni_version_names[i]) == 0)
			return true;
	return false;
}

static bool is_key_prefix(const char *value)
{
	size_t len = strlen(value);

	return len > 0 && value[len - 1] == '/' && dns_subdomain_valid(value, len - 1);
}

static const char *const yes_no_words[] = {"", "false", "true"};
static const char *const link_words[] = {"", "bridged", "routed"};
const char *const tunnel_mode_names[TUNNEL_MODES] = {
	[TUNNEL_NONE] = "none",
	[TUNNEL_VXLAN] = "vxlan",
	[TUNNEL_WIREGUARD] = "wireguard",
};
static const char *const uninstall_words[] = {"", "drain", "now"};

int option_value_read(const struct option_spec *spec, const char *value, void *at,
		      struct cni_error *err)
{
	switch (spec->kind) {
	case OPTION_NUMBER:
		return number_read(spec, value, at, err);
	case OPTION_CIDRS:
		return cidrs_read(spec, value, at, err);
	case OPTION_LINKS:
		return links_read(spec, value, at, err);
	case OPTION_LISTEN:
		*(struct listen_address *)at = (struct listen_address){};
		if (value[0] && listen_address_parse(value, at) < 0)
			return wrong(spec, value, "ADDRESS:PORT or [ADDRESS]:PORT", err);
		return 0;
	case OPTION_LEVEL:
		return word_read(spec, value, log_level_names, LOG_LEVEL_ERROR + 1, at,
				 err);
	case OPTION_YES_NO:
		return yes_no_read(spec, value, at, err);
	case OPTION_YES_NO_OR_KEPT:
		return word_read(spec, value, yes_no_words, ARRAY_SIZE(yes_no_words), at,
				 err);
	case OPTION_LINK_OR_KEPT:
		return word_read(spec, value, link_words, ARRAY_SIZE(link_words), at,
				 err);
	case OPTION_UNINSTALL:
		return word_read(spec, value, uninstall_words,
				 ARRAY_SIZE(uninstall_words), at, err);
	case OPTION_TUNNEL:
		return word_read(spec, value, tunnel_mode_names, TUNNEL_MODES, at, err);
	case OPTION_PATH:
	case OPTION_PATH_OR_NONE:
		if (value[0] != '/' && (value[0] || spec->kind == OPTION_PATH))
			return wrong(spec, value, "an absolute path", err);
		break;
	case OPTION_NAME:
		if (!cni_name_valid(value))
			return wrong(spec, value, "letters, digits, \"_\", \".\", \"-\"",
				     err);
		break;
	case OPTION_KEY_PREFIX:
		if (!is_key_prefix(value))
			return wrong(spec, value,
				     "a DNS subdomain and \"/\", such as example.com/",
				     err);
		break;
	case OPTION_INTERFACE:
		if (!ifname_valid(value))
			return wrong(spec, value, "an interface's name", err);
		break;
	case OPTION_VERSION_OF_CNI:
		if (!is_version(value))
			return wrong(spec, value, "0.3.1, 0.4.0, 1.0.0 or 1.1.0", err);
		break;
	case OPTION_TEXT:
		break;
	}
	*(const char **)at = value;
	return 0;
}
