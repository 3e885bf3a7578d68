// Links of iterators, of cgroups and of socket maps. None of these programs ever runs, since
// nothing reads the iterators and nobody is in the cgroups.
#include "guest.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

// parameters: union bpf_iter_link_info.
static void link_iterator(const char *name, const char *target, const uint32_t parameters[4]) {
  int program = load_raw(&(struct raw_program){
      .name = name,
      .type = BPF_PROG_TYPE_TRACING,
      .attach_type = BPF_TRACE_ITER,
      .attach_btf_id = kernel_type(target, BTF_KIND_FUNC),
  });
  make_link(name, &(struct link_request){
                      .object = program,
                      .attach_type = BPF_TRACE_ITER,
                      .words = {(uintptr_t)parameters, parameters ? 16 : 0},
                  });
}

static void link_iterators(int cgroup) {
  LIBBPF_OPTS(bpf_map_create_opts, storage, .map_flags = BPF_F_NO_PREALLOC,
              .btf_fd = own_types_fd(), .btf_key_type_id = own_type("int"),
              .btf_value_type_id = own_type("int"));
  uint32_t map = bpf_map_create(BPF_MAP_TYPE_HASH, "iterated", 4, 4, 8, NULL);
  uint32_t sockets = bpf_map_create(BPF_MAP_TYPE_SK_STORAGE, "iterated_socks", 4, 4, 0, &storage);
  enum { self_only = 1 };

  link_iterator("iter_task", "bpf_iter_task", NULL);
  link_iterator("iter_map", "bpf_iter_bpf_map_elem", (uint32_t[4]){map});
  link_iterator("iter_sockets", "bpf_iter_bpf_sk_storage_map", (uint32_t[4]){sockets});
  link_iterator("iter_thread", "bpf_iter_task", (uint32_t[4]){1});
  link_iterator("iter_process", "bpf_iter_task_file", (uint32_t[4]){0, 1});
  link_iterator("iter_cgroup", "bpf_iter_cgroup", (uint32_t[4]){self_only, cgroup});
}

int make_cgroup(const char *path) {
  if (mkdir(path, 0755))
    fail("cannot make %s: %m", path);
  int cgroup = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (cgroup < 0)
    fail("cannot open %s: %m", path);
  return cgroup;
}

static void link_cgroups(int cgroup) {
  static const char gone_path[] = "/sys/fs/cgroup/gone";
  int gone = make_cgroup(gone_path);
  int program = load_raw(&(struct raw_program){
      .name = "link_cgroup",
      .type = BPF_PROG_TYPE_CGROUP_SOCK,
      .attach_type = BPF_CGROUP_INET_SOCK_CREATE,
      .result = 1,
  });
  struct link_request request = {
      .object = program, .target = cgroup, .attach_type = BPF_CGROUP_INET_SOCK_CREATE};

  make_link("link_cgroup", &request);
  detach_link("link_cgroup", make_link("link_cgroup", &request));
  request.target = gone;
  make_link("link_cgroup", &request);
  close(gone);
  if (rmdir(gone_path))
    fail("cannot remove %s: %m", gone_path);
}

// From 6.10 on.
static void link_socket_map(void) {
  int map = bpf_map_create(BPF_MAP_TYPE_SOCKMAP, "linked_sockets", 4, 4, 4, NULL);
  int message = load_raw(&(struct raw_program){
      .name = "link_sk_msg",
      .type = BPF_PROG_TYPE_SK_MSG,
      .attach_type = BPF_SK_MSG_VERDICT,
      .result = SK_PASS,
  });
  int stream = load_raw(&(struct raw_program){
      .name = "link_sk_skb",
      .type = BPF_PROG_TYPE_SK_SKB,
      .attach_type = BPF_SK_SKB_STREAM_VERDICT,
      .result = SK_PASS,
  });
  struct link_request request = {
      .object = message, .target = map, .attach_type = BPF_SK_MSG_VERDICT};

  make_link("link_sk_msg", &request);
  request.object = stream;
  request.attach_type = BPF_SK_SKB_STREAM_VERDICT;
  detach_link("link_sk_skb", make_link("link_sk_skb", &request));
}

void make_links(void) {
  int cgroup = make_cgroup("/sys/fs/cgroup/links");

  link_iterators(cgroup);
  link_cgroups(cgroup);
  link_socket_map();
}
