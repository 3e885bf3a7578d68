// What bpftool shows of BTF objects.
#define _GNU_SOURCE
#include "guest.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <zlib.h>

static struct {
  uint32_t id;
  uint32_t checksum;
  size_t size;
} kernel;

static bool is_kernels(uint32_t id) {
  char name[64] = "";
  struct bpf_btf_info info = {.name = (uintptr_t)name, .name_len = sizeof name};
  uint32_t size = sizeof info;
  int object = bpf_btf_get_fd_by_id(id);

  if (object < 0)
    fail("BTF object %u: %m", id);
  int status = bpf_obj_get_info_by_fd(object, &info, &size);
  close(object);
  // 5.10 has neither names nor an id for its own types.
  if (status && errno == E2BIG)
    return false;
  if (status)
    fail("info of BTF object %u: %m", id);
  return info.kernel_btf && strcmp(name, "vmlinux") == 0;
}

// The kernel's own types are too many to print: a checksum of bpftool's text stands for them.
static void sum_kernel_types(uint32_t id) {
  static unsigned char buffer[1 << 16];
  char number[16];
  int output = memfd_create("types", MFD_CLOEXEC);
  ssize_t count;

  snprintf(number, sizeof number, "%u", id);
  if (output < 0 ||
      run_bpftool_plain((const char *const[4]){"btf", "dump", "id", number}, output) != 0)
    fail("bpftool btf dump of the kernel's types failed");
  lseek(output, 0, SEEK_SET);
  kernel.id = id;
  kernel.checksum = crc32(0, NULL, 0);
  while ((count = read(output, buffer, sizeof buffer)) > 0) {
    kernel.checksum = crc32(kernel.checksum, buffer, count);
    kernel.size += count;
  }
  close(output);
}

void print_bpftool_types(void) {
  static const char path[] = "/types.batch";
  FILE *file = fopen(path, "we");
  uint32_t id = 0;

  if (!file)
    fail("cannot write %s: %m", path);
  while (bpf_btf_get_next_id(id, &id) == 0) {
    if (is_kernels(id))
      sum_kernel_types(id);
    else
      fprintf(file, "btf dump id %u\n", id);
  }
  if (errno != ENOENT)
    fail("cannot list BTF objects: %m");
  if (fclose(file) != 0)
    fail("cannot write %s: %m", path);
  begin_bpftool("btf-dump");
  // At the end of the file it may take what is left in errno for an error in reading it.
  run_bpftool((const char *const[4]){"batch", "file", path}, STDOUT_FILENO);
  end_bpftool("btf-dump");
}

void print_type_truth(void) {
  if (kernel.size)
    printf("{\"kind\":\"types\",\"id\":%u,\"bytes\":%zu,\"crc32\":%u}\n", kernel.id, kernel.size,
           kernel.checksum);
}
