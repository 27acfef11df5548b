/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#define GAP 2 /* spaces between columns */

void columns_clear(struct columns *columns)
{
	for (size_t i = 0; i < columns->cells_n; i++)
		free(columns->cells[i].text);
	free(columns->cells);
	free(columns->spare.text);
	*columns = (struct columns){};
}

void columns_row(struct columns *columns, size_t n)
{
	columns->n = n;
	columns->rows++;
}

/* Twice as much room each time: a table may have thousands of rows. */
struct text *columns_cell(struct columns *columns)
{
	size_t n = columns->cells_n;

	if ((n & (n - 1)) == 0) {
		struct text *grown = reallocarray(columns->cells, n ? 2 * n : 1,
						  sizeof(*grown));

		if (!grown) {
			columns->failed = true;
			return &columns->spare;
		}
		columns->cells = grown;
	}
	columns->cells[n] = (struct text){};
	columns->cells_n++;
	return &columns->cells[n];
}

/* The text of a cell: an empty one is "-". */
static const char *cell_text(const struct text *cell)
{
	return cell->text && cell->text[0] ? cell->text : "-";
}

/* Counts characters, each taken to be one column wide. */
static size_t width_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

void columns_print(const struct columns *columns, const char *indent, struct text *text)
{
	size_t widths[COLUMNS_MAX] = {};
	size_t n = columns->n;

	for (size_t i = 0; i < columns->cells_n; i++) {
		size_t width = width_of(cell_text(&columns->cells[i]));

		if (width > widths[i % n])
			widths[i % n] = width;
	}
	for (size_t i = 0; i < columns->cells_n; i++) {
		const char *cell = cell_text(&columns->cells[i]);
		bool last = i % n == n - 1;

		text_add(text, "%s%s", i % n ? "" : indent, cell);
		if (last)
			text_add(text, "\n");
		else
			text_add(text, "%*s", (int)(widths[i % n] - width_of(cell)) + GAP,
				 "");
		text->failed |= columns->cells[i].failed;
	}
	text->failed |= columns->failed;
}
