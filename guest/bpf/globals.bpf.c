// Global variables of many types, in each section that a loader knows. The program that has them
// never runs.
#include "kernel.h"

char LICENSE[] SEC("license") = "GPL";

enum mood { MOOD_BAD = -1, MOOD_GOOD = 3 };

struct sample {
  __u32 cnt;
  enum mood mood;
  __u8 low : 3;
  __u8 high : 5;
  bool ready;
  char label[10];
  union {
    __u64 wide;
    __u32 halves[2];
  };
};

const volatile __u32 sample_limit = 17;
const volatile char sample_title[16] = "a \"title\"";

struct sample samples[3] = {
    {.cnt = 1, .mood = MOOD_BAD, .low = 5, .high = 30, .label = "first", .wide = 1},
    {.cnt = 2, .mood = MOOD_GOOD, .ready = true, .label = "0123456789", .wide = 0x200000003},
    {.cnt = 3, .mood = (enum mood)7},
};
__s64 sample_total = -5;
__u16 sample_small = 65535;
__s8 sample_tiny = -128;
bool sample_ready = true;
struct sample sample_extra SEC(".data.extra") = {.cnt = 9};

__u64 sample_nothing[4];

extern int LINUX_KERNEL_VERSION __kconfig;

SEC("socket")
int sum_samples(struct __sk_buff *skb) {
  return sample_limit + sample_title[0] + samples[skb->len & 1].cnt + sample_total +
         sample_small + sample_tiny + sample_ready + sample_extra.cnt + sample_nothing[0] +
         LINUX_KERNEL_VERSION;
}
