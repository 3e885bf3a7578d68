// What the files of the loader share: it loads BPF programs into the guest, runs them, and prints
// what a host-side reader must find ("the truth").
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <linux/bpf.h>

struct options {
  bool traffic;      // gs.mode=traffic: TCP traffic never stops after the truth
  bool log;          // gs.mode=log: it goes on logging lines after the truth
  bool churn;        // gs.mode=churn: and programs come and go all the time
  bool scheduler;    // gs.scx=0 leaves the sched_ext scheduler out
  const char *wish;  // gs.scx=queue|error|exit|stall|all: another one, after all else; NULL for none
  bool objects;      // gs.objects=0 leaves out what no traffic runs: make_objects in main.c
  bool busy;         // gs.busy=1: after the truth two tasks never rest: make_busy_tasks
  int crash_cpu;     // gs.kdump=CPU: the kernel crashes on this CPU after the truth; -1 for none
  char deaths[64];   // gs.die=KIND,…: it dies so after the truth
  unsigned many;     // gs.many=N: N more tiny programs before the truth
  unsigned large;    // gs.large=N: a map of N entries
};

// common.c
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool read_file(const char *path, char *buffer, size_t size);
void write_file(const char *path, const char *text);
unsigned online_cpus(void);
void print_json_string(const char *text);
int64_t boot_offset(void);                              // CLOCK_REALTIME - CLOCK_BOOTTIME, ns

// programs.c: fds stay open for the life of the loader.
struct programs {
  int recursed_map;                  // deleting from it enters the fentry program; -1 without one
  int filters[2];                    // socket filters
  int test_runs[2];                  // programs that only BPF_PROG_TEST_RUN executes
  bool scheduler;                    // a sched_ext scheduler is registered
};
void load_programs(const struct options *options, struct programs *programs);

// tiny.c
int load_tiny(const char *name, int number);
void load_many(unsigned count);
void load_as_other_user(void);
void start_churn(void);

// raw.c: programs that do nothing, and links of them.
struct raw_program {
  const char *name;
  uint32_t type, attach_type, attach_btf_id;
  int result;                        // what the program returns
  int target;                        // descriptor of the program that it replaces or traces
  const char *function;              // one of function_names: its name in BTF
};
struct link_request {                // the beginning of union bpf_attr for BPF_LINK_CREATE
  uint32_t object;                   // descriptor of the program or map; negative for none
  uint32_t target;                   // descriptor or interface
  uint32_t attach_type, flags;
  uint64_t words[8];                 // what the type of link has of its own
};
int own_types_fd(void);
uint32_t own_type(const char *name);
int load_raw(const struct raw_program *program);  // negative when this kernel has no such program
void load_long(void);                // takes several pages
int make_link(const char *name, const struct link_request *request);
void detach_link(const char *name, int link);

// names.c
extern const char *const function_names[];        // ends with NULL
void load_names(void);

// links.c, tracing_links.c, event_links.c, network_links.c, struct_ops.c: a link of each type that
// the kernel has.
int make_cgroup(const char *path);    // a descriptor
void make_links(void);
void make_tracing_links(void);
void make_event_links(void);
void link_module_function(void);          // after load_network_modules()
void make_network_links(void);
void enter_other_namespace(void);         // the network namespace that make_network_links() made
void leave_other_namespace(void);
void make_struct_ops(void);

// events.c: descriptors of perf events, negative where the kernel has none such.
int open_probe(const char *unit, bool returns, const char *where, uint64_t offset);  // kprobe, uprobe
int open_tracepoint(const char *event);
int open_counter(void);
uint64_t probed_offset(void);             // in /bin/loader, where a probe of user space may be

// devices.c
void load_network_modules(void);
unsigned make_device(const char *name, const char *kind);

// cgroups.c, attachments.c, event_attachments.c: programs that are attached without links, or to many
// places.
void attach_to_cgroups(void);
void attach_to_events(void);
void attach_to_devices(void);
void print_cgroup_truth(void);

// code.c: programs of all kinds of instructions, as far as the kernel has them.
void load_code(void);

// more_maps.c: maps of types that map_truth.c does not make, as far as the kernel has them.
void make_more_maps(void);
bool print_more_truth(const struct bpf_map_info *info);

// map_contents.c
void fill_known(int map);              // known contents, where user space can write them
void print_contents_truth(int map);  // a JSON line, where bpftool cannot list them

// map_owners.c: the same for what belongs to a socket, a task, an inode, a cgroup.
void fill_owned(int map, const struct bpf_map_info *info);
bool print_owned_truth(int map, const struct bpf_map_info *info);
void print_holders_truth(void);

// stack_truth.c
void print_stacks_truth(int map, const struct bpf_map_info *info);

// typed_maps.c
void make_typed_maps(void);
void print_pointers_truth(void);

// checked_maps.c
void make_large(unsigned entries);
void start_map_churn(void);

// map_slots.c: what is in slots that the system call does not copy.
int inner_cgroup(void);              // the descriptor of a cgroup that is in another one
bool fill_slots(int map, const struct bpf_map_info *info);
void print_slots_truth(const struct bpf_map_info *info);

// traffic.c
void pin_to_cpu(unsigned cpu);
void run_on_every_cpu(const struct programs *programs);
void start_traffic(const struct programs *programs);

// kdump.c
void load_crash_kernel(void);
void crash_on_cpu(unsigned cpu);

// deaths.c
void die(const char *names);

// kcore.c: kernel memory by virtual address.
void open_kernel(void);
const char *symbol_name(unsigned index);                // NULL past the last one
uint64_t symbol(const char *name);                      // 0 when the kernel has no such symbol
bool has_data_symbols(void);                            // not with CONFIG_KALLSYMS_ALL=n
void kernel_read(uint64_t address, void *buffer, size_t size);
uint64_t kernel_u64(uint64_t address);
uint32_t kernel_u32(uint64_t address);
int member_offset(const char *type, const char *member);  // bytes, -1 when there is none
int member_index(const char *type, const char *member);
uint32_t kernel_type(const char *name, uint32_t kind);  // 0 when there is none
uint32_t kernel_type_size(const char *name);

// stats.c: a program's per-CPU statistics.
void open_stats(void);                                  // after open_kernel
struct cpu_stats {
  uint64_t count, nanoseconds, misses;
};
bool kernel_counts_misses(void);
uint64_t find_program(uint32_t id);                     // address of its struct bpf_prog
struct cpu_stats cpu_stats(uint64_t program, unsigned cpu);
unsigned possible_cpus(void);
uint64_t per_cpu_offset(unsigned cpu);

// program_truth.c, map_truth.c, kernel_truth.c, code_truth.c: JSON lines.
struct totals {
  uint64_t programs, counts, nanoseconds, misses;
};
struct totals read_totals(void);
void print_program_truth(void);
void make_maps(void);
void print_map_truth(void);
void print_kernel_truth(void);
void print_global_truth(void);
void print_code_truth(void);

// tasks.c
void make_tasks(void);
void make_busy_tasks(void);
void print_task_truth(void);

// scheduler.c
bool is_scheduler_wish(const char *word);
void start_scheduler(const char *wish);
void print_scheduler_truth(void);
void print_run_queue_truth(void);

// log_truth.c
void write_log(void);
void log_on(void);
void print_log_truth(void);             // last: what is logged after it is not in it

// bpftool.c
bool has_bpftool(void);
int run_bpftool(const char *const words[4], int output);
int run_bpftool_plain(const char *const words[4], int output);
void begin_bpftool(const char *kind);
void end_bpftool(const char *kind);
void print_bpftool(void);

// bpftool_code.c
void print_bpftool_code(void);

// bpftool_types.c
void print_bpftool_types(void);
void print_type_truth(void);
