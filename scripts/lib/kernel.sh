# Sourced by scripts/guest-image: builds the kernel of a guest for which Debian has none, from Debian's
# source of that version and a configuration of our own.
# shellcheck shell=bash disable=SC2154

# build_kernel FOLDER: puts vmlinuz, modules.initrd, network.initrd and release there. All that the
# guest needs is in the kernel itself: it has no modules. Takes 10 to 20 minutes on two cores, and 3 GB
# of disk until it is done.
build_kernel() {
  local folder=$1 suite name="" tree=$scratch/source version
  "$root/scripts/setup" --kernel >&2
  for suite in $suites; do
    if update_suite "$suite" "$debian_arch" &&
      name=$(newest_package "$suite" "$debian_arch" "$package"); then
      break
    fi
  done
  [[ -n $name ]] || die "no package like $package in $suites"
  fetch_package "$suite" "$debian_arch" "$name" "$scratch/package"
  mkdir "$tree"
  tar -xf "$scratch/package/usr/src/$name.tar.xz" -C "$tree" --strip-components=1
  rm -r "$scratch/package"
  version=$(make -s -C "$tree" kernelversion)
  progress "building Linux $version, which takes 10 to 20 minutes"
  make -s -C "$tree" tinyconfig >/dev/null
  cat "$root/$kernel_config" >>"$tree/.config"
  make -s -C "$tree" olddefconfig
  check_config "$tree/.config"
  make -s -C "$tree" -j "$(nproc)" bzImage >"$folder/build.log" 2>&1 ||
    die "Linux $version does not build: see $folder/build.log"
  pack_nothing "$folder/modules.initrd"
  pack_nothing "$folder/network.initrd"
  echo "$version" >"$folder/release"
  # Last: the guest is there when this is.
  mv "$tree/arch/x86/boot/bzImage" "$folder/vmlinuz"
}

# check_config FILE: what the configuration asks for, and lacks something else for, is left out without
# a word.
check_config() {
  local line missing=()
  while read -r line; do
    grep -qxF "$line" "$1" || missing+=("$line")
  done < <(grep '^CONFIG_' "$root/$kernel_config")
  ((${#missing[@]} == 0)) || die "this kernel has no ${missing[*]}"
}

# pack_nothing FILE: an initramfs without files.
pack_nothing() { cpio -o -H newc --quiet </dev/null | gzip -1 >"$1"; }
