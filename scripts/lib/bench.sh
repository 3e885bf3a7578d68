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

# runs_of ARGUMENT USUAL: how many runs are wanted; false for what is not a number of them.
runs_of() {
  [[ ${1:-$2} != *[!0-9]* && ${1:-$2} -gt 0 ]] && echo "${1:-$2}"
}

# end_measured WORK: ends the guest in $dir, and removes the folder WORK.
end_measured() {
  scripts/guest-stop "$dir" 2>/dev/null || true
  # What waits for the events of a guest that did not boot.
  # shellcheck disable=SC2046 # process ids are words
  kill $(jobs -rp) 2>/dev/null || true
  rm -rf "$1"
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

# ask WAY ARGS…: one run of $guestscope on the guest in $dir. Of a way whose name ends in session the last
# answer counts.
ask() {
  local way=$1 first times
  shift
  first=$(next_event "$dir")
  TIMEFORMAT='%3R %3U %3S'
  times=$({ time "$guestscope" -c ":$(<"$dir/gdb-port")" --stats "$@" >/dev/null 2>"$dir/stats"; } 2>&1) ||
    die "$way: $(<"$dir/stats")"
  awk -v way="$way" -v times="$times" '
    /^stats: / {
      # The first answer of a session is the set-up of the one that counts.
      if (way ~ /session$/) { stops = reads = bytes = 0; longest = total = 0 }
      for (i = 2; i <= NF; i++) {
        split($i, pair, "=")
        if (pair[1] == "stops") stops += pair[2]
        if (pair[1] == "reads") reads += pair[2]
        if (pair[1] == "bytes") bytes += pair[2]
        if (pair[1] == "total") total += pair[2]
        if (pair[1] == "longest" && pair[2] + 0 > longest) longest = pair[2] + 0
      }
    }
    END {
      split(times, t, " ")
      if (way !~ /session$/) printf "%s wall=%.0fms cpu=%.0fms ", way, t[1] * 1000, (t[2] + t[3]) * 1000
      else printf "%s ", way
      printf "stops=%d longest=%.3fms total=%.3fms reads=%d bytes=%d\n", stops, longest, total, reads, bytes
    }' "$dir/stats"
  # The last event may be on its way.
  sleep 0.1
  pauses "$dir" "$first" | awk -v way="$way" '
    { last = $1; sum += $1; if ($1 > longest) longest = $1 }
    END {
      printf "%s ", way
      if (way ~ /session$/) printf "qemu_answer=%.3fms\n", last / 1000
      else printf "qemu_longest=%.3fms qemu_total=%.3fms\n", longest / 1000, sum / 1000
    }'
}

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
