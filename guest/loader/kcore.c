// Kernel memory by virtual address through /proc/kcore, symbols from /proc/kallsyms, and struct
// layout from the kernel's BTF.
#include "guest.h"

#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/btf.h>

static int kcore;
static Elf64_Phdr segments[256];
static unsigned segment_count;
static struct btf *kernel_btf;

static struct {
  const char *name;
  uint64_t address;
} symbols[] = {
    {"_text"}, {"_stext"}, {"_etext"}, {"init_task"}, {"linux_banner"}, {"prog_idr"},
    {"init_top_pgt"}, {"swapper_pg_dir"}, {"tramp_pg_dir"}, {"vectors"}, {"page_offset_base"},
    {"vmalloc_base"}, {"vmemmap_base"}, {"phys_base"}, {"memstart_addr"}, {"kimage_voffset"}, {"__per_cpu_offset"}, {"nr_cpu_ids"},
    {"__start_notes"}, {"__start_BTF"}, {"__stop_BTF"}, {"bpf_fentry_test6"},
};
enum { symbol_count = sizeof symbols / sizeof symbols[0] };

static void read_symbols(void) {
  FILE *file = fopen("/proc/kallsyms", "re");
  char line[512], name[256];
  unsigned long long address;

  if (!file)
    fail("cannot read /proc/kallsyms: %m");
  while (fgets(line, sizeof line, file)) {
    if (sscanf(line, "%llx %*c %255s", &address, name) != 2)
      continue;
    for (unsigned index = 0; index < symbol_count; index++) {
      if (!symbols[index].address && strcmp(name, symbols[index].name) == 0)
        symbols[index].address = address;
    }
  }
  fclose(file);
}

static void read_segments(void) {
  Elf64_Ehdr header;

  kcore = open("/proc/kcore", O_RDONLY | O_CLOEXEC);
  if (kcore < 0 || pread(kcore, &header, sizeof header, 0) != sizeof header)
    fail("cannot read /proc/kcore: %m");
  segment_count = header.e_phnum;
  ssize_t size = segment_count * sizeof segments[0];
  if (segment_count > 256 || pread(kcore, segments, size, header.e_phoff) != size)
    fail("cannot read the %u segments of /proc/kcore", segment_count);
}

void open_kernel(void) {
  read_symbols();
  read_segments();
  kernel_btf = btf__load_vmlinux_btf();
  if (!kernel_btf)
    fail("cannot read the kernel's BTF: %m");
  if (!symbol("_stext"))
    fail("/proc/kallsyms hides addresses");
}

const char *symbol_name(unsigned index) {
  return index < symbol_count ? symbols[index].name : NULL;
}

uint64_t symbol(const char *name) {
  for (unsigned index = 0; index < symbol_count; index++) {
    if (strcmp(name, symbols[index].name) == 0)
      return symbols[index].address;
  }
  fail("%s is not among the symbols that the loader reads", name);
}

bool has_data_symbols(void) {
  return symbol("prog_idr") && symbol("__per_cpu_offset") && symbol("nr_cpu_ids");
}

void kernel_read(uint64_t address, void *buffer, size_t size) {
  for (unsigned index = 0; index < segment_count; index++) {
    const Elf64_Phdr *segment = &segments[index];
    uint64_t offset = address - segment->p_vaddr;
    if (segment->p_type != PT_LOAD || offset >= segment->p_memsz)
      continue;
    if (pread(kcore, buffer, size, segment->p_offset + offset) == (ssize_t)size)
      return;
    fail("cannot read %zu bytes at %#llx: %m", size, (unsigned long long)address);
  }
  fail("%#llx is in no segment of /proc/kcore", (unsigned long long)address);
}

uint64_t kernel_u64(uint64_t address) {
  uint64_t value;
  kernel_read(address, &value, sizeof value);
  return value;
}

uint32_t kernel_u32(uint64_t address) {
  uint32_t value;
  kernel_read(address, &value, sizeof value);
  return value;
}

int member_offset(const char *type, const char *member) {
  int id = btf__find_by_name_kind(kernel_btf, type, BTF_KIND_STRUCT);
  if (id < 0)
    return -1;
  const struct btf_type *found = btf__type_by_id(kernel_btf, id);
  for (unsigned index = 0; index < btf_vlen(found); index++) {
    const char *name = btf__name_by_offset(kernel_btf, btf_members(found)[index].name_off);
    if (strcmp(name, member) == 0)
      return btf_member_bit_offset(found, index) / 8;
  }
  return -1;
}

uint32_t kernel_type(const char *name, uint32_t kind) {
  int id = btf__find_by_name_kind(kernel_btf, name, kind);
  return id < 0 ? 0 : id;
}

uint32_t kernel_type_size(const char *name) {
  return btf__resolve_size(kernel_btf, kernel_type(name, BTF_KIND_STRUCT));
}

int member_index(const char *type, const char *member) {
  const struct btf_type *found = btf__type_by_id(kernel_btf, kernel_type(type, BTF_KIND_STRUCT));
  for (unsigned index = 0; index < btf_vlen(found); index++) {
    if (strcmp(btf__name_by_offset(kernel_btf, btf_members(found)[index].name_off), member) == 0)
      return index;
  }
  fail("the kernel's BTF has no %s.%s", type, member);
}
