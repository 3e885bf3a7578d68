// Tracing programs on events that only the loader causes, so that their counts can rest.
#include "kernel.h"

#include <bpf/bpf_core_read.h>

struct dentry {
  struct inode *d_inode;
} CORE;
struct path {
  struct dentry *dentry;
} CORE;
struct fs_struct {
  struct path root;
} CORE;
struct net {
  struct net_device *loopback_dev;
} CORE;
struct nsproxy {
  struct net *net_ns;
} CORE;
struct task_struct {
  const struct cpumask *cpus_ptr;
  struct fs_struct *fs;
  struct nsproxy *nsproxy;
} CORE;

char LICENSE[] SEC("license") = "Dual BSD/GPL";

__u64 syncs;
__u64 probes;
// The task that has called sync(2) last: the loader, which lives on.
struct task_struct *syncer;
// What it may run on, its root folder, and the loopback device of its network namespace.
const struct cpumask *syncer_cpus;
struct inode *syncer_root;
struct net_device *syncer_loopback;

SEC("kprobe/ksys_sync")
int kprobe_sync(void *ctx) {
  __sync_fetch_and_add(&syncs, 1);
  syncer = (struct task_struct *)bpf_get_current_task();
  syncer_cpus = BPF_CORE_READ(syncer, cpus_ptr);
  syncer_root = BPF_CORE_READ(syncer, fs, root.dentry, d_inode);
  syncer_loopback = BPF_CORE_READ(syncer, nsproxy, net_ns, loopback_dev);
  return 0;
}

SEC("tracepoint/sock/inet_sock_set_state")
int tp_sock_state(void *ctx) { return 0; }

SEC("raw_tracepoint/tcp_probe")
int raw_tp_probe(void *ctx) {
  __sync_fetch_and_add(&probes, 1);
  return 0;
}
