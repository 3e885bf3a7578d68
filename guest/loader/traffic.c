// Makes every attached program run, on the CPU of the calling thread: loopback packets are
// received on the CPU that sent them.
#define _GNU_SOURCE
#include "guest.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>

#ifndef SCHED_EXT
#define SCHED_EXT 7
#endif

static const char congestion_control[] = "gs_reno";

void pin_to_cpu(unsigned cpu) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(cpu, &cpus);
  if (sched_setaffinity(0, sizeof cpus, &cpus))
    fail("cannot run on CPU %u: %m", cpu);
}

static void set_scheduler(int policy) {
  struct sched_param parameters = {0};
  if (sched_setscheduler(0, policy, &parameters))
    fail("cannot set scheduling policy %d: %m", policy);
}

static int tcp_socket(const struct programs *programs, int which_filter) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    fail("socket: %m");
  if (setsockopt(fd, IPPROTO_TCP, 13 /* TCP_CONGESTION */, congestion_control,
                 sizeof congestion_control))
    fail("cannot select %s: %m", congestion_control);
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &programs->filters[which_filter], sizeof(int)))
    fail("cannot attach a socket filter: %m");
  return fd;
}

// One connection to ourselves; a single thread serves both ends.
static void run_connection(const struct programs *programs) {
  static const unsigned rounds = 64;
  char data[4096] = {0};
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;

  int listener = tcp_socket(programs, 0);
  if (bind(listener, (void *)&address, sizeof address) || listen(listener, 1) ||
      getsockname(listener, (void *)&address, &length))
    fail("cannot listen: %m");
  int client = tcp_socket(programs, 1);
  if (connect(client, (void *)&address, sizeof address))
    fail("cannot connect: %m");
  int server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  if (server < 0)
    fail("accept: %m");
  for (unsigned round = 0; round < rounds; round++) {
    if (send(client, data, sizeof data, MSG_NOSIGNAL) != sizeof data ||
        recv(server, data, sizeof data, MSG_WAITALL) != sizeof data)
      fail("connection broke: %m");
  }
  // A reset: no socket is left in TIME_WAIT, which would use up the ports.
  setsockopt(client, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
  close(client);
  close(server);
  close(listener);
}

// Everything but TCP.
static void run_others(const struct programs *programs, unsigned times) {
  char packet[64] = {0};

  for (uint32_t key = 0; key < times; key++) {
    if (programs->recursed_map >= 0)
      bpf_map_delete_elem(programs->recursed_map, &key);
    for (int index = 0; index < 2; index++) {
      LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet, .data_size_in = sizeof packet);
      if (bpf_prog_test_run_opts(programs->test_runs[index], &options))
        fail("test run: %m");
    }
    sync();
  }
}

void run_on_every_cpu(const struct programs *programs) {
  for (unsigned cpu = 0; cpu < online_cpus(); cpu++) {
    pin_to_cpu(cpu);
    if (programs->scheduler)
      set_scheduler(SCHED_EXT);
    // More on each CPU than on the one before, so that a reader cannot mix them up unnoticed.
    for (unsigned connection = 0; connection < cpu + 2; connection++)
      run_connection(programs);
    run_others(programs, cpu + 5);
    set_scheduler(SCHED_OTHER);
  }
}

struct traffic {
  const struct programs *programs;
  unsigned cpu;
};

static void *run_forever(void *argument) {
  struct traffic *traffic = argument;
  pin_to_cpu(traffic->cpu);
  if (traffic->programs->scheduler)
    set_scheduler(SCHED_EXT);
  for (;;) {
    run_connection(traffic->programs);
    run_others(traffic->programs, 5);
  }
  return NULL;
}

void start_traffic(const struct programs *programs) {
  static struct traffic traffic[256];
  pthread_t thread;

  for (unsigned cpu = 0; cpu < online_cpus() && cpu < 256; cpu++) {
    traffic[cpu] = (struct traffic){programs, cpu};
    if (pthread_create(&thread, NULL, run_forever, &traffic[cpu]))
      fail("cannot create a thread: %m");
  }
}
