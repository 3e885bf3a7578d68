// Perf events that programs are attached to, with links and without: probes of functions that never
// run, tracepoints, and a counter of what does not happen.
#define _GNU_SOURCE
#include "guest.h"

#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/perf_event.h>

// The instruction that the probes of user space are at. It is never called.
__attribute__((noinline, noclone, used)) void probed_by_bpf(void) {
  asm volatile("nop; nop; nop; nop" ::: "memory");
}

// Where it lies in the file of this executable.
uint64_t probed_offset(void) {
  char line[512];
  FILE *maps = fopen("/proc/self/maps", "re");
  unsigned long long start, end, offset;
  uintptr_t function = (uintptr_t)probed_by_bpf;

  while (maps && fgets(line, sizeof line, maps)) {
    if (sscanf(line, "%llx-%llx %*s %llx", &start, &end, &offset) == 3 && function >= start &&
        function < end) {
      fclose(maps);
      return function - start + offset;
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

static uint64_t number_in(const char *path) {
  char text[64];
  return read_file(path, text, sizeof text) ? strtoull(text, NULL, 10) : 0;
}

int open_probe(const char *unit, bool returns, const char *where, uint64_t offset) {
  char path[128];
  snprintf(path, sizeof path, "/sys/bus/event_source/devices/%s/type", unit);
  return open_event(&(struct perf_event_attr){
      .type = number_in(path),
      .config = returns,
      .config1 = (uintptr_t)where,
      .config2 = offset,
  });
}

int open_tracepoint(const char *event) {
  char path[128];
  snprintf(path, sizeof path, "/sys/kernel/tracing/events/%s/id", event);
  return open_event(
      &(struct perf_event_attr){.type = PERF_TYPE_TRACEPOINT, .config = number_in(path)});
}

// With a period, for without one an event counts and calls no program.
int open_counter(void) {
  return open_event(&(struct perf_event_attr){
      .type = PERF_TYPE_SOFTWARE,
      .config = PERF_COUNT_SW_ALIGNMENT_FAULTS,
      .sample_period = 1000000,
  });
}
