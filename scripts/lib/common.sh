# Sourced by the scripts: places and messages.
# shellcheck shell=bash disable=SC2034,SC2154

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
guests_dir=$root/.guests
packages_dir=$guests_dir/packages
# For whoever holds the lock; in the same file system, so that a move is all or nothing.
scratch=$guests_dir/.scratch

# What the user has set is for guests of his own.
unset GUESTSCOPE_CONNECT GUESTSCOPE_KERNEL GUESTSCOPE_OPTIONS

progress() { echo "${0##*/}: $*" >&2; }

die() {
  progress "$*"
  exit 1
}

# guest_runs DIR: by its command line, for a process id may since name another process or a zombie.
guest_runs() {
  [[ -e $1/pid ]] && grep -qszxF "$1/pid" "/proc/$(<"$1/pid")/cmdline"
}
