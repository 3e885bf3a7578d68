// Links to events (events.c), and of programs that are at several functions.
#define _GNU_SOURCE
#include "guest.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Newer than the headers that the loader is compiled with.
enum { trace_kprobe_multi = 42, trace_uprobe_multi = 48 };
// Both BPF_F_KPROBE_MULTI_RETURN and BPF_F_UPROBE_MULTI_RETURN.
enum { at_return = 1 };

static void link_event(const char *name, uint32_t type, int event, uint64_t cookie) {
  int program = load_raw(&(struct raw_program){.name = name, .type = type});
  if (event < 0)
    return;
  make_link(name, &(struct link_request){.object = program, .target = event,
                                         .attach_type = BPF_PERF_EVENT, .words[0] = cookie});
}

static void link_probe(const char *name, const char *unit, bool returns, const char *where,
                       uint64_t offset, uint64_t cookie) {
  link_event(name, BPF_PROG_TYPE_KPROBE, open_probe(unit, returns, where, offset), cookie);
}

static void link_tracepoint(const char *name, const char *event, uint64_t cookie) {
  link_event(name, BPF_PROG_TYPE_TRACEPOINT, open_tracepoint(event), cookie);
}

static int load_multi(const char *name, uint32_t attach_type) {
  return load_raw(&(struct raw_program){
      .name = name, .type = BPF_PROG_TYPE_KPROBE, .attach_type = attach_type});
}

static void link_kernel_functions(void) {
  static const char *const functions[] = {
      "bpf_fentry_test5", "bpf_fentry_test6", "bpf_fentry_test7"};
  static const uint64_t cookies[] = {0x55, 0x6666666666666666, 0x77};
  struct link_request request = {
      .object = load_multi("kprobe_multi", trace_kprobe_multi),
      .attach_type = trace_kprobe_multi,
      .words = {3ull << 32, (uintptr_t)functions, 0, (uintptr_t)cookies},
  };

  make_link("kprobe_multi", &request);
  request.object = load_multi("kretprobe_multi", trace_kprobe_multi);
  request.words[0] = 2ull << 32 | at_return;
  request.words[3] = 0;
  make_link("kretprobe_multi", &request);
}

// Of a function that nothing calls, in a module of load_network_modules(): its address, or 0.
static uint64_t module_function(void) {
  FILE *symbols = fopen("/proc/kallsyms", "re");
  char line[512];
  uint64_t address = 0;

  if (!symbols)
    fail("cannot read /proc/kallsyms: %m");
  while (!address && fgets(line, sizeof line, symbols)) {
    if (strstr(line, " dummy_change_carrier\t[dummy]"))
      address = strtoull(line, NULL, 16);
  }
  fclose(symbols);
  return address;
}

void link_module_function(void) {
  // Up to 6.2 the kernel does not find functions of modules by their names.
  uint64_t address = module_function(), cookie = 0xdd;

  if (!address) {
    say("no link to a function of a module: this kernel has no module dummy");
    return;
  }
  make_link("module_multi", &(struct link_request){
                                .object = load_multi("module_multi", trace_kprobe_multi),
                                .attach_type = trace_kprobe_multi,
                                .words = {1ull << 32, 0, (uintptr_t)&address, (uintptr_t)&cookie},
                            });
}

static void link_user_functions(uint64_t offset) {
  uint64_t offsets[] = {offset, offset + 4}, cookies[] = {0x11, 0x2222222222222222};
  struct link_request request = {
      .object = load_multi("uprobe_multi", trace_uprobe_multi),
      .attach_type = trace_uprobe_multi,
      .words = {(uintptr_t)"/bin/loader", (uintptr_t)offsets, 0, (uintptr_t)cookies, 1},
  };

  make_link("uprobe_multi", &request);
  request.object = load_multi("uretprobe_multi", trace_uprobe_multi);
  request.words[3] = 0;
  request.words[4] = (uint64_t)at_return << 32 | 2;
  request.words[5] = getpid();
  make_link("uretprobe_multi", &request);
}

void make_event_links(void) {
  uint64_t offset = probed_offset();

  link_probe("link_kprobe", "kprobe", false, "bpf_fentry_test3", 0, 0);
  link_probe("link_kretprobe", "kprobe", true, "bpf_fentry_test4", 0, 0x1234567890abcdef);
  link_probe("link_uprobe", "uprobe", false, "/bin/loader", offset, 0);
  link_probe("link_uretprobe", "uprobe", true, "/bin/loader", offset, 0x99);
  link_tracepoint("link_tracepoint", "sock/sock_rcvqueue_full", 0);
  link_tracepoint("link_syscall", "syscalls/sys_enter_swapoff", 0x77);
  link_event("link_software", BPF_PROG_TYPE_PERF_EVENT, open_counter(), 0);
  link_kernel_functions();
  link_user_functions(offset);
}
