// What bpftool shows of the code of programs.
#include "guest.h"

#include <errno.h>
#include <unistd.h>

#include <bpf/bpf.h>

// bpftool reads all of /proc/kallsyms for each program: those that do nothing but return are left
// out, unless they have types.
static bool is_worth_it(uint32_t id) {
  struct bpf_prog_info info = {0};
  uint32_t size = sizeof info;
  int program = bpf_prog_get_fd_by_id(id);

  if (program < 0 || bpf_obj_get_info_by_fd(program, &info, &size))
    fail("info of program %u: %m", id);
  close(program);
  return info.xlated_prog_len > 16 || info.btf_id;
}

// Writes a command a line for each program.
static void write_batch(const char *path, const char *format) {
  FILE *file = fopen(path, "we");
  uint32_t id = 0;

  if (!file)
    fail("cannot write %s: %m", path);
  while (bpf_prog_get_next_id(id, &id) == 0) {
    if (is_worth_it(id))
      fprintf(file, format, id);
  }
  if (errno != ENOENT)
    fail("cannot list programs: %m");
  if (fclose(file) != 0)
    fail("cannot write %s: %m", path);
}

void print_bpftool_code(void) {
  static const char path[] = "/code.batch";

  // "command" and "output" of each.
  write_batch(path, "prog dump xlated id %u opcodes linum\n");
  begin_bpftool("xlated");
  if (run_bpftool((const char *const[4]){"batch", "file", path}, STDOUT_FILENO) != 0)
    fail("bpftool prog dump xlated failed");
  end_bpftool("xlated");
}
