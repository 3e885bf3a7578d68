# Sourced by scripts/install and scripts/package: the program for other machines, and where its
# files go.
# shellcheck shell=bash disable=SC2154

# A static standard library makes all objects others: they are kept apart.
package_build=$root/.build-package

# build_program [CONFIGURATION]: prints the path of a program that needs no Swift, release without
# CONFIGURATION. Debian's libcapstone has another soname in each release, so it is in the program; the
# other libraries are the system's.
build_program() {
  local archive static=$package_build/static
  "$root/scripts/setup" --build >&2
  archive=$(cc -print-file-name=libcapstone.a 2>/dev/null || true)
  [[ -f $archive ]] || archive=$(find /usr/lib -name libcapstone.a -print -quit)
  [[ -f $archive ]] || die "there is no libcapstone.a: libcapstone-dev has it"
  mkdir -p "$static"
  ln -sf "$archive" "$static/libcapstone.a"
  progress "building, which takes some minutes the first time"
  local build=(swift build --package-path "$root" --scratch-path "$package_build"
    -c "${1:-release}" --product guestscope --static-swift-stdlib -Xlinker "-L$static")
  "${build[@]}" --quiet >&2
  echo "$("${build[@]}" --show-bin-path)/guestscope"
}

# needed_libraries FILE: the shared libraries that a program names.
needed_libraries() { readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; }

# check_libraries FILE: nothing but what every distribution has under the same name.
check_libraries() {
  local library
  while read -r library; do
    case $library in
      libarchive.so.* | libreadline.so.* | libxxhash.so.* | libstdc++.so.* | libgcc_s.so.*) ;;
      libc.so.* | libm.so.* | ld-linux-*) ;;
      *) die "$1 needs $library, which other machines may not have" ;;
    esac
  done < <(needed_libraries "$1")
}

# install_files PROGRAM PREFIX ZSH: all files under PREFIX; ZSH is the folder below it for zsh.
install_files() {
  local program=$1 prefix=$2 shell
  local -A completion=(
    [bash]=share/bash-completion/completions/guestscope
    [zsh]=$3/_guestscope
    [fish]=share/fish/vendor_completions.d/guestscope.fish
  )
  install -D -m 755 -s "$program" "$prefix/bin/guestscope"
  install -D -m 644 "$root/docs/man/guestscope.1" "$prefix/share/man/man1/guestscope.1"
  for shell in "${!completion[@]}"; do
    mkdir -p "$(dirname "$prefix/${completion[$shell]}")"
    "$program" --generate-completion-script "$shell" >"$prefix/${completion[$shell]}"
    chmod 644 "$prefix/${completion[$shell]}"
  done
}
