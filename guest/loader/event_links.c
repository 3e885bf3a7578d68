// Links to events: probes of functions that never run, a system call that nobody makes, and an
// event that does not happen.
#define _GNU_SOURCE
#include "guest.h"

#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/perf_event.h>

// Newer than the headers that the loader is compiled with.
enum { trace_kprobe_multi = 42, trace_uprobe_multi = 48 };
// Both BPF_F_KPROBE_MULTI_RETURN and BPF_F_UPROBE_MULTI_RETURN.
enum { at_return = 1 };

// The instruction that the probes of user space are at. It is never called.
__attribute__((noinline, noclone, used)) void probed_by_bpf(void) {
  asm volatile("nop; nop; nop; nop" ::: "memory");
}

// Where a function of this executable lies in its file.
static uint64_t offset_in_file(void (*function)(void)) {
  char line[512];
  FILE *maps = fopen("/proc/self/maps", "re");
  unsigned long long start, end, offset;

  while (maps && fgets(line, sizeof line, maps)) {
    if (sscanf(line, "%llx-%llx %*s %llx", &start, &end, &offset) == 3 &&
        (uintptr_t)function >= start && (uintptr_t)function < end) {
      fclose(maps);
      return (uintptr_t)function - start + offset;
    }
  }
  fail("/proc/self/maps does not have the loader's own code");
}

static int open_event(struct perf_event_attr *attributes) {
  attributes->size = sizeof *attributes;
  int event = syscall(SYS_perf_event_open, attributes, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
  if (event < 0)
    say("no event of type %u and config %#llx on this kernel: %m", attributes->type,
        (unsigned long long)attributes->config);
  return event;
}

static void link_event(const char *name, uint32_t type, struct perf_event_attr *attributes,
                       uint64_t cookie) {
  int program = load_raw(&(struct raw_program){.name = name, .type = type});
  int event = open_event(attributes);
  if (event < 0)
    return;
  make_link(name, &(struct link_request){.object = program, .target = event,
                                         .attach_type = BPF_PERF_EVENT, .words[0] = cookie});
}

static uint64_t number_in(const char *path) {
  char text[64];
  return read_file(path, text, sizeof text) ? strtoull(text, NULL, 10) : 0;
}

// unit: kprobe or uprobe.
static void link_probe(const char *name, const char *unit, bool returns, const char *where,
                       uint64_t offset, uint64_t cookie) {
  char path[128];
  snprintf(path, sizeof path, "/sys/bus/event_source/devices/%s/type", unit);
  struct perf_event_attr attributes = {
      .type = number_in(path),
      .config = returns,
      .config1 = (uintptr_t)where,
      .config2 = offset,
  };
  link_event(name, BPF_PROG_TYPE_KPROBE, &attributes, cookie);
}

static void link_tracepoint(const char *name, const char *event, uint64_t cookie) {
  char path[128];
  snprintf(path, sizeof path, "/sys/kernel/tracing/events/%s/id", event);
  struct perf_event_attr attributes = {.type = PERF_TYPE_TRACEPOINT, .config = number_in(path)};
  link_event(name, BPF_PROG_TYPE_TRACEPOINT, &attributes, cookie);
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
  uint64_t offset = offset_in_file(probed_by_bpf);
  // A period, for without one an event counts and calls no program.
  struct perf_event_attr faults = {
      .type = PERF_TYPE_SOFTWARE,
      .config = PERF_COUNT_SW_ALIGNMENT_FAULTS,
      .sample_period = 1000000,
  };

  link_probe("link_kprobe", "kprobe", false, "bpf_fentry_test3", 0, 0);
  link_probe("link_kretprobe", "kprobe", true, "bpf_fentry_test4", 0, 0x1234567890abcdef);
  link_probe("link_uprobe", "uprobe", false, "/bin/loader", offset, 0);
  link_probe("link_uretprobe", "uprobe", true, "/bin/loader", offset, 0x99);
  link_tracepoint("link_tracepoint", "sock/sock_rcvqueue_full", 0);
  link_tracepoint("link_syscall", "syscalls/sys_enter_swapoff", 0x77);
  link_event("link_software", BPF_PROG_TYPE_PERF_EVENT, &faults, 0);
  link_kernel_functions();
  link_user_functions(offset);
}
