# Sourced by scripts/guest-*: the guest `debian`, a whole Debian system with systemd and bpftrace.
# Its disk depends on nothing but the mirror; what it does once it has booted is in guest/debian, and
# comes on a second disk that each boot makes.
# shellcheck shell=bash disable=SC2034,SC2154

debian_suite=trixie
debian_packages=(
  systemd-sysv dbus udev kmod linux-image-cloud-amd64 initramfs-tools zstd
  # systemd loads it when a unit wants a BPF program.
  libbpf1
  bpftool bpftrace iproute2
)
# The console is for what the guest reports, and nothing but.
debian_append="root=/dev/vda rw quiet loglevel=1 systemd.show_status=0"
debian_append+=" systemd.mask=serial-getty@ttyS0.service"

# make_debian FOLDER: puts disk, vmlinuz, initrd and release there.
make_debian() {
  local folder=$1 tree=$scratch/tree mirror vmlinuz
  ((EUID == 0)) || die "to make the guest debian needs root, whose files are on its disk"
  "$root/scripts/setup" --debian >&2
  mirror=$(debian_mirror)
  progress "installing Debian $debian_suite, which takes some minutes"
  mmdebstrap --quiet --variant=minbase --architectures=amd64 \
    --include="$(IFS=,; echo "${debian_packages[*]}")" \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    "$debian_suite" "$tree" "deb $mirror $debian_suite main"
  rm -rf "$tree"/var/cache/apt/* "$tree"/var/lib/apt/lists/*
  vmlinuz=$(find "$tree/boot" -name 'vmlinuz-*')
  [[ -f $vmlinuz ]] || die "Debian $debian_suite has come without a kernel"
  mkdir "$tree/guestscope"
  cp "$root/guest/debian/guestscope.service" "$tree/etc/systemd/system/"
  printf '%s / ext4 defaults 0 0\n%s /guestscope ext4 ro 0 0\n' /dev/vda /dev/vdb \
    >"$tree/etc/fstab"
  mkdir -p "$tree/etc/systemd/system/multi-user.target.wants"
  ln -sf ../guestscope.service "$tree/etc/systemd/system/multi-user.target.wants/"
  progress "making its disk"
  mke2fs -q -t ext4 -d "$tree" "$scratch/disk" 3G >/dev/null
  cp "$tree"/boot/initrd.img-* "$scratch/initrd"
  echo "${vmlinuz##*/vmlinuz-}" >"$folder/release"
  mv "$scratch/initrd" "$folder/initrd"
  mv "$scratch/disk" "$folder/disk"
  mv "$vmlinuz" "$folder/vmlinuz"
}

# debian_boot_disk FILE: what the guest does, as a disk.
debian_boot_disk() {
  rm -f "$1"
  # /usr/sbin: not on everybody's path.
  PATH=$PATH:/usr/sbin mke2fs -q -t ext4 -d "$root/guest/debian" "$1" 8M >/dev/null
}
