# Sourced by scripts/guest-image: builds guest/module for one kernel, out of its tree, from the headers
# that Debian has for it.
# shellcheck shell=bash disable=SC2034,SC2154

# fetch_headers RELEASE FOLDER: unpacks the headers of a kernel, and what builds modules with them.
fetch_headers() {
  local release=$1 folder=$2 host suite name reached=""
  host=$(dpkg --print-architecture)
  for suite in $suites ""; do
    [[ -n $suite || -z $reached ]] ||
      die "no headers of Linux $release in $suites: remove .guests/NAME to get a newer one"
    [[ -n $suite ]] || die "no package list of $suites can be fetched: is there a network?"
    update_suite "$suite" "$debian_arch" || continue
    reached=1
    [[ -z $(package_field "$suite" "$debian_arch" "linux-headers-$release" Version) ]] || break
  done
  update_suite "$suite" "$host"
  fetch_package "$suite" "$debian_arch" "linux-headers-$release" "$folder"
  for name in $(package_field "$suite" "$debian_arch" "linux-headers-$release" Depends |
    grep -oE 'linux-(headers|kbuild)-[^ ,]+'); do
    # The first is the same for all architectures, the second is programs that run here.
    fetch_package "$suite" "$host" "$name" "$folder"
  done
  # They name each other by where they would be installed.
  find "$folder"/usr/{src,lib} -maxdepth 2 -type f \( -name Makefile -o -name .kernelvariables \) \
    -exec sed -i -E "s,(^|[ =])/usr/(src|lib)/linux-,\1$folder/usr/\2/linux-,g" {} +
  wrap_programs "${suite%-backports}" "$host" "$folder"
}

# wrap_programs SUITE ARCH FOLDER: programs of a newer suite than this machine's run on that suite's
# libraries, through its loader.
wrap_programs() {
  local suite=$1 arch=$2 folder=$3 program name loader=""
  while read -r program; do
    [[ $(ldd "$program" 2>&1) == *"not found"* ]] || continue
    if [[ -z $loader ]]; then
      update_suite "$suite" "$arch"
      for name in libc6 libelf1t64 zlib1g libzstd1; do
        fetch_package "$suite" "$arch" "$name" "$folder/libraries"
      done
      loader=$(find "$folder/libraries" -path '*-linux-gnu/ld-linux*.so.*' -print -quit)
    fi
    mv "$program" "$program.wrapped"
    printf '#!/bin/sh\nexec "%s" --library-path "%s" "%s" "$@"\n' \
      "$loader" "${loader%/*}" "$program.wrapped" >"$program"
    chmod +x "$program"
  done < <(find "$folder/usr/lib" -path '*/linux-kbuild-*' -type f -perm -1)
}

# build_module FOLDER: writes FOLDER/dying.initrd, an initramfs to append to the guest's own, and beside
# it the checksum of its sources. FOLDER has the release of the kernel.
build_module() {
  local folder=$1 release tree=$scratch/headers module=$scratch/module packed=$scratch/dying sum headers
  release=$(<"$folder/release")
  sum=$( (cat "$root"/guest/module/* "$root/scripts/lib/module.sh" "$folder/release") |
    sha256sum | cut -d ' ' -f 1)
  if [[ -e $folder/dying.initrd && -e $folder/dying.initrd.sum ]] &&
    [[ $(<"$folder/dying.initrd.sum") == "$sum" ]]; then
    return 0
  fi
  mkdir -p "$tree" "$packed/dying"
  fetch_headers "$release" "$tree"
  progress "building a module for Linux $release"
  cp -r "$root/guest/module" "$module"
  headers=$tree/usr/src/linux-headers-$release
  # Debian's compiler for this kernel may be newer than ours, and know an option and an attribute more;
  # there may be no vmlinux to make a module's types from.
  make -s -C "$headers" M="$module" CROSS_COMPILE="$triplet-" CC="$triplet-gcc" KCFLAGS=-Wno-attributes \
    CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT= CONFIG_DEBUG_INFO_BTF_MODULES= modules >&2 ||
    die "the module does not build for Linux $release"
  "$triplet-strip" --strip-debug "$module/gs_dying.ko" -o "$packed/dying/gs_dying.ko"
  (cd "$packed" && find . | cpio -o -H newc -R 0:0 --quiet | gzip -1) >"$scratch/dying.gz"
  rm -f "$folder/dying.initrd.sum"
  mv "$scratch/dying.gz" "$folder/dying.initrd"
  echo "$sum" >"$folder/dying.initrd.sum"
}
