// Programs for their instructions: each has what others lack. Nothing runs them. The loader loads
// each by itself, as far as the kernel lets it.
#include "kernel.h"

char LICENSE[] SEC("license") = "GPL";

// Read through pointers that the verifier knows the types of.
struct task_struct {
  int pid;
  struct task_struct *real_parent;
} CORE;

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 8);
  __type(key, __u32);
  __type(value, __u64);
} code_hash SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} code_percpu SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, 4);
  __type(key, __u32);
  __type(value, __u32);
} code_tails SEC(".maps");

__u64 code_sum;
__u32 code_word = 17;
const volatile __u32 code_limit = 5;

static long add_element(void *map, __u32 *key, __u64 *value, __u64 *sum) {
  *sum += *key + *value;
  return 0;
}

SEC("tc")
int code_each_element(struct __sk_buff *skb) {
  __u64 sum = 0;
  bpf_for_each_map_elem(&code_hash, add_element, &sum, 0);
  code_sum = sum;
  return 0;
}

static int add_index(__u32 index, __u64 *sum) {
  *sum += index;
  return 0;
}

SEC("tc")
int code_loop(struct __sk_buff *skb) {
  __u64 sum = code_word;
  bpf_loop(code_limit, add_index, &sum, 0);
  code_sum = sum;
  return 0;
}

// A pointer that a program keeps makes the verifier leave the flags open: the loop stays a call.
SEC("tc")
int code_called_loop(struct __sk_buff *skb) {
  __u64 sum = 0;
  bpf_loop(skb->len, add_index, &sum, skb->mark);
  code_sum = sum;
  return 0;
}

SEC("tc")
int code_atomics(struct __sk_buff *skb) {
  __u64 old = __sync_fetch_and_add(&code_sum, 3);
  old += __sync_fetch_and_or(&code_sum, 1);
  old += __sync_fetch_and_and(&code_sum, 0xff);
  old += __sync_fetch_and_xor(&code_sum, 0xf0);
  old += __sync_val_compare_and_swap(&code_sum, 4, 5);
  old += __sync_lock_test_and_set(&code_sum, 6);
  __u32 word = __sync_fetch_and_add(&code_word, 3);
  word += __sync_val_compare_and_swap(&code_word, 4, 5);
  word += __sync_lock_test_and_set(&code_word, 6);
  return old + word;
}

SEC("tc")
int code_helpers(struct __sk_buff *skb) {
  __u32 key = bpf_get_smp_processor_id();
  __u64 *value = bpf_map_lookup_elem(&code_percpu, &key);
  if (value)
    *value += bpf_ktime_get_ns();
  value = bpf_map_lookup_elem(&code_hash, &key);
  if (value)
    *value += bpf_get_prandom_u32();
  bpf_printk("a \"quoted\" word: %d\\n", key);
  return bpf_skb_load_bytes(skb, 0, &key, 4);
}

SEC("tc")
int code_tail_call(struct __sk_buff *skb) {
  bpf_tail_call(skb, &code_tails, 2);
  bpf_tail_call(skb, &code_tails, skb->len & 3);
  return -1;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(code_pointers, bool preempt, struct task_struct *before, struct task_struct *after) {
  code_sum = before->real_parent->pid + after->real_parent->real_parent->pid;
  return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(code_shifts, bool preempt, struct task_struct *before, struct task_struct *after) {
  __u32 number = code_word;
  __s32 signed_number = code_sum;
  number = number / 3 + number % 7;
  number ^= -number | signed_number >> 3;
  code_word = __builtin_bswap32(number) * __builtin_bswap16(number);
  code_sum = -code_sum << number;
  if ((__s32)number > -7 && (code_sum & 0x40))
    code_sum = __builtin_bswap64(code_sum);
  return 0;
}
