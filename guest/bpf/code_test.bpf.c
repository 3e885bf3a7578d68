// A call of a function of the kernel that older ones have for tests.
#include "kernel.h"

char LICENSE[] SEC("license") = "GPL";

// The types of functions are compared: a declaration alone would not do.
struct sock {
  char unused;
};

extern __u64 bpf_kfunc_call_test1(struct sock *sk, __u32 a, __u64 b, __u32 c, __u64 d) __ksym;

SEC("tc")
int code_test_kfunc(struct __sk_buff *skb) {
  struct bpf_sock *sk = skb->sk;
  if (!sk)
    return -1;
  sk = bpf_sk_fullsock(sk);
  if (!sk)
    return -1;
  return bpf_kfunc_call_test1((struct sock *)sk, 1, 2, 3, 4);
}
