// A program's per-CPU statistics as they lie in kernel memory: bpf_prog_info has only their sums.
// Mirrors kernel/bpf/syscall.c (bpf_prog_get_stats) and lib/xarray.c (xas_load).
#include "guest.h"

#include <string.h>

// Byte offsets, looked up once: BTF is searched linearly.
static struct {
  int idr_tree, tree_head, node_shift, node_slots;
  int prog_stats, prog_aux, aux_stats;  // stats is in one of the two
  int count, nanoseconds, misses;
} layout;

static int required_offset(const char *type, const char *member) {
  int offset = member_offset(type, member);
  if (offset < 0)
    fail("the kernel's BTF has no %s.%s", type, member);
  return offset;
}

void open_stats(void) {
  layout.idr_tree = required_offset("idr", "idr_rt");
  layout.tree_head = required_offset("xarray", "xa_head");
  layout.node_shift = required_offset("xa_node", "shift");
  layout.node_slots = required_offset("xa_node", "slots");
  layout.prog_stats = member_offset("bpf_prog", "stats");
  layout.prog_aux = required_offset("bpf_prog", "aux");
  // Up to 5.11 the pointer is in bpf_prog_aux.
  if (layout.prog_stats < 0)
    layout.aux_stats = required_offset("bpf_prog_aux", "stats");
  layout.count = required_offset("bpf_prog_stats", "cnt");
  layout.nanoseconds = required_offset("bpf_prog_stats", "nsecs");
  layout.misses = member_offset("bpf_prog_stats", "misses");
}

bool kernel_counts_misses(void) { return layout.misses >= 0; }

unsigned possible_cpus(void) { return kernel_u32(symbol("nr_cpu_ids")); }

uint64_t per_cpu_offset(unsigned cpu) { return kernel_u64(symbol("__per_cpu_offset") + 8 * cpu); }

uint64_t find_program(uint32_t id) {
  uint64_t entry = kernel_u64(symbol("prog_idr") + layout.idr_tree + layout.tree_head);

  // An internal entry (low bits 10) above the small reserved values is a node of 64 slots.
  while ((entry & 3) == 2 && entry > 4096) {
    uint64_t node = entry & ~3ull;
    uint8_t shift;
    kernel_read(node + layout.node_shift, &shift, sizeof shift);
    entry = kernel_u64(node + layout.node_slots + 8 * ((id >> shift) & 63));
  }
  if (!entry)
    fail("program %u is not in prog_idr", id);
  return entry;
}

struct cpu_stats cpu_stats(uint64_t program, unsigned cpu) {
  uint64_t pointer = layout.prog_stats >= 0
                         ? program + layout.prog_stats
                         : kernel_u64(program + layout.prog_aux) + layout.aux_stats;
  uint64_t stats = kernel_u64(pointer) + per_cpu_offset(cpu);
  struct cpu_stats result = {
      .count = kernel_u64(stats + layout.count),
      .nanoseconds = kernel_u64(stats + layout.nanoseconds),
  };
  if (kernel_counts_misses())
    result.misses = kernel_u64(stats + layout.misses);
  return result;
}
