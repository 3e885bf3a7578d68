// Networking programs: with subprograms, with several maps, with a name longer than 15 characters.
#include "kernel.h"

char LICENSE[] SEC("license") = "GPL";

__u64 filtered;

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 2);
  __type(key, __u32);
  __type(value, __u64);
} packets SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 64);
  __type(key, __u32);
  __type(value, __u64);
} lengths SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} last_length SEC(".maps");

static void count(__u32 direction) {
  __u64 *packet_count = bpf_map_lookup_elem(&packets, &direction);
  if (packet_count)
    (*packet_count)++;
}

SEC("cgroup_skb/ingress")
int count_ingress(struct __sk_buff *skb) {
  count(0);
  return 1;
}

SEC("cgroup_skb/egress")
int count_packets_leaving_the_cgroup(struct __sk_buff *skb) {
  count(1);
  return 1;
}

SEC("socket")
int filter_gpl(struct __sk_buff *skb) {
  __sync_fetch_and_add(&filtered, 1);
  return skb->len;
}

// The empty asm keeps clang from seeing through the calls.
static __attribute__((noinline)) int weigh(struct __sk_buff *skb, int factor) {
  asm volatile("" : "+r"(factor));
  return skb->len * factor;
}

__attribute__((noinline)) int classify(struct __sk_buff *skb) {
  int weight = weigh(skb, 3);
  asm volatile("" : "+r"(weight));
  return weight > 100 ? 1 : 0;
}

SEC("tc")
int cls_subprogs(struct __sk_buff *skb) { return classify(skb) + weigh(skb, 0); }

SEC("xdp")
int xdp_many_maps(struct xdp_md *ctx) {
  __u32 key = 0;
  __u64 length = ctx->data_end - ctx->data;

  count(0);
  bpf_map_update_elem(&lengths, &key, &length, BPF_ANY);
  bpf_map_update_elem(&last_length, &key, &length, BPF_ANY);
  return XDP_PASS;
}
