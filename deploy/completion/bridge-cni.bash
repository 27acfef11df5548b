# bash completion for bridge-cni
# SPDX-License-Identifier: GPL-2.0-or-later
# Made by `make generated` from the tables of commands and options in plugin/command.c.

# What a FILE may be: a configuration, or a directory.
_bridge_cni_files()
{
	{
		compgen -d -- "$1"
		compgen -f -X '!*.conflist' -- "$1"
		compgen -f -X '!*.conf' -- "$1"
		compgen -f -X '!*.json' -- "$1"
	} | sort -u
}

_bridge_cni()
{
	local cur=${COMP_WORDS[COMP_CWORD]} options with_directory names= i

	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W 'repair cleanup show validate doctor links --help --version' -- "$cur")
		return
	fi
	case ${COMP_WORDS[1]} in
	repair)
		options=' --help '
		with_directory=' '
		;;
	cleanup)
		options=' --force --data-dir --help '
		with_directory=' --data-dir '
		;;
	show)
		options=' --json --help '
		with_directory=' '
		;;
	validate)
		options=' --json --help '
		with_directory=' '
		;;
	doctor)
		options=' --json --load --help '
		with_directory=' '
		;;
	links)
		options=' --bin-dir --help '
		with_directory=' --bin-dir '
		names='bridge host-local loopback'
		;;
	*)
		COMPREPLY=()
		return
		;;
	esac
	for ((i = 2; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-*)
			options=${options/ ${COMP_WORDS[i]} / }
			[[ $with_directory == *" ${COMP_WORDS[i]} "* ]] && ((i++))
			;;
		*)
			options=
			;;
		esac
	done
	compopt -o filenames 2>/dev/null
	if [[ $with_directory == *" ${COMP_WORDS[COMP_CWORD-1]} "* ]]; then
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
	elif [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
	elif [[ $names ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$names" -- "$cur")
	else
		mapfile -t COMPREPLY < <(_bridge_cni_files "$cur")
	fi
}

complete -F _bridge_cni bridge-cni
