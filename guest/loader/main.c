// Order of events in a test guest: load, run, rest, tell the truth, then whatever gs.mode asks for.
#include "guest.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <termios.h>
#include <unistd.h>

static struct options read_options(void) {
  struct options options = {.scheduler = true, .objects = true, .crash_cpu = -1};
  char line[4096];

  if (!read_file("/proc/cmdline", line, sizeof line))
    fail("cannot read /proc/cmdline: %m");
  for (char *word = strtok(line, " \n"); word; word = strtok(NULL, " \n")) {
    if (strncmp(word, "gs.", 3) != 0 || strcmp(word, "gs.mode=rest") == 0)
      continue;
    if (strcmp(word, "gs.mode=traffic") == 0)
      options.traffic = true;
    else if (strcmp(word, "gs.mode=log") == 0)
      options.log = true;
    else if (strcmp(word, "gs.mode=churn") == 0)
      options.traffic = options.churn = true;
    else if (strcmp(word, "gs.scx=0") == 0)
      options.scheduler = false;
    else if (strncmp(word, "gs.scx=", 7) == 0 && is_scheduler_wish(word + 7)) {
      options.scheduler = false;
      options.wish = strdup(word + 7);
    }
    else if (strcmp(word, "gs.objects=0") == 0)
      options.objects = false;
    else if (strcmp(word, "gs.busy=1") == 0)
      options.busy = true;
    else if (strncmp(word, "gs.kdump=", 9) == 0)
      options.crash_cpu = strtol(word + 9, NULL, 10);
    else if (strncmp(word, "gs.die=", 7) == 0)
      snprintf(options.deaths, sizeof options.deaths, "%s", word + 7);
    else if (strncmp(word, "gs.many=", 8) == 0)
      options.many = strtoul(word + 8, NULL, 10);
    else if (strncmp(word, "gs.large=", 9) == 0)
      options.large = strtoul(word + 9, NULL, 10);
    else
      fail("unknown option %s", word);
  }
  return options;
}

// Raw output: no carriage returns in the truth, and no kernel messages between its lines.
static void prepare_console(void) {
  struct termios settings;

  if (tcgetattr(STDOUT_FILENO, &settings) == 0) {
    cfmakeraw(&settings);
    tcsetattr(STDOUT_FILENO, TCSANOW, &settings);
  }
  write_file("/proc/sys/kernel/printk", "1");
}

static void prepare_kernel(const struct options *options) {
  struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
  struct rlimit files = {options->many + 1024, options->many + 1024};

  if (setrlimit(RLIMIT_MEMLOCK, &unlimited) || setrlimit(RLIMIT_NOFILE, &files))
    fail("setrlimit: %m");
  write_file("/proc/sys/kernel/kptr_restrict", "0");
  write_file("/proc/sys/kernel/bpf_stats_enabled", "1");
}

// One of everything that the kernel has.
static void make_objects(void) {
  load_names();
  load_long();
  load_code();
  make_more_maps();
  make_typed_maps();
  make_struct_ops();
  make_tracing_links();
  make_links();
  make_event_links();
  attach_to_events();
  load_network_modules();
  link_module_function();
  make_network_links();
  attach_to_cgroups();
  attach_to_devices();
  make_tasks();
}

// Counts rest when two readings, a second apart, are equal.
static void wait_for_rest(void) {
  struct totals before = read_totals();

  for (int second = 0; second < 60; second++) {
    sleep(1);
    struct totals after = read_totals();
    if (memcmp(&before, &after, sizeof after) == 0)
      return;
    before = after;
  }
  fail("counts did not come to rest in 60 s");
}

static void print_truth(const struct options *options) {
  puts("GUESTSCOPE-TRUTH-BEGIN");
  print_kernel_truth();
  print_program_truth();
  print_map_truth();
  print_pointers_truth();
  print_holders_truth();
  print_global_truth();
  // Not of thousands.
  if (!options->many)
    print_code_truth();
  print_type_truth();
  print_cgroup_truth();
  print_task_truth();
  print_scheduler_truth();
  print_run_queue_truth();
  print_log_truth();
  puts("GUESTSCOPE-TRUTH-END");
}

int main(void) {
  static char buffer[1 << 16];
  struct programs programs;

  setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
  struct options options = read_options();
  prepare_console();
  prepare_kernel(&options);
  open_kernel();
  open_stats();
  write_log();
  if (options.crash_cpu >= 0)
    load_crash_kernel();

  load_programs(&options, &programs);
  load_as_other_user();
  make_maps();
  load_many(options.many);
  make_large(options.large);
  if (options.objects)
    make_objects();
  say("programs are loaded");
  run_on_every_cpu(&programs);
  say("traffic is done");
  wait_for_rest();
  // Not where it would take minutes, or nothing that it says lasts.
  if (has_bpftool() && !options.many && !options.large && !options.churn && !options.deaths[0]) {
    print_bpftool();
    say("bpftool is done");
    wait_for_rest();
  }
  // Its tasks never rest.
  if (options.wish)
    start_scheduler(options.wish);
  print_truth(&options);

  if (options.traffic)
    start_traffic(&programs);
  if (options.churn) {
    start_churn();
    start_map_churn();
  }
  if (options.busy)
    make_busy_tasks();
  fflush(stdout);
  // The crash kernel says that the guest is ready: see init.
  if (options.crash_cpu >= 0)
    crash_on_cpu(options.crash_cpu);
  if (options.deaths[0])
    die(options.deaths);
  puts("GUESTSCOPE-READY");
  fflush(stdout);
  if (options.log)
    log_on();
  for (;;)
    pause();
}
