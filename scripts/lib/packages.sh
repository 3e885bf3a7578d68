# Sourced by scripts/guest-*: downloads Debian packages of any suite and architecture without
# installing them. Each suite has an apt root of its own, so the machine's own state is not touched.

# The Debian mirror: from the environment, else the one that this machine's apt uses.
debian_mirror() {
  local mirror=${GUESTSCOPE_DEBIAN_MIRROR:-}
  if [[ -z $mirror ]]; then
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Label: Debian' 'Created-By: Packages' |
      sort -u | head -n 1)
  fi
  [[ -n $mirror ]] || die "no Debian mirror in apt's sources: set GUESTSCOPE_DEBIAN_MIRROR"
  echo "$mirror"
}

# suite_apt SUITE ARCH COMMAND…: runs apt-get or apt-cache inside the suite's private root.
suite_apt() {
  local suite=$1 arch=$2 root=$packages_dir/.apt/$1-$2
  shift 2
  local command=$1
  shift
  "$command" \
    -o Dir::State="$root/state" -o Dir::State::status="$root/status" -o Dir::Cache="$root/cache" \
    -o Dir::Etc::sourcelist="$root/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::Etc::preferencesparts=/dev/null \
    -o APT::Architecture="$arch" -o APT::Architectures="$arch" \
    -o Acquire::Languages=none -o APT::Sandbox::User=root "$@"
}

# Fetches the suite's signed package list, once per run of a script.
declare -A updated_suites=()
update_suite() {
  local suite=$1 arch=$2 root=$packages_dir/.apt/$1-$2
  local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  [[ -z ${updated_suites[$suite-$arch]:-} ]] || return 0
  [[ -r $keyring ]] || die "$keyring is missing: install debian-archive-keyring"
  mkdir -p "$root/state/lists/partial" "$root/cache/archives/partial"
  : >"$root/status"
  echo "deb [signed-by=$keyring] $(debian_mirror) $suite main" >"$root/sources.list"
  progress "package list of $suite ($arch)"
  suite_apt "$suite" "$arch" apt-get -qq update
  updated_suites[$suite-$arch]=1
}

# newest_package SUITE ARCH REGEX: the name of the newest package whose whole name matches.
newest_package() {
  suite_apt "$1" "$2" apt-cache pkgnames | grep -xE "$3" | sort -V | tail -n 1
}

# fetch_package SUITE ARCH NAME FOLDER: downloads (apt checks the signature chain) and unpacks.
fetch_package() {
  local suite=$1 arch=$2 name=$3 folder=$4 version deb
  version=$(suite_apt "$suite" "$arch" apt-cache show --no-all-versions "$name" |
    sed -n 's/^Version: //p')
  deb=$packages_dir/${name}_${version//:/%3a}_$arch.deb
  if [[ ! -e $deb ]]; then
    progress "downloading $name $version"
    (cd "$packages_dir" && suite_apt "$suite" "$arch" apt-get -qq download "$name")
  fi
  [[ -e $deb ]] || deb=${deb%_*}_all.deb
  progress "unpacking $name"
  dpkg -x "$deb" "$folder"
}
