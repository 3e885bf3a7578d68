// Known contents for maps, and, where bpftool cannot list them, the truth of what they are.
#include "guest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

enum { map_type_insn_array = 34, map_type_rhash, most_bytes = 1 << 16, pushed = 7, popped = 2, records = 4 };

// A byte of a key or value: of which entry, of which CPU, and where.
static unsigned char pattern(unsigned entry, unsigned cpu, unsigned at) {
  return entry * 31 + cpu * 101 + at * 7 + 1;
}

static void write_value(unsigned char *value, unsigned entry, const struct bpf_map_info *info,
                        bool per_cpu) {
  unsigned stride = (info->value_size + 7) / 8 * 8;
  unsigned cpus = per_cpu ? libbpf_num_possible_cpus() : 1;

  if ((size_t)stride * cpus > most_bytes)
    fail("map %u has too large values to fill it", info->id);
  for (unsigned cpu = 0; cpu < cpus; cpu++) {
    for (unsigned at = 0; at < info->value_size; at++)
      value[cpu * stride + at] = pattern(entry, cpu, at);
  }
}

static void update(int map, const struct bpf_map_info *info, const void *key, unsigned entry,
                   bool per_cpu) {
  static unsigned char value[most_bytes];

  write_value(value, entry, info, per_cpu);
  if (bpf_map_update_elem(map, key, value, BPF_ANY))
    fail("cannot write entry %u of map %u: %m", entry, info->id);
}

static void fill_array(int map, const struct bpf_map_info *info, bool per_cpu) {
  const uint32_t keys[] = {0, 1, info->max_entries / 2, info->max_entries - 1};

  for (unsigned index = 0; index < sizeof keys / sizeof keys[0]; index++) {
    if (keys[index] < info->max_entries)
      update(map, info, &keys[index], index, per_cpu);
  }
}

// Many in a large one, so that chains have several elements; some are taken out again.
static void fill_hash(int map, const struct bpf_map_info *info, bool per_cpu) {
  unsigned count = info->max_entries >= 1000 ? 300 : 5;
  unsigned char key[512];

  if (count > info->max_entries)
    count = info->max_entries;
  for (unsigned entry = 0; entry < count; entry++) {
    memset(key, 0x5a, sizeof key);
    memcpy(key, &entry, sizeof entry);
    update(map, info, key, entry, per_cpu);
    if (entry % 4 == 3 && bpf_map_delete_elem(map, key))
      fail("cannot delete entry %u of map %u: %m", entry, info->id);
  }
}

static void fill_trie(int map, const struct bpf_map_info *info) {
  static const struct {
    uint32_t length;
    unsigned char address[4];
  } prefixes[] = {
      {32, {127, 0, 0, 1}}, {8, {10, 0, 0, 0}},      {16, {10, 1, 0, 0}}, {32, {10, 1, 2, 3}},
      {32, {10, 1, 2, 4}},  {24, {192, 168, 1, 0}}, {1, {128, 0, 0, 0}}, {0, {0, 0, 0, 0}},
  };

  if (info->key_size != sizeof prefixes[0])
    return;
  for (unsigned entry = 0; entry < sizeof prefixes / sizeof prefixes[0]; entry++)
    update(map, info, &prefixes[entry], entry, false);
}

// So that a queue does not begin where its memory does.
static void fill_queue(int map, const struct bpf_map_info *info) {
  unsigned char value[512];

  for (unsigned entry = 0; entry < pushed; entry++)
    update(map, info, NULL, entry, false);
  for (unsigned entry = 0; entry < popped; entry++) {
    if (bpf_map_lookup_and_delete_elem(map, NULL, value))
      fail("cannot pop from map %u: %m", info->id);
  }
}

static unsigned record_length(unsigned record) { return 5 + 8 * record; }

// A program that writes one record.
static void write_record(int map, unsigned record) {
  unsigned char data[64] = {0}, frame[64] = {0};
  uint64_t words[8];

  for (unsigned at = 0; at < sizeof data; at++)
    data[at] = pattern(record, 0, at);
  memcpy(words, data, sizeof words);
  struct bpf_insn code[8 * 3 + 11];
  unsigned count = 0;
  for (int word = 0; word < 8; word++) {
    code[count++] = (struct bpf_insn){.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = BPF_REG_1,
                                      .imm = (int32_t)words[word]};
    code[count++] = (struct bpf_insn){.imm = (int32_t)(words[word] >> 32)};
    code[count++] = (struct bpf_insn){.code = BPF_STX | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_10,
                                      .src_reg = BPF_REG_1, .off = 8 * word - 64};
  }
  code[count++] = (struct bpf_insn){.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = BPF_REG_1,
                                    .src_reg = BPF_PSEUDO_MAP_FD, .imm = map};
  code[count++] = (struct bpf_insn){0};
  code[count++] = (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_2,
                                    .src_reg = BPF_REG_10};
  code[count++] = (struct bpf_insn){.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_2,
                                    .imm = -64};
  code[count++] = (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3,
                                    .imm = record_length(record)};
  code[count++] = (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_4};
  code[count++] = (struct bpf_insn){.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_ringbuf_output};
  code[count++] = (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0};
  code[count++] = (struct bpf_insn){.code = BPF_JMP | BPF_EXIT};

  int program = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "write_record", "GPL", code, count, NULL);
  LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof frame);
  if (program < 0 || bpf_prog_test_run_opts(program, &options))
    fail("cannot write a record: %m");
  close(program);
}

// The original offset of an instruction is all that user space may write.
static void fill_instructions(int map, const struct bpf_map_info *info) {
  for (uint32_t index = 0; index < info->max_entries; index++) {
    uint32_t value[4] = {index + 1};
    if (bpf_map_update_elem(map, &index, value, BPF_ANY))
      say("no instruction %u in a map on this kernel: %m", index);
  }
}

void fill_known(int map) {
  struct bpf_map_info info = {0};
  uint32_t size = sizeof info;

  if (bpf_obj_get_info_by_fd(map, &info, &size))
    fail("info of a map: %m");
  switch (info.type) {
  case BPF_MAP_TYPE_ARRAY:
    return fill_array(map, &info, false);
  case BPF_MAP_TYPE_PERCPU_ARRAY:
    return fill_array(map, &info, true);
  case BPF_MAP_TYPE_HASH:
  case BPF_MAP_TYPE_LRU_HASH:
  case map_type_rhash:
    return fill_hash(map, &info, false);
  case BPF_MAP_TYPE_PERCPU_HASH:
  case BPF_MAP_TYPE_LRU_PERCPU_HASH:
    return fill_hash(map, &info, true);
  case BPF_MAP_TYPE_LPM_TRIE:
    return fill_trie(map, &info);
  case BPF_MAP_TYPE_QUEUE:
  case BPF_MAP_TYPE_STACK:
    return fill_queue(map, &info);
  case BPF_MAP_TYPE_RINGBUF:
    for (unsigned record = 0; record < records; record++)
      write_record(map, record);
    return;
  case map_type_insn_array:
    return fill_instructions(map, &info);
  default:
    if (!fill_slots(map, &info))
      fill_owned(map, &info);
  }
}

static void print_bytes(unsigned entry, unsigned count) {
  for (unsigned at = 0; at < count; at++)
    printf("%s\"0x%02x\"", at ? "," : "[", pattern(entry, 0, at));
  printf("]}");
}

// A queue gives what was pushed first, a stack what was pushed last.
static void print_queue(const struct bpf_map_info *info) {
  bool is_stack = info->type == BPF_MAP_TYPE_STACK;

  for (unsigned index = 0; index < pushed - popped; index++) {
    unsigned entry = is_stack ? pushed - popped - 1 - index : popped + index;
    printf("%s{\"index\":%u,\"value\":", index ? "," : "", index);
    print_bytes(entry, info->value_size);
  }
}

static void print_ring(void) {
  unsigned offset = 0;

  for (unsigned record = 0; record < records; record++) {
    printf("%s{\"offset\":%u,\"len\":%u,\"busy\":false,\"discarded\":false,\"data\":",
           record ? "," : "", offset, record_length(record));
    print_bytes(record, record_length(record));
    offset += (record_length(record) + 8 + 7) / 8 * 8;
  }
}

// One JSON line a map that fill_known() filled and bpftool cannot list.
void print_contents_truth(int map) {
  struct bpf_map_info info = {0};
  uint32_t size = sizeof info;

  if (bpf_obj_get_info_by_fd(map, &info, &size))
    fail("info of a map: %m");
  if (print_owned_truth(map, &info) || print_more_truth(&info))
    return;
  print_slots_truth(&info);
  print_stacks_truth(map, &info);
  bool is_queue = info.type == BPF_MAP_TYPE_QUEUE || info.type == BPF_MAP_TYPE_STACK;
  bool is_ours = strcmp(info.name, "queue") == 0 || strcmp(info.name, "stack") == 0 ||
                 strcmp(info.name, "ring") == 0;
  if (!is_ours || (!is_queue && info.type != BPF_MAP_TYPE_RINGBUF))
    return;
  printf("{\"kind\":\"contents\",\"id\":%u,\"name\":\"%s\",\"entries\":[", info.id, info.name);
  if (is_queue)
    print_queue(&info);
  else
    print_ring();
  puts("]}");
}
