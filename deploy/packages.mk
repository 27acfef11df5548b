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

# The tree is staged with deploy/debian as its debian/.
DEB_STAGE := build/deb/bridge-cni-$(VERSION)
MAINTAINER ?= $(shell sed -n 's/^Maintainer: //p' deploy/debian/control)
# Ubuntu's lintian knows no "unstable".
DISTRIBUTION ?= $(shell . /etc/os-release && [ "$$ID" = ubuntu ] && echo "$$VERSION_CODENAME" || echo unstable)

.PHONY: deb
deb: export MAINTAINER := $(MAINTAINER)
deb: export DISTRIBUTION := $(DISTRIBUTION)
deb: ## build/deb/*.deb: bridge-cni and bridge-cni-agent, for this release of Debian or Ubuntu
	$(Q)expr "$$MAINTAINER" : '[^<>,]*[^<>, ] <[^<>@, ]*@[^<>@, ]*>$$' >/dev/null || { \
		echo "make deb: MAINTAINER is \"$$MAINTAINER\", expected NAME <MAIL>" >&2; exit 1; }
	$(Q)tests/install-deps deb
	$(Q)rm -rf build/deb
	$(Q)mkdir -p $(DEB_STAGE)
	$(Q)tar -c --exclude=./build --exclude=./.git . | tar -xm --no-same-owner -C $(DEB_STAGE)
	$(Q)cp -r deploy/debian $(DEB_STAGE)
	$(Q)awk '/^Maintainer:/ { $$0 = "Maintainer: " ENVIRON["MAINTAINER"] } !/^#/' \
		deploy/debian/control >$(DEB_STAGE)/debian/control
	$(Q)awk -f deploy/debian/changelog.awk deploy/CHANGES >$(DEB_STAGE)/debian/changelog
	$(Q)cd $(DEB_STAGE) && env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS dpkg-buildpackage -b -us -uc
	$(call say,DEB,build/deb)

# This is no part of `make check`: it builds the packages twice, and downloads a minimal system.
.PHONY: check-deb
check-deb: ## the packages, installed, upgraded and removed on a minimal system that systemd boots
	$(as_root)
	$(Q)tests/install-deps check distros check-deb
	$(Q)$(MAKE) --no-print-directory deb
	$(Q)DEBIAN_MIRROR='$(DEBIAN_MIRROR)' UBUNTU_MIRROR='$(UBUNTU_MIRROR)' tests/packages/root
	$(Q)tests/run --suites $(BUILD) tests/packages/test_packages.py $(TESTS)
