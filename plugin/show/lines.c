/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Labels have one width; colours are those of terminals. */
#include "lines.h"

#include <inttypes.h>
#include <time.h>

#include "conf/base/printable.h"
#include "conf/base/util.h"
#include "ipam/store/record.h"

#define LABEL_WIDTH 12

void line_begin(struct text *text, const char *label)
{
	text_add(text, "  %-*s ", LABEL_WIDTH, label);
}

void tint_add(struct text *text, enum tint tint, bool colour, const char *words)
{
	static const char *const codes[] = {[TINT_BOLD] = "\033[1m",
					    [TINT_GOOD] = "\033[32m",
					    [TINT_BAD] = "\033[31m"};

	if (colour)
		text_add(text, "%s", codes[tint]);
	text_add_printable(text, words);
	if (colour)
		text_add(text, "\033[0m");
}

void age_add(struct text *text, int64_t since)
{
	static const struct {
		int64_t seconds;
		const char *unit;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "m"}, {1, "s"}};
	int64_t age = since ? time(NULL) - since : -1;

	for (size_t i = 0; age >= 0 && i < ARRAY_SIZE(units); i++)
		if (age >= 2 * units[i].seconds || i == ARRAY_SIZE(units) - 1) {
			text_add(text, "%" PRId64 "%s", age / units[i].seconds,
				 units[i].unit);
			return;
		}
}

/* Writes "80", or "8000-8600" of a run of ports. */
static void port_range(struct text *text, uint32_t first, uint32_t count)
{
	text_add(text, "%u", first);
	if (count > 1)
		text_add(text, "-%u", first + count - 1);
}

void ports_add(struct text *text, const struct record *record)
{
	for (size_t i = 0; i < record->ports.n; i++) {
		const struct port_mapping *port = &record->ports.items[i];
		bool six = port->host_ip.family && ip_size(port->host_ip.family) == 16;

		text_add(text, "%s", i ? "," : "");
		if (port->host_ip.family)
			text_add(text, "%s%s%s:", six ? "[" : "", IP_TEXT(&port->host_ip),
				 six ? "]" : "");
		port_range(text, port->host_port, port->count);
		text_add(text, ":");
		port_range(text, port->container_port, port->count);
		text_add(text, "/%s", port_protocol_name(port->protocol));
	}
}

void rate_add(struct text *text, const char *direction, const struct rate_limit *limit)
{
	static const char *const units[] = {"", "k", "M", "G"};
	uint64_t rate = limit->rate;
	size_t unit = 0;

	if (!rate)
		return;
	while (rate % 1000 == 0 && unit + 1 < ARRAY_SIZE(units)) {
		rate /= 1000;
		unit++;
	}
	text_add(text, "%s%s %" PRIu64 "%sbit/s", text->len ? ", " : "", direction, rate,
		 units[unit]);
}
