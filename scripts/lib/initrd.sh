# Sourced by scripts/guest-image: compiles guest/ and packs it into an initramfs. It depends on the
# architecture only: the same BPF objects serve all kernels.
# shellcheck shell=bash disable=SC2034,SC2154

# prepare_sysroot: sets busybox, kernel_headers (asm/*.h) and loader_flags. Another architecture's
# packages are unpacked beside ours; its compiler and C library come from scripts/setup.
prepare_sysroot() {
  busybox=/bin/busybox kernel_headers=/usr/include/$triplet loader_flags=()
  [[ $debian_arch != "$(dpkg --print-architecture)" ]] || return 0
  local sysroot=$packages_dir/sysroot-$arch package
  if [[ ! -e $sysroot/complete ]]; then
    update_suite bookworm "$debian_arch"
    for package in libbpf-dev libelf-dev zlib1g-dev busybox-static; do
      fetch_package bookworm "$debian_arch" "$package" "$sysroot"
    done
    : >"$sysroot/complete"
  fi
  busybox=$sysroot/bin/busybox kernel_headers=/usr/$triplet/include
  loader_flags=(-I "$sysroot/usr/include" -L "$sysroot/usr/lib/$triplet")
}

# source_sum: changes whenever the initramfs would.
source_sum() {
  (cd "$root" && find guest scripts/lib/initrd.sh scripts/lib/guests.sh -type f \
    -not -path 'guest/debian/*' -not -path 'guest/kernel/*' -print0 |
    sort -z | xargs -0 sha256sum | sha256sum | cut -d ' ' -f 1)
}

compile_bpf() {
  local folder=$1 source object
  for source in "$root"/guest/bpf/*.bpf.c; do
    object=$folder/$(basename "${source%.c}").o
    clang -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -Wno-unused-parameter \
      -D__TARGET_ARCH_"$bpf_arch" -idirafter "$kernel_headers" -c "$source" -o "$object"
    # DWARF goes, BTF stays.
    llvm-strip -g "$object"
  done
}

compile_loader() {
  "$triplet-gcc" -static -s -O2 -Wall -Wextra -Werror -Wno-missing-field-initializers \
    "$root"/guest/loader/*.c -o "$1" "${loader_flags[@]}" -lbpf -lelf -lz -lpthread
}

# build_initrd FILE: writes FILE, and FILE.sum with the checksum of its sources.
build_initrd() {
  local file=$1 tree=$scratch/initrd sum
  sum=$(source_sum)
  if [[ -e $file && -e $file.sum && $(<"$file.sum") == "$sum" ]]; then
    return 0
  fi
  progress "building ${file##*/}"
  prepare_sysroot
  mkdir -p "$tree"/{bin,bpf,dev,proc,sys}
  cp "$busybox" "$tree/bin/busybox"
  cp "$root/guest/init" "$tree/init"
  compile_bpf "$tree/bpf"
  compile_loader "$tree/bin/loader"
  (cd "$tree" && find . | cpio -o -H newc -R 0:0 --quiet | gzip -1) >"$scratch/initrd.gz"
  rm -f "$file.sum"
  mv "$scratch/initrd.gz" "$file"
  echo "$sum" >"$file.sum"
}
