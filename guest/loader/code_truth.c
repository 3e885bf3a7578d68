// One JSON line a program that was compiled: its machine code, and what the kernel says of it.
#include "guest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

enum { max_functions = 256 };

static void print_functions(const uint64_t *addresses, const uint32_t *lengths, unsigned count) {
  printf(",\"functions\":[");
  for (unsigned index = 0; index < count; index++)
    printf("%s{\"address\":\"%llx\",\"length\":%u}", index ? "," : "",
           (unsigned long long)addresses[index], lengths[index]);
  putchar(']');
}

// The line of the source and the address of each record.
static void print_lines(const struct bpf_line_info *lines, const uint64_t *addresses,
                        unsigned count) {
  printf(",\"lines\":[");
  for (unsigned index = 0; index < count; index++)
    printf("%s{\"line\":%u,\"column\":%u,\"address\":\"%llx\"}", index ? "," : "",
           lines[index].line_col >> 10, lines[index].line_col & 0x3ff,
           (unsigned long long)addresses[index]);
  putchar(']');
}

static void print_machine_code(uint32_t id) {
  static uint64_t addresses[max_functions];
  static uint32_t lengths[max_functions];
  struct bpf_prog_info sizes = {0}, info = {0};
  uint32_t size = sizeof sizes;
  int program = bpf_prog_get_fd_by_id(id);

  if (program < 0 || bpf_obj_get_info_by_fd(program, &sizes, &size))
    fail("info of program %u: %m", id);
  if (sizes.jited_prog_len == 0) {
    close(program);
    return;
  }
  unsigned char *code = malloc(sizes.jited_prog_len);
  info.jited_prog_len = sizes.jited_prog_len;
  info.jited_prog_insns = (uintptr_t)code;
  info.nr_jited_ksyms = info.nr_jited_func_lens = max_functions;
  info.jited_ksyms = (uintptr_t)addresses;
  info.jited_func_lens = (uintptr_t)lengths;
  info.nr_line_info = info.nr_jited_line_info = sizes.nr_jited_line_info;
  info.line_info_rec_size = sizeof(struct bpf_line_info);
  info.jited_line_info_rec_size = sizeof(uint64_t);
  struct bpf_line_info *lines = calloc(sizes.nr_jited_line_info + 1, sizeof *lines);
  uint64_t *places = calloc(sizes.nr_jited_line_info + 1, sizeof *places);
  info.line_info = (uintptr_t)lines;
  info.jited_line_info = (uintptr_t)places;
  size = sizeof info;
  if (bpf_obj_get_info_by_fd(program, &info, &size))
    fail("machine code of program %u: %m", id);
  close(program);

  printf("{\"kind\":\"jited\",\"id\":%u,\"bytes\":\"", id);
  for (unsigned index = 0; index < info.jited_prog_len; index++)
    printf("%02x", code[index]);
  putchar('"');
  print_functions(addresses, lengths, info.nr_jited_func_lens);
  print_lines(lines, places, info.nr_jited_line_info);
  puts("}");
  free(code);
  free(lines);
  free(places);
}

void print_code_truth(void) {
  uint32_t id = 0;

  while (bpf_prog_get_next_id(id, &id) == 0)
    print_machine_code(id);
  if (errno != ENOENT)
    fail("cannot list programs: %m");
}
