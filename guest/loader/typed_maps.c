// Contents for the maps of typed.bpf.c, whose bytes mean something by their types.
#include "guest.h"

#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

enum { most_bytes = 1 << 14, fillings = 4 };

// A byte of the value that entry number `entry` has: zeros, all bits, numbers of all kinds, and
// text with a NUL after each seven characters. Bytes at even places are odd, for what bpftool calls a
// bool that is neither 0 nor 1 depends on its compiler, and one that is odd is always true.
static unsigned char filling(unsigned entry, unsigned cpu, unsigned at) {
  switch (entry % fillings) {
  case 0:
    return 0;
  case 1:
    return 0xff;
  case 2:
    return entry * 31 + cpu * 102 + at * 7 + 1;
  default:
    return at % 8 == 7 ? 0 : 'a' + (at + 2 * cpu) % 26;
  }
}

static void fill_typed(int map) {
  static unsigned char value[most_bytes];
  struct bpf_map_info info = {0};
  uint32_t size = sizeof info;

  if (bpf_obj_get_info_by_fd(map, &info, &size))
    fail("info of a map: %m");
  bool is_trie = info.type == BPF_MAP_TYPE_LPM_TRIE;
  bool per_cpu = info.type == BPF_MAP_TYPE_PERCPU_ARRAY || info.type == BPF_MAP_TYPE_PERCPU_HASH;
  unsigned stride = (info.value_size + 7) / 8 * 8, cpus = per_cpu ? libbpf_num_possible_cpus() : 1;
  if (cpus * stride > sizeof value)
    fail("the values of map %s are too large to fill it", info.name);
  for (unsigned entry = 0; entry < fillings; entry++) {
    unsigned char key[64] = {0};
    uint32_t number = is_trie ? 8 * entry : entry;

    // The number first: an index, a prefix length, or part of a key that differs from all others.
    for (unsigned at = 4; at < info.key_size; at++)
      key[at] = filling(entry, 0, at);
    memcpy(key, &number, sizeof number);
    for (unsigned at = 0; at < cpus * stride; at++)
      value[at] = filling(entry, at / stride, at % stride);
    if (bpf_map_update_elem(map, key, value, BPF_ANY))
      fail("cannot write entry %u of map %s: %m", entry, info.name);
  }
}

// What the compiler of the other maps does not know: an enumeration of 64 bits.
static void make_wide_enum(void) {
  LIBBPF_OPTS(bpf_map_create_opts, options);
  struct btf *types = btf__new_empty();
  int number = btf__add_int(types, "unsigned int", 4, 0);
  int wide = btf__add_enum64(types, "wide_enum", 8, true);

  btf__add_enum64_value(types, "WIDE_LOWEST", 1ull << 63);
  btf__add_enum64_value(types, "WIDE_NONE", ~0ull);
  int value = btf__add_struct(types, "wide_value", 16);
  btf__add_field(types, "state", wide, 0, 0);
  btf__add_field(types, "next", wide, 64, 0);
  if (btf__load_into_kernel(types)) {
    say("no enumerations of 64 bits on this kernel: %m");
    return;
  }
  options.btf_fd = btf__fd(types);
  options.btf_key_type_id = number;
  options.btf_value_type_id = value;
  int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "typed_wide", 4, 16, 5, &options);
  if (map < 0)
    fail("cannot create typed_wide: %m");
  fill_typed(map);
}

// Pointers that lead somewhere.
static struct {
  uint64_t task, callback, none;
} pointers;
static int pointing = -1;

static void fill_pointers(struct bpf_map *map) {
  uint32_t key = 0;

  pointing = bpf_map__fd(map);
  pointers.task = has_data_symbols() ? symbol("init_task") : 0;
  pointers.callback = symbol("bpf_fentry_test6");
  if (bpf_map_update_elem(pointing, &key, &pointers, BPF_ANY))
    fail("cannot write pointers into a map: %m");
}

// A JSON line.
void print_pointers_truth(void) {
  struct bpf_map_info info = {0};
  uint32_t size = sizeof info;

  if (pointing < 0)
    return;
  if (bpf_obj_get_info_by_fd(pointing, &info, &size))
    fail("info of a map: %m");
  printf("{\"kind\":\"pointers\",\"id\":%u,\"task\":%llu,\"nested[0].callback\":%llu}\n", info.id,
         (unsigned long long)pointers.task, (unsigned long long)pointers.callback);
}

void make_typed_maps(void) {
  struct bpf_object *object = bpf_object__open_file("/bpf/typed.bpf.o", NULL);
  struct bpf_map *each;

  if (!object || bpf_object__load(object))
    fail("cannot load the typed maps: %m");
  bpf_object__for_each_map(each, object)
    fill_typed(bpf_map__fd(each));
  fill_pointers(bpf_object__find_map_by_name(object, "typed_pointers"));
  make_wide_enum();
}
