// The sched_ext scheduler that gs.scx asks for: two groups of tasks with a queue each, first come,
// first served, and the queues take turns. The loader makes it leave, or let its tasks wait until
// the kernel throws it out.
#include "kernel.h"

char LICENSE[] SEC("license") = "GPL";

#define SCX_OPS_SWITCH_PARTIAL (1 << 3)
#define SLICE_NS 5000000

// Renamed in 6.13.
#ifdef BEFORE_6_13
#define scx_bpf_dsq_insert scx_bpf_dispatch
#define scx_bpf_dsq_move_to_local scx_bpf_consume
#endif

struct task_struct {
  int pid;
} CORE;

extern __s32 scx_bpf_create_dsq(__u64 dsq_id, __s32 node) __ksym;
extern void scx_bpf_dsq_insert(struct task_struct *p, __u64 dsq_id, __u64 slice,
                               __u64 enq_flags) __ksym;
extern bool scx_bpf_dsq_move_to_local(__u64 dsq_id) __ksym;
extern void scx_bpf_error_bstr(char *fmt, unsigned long long *data, __u32 data__sz) __ksym;
extern void scx_bpf_exit_bstr(__s64 code, char *fmt, unsigned long long *data,
                              __u32 data__sz) __ksym;

// What the loader wants of it.
enum wish { SCHEDULE, FAIL, LEAVE, STALL };
volatile __u32 wish;

__u64 nr_enqueued;
__u64 nr_dispatched;

// As schedulers of the sched-ext project keep it: by its name tools know why one has left.
struct user_exit_info {
  int kind;
  __s64 exit_code;
  char reason[128];
  char msg[1024];
};

struct user_exit_info uei SEC(".data");
char uei_dump[4096] SEC(".data.uei_dump");

SEC("struct_ops/queue_enqueue")
void BPF_PROG(queue_enqueue, struct task_struct *p, __u64 enq_flags) {
  unsigned long long number = 42;

  nr_enqueued++;
  if (wish == STALL)
    return;
  if (wish == FAIL) {
    static char text[] = "the loader wants it, %llu times";
    scx_bpf_error_bstr(text, &number, sizeof number);
  } else if (wish == LEAVE) {
    static char text[] = "the loader is done, %llu";
    scx_bpf_exit_bstr(7, text, &number, sizeof number);
  }
  scx_bpf_dsq_insert(p, 100 + (p->pid & 1), SLICE_NS, enq_flags);
}

SEC("struct_ops/queue_dispatch")
void BPF_PROG(queue_dispatch, __s32 cpu, struct task_struct *prev) {
  __u64 first = 100 + (nr_dispatched & 1);

  if (scx_bpf_dsq_move_to_local(first) || scx_bpf_dsq_move_to_local(first ^ 1))
    nr_dispatched++;
}

// To make queues takes memory: the loader loads it as a program that may sleep.
SEC("struct_ops/queue_init")
int BPF_PROG(queue_init) {
  int error = scx_bpf_create_dsq(100, -1);
  return error ? error : scx_bpf_create_dsq(101, -1);
}

SEC("struct_ops/queue_exit")
void BPF_PROG(queue_exit, struct scx_exit_info *info) {
  bpf_probe_read_kernel_str(uei.reason, sizeof uei.reason, info->reason);
  bpf_probe_read_kernel_str(uei.msg, sizeof uei.msg, info->msg);
  bpf_probe_read_kernel_str(uei_dump, sizeof uei_dump, info->dump);
  uei.exit_code = info->exit_code;
  uei.kind = info->kind;
}

SEC(".struct_ops")
struct sched_ext_ops gs_queue = {
    .enqueue = (void *)queue_enqueue,
    .dispatch = (void *)queue_dispatch,
    .init = (void *)queue_init,
    .exit = (void *)queue_exit,
    .flags = SCX_OPS_SWITCH_PARTIAL,
    .timeout_ms = 3000,
    .name = "gs_queue",
};
