// Schedulers of sched_ext, tasks for them, and what the guest itself says of them.
#define _GNU_SOURCE
#include "guest.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

// include/uapi/linux/sched.h; newer than the C library.
enum { policy_ext = 7 };

// Of guest/bpf/queue.bpf.c.
enum wish { SCHEDULE, FAIL, LEAVE, STALL };

static const char *const wishes[] = {"queue", "error", "exit", "stall"};
enum { wish_count = sizeof wishes / sizeof wishes[0] };

// `all`: one leaves after the other, and the last one goes on.
bool is_scheduler_wish(const char *word) {
  for (unsigned index = 0; index < wish_count; index++)
    if (strcmp(word, wishes[index]) == 0)
      return true;
  return strcmp(word, "all") == 0;
}

struct scheduler {
  struct bpf_object *object;
  struct bpf_link *link;
};

static struct scheduler load_queue(void) {
  const char *path = kernel_type("scx_bpf_dsq_insert", BTF_KIND_FUNC) ? "/bpf/queue.bpf.o"
                                                                      : "/bpf/queue_6_12.bpf.o";
  struct bpf_object *object = bpf_object__open_file(path, NULL);
  if (!object)
    fail("cannot open %s: %m", path);
  // It makes queues, which takes memory.
  bpf_program__set_flags(bpf_object__find_program_by_name(object, "queue_init"), BPF_F_SLEEPABLE);
  if (bpf_object__load(object))
    fail("cannot load %s: %m", path);
  struct bpf_link *link =
      bpf_map__attach_struct_ops(bpf_object__find_map_by_name(object, "gs_queue"));
  if (!link)
    fail("cannot register gs_queue: %m");
  return (struct scheduler){object, link};
}

// A variable of the object: the map of its section, and how many bytes into it.
struct place {
  struct bpf_map *map;
  uint32_t offset;
};

static struct place find_variable(struct bpf_object *object, const char *name) {
  const struct btf *types = bpf_object__btf(object);
  struct bpf_map *each;

  bpf_object__for_each_map(each, object) {
    const struct btf_type *section = btf__type_by_id(types, bpf_map__btf_value_type_id(each));
    if (!section || !btf_is_datasec(section))
      continue;
    const struct btf_var_secinfo *variable = btf_var_secinfos(section);
    for (unsigned index = 0; index < btf_vlen(section); index++, variable++) {
      const struct btf_type *type = btf__type_by_id(types, variable->type);
      if (strcmp(btf__name_by_offset(types, type->name_off), name) == 0)
        return (struct place){each, variable->offset};
    }
  }
  fail("no variable %s", name);
}

// The whole section, to be freed.
static char *read_section(struct bpf_map *map) {
  uint32_t key = 0;
  char *value = calloc(1, bpf_map__value_size(map));
  if (!value || bpf_map_lookup_elem(bpf_map__fd(map), &key, value))
    fail("cannot read %s: %m", bpf_map__name(map));
  return value;
}

static void wish_for(struct bpf_object *object, enum wish wish) {
  struct place place = find_variable(object, "wish");
  char *section = read_section(place.map);
  uint32_t key = 0, value = wish;

  memcpy(section + place.offset, &value, sizeof value);
  if (bpf_map_update_elem(bpf_map__fd(place.map), &key, section, BPF_ANY))
    fail("cannot write %s: %m", bpf_map__name(place.map));
  free(section);
}

// One for each wish, and a forgotten one.
enum { exit_limit = wish_count + 1 };

// Of guest/bpf/queue.bpf.c, and the first line of the dump.
static struct user_exit_info {
  int kind;
  int64_t exit_code;
  char reason[128];
  char msg[1024];
} exits[exit_limit];
static char dumps[exit_limit][128];
static unsigned exit_count;

static void keep_exit(struct bpf_object *object) {
  struct place place = find_variable(object, "uei");
  struct place dump_place = find_variable(object, "uei_dump");
  char *section = read_section(place.map), *dump = read_section(dump_place.map);

  memcpy(&exits[exit_count], section + place.offset, sizeof exits[0]);
  strncpy(dumps[exit_count], dump + dump_place.offset, sizeof dumps[0] - 1);
  exit_count++;
  free(section);
  free(dump);
}

// A task of the scheduler that always wants to run.
static void make_task(unsigned number) {
  struct sched_param param = {0};
  char name[16];

  pid_t child = fork();
  if (child < 0)
    fail("fork: %m");
  if (child > 0)
    return;
  snprintf(name, sizeof name, "gs-scx-%u", number);
  prctl(PR_SET_NAME, name);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (int file = STDERR_FILENO + 1; file < sysconf(_SC_OPEN_MAX); file++)
    close(file);
  if (sched_setscheduler(0, policy_ext, &param))
    _exit(1);
  for (;;)
    for (volatile unsigned turn = 0; turn < 1u << 20; turn++)
      ;
}

static bool is_enabled(void) {
  char state[32];
  return read_file("/sys/kernel/sched_ext/state", state, sizeof state) &&
         strncmp(state, "enabled", 7) == 0;
}

static struct scheduler run_scheduler(enum wish wish) {
  struct scheduler scheduler = load_queue();

  sleep(1);
  wish_for(scheduler.object, wish);
  for (unsigned second = 0; wish != SCHEDULE && is_enabled(); second++) {
    if (second > 60)
      fail("the scheduler does not leave");
    sleep(1);
  }
  if (wish != SCHEDULE)
    keep_exit(scheduler.object);
  say("the scheduler is at %s", wishes[wish]);
  return scheduler;
}

// Nothing but the kernel's log knows of it afterwards.
static void forget(struct scheduler scheduler) {
  bpf_link__destroy(scheduler.link);
  bpf_object__close(scheduler.object);
}

void start_scheduler(const char *word) {
  for (unsigned number = 0; number < 6; number++)
    make_task(number);
  if (strcmp(word, "all") == 0)
    forget(run_scheduler(FAIL));
  // Their maps stay, so that what the kernel has said to them stays as well.
  for (unsigned index = FAIL; index < wish_count; index++)
    if (strcmp(word, wishes[index]) == 0 || strcmp(word, "all") == 0)
      run_scheduler(index);
  if (strcmp(word, "queue") == 0 || strcmp(word, "all") == 0)
    run_scheduler(SCHEDULE);
}

static void print_sysfs(const char *name) {
  char path[128], text[4096];
  snprintf(path, sizeof path, "/sys/kernel/sched_ext/%s", name);
  if (!read_file(path, text, sizeof text))
    return;
  printf("{\"kind\":\"scx\",\"file\":\"%s\",\"text\":", name);
  print_json_string(text);
  puts("}");
}

// What schedulers have kept of why they left, the oldest first.
static void print_exits(void) {
  for (unsigned index = 0; index < exit_count; index++) {
    printf("{\"kind\":\"scx_exit\",\"exit_kind\":%d,\"exit_code\":%lld,\"reason\":",
           exits[index].kind, (long long)exits[index].exit_code);
    print_json_string(exits[index].reason);
    printf(",\"msg\":");
    print_json_string(exits[index].msg);
    printf(",\"dump\":");
    print_json_string(dumps[index]);
    puts("}");
  }
}

// A JSON line a file of sysfs.
void print_scheduler_truth(void) {
  static const char *const files[] = {"state",      "switch_all", "nr_rejected", "hotplug_seq",
                                      "enable_seq", "root/ops",   "root/events"};
  for (unsigned index = 0; index < sizeof files / sizeof files[0]; index++)
    print_sysfs(files[index]);
  print_exits();
}

// A JSON line a file of proc with numbers of the scheduler.
void print_run_queue_truth(void) {
  static const char *const files[] = {"schedstat",       "stat",        "softirqs",
                                      "pressure/cpu",    "pressure/io", "pressure/memory",
                                      "pressure/irq"};
  static char text[1 << 16];

  for (unsigned index = 0; index < sizeof files / sizeof files[0]; index++) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%s", files[index]);
    if (!read_file(path, text, sizeof text))
      continue;
    printf("{\"kind\":\"proc\",\"file\":\"%s\",\"text\":", files[index]);
    print_json_string(text);
    puts("}");
  }
}
