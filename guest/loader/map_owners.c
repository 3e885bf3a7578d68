// Contents for maps whose entries belong to something: sockets, tasks, inodes, cgroups, stacks.
#define _GNU_SOURCE
#include "guest.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>

enum { map_type_cgrp_storage = 32 };

static int cgroup = -1, file = -1, task = -1, sock = -1;

// Sockets in maps, by the maps' ids.
static struct {
  uint32_t map;
  int fd;
} held[8];
static unsigned held_count;

static int listening_socket(void) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  int on = 1;
  int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (made < 0 || setsockopt(made, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) ||
      bind(made, (struct sockaddr *)&address, sizeof address) || listen(made, 1))
    fail("cannot make a socket: %m");
  return made;
}

static uint64_t cookie_of(int made) {
  uint64_t cookie = 0;
  socklen_t size = sizeof cookie;

  if (getsockopt(made, SOL_SOCKET, SO_COOKIE, &cookie, &size))
    fail("a socket has no cookie: %m");
  return cookie;
}

// One entry, in the middle of an array.
static void put_socket(int map, const struct bpf_map_info *info) {
  unsigned char key[16] = {1};
  uint64_t value = listening_socket();

  if (bpf_map_update_elem(map, key, &value, BPF_ANY))
    say("no socket in map %s on this kernel: %m", info->name);
  else if (held_count < sizeof held / sizeof held[0]) {
    held[held_count].map = info->id;
    held[held_count++].fd = value;
  }
  // bpftool would make one: it must be there before the truth is told.
  cookie_of(value);
}

static void open_owners(void) {
  if (cgroup >= 0)
    return;
  cgroup = open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  file = open("/init", O_RDONLY | O_CLOEXEC);
  task = syscall(SYS_pidfd_open, getpid(), 0);
  sock = listening_socket();
  if (cgroup < 0 || file < 0 || task < 0)
    fail("cannot open the owners of storages: %m");
}

static int owner_in(uint32_t type) {
  switch (type) {
  case BPF_MAP_TYPE_SK_STORAGE:
    return sock;
  case BPF_MAP_TYPE_INODE_STORAGE:
    return file;
  case BPF_MAP_TYPE_TASK_STORAGE:
    return task;
  case map_type_cgrp_storage:
    return inner_cgroup();
  default:
    return -1;
  }
}

// A program that calls a helper with its context, the map and flags.
static int program_of(const char *name, uint32_t type, int helper, bool takes_context, int map,
                      int flags, int result) {
  int first = takes_context ? BPF_REG_2 : BPF_REG_1;
  struct bpf_insn code[] = {
      {.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = first, .src_reg = BPF_PSEUDO_MAP_FD, .imm = map},
      {0},
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = first + 1, .imm = flags},
      {.code = BPF_JMP | BPF_CALL, .imm = helper},
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = result},
      {.code = BPF_JMP | BPF_EXIT},
  };
  return bpf_prog_load(type, name, "GPL", code, sizeof code / sizeof code[0], NULL);
}

// The stack of a program that this process runs.
static void take_stack(int map, const struct bpf_map_info *info) {
  LIBBPF_OPTS(bpf_test_run_opts, options);
  int flags = info->map_flags & BPF_F_STACK_BUILD_ID ? BPF_F_USER_STACK : 0;
  int program = program_of("take_stack", BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_FUNC_get_stackid, true,
                           map, flags, 0);

  if (program < 0 || bpf_prog_test_run_opts(program, &options))
    say("no stack in map %s on this kernel: %m", info->name);
  // The program stays: the stack has its name.
}

// Storage comes to be where a program that uses it is attached.
static void attach_to_cgroup(int map, const struct bpf_map_info *info) {
  struct {
    uint64_t cgroup;
    uint32_t attach_type, padding;
  } key = {.attach_type = BPF_CGROUP_INET_EGRESS};
  unsigned char value[1024];
  struct stat folder;
  int program = program_of(info->name, BPF_PROG_TYPE_CGROUP_SKB, BPF_FUNC_get_local_storage, false,
                           map, 0, 1);

  open_owners();
  if (program < 0 ||
      bpf_prog_attach(program, cgroup, BPF_CGROUP_INET_EGRESS, BPF_F_ALLOW_MULTI) ||
      fstat(cgroup, &folder))
    fail("cannot attach a program to a cgroup for its storage: %m");
  key.cgroup = folder.st_ino;
  for (unsigned at = 0; at < sizeof value; at++)
    value[at] = at * 5 + 3;
  if (bpf_map_update_elem(map, &key, value, BPF_EXIST))
    fail("cannot write the storage of a cgroup: %m");
}

void fill_owned(int map, const struct bpf_map_info *info) {
  uint64_t value[] = {0x0807060504030201, 0x100f0e0d0c0b0a09};

  switch (info->type) {
  case BPF_MAP_TYPE_SOCKMAP:
  case BPF_MAP_TYPE_SOCKHASH:
  case BPF_MAP_TYPE_REUSEPORT_SOCKARRAY:
    return put_socket(map, info);
  case BPF_MAP_TYPE_STACK_TRACE:
    return take_stack(map, info);
  case BPF_MAP_TYPE_CGROUP_STORAGE:
  case BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE:
    return attach_to_cgroup(map, info);
  default:
    open_owners();
    int owner = owner_in(info->type);
    if (owner >= 0 && info->value_size <= sizeof value &&
        bpf_map_update_elem(map, &owner, value, BPF_ANY))
      say("no entry in storage %s on this kernel: %m", info->name);
  }
}

static void print_owner(uint32_t type) {
  struct stat status;

  switch (type) {
  case BPF_MAP_TYPE_SK_STORAGE:
    printf("\"family\":%u,\"cookie\":%llu", AF_INET, (unsigned long long)cookie_of(sock));
    return;
  case BPF_MAP_TYPE_TASK_STORAGE:
    printf("\"pid\":%u,\"comm\":\"loader\"", getpid());
    return;
  default:
    if (fstat(owner_in(type), &status))
      fail("fstat: %m");
    printf("\"%s\":%llu", type == map_type_cgrp_storage ? "cgroup_id" : "inode",
           (unsigned long long)status.st_ino);
    if (type == map_type_cgrp_storage)
      printf(",\"path\":\"/outer/inner\"");
    if (type == BPF_MAP_TYPE_INODE_STORAGE)
      printf(",\"path\":\"/init\"");
  }
}

// The entry of a storage, without the names of what owns it.
bool print_owned_truth(int map, const struct bpf_map_info *info) {
  unsigned char value[64];
  int owner = owner_in(info->type);

  if (owner < 0)
    return false;
  printf("{\"kind\":\"contents\",\"id\":%u,\"name\":\"%s\",\"entries\":[", info->id, info->name);
  if (info->value_size <= sizeof value && bpf_map_lookup_elem(map, &owner, value) == 0) {
    printf("{\"owner\":{");
    print_owner(info->type);
    printf("},\"value\":[");
    for (unsigned at = 0; at < info->value_size; at++)
      printf("%s\"0x%02x\"", at ? "," : "", value[at]);
    printf("]}");
  }
  puts("]}");
  return true;
}

// A JSON line a socket.
void print_holders_truth(void) {
  for (unsigned index = 0; index < held_count; index++)
    printf("{\"kind\":\"holders\",\"id\":%u,\"pids\":[{\"pid\":%u,\"comm\":\"loader\",\"fd\":%d}]}\n",
           held[index].map, getpid(), held[index].fd);
}
