// Contents for arrays whose slots hold what the system call does not copy: events, cgroups and
// sockets of XDP.
#define _GNU_SOURCE
#include "guest.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/if_xdp.h>
#include <linux/perf_event.h>

enum { cgroup_slot = 1, xdp_slot = 2, loopback = 1, frames = 8, frame_size = 4096 };

static const char outer_path[] = "/sys/fs/cgroup/outer", inner_path[] = "/sys/fs/cgroup/outer/inner";
static bool has_xdp_socket;
static unsigned events;

static void put_events(int map, const struct bpf_map_info *info) {
  struct perf_event_attr attributes = {
      .size = sizeof attributes,
      .type = PERF_TYPE_SOFTWARE,
      .config = PERF_COUNT_SW_BPF_OUTPUT,
      .sample_type = PERF_SAMPLE_RAW,
  };

  for (uint32_t cpu = 0; cpu < info->max_entries && cpu < online_cpus(); cpu++) {
    int event = syscall(SYS_perf_event_open, &attributes, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
    if (event < 0 || bpf_map_update_elem(map, &cpu, &event, BPF_ANY))
      fail("cannot put an event into map %s: %m", info->name);
    events++;
  }
}

int inner_cgroup(void) {
  static int cgroup = -1;

  if (cgroup < 0) {
    close(make_cgroup(outer_path));
    cgroup = make_cgroup(inner_path);
  }
  return cgroup;
}

static void put_cgroup(int map, const struct bpf_map_info *info) {
  uint32_t slot = cgroup_slot;
  int cgroup = inner_cgroup();

  if (bpf_map_update_elem(map, &slot, &cgroup, BPF_ANY))
    fail("cannot put a cgroup into map %s: %m", info->name);
}

// Bound to the first queue of the loopback device, for without that no map takes it.
static void put_xdp_socket(int map, const struct bpf_map_info *info) {
  void *memory = mmap(NULL, frames * frame_size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  struct xdp_umem_reg area = {
      .addr = (uintptr_t)memory, .len = frames * frame_size, .chunk_size = frame_size};
  struct sockaddr_xdp address = {
      .sxdp_family = AF_XDP, .sxdp_flags = XDP_COPY, .sxdp_ifindex = loopback};
  uint32_t slot = xdp_slot, ring = frames;
  int made = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);

  if (made < 0 || setsockopt(made, SOL_XDP, XDP_UMEM_REG, &area, sizeof area) ||
      setsockopt(made, SOL_XDP, XDP_UMEM_FILL_RING, &ring, sizeof ring) ||
      setsockopt(made, SOL_XDP, XDP_UMEM_COMPLETION_RING, &ring, sizeof ring) ||
      setsockopt(made, SOL_XDP, XDP_RX_RING, &ring, sizeof ring) ||
      bind(made, (struct sockaddr *)&address, sizeof address) ||
      bpf_map_update_elem(map, &slot, &made, BPF_ANY))
    say("no socket in map %s on this kernel: %m", info->name);
  else
    has_xdp_socket = true;
}

bool fill_slots(int map, const struct bpf_map_info *info) {
  switch (info->type) {
  case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
    put_events(map, info);
    return true;
  case BPF_MAP_TYPE_CGROUP_ARRAY:
    put_cgroup(map, info);
    return true;
  case BPF_MAP_TYPE_XSKMAP:
    put_xdp_socket(map, info);
    return true;
  default:
    return false;
  }
}

static void print_slot(uint32_t type, uint32_t index) {
  struct stat status;

  switch (type) {
  case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
    if (index < events)
      printf("{\"event_type\":\"software\",\"event_config\":\"bpf-output\",\"cpu\":%u}", index);
    else
      printf("null");
    return;
  case BPF_MAP_TYPE_CGROUP_ARRAY:
    if (stat(inner_path, &status))
      fail("stat: %m");
    if (index == cgroup_slot)
      printf("{\"cgroup_id\":%llu,\"path\":\"/outer/inner\"}", (unsigned long long)status.st_ino);
    else
      printf("null");
    return;
  default:
    if (index == xdp_slot && has_xdp_socket)
      printf("{\"ifindex\":%u,\"device\":\"lo\",\"queue\":0}", loopback);
    else
      printf("null");
  }
}

// A JSON line: what each slot holds.
void print_slots_truth(const struct bpf_map_info *info) {
  bool is_event = strcmp(info->name, "events") == 0, is_cgroup = strcmp(info->name, "cgroups") == 0;

  if (!is_event && !is_cgroup && info->type != BPF_MAP_TYPE_XSKMAP)
    return;
  printf("{\"kind\":\"slots\",\"id\":%u,\"name\":\"%s\",\"slots\":[", info->id, info->name);
  for (uint32_t index = 0; index < info->max_entries; index++) {
    printf("%s", index ? "," : "");
    print_slot(info->type, index);
  }
  puts("]}");
}
