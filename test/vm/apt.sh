# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# apt with a state directory of its own: it checks InRelease against Debian's
# keyring, the index against InRelease and every package against the index, and
# it goes through whatever mirror and proxy this machine is configured for, also
# for suites that this machine itself does not use. Sourced behind common.sh.

max_age_minutes=${IPVS_FULLNAT_INDEX_MINUTES:-1440}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# apt_for SUITE[,SUITE...] [ARCHITECTURE]: chooses the state that the functions
# below work on. What uses the same shares an index, and the lock $apt_dir/.lock.
apt_for() {
	apt_suites=$1
	apt_arch=${2:-amd64}
	apt_dir=$cache_dir/apt/${1//,/+}${2:+-$2}
}

# mirror_uri SUITE: the base URI of the archive that carries SUITE, by what this
# machine's own apt is set up to use for its own release.
mirror_uri() {
	local want=main uri
	case $1 in *-security) want=security ;; esac
	# The origin is known only once apt has the lists; before that the name
	# of the archive's folder has to do.
	uri=$(apt-get indextargets --format '$(ORIGIN) $(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
		awk -v want="$want" '($2 ~ /-security/) != (want == "security") { next }
			$1 == "Debian" { found = $NF; exit }
			$NF ~ /\/debian(-security)?\/$/ && !guess { guess = $NF }
			END { print found ? found : guess }')
	# A machine without the security archive in its sources: it is the
	# sibling of the main one on every Debian mirror that carries it.
	if [ -z "$uri" ] && [ "$want" = security ]; then
		uri=$(mirror_uri "${1%-security}")
		uri=${uri%/debian/}/debian-security/
	fi
	[ -n "$uri" ] || die "no Debian archive in apt's configuration (is apt-get update due?)"
	echo "$uri"
}

# our_apt COMMAND...: apt-get or apt-cache with the state directory of our own.
our_apt() {
	APT_CONFIG=$apt_dir/apt.conf "$@"
}

# apt_config: an apt that knows the wanted suites and nothing of this machine's
# sources, pins and installed packages. What else is configured (proxies,
# certificates) stays in force.
apt_config() {
	local suite
	mkdir -p "$apt_dir"/{lists/partial,cache/archives/partial,parts}
	: >"$apt_dir/status"
	for suite in ${apt_suites//,/ }; do
		echo "deb [arch=$apt_arch signed-by=$keyring] $(mirror_uri "$suite") $suite main"
	done >"$apt_dir/sources.list"
	cat >"$apt_dir/apt.conf" <<-EOC
		Dir::State "$apt_dir";
		Dir::State::status "$apt_dir/status";
		Dir::State::lists "$apt_dir/lists";
		Dir::Cache "$apt_dir/cache";
		Dir::Etc::sourcelist "$apt_dir/sources.list";
		Dir::Etc::sourceparts "$apt_dir/parts";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "$apt_dir/parts";
		APT::Architecture "$apt_arch";
		APT::Architectures { "$apt_arch"; };
		APT::Sandbox::User "";
		Acquire::Languages "none";
		Acquire::Check-Valid-Until "false";
	EOC
}

index_is_fresh() {
	[ -n "$(find "$apt_dir/stamp" -mmin "-$max_age_minutes" 2>/dev/null)" ]
}

# refresh_index: apt-get update, unless that was done not long ago. Without a
# network the index of the last time does.
refresh_index() {
	if index_is_fresh; then return 0; fi
	if our_apt apt-get update -qq --error-on=any >"$apt_dir/update.log" 2>&1; then
		touch "$apt_dir/stamp"
	elif [ -e "$apt_dir/stamp" ]; then
		echo "fetch.sh: cannot refresh the package index, going on with the one in the cache" >&2
	else
		cat "$apt_dir/update.log" >&2
		die "cannot get the package index of $apt_suites"
	fi
}

# apt_index: the state directory is there, with an index that is fresh enough.
apt_index() {
	apt_config
	refresh_index
}
