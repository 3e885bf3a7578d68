# Sourced by scripts/guest-*: the table of test guests. A guest is a Debian kernel and an
# architecture; adding one is adding a line.
# shellcheck shell=bash disable=SC2034,SC2154

guest_names=(
  x86-6.1 x86-5.10 x86-6.12 x86-7
  arm64-6.12 arm64-6.1 arm64-7 arm64-7-16k
  x86-6.12scx
  debian
)

# What bpftool shows in a guest; guest/loader/bpftool.c has the same list.
bpftool_kinds=(
  prog map link btf struct_ops dump struct_ops-dump cgroup cgroup-effective perf net net-other xlated
  btf-dump
)

# guest_settings NAME: sets arch, suites (the first that has the package serves), package (a regex,
# the newest match is taken) and bpftool_suite, whose bpftool runs in the guest; and kernel_config for
# a kernel that is built from source. Between them the kernels are compressed with gzip, lz4, xz and
# zstd.
guest_settings() {
  kernel_config=""
  if [[ $1 == debian ]]; then
    # A whole system, with bpftool and a kernel of its own: scripts/lib/debian.sh.
    arch=x86
    arch_settings "$arch"
    return
  fi
  case $1 in
    x86-6.1) suites=bookworm package='linux-image-6\.1\.[0-9-]+-cloud-amd64' ;;
    x86-5.10) suites=bullseye package='linux-image-5\.10\.[0-9-]+-amd64' ;;
    x86-6.12)
      suites="bookworm-backports trixie" package='linux-image-6\.12\.[0-9+.a-z]+-cloud-amd64'
      ;;
    # With sched_ext, which Debian's own has not before 7.x.
    x86-6.12scx)
      suites="bookworm-backports trixie" package='linux-source-6\.12'
      kernel_config=guest/kernel/x86-scx.config
      ;;
    x86-7) suites="trixie-backports sid" package='linux-binary-7\.[0-9+.a-z]+-amd64' ;;
    arm64-6.1) suites=bookworm package='linux-image-6\.1\.[0-9-]+-arm64' ;;
    arm64-6.12) suites=bookworm-backports package='linux-image-6\.12\.[0-9+.a-z]+-arm64' ;;
    arm64-7) suites="sid trixie-backports" package='linux-binary-7\.[0-9+.a-z]+-arm64' ;;
    # Pages of 16 KiB.
    arm64-7-16k)
      suites="sid trixie-backports" package='linux-binary-7\.[0-9+.a-z]+-arm64-16k'
      ;;
    *) die "unknown guest $1; known are: ${guest_names[*]}" ;;
  esac
  # bpftool 7.5, and 7.8 for kernels that are newer than it.
  bpftool_suite=trixie
  [[ $1 != *-7* ]] || bpftool_suite=sid
  arch=${1%%-*}
  arch_settings "$arch"
  # A Cortex-A57 has no pages of 16 KiB.
  [[ $1 != *-16k ]] || cpu=max,pauth-impdef=on
}

# arch_settings ARCH: sets what depends on the architecture alone.
arch_settings() {
  case $1 in
    x86)
      debian_arch=amd64
      bpf_arch=x86
      triplet=x86_64-linux-gnu
      qemu=(qemu-system-x86_64 -M q35)
      cpu=qemu64
      # QEMU 7.2's cmpxchg16b leaves garbage in the flags (the trap flag too): 6.12, which
      # allocates memory with it, crashes every second time.
      cpu_without=,-cx16
      console=ttyS0
      ;;
    arm64)
      debian_arch=arm64
      bpf_arch=arm64
      triplet=aarch64-linux-gnu
      qemu=(qemu-system-aarch64 -M virt)
      # Without E0PD, so that KASLR turns page-table isolation on. The other one to test is
      # `max,pauth-impdef=on`: addresses of 52 bits. (Real pointer authentication is slow here.)
      cpu=cortex-a57
      cpu_without=
      console=ttyAMA0
      ;;
    *) die "unknown architecture $1" ;;
  esac
}
