// A sched_ext scheduler (7.x kernels) for tasks that ask for SCHED_EXT. It has no dispatch,
// init_task or update_idle: those run for idle CPUs and foreign tasks, and counts would never rest.
#include "kernel.h"

char LICENSE[] SEC("license") = "GPL";

#define SCX_OPS_SWITCH_PARTIAL (1 << 3)

SEC("struct_ops/scx_runnable")
void BPF_PROG(scx_runnable, struct task_struct *p, __u64 enq_flags) {}

SEC("struct_ops/scx_running")
void BPF_PROG(scx_running, struct task_struct *p) {}

SEC("struct_ops/scx_stopping")
void BPF_PROG(scx_stopping, struct task_struct *p, bool runnable) {}

SEC("struct_ops/scx_quiescent")
void BPF_PROG(scx_quiescent, struct task_struct *p, __u64 deq_flags) {}

SEC("struct_ops/scx_enable")
void BPF_PROG(scx_enable, struct task_struct *p) {}

SEC("struct_ops/scx_disable")
void BPF_PROG(scx_disable, struct task_struct *p) {}

SEC(".struct_ops")
struct sched_ext_ops gs_scheduler = {
    .runnable = (void *)scx_runnable,
    .running = (void *)scx_running,
    .stopping = (void *)scx_stopping,
    .quiescent = (void *)scx_quiescent,
    .enable = (void *)scx_enable,
    .disable = (void *)scx_disable,
    .flags = SCX_OPS_SWITCH_PARTIAL,
    .name = "gs_scheduler",
};
