# bash completion for bridge-cni
# SPDX-License-Identifier: GPL-2.0-or-later
# Made by `make generated` from the tables in plugin/command_table.c.

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
	local cur=${COMP_WORDS[COMP_CWORD]} options anywhere= names= i
	local -a wanted
	# The names of the arguments of each option, and of the one that is typed.
	local -A arguments
	local want=

	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W 'repair cleanup show validate doctor links --help --version' -- "$cur")
		return
	fi
	case ${COMP_WORDS[1]} in
	repair)
		options=' --help '
		arguments=( )
		;;
	cleanup)
		options=' --force --data-dir --help '
		arguments=( [--data-dir]='DIR' )
		;;
	show)
		options=' --json --help '
		arguments=( )
		anywhere=yes
		;;
	validate)
		options=' --json --help '
		arguments=( )
		;;
	doctor)
		options=' --json --load --trace --help '
		arguments=( [--trace]='POD ADDRESS[:PORT]' )
		;;
	links)
		options=' --bin-dir --help '
		arguments=( [--bin-dir]='DIR' )
		names='bridge host-local loopback macvlan ipvlan ovs'
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
			read -ra wanted <<<"${arguments[${COMP_WORDS[i]}]}"
			want=${wanted[COMP_CWORD-i-1]}
			((i += ${#wanted[@]}))
			;;
		*)
			[[ $anywhere ]] || options=
			;;
		esac
	done
	compopt -o filenames 2>/dev/null
	if [[ $want == DIR ]]; then
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
	elif [[ $want ]]; then
		COMPREPLY=()
	elif [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
	elif [[ $names ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$names" -- "$cur")
	else
		mapfile -t COMPREPLY < <(_bridge_cni_files "$cur")
	fi
}

complete -F _bridge_cni bridge-cni
