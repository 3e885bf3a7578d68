// The few kernel types that the test programs touch. CO-RE relocates every access against the
// running kernel's BTF, so one object set serves all kernels and no vmlinux.h is needed.
#pragma once

#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define CORE __attribute__((preserve_access_index))

struct sock;
struct task_struct;
struct scx_exit_info;

struct tcp_sock {
  __u32 snd_cwnd;
  __u32 snd_cwnd_cnt;
  __u32 snd_ssthresh;
  __u32 prior_cwnd;
} CORE;

struct ack_sample {
  __u32 pkts_acked;
  __s32 rtt_us;
} CORE;

// The part of struct tcp_congestion_ops that is used here; libbpf finds members by name.
struct tcp_congestion_ops {
  __u32 (*ssthresh)(struct sock *sk);
  void (*cong_avoid)(struct sock *sk, __u32 ack, __u32 acked);
  void (*set_state)(struct sock *sk, __u8 new_state);
  void (*cwnd_event)(struct sock *sk, __u32 event);
  void (*in_ack_event)(struct sock *sk, __u32 flags);
  void (*pkts_acked)(struct sock *sk, const struct ack_sample *sample);
  __u32 (*min_tso_segs)(struct sock *sk);
  __u32 (*undo_cwnd)(struct sock *sk);
  __u32 (*sndbuf_expand)(struct sock *sk);
  void (*init)(struct sock *sk);
  void (*release)(struct sock *sk);
  char name[16];
};

// The part of struct sched_ext_ops that is used here.
struct sched_ext_ops {
  void (*enqueue)(struct task_struct *p, __u64 enq_flags);
  void (*dispatch)(__s32 cpu, struct task_struct *prev);
  void (*runnable)(struct task_struct *p, __u64 enq_flags);
  void (*running)(struct task_struct *p);
  void (*stopping)(struct task_struct *p, bool runnable);
  void (*quiescent)(struct task_struct *p, __u64 deq_flags);
  void (*enable)(struct task_struct *p);
  void (*disable)(struct task_struct *p);
  __s32 (*init)(void);
  void (*exit)(struct scx_exit_info *info);
  __u64 flags;
  __u32 timeout_ms;
  char name[128];
};

enum scx_exit_kind { SCX_EXIT_NONE };

// Why a scheduler leaves.
struct scx_exit_info {
  enum scx_exit_kind kind;
  __s64 exit_code;
  const char *reason;
  char *msg;
  char *dump;
} CORE;
