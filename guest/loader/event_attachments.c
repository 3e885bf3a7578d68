// Programs at perf events without links, as before 5.15 all of them were. They stay as long as the
// descriptors of the events.
#include "guest.h"

#include <sys/ioctl.h>

#include <linux/bpf.h>
#include <linux/perf_event.h>

static void attach(const char *name, uint32_t type, int event) {
  if (event < 0)
    return;
  int program = load_raw(&(struct raw_program){.name = name, .type = type});
  if (ioctl(event, PERF_EVENT_IOC_SET_BPF, program))
    fail("cannot attach %s: %m", name);
}

// After the first instruction of a function, which has another size on each kernel.
static int open_inside(const char *function) {
  int event = -1;
  for (uint64_t offset = 4; event < 0 && offset <= 8; offset++)
    event = open_probe("kprobe", false, function, offset);
  return event;
}

void attach_to_events(void) {
  uint64_t offset = probed_offset();

  attach("at_function", BPF_PROG_TYPE_KPROBE, open_probe("kprobe", false, "bpf_fentry_test3", 0));
  attach("at_return", BPF_PROG_TYPE_KPROBE, open_probe("kprobe", true, "bpf_fentry_test4", 0));
  attach("in_function", BPF_PROG_TYPE_KPROBE, open_inside("bpf_fentry_test7"));
  attach("at_address", BPF_PROG_TYPE_KPROBE,
         open_probe("kprobe", false, NULL, symbol("bpf_fentry_test6")));
  attach("at_user", BPF_PROG_TYPE_KPROBE, open_probe("uprobe", false, "/bin/loader", offset));
  attach("at_user_return", BPF_PROG_TYPE_KPROBE,
         open_probe("uprobe", true, "/bin/loader", offset));
  attach("at_tracepoint", BPF_PROG_TYPE_TRACEPOINT, open_tracepoint("sock/sock_rcvqueue_full"));
  attach("at_syscall", BPF_PROG_TYPE_TRACEPOINT, open_tracepoint("syscalls/sys_enter_swapoff"));
  attach("at_counter", BPF_PROG_TYPE_PERF_EVENT, open_counter());
}
