// One JSON line a program: what `guestscope prog list -j` must print, and a few raw values.
#include "guest.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

enum { max_maps = 64 };

struct program_info {
  struct bpf_prog_info info;
  uint32_t known_size;        // how much of info this kernel filled in
  uint32_t maps[max_maps];
};

static void read_program(uint32_t id, struct program_info *program) {
  int fd = bpf_prog_get_fd_by_id(id);
  if (fd < 0)
    fail("program %u: %m", id);
  memset(program, 0, sizeof *program);
  program->info.nr_map_ids = max_maps;
  program->info.map_ids = (uintptr_t)program->maps;
  program->known_size = sizeof program->info;
  if (bpf_obj_get_info_by_fd(fd, &program->info, &program->known_size))
    fail("info of program %u: %m", id);
  close(fd);
}

// Calls visit for every program in the order of ids.
static void each_program(void (*visit)(const struct program_info *, void *), void *context) {
  struct program_info program;
  uint32_t id = 0;

  while (bpf_prog_get_next_id(id, &id) == 0) {
    read_program(id, &program);
    visit(&program, context);
  }
  if (errno != ENOENT)
    fail("cannot list programs: %m");
}

static void add(const struct program_info *program, void *context) {
  struct totals *totals = context;
  totals->programs++;
  totals->counts += program->info.run_cnt;
  totals->nanoseconds += program->info.run_time_ns;
  totals->misses += program->info.recursion_misses;
}

struct totals read_totals(void) {
  struct totals totals = {0};
  each_program(add, &totals);
  return totals;
}

// A value that is null on kernels whose bpf_prog_info ends before it.
#define PRINT_IF_KNOWN(program, member)                                                  \
  do {                                                                                   \
    if ((program)->known_size >= offsetof(struct bpf_prog_info, member) +                \
                                     sizeof((program)->info.member))                     \
      printf("\"" #member "\":%llu,", (unsigned long long)(program)->info.member);       \
    else                                                                                 \
      printf("\"" #member "\":null,");                                                   \
  } while (0)

static void print_per_cpu(const struct program_info *program) {
  if (!has_data_symbols()) {
    printf("\"per_cpu\":null");
    return;
  }
  uint64_t address = find_program(program->info.id);
  struct cpu_stats sum = {0};

  printf("\"per_cpu\":[");
  for (unsigned cpu = 0; cpu < possible_cpus(); cpu++) {
    struct cpu_stats stats = cpu_stats(address, cpu);
    printf("%s{\"cpu\":%u,\"cnt\":%llu,\"nsecs\":%llu,\"misses\":", cpu ? "," : "", cpu,
           (unsigned long long)stats.count, (unsigned long long)stats.nanoseconds);
    printf(kernel_counts_misses() ? "%llu}" : "null}", (unsigned long long)stats.misses);
    sum.count += stats.count;
    sum.nanoseconds += stats.nanoseconds;
    sum.misses += stats.misses;
  }
  putchar(']');
  // The truth must not contradict itself.
  if (sum.count != program->info.run_cnt || sum.nanoseconds != program->info.run_time_ns ||
      sum.misses != program->info.recursion_misses)
    fail("program %u: the per-CPU values do not add up to bpf_prog_info's", program->info.id);
}

static void print_program(const struct program_info *program, void *context) {
  const struct bpf_prog_info *info = &program->info;
  int64_t *offset = context;
  const char *type = libbpf_bpf_prog_type_str(info->type);
  enum { netfilter = 32 };  // libbpf 1.1 does not know it

  printf("{\"kind\":\"prog\",\"id\":%u,\"type\":", info->id);
  print_json_string(type ? type : info->type == netfilter ? "netfilter" : "unknown");
  printf(",\"name\":");
  print_json_string(info->name);
  printf(",\"tag\":\"");
  for (unsigned index = 0; index < sizeof info->tag; index++)
    printf("%02x", info->tag[index]);
  printf("\",\"gpl_compatible\":%s,", info->gpl_compatible ? "true" : "false");
  printf("\"run_time_ns\":%llu,", (unsigned long long)info->run_time_ns);
  printf("\"run_cnt\":%llu,", (unsigned long long)info->run_cnt);
  PRINT_IF_KNOWN(program, recursion_misses);
  PRINT_IF_KNOWN(program, verified_insns);
  printf("\"loaded_at\":%lld,", (long long)((*offset + (int64_t)info->load_time) / 1000000000));
  printf("\"uid\":%u,\"bytes_xlated\":%u,", info->created_by_uid, info->xlated_prog_len);
  printf("\"jited\":%s,\"bytes_jited\":%u,", info->jited_prog_len ? "true" : "false",
         info->jited_prog_len);
  printf("\"map_ids\":[");
  for (unsigned index = 0; index < info->nr_map_ids && index < max_maps; index++)
    printf(index ? ",%u" : "%u", program->maps[index]);
  printf("],\"btf_id\":%u,\"load_time_ns\":%llu,", info->btf_id,
         (unsigned long long)info->load_time);
  printf("\"func_cnt\":%u,\"func_info_cnt\":%u,", info->nr_jited_func_lens, info->nr_func_info);
  print_per_cpu(program);
  puts("}");
}

void print_program_truth(void) {
  int64_t offset = boot_offset();
  each_program(print_program, &offset);
}
