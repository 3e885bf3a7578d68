// Maps of the remaining types, as far as the kernel has them. Their descriptors stay open.
#include "guest.h"

#include <string.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

// Newer than the headers that the loader is compiled with.
enum { map_type_cgrp_storage = 32, map_type_arena, map_type_insn_array, map_type_rhash };

// A map that has types in BTF, or that holds other maps.
enum kind { plain, typed, nested };

static const struct {
  const char *name;
  uint32_t type, key, value, entries, flags;
  enum kind kind;
} maps[] = {
    {"mapped_array", BPF_MAP_TYPE_ARRAY, 4, 13, 1000, BPF_F_MMAPABLE, plain},
    {"inner_array", BPF_MAP_TYPE_ARRAY, 4, 8, 10, BPF_F_INNER_MAP, plain},
    {"locked_array", BPF_MAP_TYPE_ARRAY, 4, 8, 3, 0, typed},
    {"locked_hash", BPF_MAP_TYPE_HASH, 4, 8, 3, BPF_F_ZERO_SEED, typed},
    // So many that the kernel counts its elements on each CPU.
    {"counted_hash", BPF_MAP_TYPE_HASH, 4, 8, 5000, BPF_F_NO_PREALLOC, plain},
    {"growing_percpu", BPF_MAP_TYPE_PERCPU_HASH, 4, 12, 50, BPF_F_NO_PREALLOC, plain},
    {"lru_of_cpus", BPF_MAP_TYPE_LRU_HASH, 4, 8, 641, BPF_F_NO_COMMON_LRU, plain},
    {"stack", BPF_MAP_TYPE_STACK, 0, 6, 1000, 0, plain},
    {"bloom", BPF_MAP_TYPE_BLOOM_FILTER, 0, 8, 1000, 0, plain},
    {"stacks", BPF_MAP_TYPE_STACK_TRACE, 4, 80, 100, 0, plain},
    {"build_ids", BPF_MAP_TYPE_STACK_TRACE, 4, 320, 10, BPF_F_STACK_BUILD_ID, plain},
    {"devices", BPF_MAP_TYPE_DEVMAP, 4, 4, 5, 0, plain},
    {"devices_by_key", BPF_MAP_TYPE_DEVMAP_HASH, 4, 8, 5, 0, plain},
    {"cpus", BPF_MAP_TYPE_CPUMAP, 4, 4, 2, 0, plain},
    {"sockets_of_xdp", BPF_MAP_TYPE_XSKMAP, 4, 4, 5, 0, plain},
    {"sockets", BPF_MAP_TYPE_SOCKMAP, 4, 8, 5, 0, plain},
    {"sockets_by_key", BPF_MAP_TYPE_SOCKHASH, 6, 4, 5, 0, plain},
    {"listeners", BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 4, 8, 5, 0, plain},
    {"user_ring", BPF_MAP_TYPE_USER_RINGBUF, 0, 0, 65536, 0, plain},
    {"of_cgroup", BPF_MAP_TYPE_CGROUP_STORAGE, 8, 24, 0, 0, plain},
    {"of_cgroup_cpus", BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE, 16, 24, 0, 0, plain},
    {"of_sockets", BPF_MAP_TYPE_SK_STORAGE, 4, 8, 0, BPF_F_NO_PREALLOC, typed},
    {"of_inodes", BPF_MAP_TYPE_INODE_STORAGE, 4, 8, 0, BPF_F_NO_PREALLOC, typed},
    {"of_tasks", BPF_MAP_TYPE_TASK_STORAGE, 4, 8, 0, BPF_F_NO_PREALLOC, typed},
    {"of_cgroups", map_type_cgrp_storage, 4, 8, 0, BPF_F_NO_PREALLOC, typed},
    {"arrays", BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 3, 0, nested},
    {"arrays_by_key", BPF_MAP_TYPE_HASH_OF_MAPS, 4, 4, 3, 0, nested},
    {"growing_arrays", BPF_MAP_TYPE_HASH_OF_MAPS, 4, 4, 3, BPF_F_NO_PREALLOC, nested},
    {"arena", map_type_arena, 0, 0, 10, BPF_F_MMAPABLE, plain},
    {"instructions", map_type_insn_array, 4, 16, 3, 0, plain},
    {"resizable", map_type_rhash, 4, 8, 100, BPF_F_NO_PREALLOC, plain},
};

static int make(unsigned index, int inner) {
  LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = maps[index].flags);

  if (maps[index].kind == nested)
    options.inner_map_fd = inner;
  if (maps[index].kind == typed) {
    options.btf_fd = own_types_fd();
    options.btf_key_type_id = own_type("int");
    options.btf_value_type_id = own_type("locked_value");
  }
  int map = bpf_map_create(maps[index].type, maps[index].name, maps[index].key,
                           maps[index].value, maps[index].entries, &options);
  if (map < 0)
    say("no map %s on this kernel: %m", maps[index].name);
  return map;
}

enum { bloom_elements = 200, arena_pages = 2 };
static const unsigned touched[arena_pages] = {0, 3};
static unsigned char *arena_memory;

static void fill_bloom(int map) {
  for (uint64_t element = 0; element < bloom_elements; element++) {
    if (bpf_map_update_elem(map, NULL, &element, BPF_ANY))
      fail("cannot put an element into a bloom filter: %m");
  }
}

// Two elements, where they are a number or the descriptor of a map.
static void fill(int map, uint32_t type, int inner) {
  uint32_t keys[] = {0, 1}, cpu_size = 192;
  char value[512] = {0};

  switch (type) {
  case BPF_MAP_TYPE_ARRAY_OF_MAPS:
  case BPF_MAP_TYPE_HASH_OF_MAPS:
    memcpy(value, &inner, sizeof inner);
    break;
  case BPF_MAP_TYPE_CPUMAP:
    memcpy(value, &cpu_size, sizeof cpu_size);
    break;
  case BPF_MAP_TYPE_DEVMAP:
  case BPF_MAP_TYPE_DEVMAP_HASH:
    value[0] = 1;  // lo
    break;
  case BPF_MAP_TYPE_BLOOM_FILTER:
    return fill_bloom(map);
  default:
    return fill_known(map);
  }
  for (unsigned index = 0; index < 2; index++) {
    if (bpf_map_update_elem(map, &keys[index], value, BPF_ANY))
      say("no element %u in a map of type %u on this kernel: %m", index, type);
  }
}

// Two pages of an arena come to be when they are written.
static void touch_arena(int arena) {
  size_t page = sysconf(_SC_PAGESIZE);
  arena_memory = mmap(NULL, 10 * page, PROT_READ | PROT_WRITE, MAP_SHARED, arena, 0);
  if (arena_memory == MAP_FAILED)
    fail("cannot map the arena: %m");
  for (unsigned index = 0; index < arena_pages; index++)
    memset(arena_memory + touched[index] * page, 0x11 * (index + 1), 100);
}

// The pages of the arena, and how many elements the bloom filter has; false for any other map.
bool print_more_truth(const struct bpf_map_info *info) {
  size_t page = sysconf(_SC_PAGESIZE);

  if (strcmp(info->name, "bloom") == 0) {
    printf("{\"kind\":\"bloom\",\"id\":%u,\"elements\":%u}\n", info->id, bloom_elements);
    return true;
  }
  // code.c has another one, of which nothing is written.
  if (info->type != map_type_arena || strcmp(info->name, "arena") != 0)
    return false;
  printf("{\"kind\":\"arena\",\"id\":%u,\"pages\":[", info->id);
  for (unsigned index = 0; index < arena_pages; index++) {
    const unsigned char *start = arena_memory + touched[index] * page;
    printf("%s{\"page\":%u,\"address\":%llu,\"data\":[", index ? "," : "", touched[index],
           (unsigned long long)(uintptr_t)start);
    for (size_t at = 0; at < page; at++)
      printf("%s\"0x%02x\"", at ? "," : "", start[at]);
    printf("]}");
  }
  puts("]}");
  return true;
}

void make_more_maps(void) {
  int inner = -1;

  for (unsigned index = 0; index < sizeof maps / sizeof maps[0]; index++) {
    int map = make(index, inner);
    if (strcmp(maps[index].name, "inner_array") == 0)
      inner = map;
    if (map >= 0)
      fill(map, maps[index].type, inner);
    if (map >= 0 && maps[index].type == map_type_arena)
      touch_arena(map);
  }
}
