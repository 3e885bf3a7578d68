// gs.die: deaths that the guest dies once it has told its truth; guest/module has those of the kernel.
#define _GNU_SOURCE
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct death {
  const char *name;
  unsigned tasks;      // each on a CPU of its own, from the last one on
  const char *words;   // what the kernel logs of it when it lives on; NULL for a death of the kernel
  void (*body)(void);  // NULL for one of the module's
};

static void load_module(void) {
  int module = open("/dying/gs_dying.ko", O_RDONLY | O_CLOEXEC);

  if (module < 0 || (syscall(SYS_finit_module, module, "", 0) && errno != EEXIST))
    fail("cannot load the module to die with: %m");
  close(module);
}

// Tasks that may be killed after the one that eats memory: the memory of that one is not free yet when the
// kernel takes it for gone, and without another task to kill it panics.
static void make_victims(void) {
  for (unsigned number = 0; number < 4; number++) {
    if (fork() > 0)
      continue;
    prctl(PR_SET_NAME, "gs-spare");
    write_file("/proc/self/oom_score_adj", "500");
    for (;;)
      pause();
  }
}

// The kernel kills this task first when memory is short.
static void eat_memory(void) {
  const size_t step = 16 << 20;

  make_victims();
  write_file("/proc/self/oom_score_adj", "1000");
  for (;;) {
    char *memory = mmap(NULL, step, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
      fail("cannot map memory: %m");
    memset(memory, 1, step);
  }
}

// The kernel throws it out. Nothing of it is left then but what the kernel has logged.
static void stall_scheduler(void) { start_scheduler("stall"); }

static const struct death deaths[] = {
    {"panic", 1},
    {"null", 1, "NULL pointer dereference"},
    {"irqs-off", 1},
    {"preempt-off", 1, "soft lockup"},
    {"spinlock", 2},
    {"hung", 1, " blocked for more than "},
    {"oom", 1, "ut of memory: Killed process", eat_memory},
    {"scx-stall", 1, "runnable task stall", stall_scheduler},
};

static void start(const struct death *death, unsigned number) {
  char comm[16], byte = 0;
  int ends[2];

  // Memory may be short again before that of the one which eats it is free.
  write_file("/proc/self/oom_score_adj", "-1000");
  if (pipe(ends))
    fail("pipe: %m");
  if (fork() > 0) {
    // Until it is on its CPU: the next one may take this CPU for good.
    close(ends[1]);
    if (read(ends[0], &byte, 1) < 0)
      fail("cannot wait for a task to die: %m");
    close(ends[0]);
    return;
  }
  snprintf(comm, sizeof comm, "gs-%s", death->name);
  prctl(PR_SET_NAME, comm);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The loader is on the first one, and sees what becomes of it.
  pin_to_cpu(online_cpus() - 1 - number);
  close(ends[0]);
  close(ends[1]);
  if (death->body)
    death->body();
  else
    write_file("/proc/gs-die", death->name);
  _exit(0);
}

// Waits until the kernel has logged these words.
static void wait_for(int log, const char *words) {
  char record[8192];

  for (;;) {
    ssize_t count = read(log, record, sizeof record - 1);
    if (count < 0 && errno != EPIPE)
      fail("cannot read /dev/kmsg: %m");
    record[count < 0 ? 0 : count] = 0;
    if (strstr(record, words))
      return;
  }
}

static void die_once(const char *name, int log) {
  const struct death *death = deaths;

  while (death < deaths + sizeof deaths / sizeof deaths[0] && strcmp(death->name, name) != 0)
    death++;
  if (death == deaths + sizeof deaths / sizeof deaths[0])
    fail("unknown death %s", name);
  if (!death->body)
    load_module();
  // scripts/guest-boot waits no longer than some seconds for what is the end of the guest.
  if (!death->words) {
    printf("GUESTSCOPE-DYING %s\n", name);
    fflush(stdout);
  }
  for (unsigned number = 0; number < death->tasks; number++)
    start(death, number);
  if (death->words)
    wait_for(log, death->words);
  else
    sleep(1000000);
}

// The names of deaths, separated by commas: the last one may be the guest's end. After an oops the
// kernel reports no hung task any more.
void die(const char *names) {
  char *list = strdup(names);
  int log = open("/dev/kmsg", O_RDONLY | O_CLOEXEC);

  if (!list || log < 0)
    fail("cannot open /dev/kmsg: %m");
  lseek(log, 0, SEEK_END);
  pin_to_cpu(0);
  // The kernel speaks within seconds.
  write_file("/proc/sys/kernel/hung_task_timeout_secs", "3");
  write_file("/proc/sys/kernel/watchdog_thresh", "3");
  for (char *name = strtok(list, ","); name; name = strtok(NULL, ","))
    die_once(name, log);
}
