// Four TCP congestion controls that nobody selects: not registered, registered without a link and
// with one. Their programs have one name, and two of them have one program in common.
#include "guest.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

// Newer than the headers that the loader is compiled with.
enum { with_link = 1 << 13, attach_type_struct_ops = 44 };

static const char ops_type[] = "tcp_congestion_ops";
static const char value_type[] = "bpf_struct_ops_tcp_congestion_ops";

static int load_member(const char *name, const char *member) {
  return load_raw(&(struct raw_program){
      .name = name,
      .type = BPF_PROG_TYPE_STRUCT_OPS,
      .attach_btf_id = kernel_type(ops_type, BTF_KIND_STRUCT),
      .attach_type = member_index(ops_type, member),
  });
}

// Negative where the kernel does not know the flags.
static int make_map(const char *name, uint32_t flags) {
  LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = flags, .btf_fd = own_types_fd(),
              .btf_vmlinux_value_type_id = kernel_type(value_type, BTF_KIND_STRUCT));
  int map = bpf_map_create(BPF_MAP_TYPE_STRUCT_OPS, name, 4, kernel_type_size(value_type), 1,
                           &options);
  if (map < 0)
    say("no map %s on this kernel: %m", name);
  return map;
}

// Registers it, or makes it ready for a link.
static bool fill_map(const char *name, int map, int ssthresh) {
  int cong_avoid = load_member("shared_avoid", "cong_avoid");
  int undo_cwnd = load_member("shared_undo", "undo_cwnd");
  uint32_t key = 0;

  if (map < 0 || ssthresh < 0 || cong_avoid < 0 || undo_cwnd < 0)
    return false;
  char *value = calloc(1, kernel_type_size(value_type));
  char *operations = value + member_offset(value_type, "data");
  *(uint64_t *)(operations + member_offset(ops_type, "ssthresh")) = ssthresh;
  *(uint64_t *)(operations + member_offset(ops_type, "cong_avoid")) = cong_avoid;
  *(uint64_t *)(operations + member_offset(ops_type, "undo_cwnd")) = undo_cwnd;
  strcpy(operations + member_offset(ops_type, "name"), name);
  bool filled = bpf_map_update_elem(map, &key, value, BPF_ANY) == 0;
  if (!filled)
    say("%s is not registered on this kernel: %m", name);
  free(value);
  return filled;
}

void make_struct_ops(void) {
  int ssthresh = load_member("shared_ssthresh", "ssthresh");
  int other = load_member("shared_ssthresh", "ssthresh");

  make_map("gs_empty", 0);
  fill_map("gs_plain", make_map("gs_plain", 0), ssthresh);
  // Links of struct_ops are from 6.4 on.
  static const char *const linked[] = {"gs_linked", "gs_ready"};
  for (unsigned index = 0; index < 2; index++) {
    int map = make_map(linked[index], with_link);
    if (fill_map(linked[index], map, index ? other : ssthresh) && index == 0)
      make_link(linked[index], &(struct link_request){.object = map,
                                                      .attach_type = attach_type_struct_ops});
  }
}
