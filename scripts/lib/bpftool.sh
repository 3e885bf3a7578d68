# Sourced by scripts/guest-image: packs the bpftool that a guest runs, for `guestscope` to be
# compared with. It runs on the libraries of its own Debian suite, through that suite's loader.
# shellcheck shell=bash disable=SC2034,SC2154

# copy_needed TREE FILE FOLDER: copies the libraries that FILE needs, and those that they need.
copy_needed() {
  local tree=$1 file=$2 folder=$3 name library
  while read -r name; do
    [[ ! -e $folder/$name ]] || continue
    library=$(find "$tree" -name "$name" -print -quit)
    [[ -n $library ]] || die "no package of bpftool's has $name"
    cp -L "$library" "$folder/$name"
    copy_needed "$tree" "$library" "$folder"
  done < <(readelf -d "$file" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
}

# build_bpftool SUITE FILE: writes FILE, an initramfs to append to the guest's own: /bpftool/bpftool
# with its libraries, and /bpftool/loader to run it with.
build_bpftool() {
  local suite=$1 file=$2 tree=$scratch/bpftool folder=$scratch/bpftool-initrd program
  [[ ! -e $file ]] || return 0
  update_suite "$suite" "$debian_arch" || die "no package list of $suite in the mirror"
  mkdir -p "$tree" "$folder/bpftool"
  unpack_with_dependencies "$suite" "$debian_arch" "$tree" bpftool
  program=$(find "$tree" -path '*/sbin/bpftool' -type f)
  cp "$program" "$folder/bpftool/bpftool"
  copy_needed "$tree" "$program" "$folder/bpftool"
  # One of the libraries, by a name that is the same on all architectures.
  mv "$folder"/bpftool/ld-linux* "$folder/bpftool/loader"
  (cd "$folder" && find . | cpio -o -H newc -R 0:0 --quiet | gzip -1) >"$scratch/bpftool.gz"
  mv "$scratch/bpftool.gz" "$file"
}
