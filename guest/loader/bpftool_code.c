// What bpftool shows of the code of each program, in one run for all.
#include "guest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <bpf/bpf.h>

enum { max_functions = 256 };

// Addresses that programs call, and of their own machine code.
static struct {
  uint64_t *addresses;
  size_t count;
} called;

static void add_called(uint64_t address) {
  if (called.count % 1024 == 0)
    called.addresses = realloc(called.addresses, (called.count + 1024) * sizeof address);
  called.addresses[called.count++] = address;
}

static void add_calls_of(uint32_t id, uint64_t base) {
  static uint64_t functions[max_functions];
  struct bpf_prog_info info = {0};
  uint32_t size = sizeof info;
  int program = bpf_prog_get_fd_by_id(id);

  if (program < 0 || bpf_obj_get_info_by_fd(program, &info, &size))
    fail("info of program %u: %m", id);
  uint32_t length = info.xlated_prog_len;
  struct bpf_insn *instructions = malloc(length);
  memset(&info, 0, sizeof info);
  info.xlated_prog_len = length;
  info.xlated_prog_insns = (uintptr_t)instructions;
  info.nr_jited_ksyms = max_functions;
  info.jited_ksyms = (uintptr_t)functions;
  size = sizeof info;
  if (bpf_obj_get_info_by_fd(program, &info, &size))
    fail("code of program %u: %m", id);
  for (unsigned index = 0; index < length / sizeof *instructions; index++) {
    if (instructions[index].code == (BPF_JMP | BPF_CALL))
      add_called(base + instructions[index].imm);
  }
  for (unsigned index = 0; index < info.nr_jited_ksyms && index < max_functions; index++)
    add_called(functions[index]);
  free(instructions);
  close(program);
}

static int compare(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

// bpftool reads all of /proc/kallsyms again for each program, which takes most of its time here:
// all symbols of addresses that no program calls are left out of it.
static void shorten_kallsyms(const char *path) {
  FILE *all = fopen("/proc/kallsyms", "re"), *some = fopen(path, "we");
  char line[1024];
  uint64_t base = 0;
  uint32_t id = 0;

  if (!all || !some)
    fail("cannot copy /proc/kallsyms: %m");
  while (fgets(line, sizeof line, all)) {
    if (strstr(line, " __bpf_call_base\n"))
      base = strtoull(line, NULL, 16);
  }
  rewind(all);
  while (bpf_prog_get_next_id(id, &id) == 0)
    add_calls_of(id, base);
  add_called(base);
  qsort(called.addresses, called.count, sizeof *called.addresses, compare);
  while (fgets(line, sizeof line, all)) {
    uint64_t address = strtoull(line, NULL, 16);
    if (bsearch(&address, called.addresses, called.count, sizeof address, compare))
      fputs(line, some);
  }
  fclose(all);
  if (fclose(some) != 0 || mount(path, "/proc/kallsyms", NULL, MS_BIND, NULL))
    fail("cannot replace /proc/kallsyms: %m");
}

// Writes a command a line for each program.
static void write_batch(const char *path, const char *format) {
  FILE *file = fopen(path, "we");
  uint32_t id = 0;

  if (!file)
    fail("cannot write %s: %m", path);
  while (bpf_prog_get_next_id(id, &id) == 0)
    fprintf(file, format, id);
  if (errno != ENOENT)
    fail("cannot list programs: %m");
  if (fclose(file) != 0)
    fail("cannot write %s: %m", path);
}

void print_bpftool_code(void) {
  static const char path[] = "/code.batch";

  shorten_kallsyms("/kallsyms");
  // "command" and "output" of each.
  write_batch(path, "prog dump xlated id %u opcodes linum\n");
  begin_bpftool("xlated");
  if (run_bpftool((const char *const[4]){"batch", "file", path}, STDOUT_FILENO) != 0)
    fail("bpftool prog dump xlated failed");
  end_bpftool("xlated");
  if (umount("/proc/kallsyms"))
    fail("cannot put /proc/kallsyms back: %m");
}
