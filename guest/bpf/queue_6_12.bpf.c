// The same scheduler with the names that kfuncs have in 6.12.
#define BEFORE_6_13
#include "queue.bpf.c"
