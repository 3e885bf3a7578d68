// The licence belongs to a whole object: this one is not GPL compatible.
#include "kernel.h"

char LICENSE[] SEC("license") = "Proprietary";

SEC("socket")
int filter_closed(struct __sk_buff *skb) { return skb->len; }
