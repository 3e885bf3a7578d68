// Programs in nested cgroups that nobody is in: attached by the system call alone and by links, with
// each of the flags, and, where the kernel has it, to LSM hooks.
#include "guest.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

enum { lsm_cgroup = 43 };            // newer than the headers

static int make(const char *path) {
  if (mkdir(path, 0755))
    fail("cannot make %s: %m", path);
  int cgroup = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (cgroup < 0)
    fail("cannot open %s: %m", path);
  return cgroup;
}

static int load(const char *name, uint32_t type, uint32_t attach_type) {
  return load_raw(&(struct raw_program){
      .name = name, .type = type, .attach_type = attach_type, .result = 1});
}

static void attach(const char *name, int program, int cgroup, uint32_t type, unsigned flags) {
  if (program >= 0 && bpf_prog_attach(program, cgroup, type, flags))
    say("%s is not attached on this kernel: %m", name);
}

static void attach_to_hooks(int cgroup) {
  static const char *const hooks[] = {"bpf_lsm_socket_bind", "bpf_lsm_socket_post_create"};

  for (unsigned index = 0; index < 2; index++) {
    int program = load_raw(&(struct raw_program){
        .name = hooks[index] + 8,
        .type = BPF_PROG_TYPE_LSM,
        .attach_type = lsm_cgroup,
        .attach_btf_id = kernel_type(hooks[index], BTF_KIND_FUNC),
        .result = 1,
    });
    attach(hooks[index], program, cgroup, lsm_cgroup, BPF_F_ALLOW_MULTI);
  }
}

void attach_to_cgroups(void) {
  int outer = make("/sys/fs/cgroup/attached");
  int inner = make("/sys/fs/cgroup/attached/inner.slice");
  int deep = make("/sys/fs/cgroup/attached/inner.slice/deep");
  int single = make("/sys/fs/cgroup/attached/single");
  int egress = load("a_long_name_of_cgroup", BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS);
  int connect = load("cgroup_connect", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT);
  int device = load("cgroup_device", BPF_PROG_TYPE_CGROUP_DEVICE, BPF_CGROUP_DEVICE);
  int sysctl = load("cgroup_sysctl", BPF_PROG_TYPE_CGROUP_SYSCTL, BPF_CGROUP_SYSCTL);
  int option = load("cgroup_option", BPF_PROG_TYPE_CGROUP_SOCKOPT, BPF_CGROUP_SETSOCKOPT);

  attach("egress", egress, outer, BPF_CGROUP_INET_EGRESS, BPF_F_ALLOW_MULTI);
  make_link("egress", &(struct link_request){.object = egress, .target = inner,
                                             .attach_type = BPF_CGROUP_INET_EGRESS});
  attach("connect", connect, outer, BPF_CGROUP_INET4_CONNECT, BPF_F_ALLOW_OVERRIDE);
  attach("connect", connect, deep, BPF_CGROUP_INET4_CONNECT, BPF_F_ALLOW_OVERRIDE);
  attach("device", device, inner, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI);
  attach("device", device, deep, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI);
  attach("sysctl", sysctl, single, BPF_CGROUP_SYSCTL, 0);
  attach("option", option, single, BPF_CGROUP_SETSOCKOPT, BPF_F_ALLOW_MULTI);
  attach_to_hooks(inner);
  // Empty cgroups among the others: bpftool lists none without programs of its own.
  make("/sys/fs/cgroup/attached/empty");
}

// bpftool asks a kernel before 6.0 for what it does not have, and is refused.
void print_cgroup_truth(void) {
  static const char *const paths[] = {
      "/sys/fs/cgroup", "/sys/fs/cgroup/attached", "/sys/fs/cgroup/attached/inner.slice",
      "/sys/fs/cgroup/attached/inner.slice/deep", "/sys/fs/cgroup/attached/single",
      "/sys/fs/cgroup/attached/empty",
  };

  for (unsigned index = 0; index < sizeof paths / sizeof paths[0]; index++) {
    int cgroup = open(paths[index], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (cgroup < 0)
      continue;
    // Later types are not only those of cgroups, and take the descriptor for a device.
    for (unsigned type = 0; type <= BPF_CGROUP_INET_SOCK_RELEASE; type++) {
      uint32_t flags = 0, ids[64], count = 64;
      if (bpf_prog_query(cgroup, type, 0, &flags, ids, &count) || count == 0)
        continue;
      printf("{\"kind\":\"cgroup\",\"path\":\"%s\",\"type\":\"%s\",\"flags\":%u,\"ids\":[",
             paths[index], libbpf_bpf_attach_type_str(type), flags);
      for (unsigned program = 0; program < count; program++)
        printf("%s%u", program ? "," : "", ids[program]);
      puts("]}");
    }
    close(cgroup);
  }
}
