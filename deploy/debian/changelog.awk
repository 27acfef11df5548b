# SPDX-License-Identifier: GPL-2.0-or-later
# MAINTAINER="NAME <MAIL>" DISTRIBUTION=unstable awk -f deploy/debian/changelog.awk deploy/CHANGES: the
# same releases in the form of deb-changelog(5).

# Lines of at most 76 characters of the words that were gathered.
function write_item(    word, n, i, line) {
	n = split(item, word, " ")
	for (i = 1; i <= n; i++) {
		if (i > 1 && length(line " " word[i]) > 76) {
			print line
			line = "   "
		}
		line = i == 1 ? "  * " word[i] : line " " word[i]
	}
	if (n)
		print line
	item = ""
}

function close_entry() {
	write_item()
	if (date != "")
		printf "\n -- %s  %s\n\n", ENVIRON["MAINTAINER"], date
}

# "Sun, 29 Nov 2026 00:00:00 +0000".
function rfc_date(iso,    command, line) {
	command = "LC_ALL=C date -u -R -d " iso
	command | getline line
	close(command)
	return line
}

/^[0-9.]+ \(/ {
	close_entry()
	printf "bridge-cni (%s-1) %s; urgency=medium\n\n", $1, ENVIRON["DISTRIBUTION"]
	date = rfc_date(substr($2, 2, 10))
	next
}
date != "" && /^- / { write_item(); item = substr($0, 3) }
date != "" && /^  / { item = item " " $0 }
END { close_entry() }
