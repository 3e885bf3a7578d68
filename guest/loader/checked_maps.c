// Maps whose values are checksums of their keys, so that each entry shows by itself that it was once in
// the map: a large one that rests, and small ones that change as fast as they can.
#define _GNU_SOURCE
#include "guest.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/bpf.h>

enum { batch = 4096, churned = 2000 };

static uint64_t checksum(uint64_t key) { return key * 0x9e3779b97f4a7c15 ^ key >> 32; }

static int make(const char *name, enum bpf_map_type type, unsigned key, unsigned entries,
                unsigned flags) {
  LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = flags);
  int map = bpf_map_create(type, name, key, sizeof(uint64_t), entries, &options);
  if (map < 0)
    fail("cannot create map %s: %m", name);
  return map;
}

void make_large(unsigned entries) {
  static uint32_t keys[batch];
  static uint64_t values[batch];

  if (entries == 0)
    return;
  int map = make("large", BPF_MAP_TYPE_HASH, sizeof keys[0], entries, 0);
  for (unsigned done = 0; done < entries; done += batch) {
    uint32_t count = entries - done < batch ? entries - done : batch;
    for (uint32_t index = 0; index < count; index++) {
      keys[index] = done + index;
      values[index] = checksum(keys[index]);
    }
    if (bpf_map_update_batch(map, keys, values, &count, NULL))
      fail("cannot fill the large map: %m");
  }
}

static struct {
  const char *name;
  enum bpf_map_type type;
  unsigned flags;
  int map;
} maps[] = {
    {"churn_hash", BPF_MAP_TYPE_HASH, 0},
    {"churn_growing", BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC},
    {"churn_lru", BPF_MAP_TYPE_LRU_HASH, 0},
};
enum { map_count = sizeof maps / sizeof maps[0] };

// Keys come and go, and values are written again.
static void *churn(void *argument) {
  uint64_t state = (uintptr_t)argument * 2654435761u + 1;

  for (;;) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    uint64_t key = (state >> 33) % (2 * churned), value = checksum(key);
    for (unsigned index = 0; index < map_count; index++) {
      if (state >> 32 & 1)
        bpf_map_update_elem(maps[index].map, &key, &value, BPF_ANY);
      else
        bpf_map_delete_elem(maps[index].map, &key);
    }
  }
  return NULL;
}

void start_map_churn(void) {
  pthread_t thread;

  for (unsigned index = 0; index < map_count; index++)
    maps[index].map =
        make(maps[index].name, maps[index].type, sizeof(uint64_t), churned, maps[index].flags);
  for (uintptr_t cpu = 0; cpu < online_cpus(); cpu++) {
    if (pthread_create(&thread, NULL, churn, (void *)cpu))
      fail("cannot create a thread: %m");
  }
}
