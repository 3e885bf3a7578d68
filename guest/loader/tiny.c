// Programs of two instructions, without BTF: in numbers, of another user, and coming and going.
#define _GNU_SOURCE
#include "guest.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/bpf.h>

// The number becomes part of the code, so that tags differ.
int load_tiny(const char *name, int number) {
  struct bpf_insn instructions[] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = number},
      {.code = BPF_JMP | BPF_EXIT},
  };
  return bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, name, "GPL", instructions, 2, NULL);
}

void load_many(unsigned count) {
  for (unsigned number = 0; number < count; number++) {
    char name[16];
    snprintf(name, sizeof name, "many_%u", number);
    if (load_tiny(name, number) < 0)
      fail("cannot load %s: %m", name);
  }
}

// A program belongs to the real user; the effective one keeps root's capabilities.
void load_as_other_user(void) {
  if (setresuid(1000, -1, -1))
    fail("setresuid: %m");
  if (load_tiny("tiny_other_user", 0) < 0)
    fail("cannot load as another user: %m");
  if (setresuid(0, -1, -1))
    fail("setresuid: %m");
}

static void *churn(void *argument) {
  char name[16];
  pin_to_cpu((uintptr_t)argument);
  for (unsigned number = 0;; number++) {
    snprintf(name, sizeof name, "churn_%u", number % 1000);
    int program = load_tiny(name, number);
    if (program < 0)
      fail("cannot load %s: %m", name);
    close(program);
  }
  return NULL;
}

void start_churn(void) {
  pthread_t thread;
  for (unsigned cpu = 0; cpu < online_cpus(); cpu++) {
    if (pthread_create(&thread, NULL, churn, (void *)(uintptr_t)cpu))
      fail("cannot create a thread: %m");
  }
}
