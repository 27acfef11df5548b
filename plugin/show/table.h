/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text in columns: each is as wide as its widest cell. */
#ifndef BRIDGE_CNI_PLUGIN_SHOW_TABLE_H
#define BRIDGE_CNI_PLUGIN_SHOW_TABLE_H

#include <stddef.h>

#include "conf/base/text.h"

#define COLUMNS_MAX 12

/* Begins as zeros. */
struct columns {
	size_t n; /* of columns */
	size_t rows;
	struct text *cells; /* row by row; owned, as the text of each */
	size_t cells_n;
	struct text spare; /* takes the cell that there was no memory for */
	bool failed; /* memory ran out */
};
void columns_clear(struct columns *columns);

/* Begins a row of @n cells, the same number for all rows of a table. */
void columns_row(struct columns *columns, size_t n);

/* Begins the next cell of the last row, and returns its text, which may be left empty.
 * What is added to it has to be printable. */
struct text *columns_cell(struct columns *columns);

/* Adds all rows to @text, each on a line behind @indent. */
void columns_print(const struct columns *columns, const char *indent, struct text *text);

#endif
