/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names of errno values. */
#ifndef BRIDGE_CNI_CONF_BASE_ERRNO_NAME_H
#define BRIDGE_CNI_CONF_BASE_ERRNO_NAME_H

/* "ENOENT" and the like; NULL for a number that has no name. */
const char *errno_name(int errnum);

#endif
