// Loads and attaches the BPF objects of /bpf.
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#ifndef ENOTSUPP
#define ENOTSUPP 524
#endif

static int print_libbpf(enum libbpf_print_level level, const char *format, va_list arguments) {
  return level == LIBBPF_WARN ? vprintf(format, arguments) : 0;
}

static struct bpf_object *load_object(const char *name) {
  char path[64];
  snprintf(path, sizeof path, "/bpf/%s.bpf.o", name);
  struct bpf_object *object = bpf_object__open_file(path, NULL);
  if (!object)
    fail("cannot open %s: %m", path);
  if (bpf_object__load(object))
    fail("cannot load %s: %m", path);
  return object;
}

static struct bpf_program *program(struct bpf_object *object, const char *name) {
  struct bpf_program *found = bpf_object__find_program_by_name(object, name);
  if (!found)
    fail("no program %s", name);
  return found;
}

// Links are never destroyed: they live as long as the loader.
static void attach_programs(struct bpf_object *object) {
  struct bpf_program *each;
  bpf_object__for_each_program(each, object) {
    if (!bpf_program__attach(each))
      fail("cannot attach %s: %m", bpf_program__name(each));
  }
}

static void register_struct_ops(struct bpf_object *object) {
  struct bpf_map *each;
  bpf_object__for_each_map(each, object) {
    if (bpf_map__type(each) == BPF_MAP_TYPE_STRUCT_OPS && !bpf_map__attach_struct_ops(each))
      fail("cannot register %s: %m", bpf_map__name(each));
  }
}

static void attach_to_root_cgroup(struct bpf_object *network) {
  int cgroup = open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (cgroup < 0)
    fail("cannot open the root cgroup: %m");
  if (!bpf_program__attach_cgroup(program(network, "count_ingress"), cgroup) ||
      !bpf_program__attach_cgroup(program(network, "count_packets_leaving_the_cgroup"), cgroup))
    fail("cannot attach to the root cgroup: %m");
}

static void load_recursion(struct programs *programs) {
  struct bpf_object *recursion = load_object("recursion");
  struct bpf_program *recurse = program(recursion, "recurse");

  if (bpf_program__attach(recurse))
    programs->recursed_map = bpf_object__find_map_fd_by_name(recursion, "recursed");
  else if (errno == ENOTSUPP)  // arm64 before 6.4 attaches struct_ops programs, but no fentry
    say("no fentry on this kernel: the program that recurses stays idle");
  else
    fail("cannot attach recurse: %m");
}

void load_programs(const struct options *options, struct programs *programs) {
  libbpf_set_print(print_libbpf);

  register_struct_ops(load_object("congestion"));
  attach_programs(load_object("tracing"));
  load_object("globals");

  struct bpf_object *network = load_object("network");
  attach_to_root_cgroup(network);
  programs->filters[0] = bpf_program__fd(program(network, "filter_gpl"));
  programs->filters[1] =
      bpf_program__fd(program(load_object("proprietary"), "filter_closed"));
  programs->test_runs[0] = bpf_program__fd(program(network, "cls_subprogs"));
  programs->test_runs[1] = bpf_program__fd(program(network, "xdp_many_maps"));

  programs->recursed_map = -1;
  // Kernels that count misses are those that refuse recursion; older ones overflow their stack.
  if (kernel_counts_misses())
    load_recursion(programs);

  programs->scheduler = options->scheduler && member_offset("sched_ext_ops", "name") >= 0;
  if (programs->scheduler)
    register_struct_ops(load_object("scheduler"));
}
