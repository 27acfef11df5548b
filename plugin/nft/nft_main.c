/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bridge-cni-nft, the bundle's second executable, which the first, static one starts
 * (nft_exec.c). It hands its standard input to nft_apply() or, with the argument "print", to
 * nft_print(), whose output it prints. Where that fails it prints the error (the message, a
 * line end, the details), and its exit status is the error's code.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "nft.h"

int main(int argc, char **argv)
{
	_cleanup_(free_p) char *text = NULL, *output = NULL;
	struct cni_error err = {};
	size_t size = 0;

	if (getdelim(&text, &size, '\0', stdin) < 0)
		error_errno(&err, CNI_ERR_RULES, EIO, "reading the rules");
	else if (argc > 1 && strcmp(argv[1], NFT_PROGRAM_PRINTS) == 0)
		nft_print(text, &output, &err);
	else
		/* The process that nft_apply() makes here inherits all descriptors, the
		 * caller's lock among them. */
		nft_apply(text, -1, &err);
	if (output)
		fputs(output, stdout);
	if (err.code)
		printf("%s\n%s", err.msg, err.details);
	return err.code;
}
