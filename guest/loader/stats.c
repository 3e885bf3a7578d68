// A program's per-CPU statistics as they lie in kernel memory: bpf_prog_info has only their sums.
// Mirrors kernel/bpf/syscall.c (bpf_prog_get_stats) and lib/xarray.c (xas_load).
#include "guest.h"

#include <string.h>

// A member that must exist; its absence is an error of ours, not a guest's property.
static int required_offset(const char *type, const char *member) {
  int offset = member_offset(type, member);
  if (offset < 0)
    fail("the kernel's BTF has no %s.%s", type, member);
  return offset;
}

bool kernel_counts_misses(void) { return member_offset("bpf_prog_stats", "misses") >= 0; }

unsigned possible_cpus(void) { return kernel_u32(symbol("nr_cpu_ids")); }

uint64_t per_cpu_offset(unsigned cpu) { return kernel_u64(symbol("__per_cpu_offset") + 8 * cpu); }

uint64_t find_program(uint32_t id) {
  uint64_t tree = symbol("prog_idr") + required_offset("idr", "idr_rt");
  uint64_t entry = kernel_u64(tree + required_offset("xarray", "xa_head"));
  int shift_offset = required_offset("xa_node", "shift");
  int slots_offset = required_offset("xa_node", "slots");

  // An internal entry (low bits 10) above the small reserved values is a node of 64 slots.
  while ((entry & 3) == 2 && entry > 4096) {
    uint64_t node = entry & ~3ull;
    uint8_t shift;
    kernel_read(node + shift_offset, &shift, sizeof shift);
    entry = kernel_u64(node + slots_offset + 8 * ((id >> shift) & 63));
  }
  if (!entry)
    fail("program %u is not in prog_idr", id);
  return entry;
}

struct cpu_stats cpu_stats(uint64_t program, unsigned cpu) {
  int offset = member_offset("bpf_prog", "stats");
  uint64_t holder = program;

  // Up to 5.11 the pointer is in bpf_prog_aux.
  if (offset < 0) {
    holder = kernel_u64(program + required_offset("bpf_prog", "aux"));
    offset = required_offset("bpf_prog_aux", "stats");
  }
  uint64_t stats = kernel_u64(holder + offset) + per_cpu_offset(cpu);
  struct cpu_stats result = {
      .count = kernel_u64(stats + required_offset("bpf_prog_stats", "cnt")),
      .nanoseconds = kernel_u64(stats + required_offset("bpf_prog_stats", "nsecs")),
  };
  if (kernel_counts_misses())
    result.misses = kernel_u64(stats + required_offset("bpf_prog_stats", "misses"));
  return result;
}
