# Sourced by scripts/guest-*: places and messages.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
guests_dir=$root/.guests
packages_dir=$guests_dir/packages

progress() { echo "${0##*/}: $*" >&2; }

die() {
  progress "$*"
  exit 1
}
