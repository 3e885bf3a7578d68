# Sourced by scripts: the table of QEMUs other than this machine's own. Adding one is adding
# a line.
# shellcheck shell=bash disable=SC2034,SC2154

qemu_versions=(5.2 10.0 11)

# qemu_settings VERSION: sets suite, the Debian one that has it.
qemu_settings() {
  case $1 in
    5.2 | 5.2.*) suite=bullseye ;;
    10.0 | 10.0.*) suite=trixie ;;
    # sid moves on: `11` is what it has today, `11.1` only as long as it is that.
    11 | 11.*) suite=sid ;;
    *) die "unknown QEMU $1; known are: ${qemu_versions[*]}" ;;
  esac
}

# qemu_binary ARCH: the name of the program that emulates it.
qemu_binary() {
  case $1 in
    x86) echo qemu-system-x86_64 ;;
    arm64) echo qemu-system-aarch64 ;;
    *) die "unknown architecture $1" ;;
  esac
}

# find_qemu VERSION ARCH: the program file of a QEMU that was made, or nothing.
find_qemu() {
  local file
  file=$guests_dir/qemu-$1/$(qemu_binary "$2") || exit 1
  [[ ! -x $file ]] || echo "$file"
}
