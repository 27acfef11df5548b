# SPDX-License-Identifier: GPL-2.0-or-later
# The archive of sources, and Debian's packages. Both have the same bytes wherever and whenever they
# are built.

DIST := build/dist/bridge-cni-$(VERSION).tar.gz

# The modes in the archive don't follow the user's configuration of git, and gzip writes no date.
.PHONY: dist
dist: ## build/dist/bridge-cni-VERSION.tar.gz, the sources of the committed tree
	$(Q)git diff-index --quiet HEAD -- || { echo 'make dist: commit what you have changed' >&2; exit 1; }
	$(Q)mkdir -p $(dir $(DIST))
	$(Q)git -c tar.umask=0022 archive --prefix=bridge-cni-$(VERSION)/ -o $(DIST:.gz=) HEAD
	$(Q)gzip -9nf $(DIST:.gz=)
	$(call say,DIST,$(DIST))
