// Calls of functions of the kernel, which 6.2 and later have.
#include "kernel.h"

char LICENSE[] SEC("license") = "GPL";

extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

__u64 code_calls;

SEC("tp_btf/sched_switch")
int BPF_PROG(code_kfuncs, bool preempt, struct task_struct *before, struct task_struct *after) {
  bpf_rcu_read_lock();
  code_calls++;
  bpf_rcu_read_unlock();
  return 0;
}
