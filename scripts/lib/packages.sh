# Sourced by scripts that need packages: downloads Debian packages of any suite and architecture without
# installing them. Each suite has an apt root of its own, so the machine's own state is not touched.
# shellcheck shell=bash disable=SC2016,SC2034,SC2154

# The Debian mirror: from the environment, else the one that this machine's apt uses. Where apt has
# no package lists, as in a container image, it cannot tell.
debian_mirror() {
  local mirror=${GUESTSCOPE_DEBIAN_MIRROR:-}
  if [[ -z $mirror ]]; then
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Label: Debian' 'Created-By: Packages' |
      sort -u | head -n 1)
  fi
  echo "${mirror:-http://deb.debian.org/debian}"
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

# update_suite SUITE ARCH: fetches the suite's signed package list; fails if the mirror has none.
update_suite() {
  local suite=$1 arch=$2 root=$packages_dir/.apt/$1-$2 mirror
  local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  [[ -r $keyring ]] || die "$keyring is missing: install debian-archive-keyring"
  mirror=$(debian_mirror)
  mkdir -p "$root/state/lists/partial" "$root/cache/archives/partial"
  : >"$root/status"
  echo "deb [signed-by=$keyring] $mirror $suite main" >"$root/sources.list"
  progress "package list of $suite ($arch)"
  suite_apt "$suite" "$arch" apt-get -qq -o APT::Update::Error-Mode=any update
}

# newest_package SUITE ARCH REGEX: the name of the newest package whose whole name matches.
newest_package() {
  suite_apt "$1" "$2" apt-cache pkgnames | grep -xE "$3" | sort -V | tail -n 1
}

# package_field SUITE ARCH NAME FIELD: of the newest that the suite has, or nothing.
package_field() {
  suite_apt "$1" "$2" apt-cache show --no-all-versions "$3" | sed -n "s/^$4: //p"
}

# unpack_with_dependencies SUITE ARCH FOLDER NAME…: whatever apt would install on an empty machine.
unpack_with_dependencies() {
  local suite=$1 arch=$2 folder=$3 deb archives=$packages_dir/.apt/$1-$2/cache/archives
  shift 3
  rm -f "$archives"/*.deb
  progress "downloading $* of $suite with all that they need"
  suite_apt "$suite" "$arch" apt-get -qq -y --no-install-recommends --download-only install "$@" >&2
  progress "unpacking"
  for deb in "$archives"/*.deb; do dpkg -x "$deb" "$folder"; done
  rm -f "$archives"/*.deb
}

# fetch_package SUITE ARCH NAME FOLDER: downloads (apt checks the signatures) and unpacks.
fetch_package() {
  local suite=$1 arch=$2 name=$3 folder=$4 version deb
  version=$(package_field "$suite" "$arch" "$name" Version)
  # Not ARCH for a package that serves all of them.
  deb=${name}_${version//:/%3a}_$(package_field "$suite" "$arch" "$name" Architecture).deb
  if [[ ! -e $packages_dir/$deb ]]; then
    progress "downloading $name $version"
    (cd "$scratch" && suite_apt "$suite" "$2" apt-get -qq download "$name")
    mv "$scratch/$deb" "$packages_dir/$deb"
  fi
  progress "unpacking $name"
  dpkg -x "$packages_dir/$deb" "$folder"
}
