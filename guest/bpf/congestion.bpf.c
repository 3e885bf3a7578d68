// Two TCP congestion controls: gs_reno carries the loader's traffic, gs_idle never runs.
#include "kernel.h"

char LICENSE[] SEC("license") = "GPL";

__u64 rtt_buckets[16];

static struct tcp_sock *tcp_sk(struct sock *sk) { return (struct tcp_sock *)sk; }

static __u32 half_window(struct sock *sk) {
  __u32 half = tcp_sk(sk)->snd_cwnd >> 1;
  return half > 2 ? half : 2;
}

// Reno without the kernel's helpers, which 5.10 does not export to BPF.
static void grow_window(struct sock *sk, __u32 acked) {
  struct tcp_sock *tp = tcp_sk(sk);
  __u32 window = tp->snd_cwnd;

  if (window < tp->snd_ssthresh) {
    tp->snd_cwnd = window + acked;
    return;
  }
  __u32 credit = tp->snd_cwnd_cnt + acked;
  if (credit >= window) {
    credit = 0;
    tp->snd_cwnd = window + 1;
  }
  tp->snd_cwnd_cnt = credit;
}

SEC("struct_ops/reno_init")
void BPF_PROG(reno_init, struct sock *sk) { tcp_sk(sk)->snd_cwnd_cnt = 0; }

SEC("struct_ops/reno_release")
void BPF_PROG(reno_release, struct sock *sk) {}

SEC("struct_ops/reno_ssthresh")
__u32 BPF_PROG(reno_ssthresh, struct sock *sk) { return half_window(sk); }

SEC("struct_ops/reno_cong_avoid")
void BPF_PROG(reno_cong_avoid, struct sock *sk, __u32 ack, __u32 acked) {
  grow_window(sk, acked);
}

SEC("struct_ops/reno_set_state")
void BPF_PROG(reno_set_state, struct sock *sk, __u8 new_state) {}

SEC("struct_ops/reno_cwnd_event")
void BPF_PROG(reno_cwnd_event, struct sock *sk, __u32 event) {}

SEC("struct_ops/reno_in_ack")
void BPF_PROG(reno_in_ack, struct sock *sk, __u32 flags) {}

// The loop makes verified_insns much larger than the program.
SEC("struct_ops/reno_pkts_acked")
void BPF_PROG(reno_pkts_acked, struct sock *sk, const struct ack_sample *sample) {
  __s32 rtt = sample->rtt_us;

  for (int bucket = 0; bucket < 16; bucket++) {
    if (rtt < (1 << bucket)) {
      rtt_buckets[bucket]++;
      break;
    }
  }
}

SEC("struct_ops/reno_min_tso")
__u32 BPF_PROG(reno_min_tso, struct sock *sk) { return 2; }

SEC("struct_ops/reno_undo_cwnd")
__u32 BPF_PROG(reno_undo_cwnd, struct sock *sk) { return tcp_sk(sk)->prior_cwnd; }

SEC("struct_ops/idle_init")
void BPF_PROG(idle_init, struct sock *sk) {}

SEC("struct_ops/idle_ssthresh")
__u32 BPF_PROG(idle_ssthresh, struct sock *sk) { return half_window(sk); }

SEC("struct_ops/idle_cong_avoid")
void BPF_PROG(idle_cong_avoid, struct sock *sk, __u32 ack, __u32 acked) {
  grow_window(sk, acked);
}

SEC("struct_ops/idle_cwnd_event")
void BPF_PROG(idle_cwnd_event, struct sock *sk, __u32 event) {}

SEC("struct_ops/idle_set_state")
void BPF_PROG(idle_set_state, struct sock *sk, __u8 new_state) {}

SEC("struct_ops/idle_undo_cwnd")
__u32 BPF_PROG(idle_undo_cwnd, struct sock *sk) { return tcp_sk(sk)->prior_cwnd; }

SEC("struct_ops/idle_sndbuf")
__u32 BPF_PROG(idle_sndbuf, struct sock *sk) { return 2; }

SEC(".struct_ops")
struct tcp_congestion_ops gs_reno = {
    .init = (void *)reno_init,
    .release = (void *)reno_release,
    .ssthresh = (void *)reno_ssthresh,
    .cong_avoid = (void *)reno_cong_avoid,
    .set_state = (void *)reno_set_state,
    .cwnd_event = (void *)reno_cwnd_event,
    .in_ack_event = (void *)reno_in_ack,
    .pkts_acked = (void *)reno_pkts_acked,
    .min_tso_segs = (void *)reno_min_tso,
    .undo_cwnd = (void *)reno_undo_cwnd,
    .name = "gs_reno",
};

SEC(".struct_ops")
struct tcp_congestion_ops gs_idle = {
    .init = (void *)idle_init,
    .ssthresh = (void *)idle_ssthresh,
    .cong_avoid = (void *)idle_cong_avoid,
    .cwnd_event = (void *)idle_cwnd_event,
    .set_state = (void *)idle_set_state,
    .undo_cwnd = (void *)idle_undo_cwnd,
    .sndbuf_expand = (void *)idle_sndbuf,
    .name = "gs_idle",
};
