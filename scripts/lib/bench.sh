# Sourced by scripts/bench*: pauses by QEMU's own clock, and the medians of many runs.
# shellcheck shell=bash disable=SC2034,SC2154

# boot_measured NAME DIR OPTIONS…: a guest whose QEMU writes each STOP and RESUME with its time into DIR/events,
# from a QMP monitor of its own on a pair of pipes.
boot_measured() {
  local name=$1 dir=$2
  shift 2
  mkfifo "$dir/events.in" "$dir/events.out"
  cat "$dir/events.out" >"$dir/events" &
  echo '{"execute":"qmp_capabilities"}' >"$dir/events.in" &
  scripts/guest-boot "$@" "$name" "$dir" -- \
    -chardev "pipe,id=events,path=$dir/events" -mon chardev=events,mode=control
}

# pauses DIR FROM: in microseconds, of the stops in the log from that line on.
pauses() {
  tail -n "+$2" "$1/events" | awk '
    match($0, /"seconds": [0-9]+/) { time = substr($0, RSTART + 11, RLENGTH - 11) * 1000000 }
    match($0, /"microseconds": [0-9]+/) { time += substr($0, RSTART + 16, RLENGTH - 16) }
    /"STOP"/ { stopped = time }
    /"RESUME"/ { print time - stopped }'
}

# next_event DIR: the line of the log that the next event will be.
next_event() { echo $(($(wc -l <"$1/events") + 1)); }

# medians: of lines `WAY key=value key=value…`, minimum, median and maximum of each key of each way.
medians() {
  awk '
  {
    for (i = 2; i <= NF; i++) {
      split($i, pair, "=")
      key = $1 " " pair[1]
      if (!(key in count)) order[++keys] = key
      value[key, count[key]++] = pair[2] + 0
      if (pair[2] ~ /ms$/) unit[key] = " ms"
    }
  }
  END {
    for (k = 1; k <= keys; k++) {
      key = order[k]; n = count[key]
      for (i = 0; i < n; i++) sorted[i] = value[key, i]
      for (i = 1; i < n; i++)
        for (j = i; j > 0 && sorted[j - 1] > sorted[j]; j--) {
          t = sorted[j]; sorted[j] = sorted[j - 1]; sorted[j - 1] = t
        }
      split(key, words, " ")
      if (words[1] != way) { way = words[1]; print way }
      printf "  %-13s min %s  median %s  max %s%s\n", words[2], sorted[0], sorted[int(n / 2)], sorted[n - 1], unit[key]
    }
  }'
}
