# SPDX-License-Identifier: Apache-2.0
# The zsh whose completion capture.zsh looks at: it prints each match where it
# is added, and ends behind the first completion.
PROMPT=
bindkey '^I' complete-word
fpath=($FOLDER $fpath)
autoload -Uz compinit && compinit -u -D

compadd() {
	# With these options it only fills arrays.
	if [[ "${(j: :)@[1,(i)(-|--)]} " == *-[OAD]\ * ]]; then
		builtin compadd "$@"
		return
	fi
	local -a matches
	builtin compadd -O matches "$@"
	print -lr -- "match "$^matches
	builtin compadd "$@"
}

tell_begin() { print; print 'completion begins' }
tell_end() { print; print 'completion ends'; exit }
compprefuncs=(tell_begin)
comppostfuncs=(tell_end)
print 'child is'' ready'
