// Tracing programs on events that only the loader causes, so that their counts can rest.
#include "kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

__u64 syncs;
__u64 probes;
// The task that has called sync(2) last: the loader, which lives on.
struct task_struct *syncer;

SEC("kprobe/ksys_sync")
int kprobe_sync(void *ctx) {
  __sync_fetch_and_add(&syncs, 1);
  syncer = (struct task_struct *)bpf_get_current_task();
  return 0;
}

SEC("tracepoint/sock/inet_sock_set_state")
int tp_sock_state(void *ctx) { return 0; }

SEC("raw_tracepoint/tcp_probe")
int raw_tp_probe(void *ctx) {
  __sync_fetch_and_add(&probes, 1);
  return 0;
}
