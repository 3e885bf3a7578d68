// Tasks in states that a guest at rest has seldom, and all tasks as /proc shows them.
#define _GNU_SOURCE
#include "guest.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static _Noreturn void rest(void) {
  for (;;)
    pause();
}

static void *thread(void *name) {
  prctl(PR_SET_NAME, name);
  rest();
  return NULL;
}

static void zombie(void) { _exit(0); }

static void stopped(void) { raise(SIGSTOP); }

// Its child has its memory for as long as it lives: until then it waits, and takes no signals.
static void waiting(void) {
  if (vfork() == 0)
    rest();
}

static void waiting_for_child(void) {
  pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_NAME, "gs-child");
    rest();
  }
  waitpid(child, NULL, 0);
}

static void realtime(void) {
  struct sched_param param = {.sched_priority = 7};
  if (sched_setscheduler(0, SCHED_FIFO, &param))
    fail("cannot make a real-time task: %m");
  rest();
}

// Nobody writes into the pipe that it reads from.
static void reading(void) {
  int ends[2];
  char byte;
  if (pipe(ends) || read(ends[0], &byte, 1) != 1)
    fail("cannot read from a pipe: %m");
}

static void polling(void) {
  int ends[2];
  struct pollfd file = {.events = POLLIN};
  if (pipe(ends))
    fail("pipe: %m");
  file.fd = ends[0];
  poll(&file, 1, -1);
}

static void sleeping(void) {
  struct timespec year = {.tv_sec = 365 * 86400};
  nanosleep(&year, NULL);
}

// In a cgroup of their own, two levels down.
static void threads(void) {
  static const char outer[] = "/sys/fs/cgroup/gs-tasks", inner[] = "/sys/fs/cgroup/gs-tasks/threads";
  close(make_cgroup(outer));
  close(make_cgroup(inner));
  write_file("/sys/fs/cgroup/gs-tasks/threads/cgroup.procs", "0");
  static char first[] = "gs-thread-1", second[] = "gs-thread-2";
  pthread_t ids[2];
  if (pthread_create(&ids[0], NULL, thread, first) || pthread_create(&ids[1], NULL, thread, second))
    fail("cannot make threads");
  rest();
}

static pid_t make_task(const char *name, void (*body)(void)) {
  pid_t child = fork();
  if (child < 0)
    fail("fork: %m");
  if (child > 0)
    return child;
  prctl(PR_SET_NAME, name);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // Maps and events are the loader's alone.
  for (int file = STDERR_FILENO + 1; file < sysconf(_SC_OPEN_MAX); file++)
    close(file);
  body();
  rest();
}

// A task in a function whose return somebody watches.
static void make_watched_task(const char *name) {
  char path[64], stack[4096];
  snprintf(path, sizeof path, "/proc/%d/stack", (int)make_task(name, waiting_for_child));
  for (int tenth = 0; tenth < 100; tenth++) {
    usleep(100000);
    if (read_file(path, stack, sizeof stack) && strstr(stack, "do_wait+"))
      return;
  }
  fail("%s does not wait", name);
}

// First by a return probe and then by the function graph tracer: the return address is not on the stack, not
// even when nobody watches any more.
static void make_watched_tasks(void) {
  static const char function[] = "kernel_wait4", tracer[] = "/sys/kernel/tracing/current_tracer";
  int probe = open_probe("kprobe", true, function, 0);
  make_watched_task("gs-probed");
  close(probe);
  write_file("/sys/kernel/tracing/set_ftrace_filter", function);
  write_file(tracer, "function_graph");
  make_watched_task("gs-graphed");
  write_file(tracer, "nop");
}

void make_tasks(void) {
  make_task("gs-zombie", zombie);
  make_task("gs-stopped", stopped);
  make_task("gs-waiting", waiting);
  make_task("gs-realtime", realtime);
  make_task("gs-threads) R", threads);
  make_task("gs-reading", reading);
  make_task("gs-polling", polling);
  make_task("gs-sleeping", sleeping);
  make_watched_tasks();
  // They are what they are to be when the truth is told.
  usleep(200000);
}

static void pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof set, &set))
    fail("cannot run on CPU %d: %m", cpu);
}

static void in_user_mode(void) {
  pin(0);
  for (volatile unsigned count = 0;; count++)
    ;
}

// Nearly all of its time is in one system call, which makes random numbers.
static void in_system_call(void) {
  static char buffer[16 << 20];
  pin(1);
  int file = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
  for (;;)
    if (read(file, buffer, sizeof buffer) < 0)
      fail("cannot read random numbers: %m");
}

// Tasks that take all the time of two CPUs, one in user mode and one in the kernel.
void make_busy_tasks(void) {
  make_task("gs-user", in_user_mode);
  make_task("gs-system", in_system_call);
}

static void print_task(int pid, int tid) {
  char path[64], stat[1024], comm[128], cgroup[512] = "", stack[8192];

  snprintf(path, sizeof path, "/proc/%d/task/%d/stat", pid, tid);
  if (!read_file(path, stat, sizeof stat))
    return;
  snprintf(path, sizeof path, "/proc/%d/task/%d/comm", pid, tid);
  if (!read_file(path, comm, sizeof comm))
    return;
  snprintf(path, sizeof path, "/proc/%d/task/%d/cgroup", pid, tid);
  read_file(path, cgroup, sizeof cgroup);
  // `0::/path` is the default hierarchy's line, and the only one.
  cgroup[strcspn(cgroup, "\n")] = 0;
  stat[strcspn(stat, "\n")] = comm[strcspn(comm, "\n")] = 0;
  printf("{\"kind\":\"task\",\"tgid\":%d,\"comm\":", pid);
  print_json_string(comm);
  printf(",\"stat\":");
  print_json_string(stat);
  printf(",\"cgroup\":");
  print_json_string(cgroup);
  // Of a zombie nothing is left.
  snprintf(path, sizeof path, "/proc/%d/task/%d/stack", pid, tid);
  if (!read_file(path, stack, sizeof stack))
    stack[0] = 0;
  printf(",\"stack\":");
  print_json_string(stack);
  puts("}");
}

// A JSON line a thread.
void print_task_truth(void) {
  DIR *processes = opendir("/proc");

  for (struct dirent *process; processes && (process = readdir(processes));) {
    char path[300];
    snprintf(path, sizeof path, "/proc/%s/task", process->d_name);
    DIR *threads = atoi(process->d_name) > 0 ? opendir(path) : NULL;
    for (struct dirent *entry; threads && (entry = readdir(threads));)
      if (atoi(entry->d_name) > 0)
        print_task(atoi(process->d_name), atoi(entry->d_name));
    if (threads)
      closedir(threads);
  }
  if (processes)
    closedir(processes);
}
