// A program that calls itself: deleting from a hash map enters htab_map_delete_elem again, the
// kernel refuses to recurse and counts a miss. Before 5.12 there is no such guard.
#include "kernel.h"

char LICENSE[] SEC("license") = "GPL";

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32);
} recursed SEC(".maps");

SEC("fentry/htab_map_delete_elem")
int BPF_PROG(recurse) {
  __u32 key = 0;

  bpf_map_delete_elem(&recursed, &key);
  return 0;
}
