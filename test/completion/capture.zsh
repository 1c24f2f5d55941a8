# SPDX-License-Identifier: Apache-2.0
# capture.zsh FOLDER LINE: what zsh offers at the end of LINE with the completion
# functions of FOLDER, one match on a line. zsh completes on a terminal alone, so
# it runs on one, with what child.zsh sets up.
emulate -R zsh
zmodload zsh/zpty || exit 2

zpty child "FOLDER=${(q)1} TERM=dumb zsh -f -i"
zpty -w child "source ${(q)0:A:h}/child.zsh"
zpty -r child answer '*child is ready*' || exit 2
zpty -w -n child $2$'\t'
zpty -r child answer '*completion ends*' || exit 2
print -r -- ${answer##*completion begins} | tr -d '\r' | sed -n 's/^match //p' | sort -u
