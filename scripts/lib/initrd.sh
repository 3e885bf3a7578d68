# Sourced by scripts/guest-image: compiles guest/ and packs it into an initramfs. It depends on the
# architecture only: the same BPF objects serve all kernels.
# shellcheck shell=bash disable=SC2034,SC2154

# source_sum: changes whenever the initramfs would.
source_sum() {
  (cd "$root" && find guest scripts/lib/initrd.sh scripts/lib/guests.sh -type f -print0 |
    sort -z | xargs -0 sha256sum | sha256sum | cut -d ' ' -f 1)
}

compile_bpf() {
  local folder=$1 source object
  for source in "$root"/guest/bpf/*.bpf.c; do
    object=$folder/$(basename "${source%.c}").o
    clang -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -Wno-unused-parameter \
      -D__TARGET_ARCH_"$bpf_arch" -idirafter "/usr/include/$triplet" -c "$source" -o "$object"
    # DWARF goes, BTF stays.
    llvm-strip -g "$object"
  done
}

compile_loader() {
  "$triplet-gcc" -static -s -O2 -Wall -Wextra -Werror -Wno-missing-field-initializers \
    "$root"/guest/loader/*.c -o "$1" -lbpf -lelf -lz -lpthread
}

# build_initrd FILE: writes FILE, and FILE.sum with the checksum of its sources.
build_initrd() {
  local file=$1 tree=$scratch/initrd sum
  sum=$(source_sum)
  if [[ -e $file && -e $file.sum && $(<"$file.sum") == "$sum" ]]; then
    return 0
  fi
  progress "building ${file##*/}"
  mkdir -p "$tree"/{bin,bpf,dev,proc,sys}
  cp /bin/busybox "$tree/bin/busybox"
  cp "$root/guest/init" "$tree/init"
  compile_bpf "$tree/bpf"
  compile_loader "$tree/bin/loader"
  (cd "$tree" && find . | cpio -o -H newc -R 0:0 --quiet | gzip -1) >"$scratch/initrd.gz"
  rm -f "$file.sum"
  mv "$scratch/initrd.gz" "$file"
  echo "$sum" >"$file.sum"
}
