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
  bool churn;        // gs.mode=churn: and programs come and go all the time
  bool scheduler;    // gs.scx=0 leaves the sched_ext scheduler out
  int crash_cpu;     // gs.kdump=CPU: the kernel crashes on this CPU after the truth; -1 for none
  unsigned many;     // gs.many=N: N more tiny programs before the truth
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

// traffic.c
void pin_to_cpu(unsigned cpu);
void run_on_every_cpu(const struct programs *programs);
void start_traffic(const struct programs *programs);

// kdump.c
void load_crash_kernel(void);
void crash_on_cpu(unsigned cpu);

// kcore.c: kernel memory by virtual address.
void open_kernel(void);
const char *symbol_name(unsigned index);                // NULL past the last one
uint64_t symbol(const char *name);                      // 0 when the kernel has no such symbol
bool has_data_symbols(void);                            // not with CONFIG_KALLSYMS_ALL=n
void kernel_read(uint64_t address, void *buffer, size_t size);
uint64_t kernel_u64(uint64_t address);
uint32_t kernel_u32(uint64_t address);
int member_offset(const char *type, const char *member);  // bytes, -1 when there is none

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

// program_truth.c, map_truth.c, kernel_truth.c: JSON lines.
struct totals {
  uint64_t programs, counts, nanoseconds, misses;
};
struct totals read_totals(void);
void print_program_truth(void);
void make_maps(void);
void print_map_truth(void);
void print_kernel_truth(void);

// bpftool.c
bool has_bpftool(void);
void print_bpftool(void);
