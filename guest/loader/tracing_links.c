// Links of programs that trace: functions of the kernel, other programs, tracepoints. None of them
// ever runs, since nothing calls what they trace.
#include "guest.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

// Newer than the headers that the loader is compiled with.
enum { trace_fentry_multi = 59 };

// Up to 5.19 BPF_LINK_CREATE does not take tracing programs, and cookies do not exist.
static void link_tracing(const char *name, int program, uint32_t attach_type, uint64_t cookie) {
  struct link_request request = {.object = program, .attach_type = attach_type, .words[1] = cookie};

  if (program < 0)
    return;
  int link = syscall(SYS_bpf, BPF_LINK_CREATE, &request, sizeof request);
  if (link < 0 && errno == EINVAL)
    link = bpf_raw_tracepoint_open(NULL, program);
  if (link < 0)
    say("no link of %s on this kernel: %m", name);
}

static void link_functions(void) {
  static const struct {
    const char *name, *target;
    uint32_t kind, type, attach_type;
    uint64_t cookie;
  } links[] = {
      {"link_fentry", "bpf_fentry_test1", BTF_KIND_FUNC, BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY},
      {"link_fexit", "bpf_fentry_test2", BTF_KIND_FUNC, BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT,
       0xfeedfacecafebeef},
      {"link_modify", "bpf_modify_return_test", BTF_KIND_FUNC, BPF_PROG_TYPE_TRACING,
       BPF_MODIFY_RETURN},
      {"link_lsm", "bpf_lsm_sb_remount", BTF_KIND_FUNC, BPF_PROG_TYPE_LSM, BPF_LSM_MAC},
      {"link_tp_btf", "btf_trace_sock_rcvqueue_full", BTF_KIND_TYPEDEF, BPF_PROG_TYPE_TRACING,
       BPF_TRACE_RAW_TP},
  };

  for (unsigned index = 0; index < sizeof links / sizeof links[0]; index++) {
    int program = load_raw(&(struct raw_program){
        .name = links[index].name,
        .type = links[index].type,
        .attach_type = links[index].attach_type,
        .attach_btf_id = kernel_type(links[index].target, links[index].kind),
    });
    link_tracing(links[index].name, program, links[index].attach_type, links[index].cookie);
  }
}

// From 7.2 on.
static void link_many_functions(void) {
  static const uint64_t cookies[] = {0x88, 0x9999999999999999};
  uint32_t functions[] = {
      kernel_type("bpf_fentry_test8", BTF_KIND_FUNC),
      kernel_type("bpf_fentry_test9", BTF_KIND_FUNC),
  };
  int program = load_raw(&(struct raw_program){
      .name = "tracing_multi",
      .type = BPF_PROG_TYPE_TRACING,
      .attach_type = trace_fentry_multi,
  });
  make_link("tracing_multi", &(struct link_request){
                                 .object = program,
                                 .attach_type = trace_fentry_multi,
                                 .words = {(uintptr_t)functions, (uintptr_t)cookies, 2},
                             });
}

// One program traces the end of another; one replaces a function of another.
static void link_programs(void) {
  static const struct {
    const char *name, *target, *function;
    uint32_t type, attach_type;
  } links[] = {
      {"link_of_program", "link_traced", NULL, BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT},
      {"link_replacement", "link_replaced", "link_replacement", BPF_PROG_TYPE_EXT, 0},
  };

  for (unsigned index = 0; index < sizeof links / sizeof links[0]; index++) {
    int target = load_raw(&(struct raw_program){
        .name = links[index].target,
        .type = BPF_PROG_TYPE_SCHED_CLS,
        .function = links[index].target,
    });
    if (target < 0)
      continue;
    int program = load_raw(&(struct raw_program){
        .name = links[index].name,
        .type = links[index].type,
        .attach_type = links[index].attach_type,
        .attach_btf_id = own_type(links[index].target),
        .target = target,
        .function = links[index].function,
    });
    link_tracing(links[index].name, program, links[index].attach_type, 0);
  }
}

static void link_raw_tracepoint(void) {
  int program = load_raw(&(struct raw_program){
      .name = "link_raw_tp", .type = BPF_PROG_TYPE_RAW_TRACEPOINT});
  if (program >= 0 && bpf_raw_tracepoint_open("sock_rcvqueue_full", program) < 0)
    say("no link of link_raw_tp on this kernel: %m");
}

void make_tracing_links(void) {
  link_functions();
  link_many_functions();
  link_programs();
  link_raw_tracepoint();
}
