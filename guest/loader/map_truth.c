// One JSON line a map: what `guestscope map list -j` must print.
#include "guest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

// Maps of types that no object of /bpf has. Their descriptors stay open. A kernel may lack a type.
void make_maps(void) {
  static const struct {
    const char *name;
    enum bpf_map_type type;
    unsigned key, value, entries, flags;
  } maps[] = {
      {"odd_array", BPF_MAP_TYPE_ARRAY, 4, 13, 1000, 0},
      {"odd_percpu_array", BPF_MAP_TYPE_PERCPU_ARRAY, 4, 13, 500, 0},
      {"programs", BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 2000, 0},
      {"no_programs", BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 5, 0},
      {"events", BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 2, 0},
      {"cgroups", BPF_MAP_TYPE_CGROUP_ARRAY, 4, 4, 3, 0},
      {"odd_hash", BPF_MAP_TYPE_HASH, 5, 9, 1000, 0},
      {"growing_hash", BPF_MAP_TYPE_HASH, 4, 4, 100, BPF_F_NO_PREALLOC},
      {"percpu_hash", BPF_MAP_TYPE_PERCPU_HASH, 4, 12, 500, 0},
      {"lru_hash", BPF_MAP_TYPE_LRU_HASH, 4, 8, 640, 0},
      {"lru_percpu_hash", BPF_MAP_TYPE_LRU_PERCPU_HASH, 4, 8, 640, 0},
      {"prefixes", BPF_MAP_TYPE_LPM_TRIE, 8, 8, 10, BPF_F_NO_PREALLOC},
      {"queue", BPF_MAP_TYPE_QUEUE, 0, 6, 1000, 0},
      {"ring", BPF_MAP_TYPE_RINGBUF, 0, 0, 65536, 0},
      {"", BPF_MAP_TYPE_ARRAY, 4, 8, 1, BPF_F_RDONLY_PROG},
  };
  int program = load_tiny("called", 1);

  if (program < 0)
    fail("cannot load called: %m");
  for (unsigned index = 0; index < sizeof maps / sizeof maps[0]; index++) {
    LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = maps[index].flags);
    int map = bpf_map_create(maps[index].type, maps[index].name[0] ? maps[index].name : NULL,
                             maps[index].key, maps[index].value, maps[index].entries, &options);
    uint32_t key = 1;

    if (map < 0)
      fail("cannot create map %s: %m", maps[index].name);
    if (strcmp(maps[index].name, "programs") == 0 &&
        bpf_map_update_elem(map, &key, &program, BPF_ANY))
      fail("cannot put a program into a map: %m");
    fill_known(map);
    if (!maps[index].name[0] && bpf_map_freeze(map))
      fail("cannot freeze a map: %m");
  }
}

// A number of a descriptor's fdinfo; false when this kernel does not print it.
static bool fdinfo(int fd, const char *key, unsigned long long *value) {
  char path[64], text[4096];
  size_t length = strlen(key);

  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
  if (!read_file(path, text, sizeof text))
    fail("cannot read %s: %m", path);
  for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
    if (strncmp(line, key, length) == 0 && line[length] == ':') {
      *value = strtoull(line + length + 1, NULL, 0);
      return true;
    }
  }
  return false;
}

static void print_owner(int fd) {
  unsigned long long type, jited;

  if (!fdinfo(fd, "owner_prog_type", &type) || !fdinfo(fd, "owner_jited", &jited)) {
    printf(",\"owner_prog_type\":null,\"owner_jited\":null");
    return;
  }
  printf(",\"owner_prog_type\":");
  print_json_string(libbpf_bpf_prog_type_str(type));
  printf(",\"owner_jited\":%s", jited ? "true" : "false");
}

// Types that libbpf 1.1 does not know, from BPF_MAP_TYPE_CGRP_STORAGE on.
static const char *type_name(uint32_t type) {
  static const char *const newer[] = {"cgrp_storage", "arena", "insn_array", "rhash"};
  enum { first = 32 };
  const char *name = libbpf_bpf_map_type_str(type);

  if (!name && type >= first && type < first + sizeof newer / sizeof newer[0])
    name = newer[type - first];
  return name ? name : "unknown";
}

static void print_map(uint32_t id) {
  struct bpf_map_info info = {0};
  uint32_t size = sizeof info;
  unsigned long long value;
  int fd = bpf_map_get_fd_by_id(id);

  if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size))
    fail("info of map %u: %m", id);
  printf("{\"kind\":\"map\",\"id\":%u,\"type\":", info.id);
  print_json_string(type_name(info.type));
  printf(",\"name\":");
  print_json_string(info.name);
  printf(",\"flags\":%u,\"bytes_key\":%u,\"bytes_value\":%u,\"max_entries\":%u,", info.map_flags,
         info.key_size, info.value_size, info.max_entries);
  if (!fdinfo(fd, "memlock", &value))
    fail("map %u has no memlock in fdinfo", id);
  printf("\"bytes_memlock\":%llu,", value);
  if (!fdinfo(fd, "frozen", &value))
    fail("map %u has no frozen in fdinfo", id);
  printf("\"frozen\":%llu,\"btf_id\":%u", value, info.btf_id);
  if (info.type == BPF_MAP_TYPE_PROG_ARRAY)
    print_owner(fd);
  puts("}");
  print_contents_truth(fd);
  close(fd);
}

void print_map_truth(void) {
  uint32_t id = 0;

  while (bpf_map_get_next_id(id, &id) == 0)
    print_map(id);
  if (errno != ENOENT)
    fail("cannot list maps: %m");
}
