// JSON lines about the kernel itself: where it lies, what it is, what its memory map looks like.
#include "guest.h"

#include <elf.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

static void print_file(const char *key, const char *path) {
  char text[1024];
  printf("\"%s\":", key);
  if (!read_file(path, text, sizeof text)) {
    printf("null,");
    return;
  }
  text[strcspn(text, "\n")] = 0;
  print_json_string(text);
  putchar(',');
}

static void print_symbols(void) {
  const char *comma = "";

  printf("\"symbols\":{");
  for (unsigned index = 0; symbol_name(index); index++) {
    uint64_t address = symbol(symbol_name(index));
    if (!address)
      continue;
    printf("%s\"%s\":\"0x%" PRIx64 "\"", comma, symbol_name(index), address);
    comma = ",";
  }
  printf("},");
}

static void print_values(void) {
  static const char *const names[] = {
      "page_offset_base", "vmalloc_base", "vmemmap_base", "phys_base", "memstart_addr",
      "kimage_voffset",
  };
  const char *comma = "";

  printf("\"values\":{");
  for (unsigned index = 0; index < sizeof names / sizeof names[0]; index++) {
    uint64_t address = symbol(names[index]);
    if (!address)
      continue;
    printf("%s\"%s\":\"0x%" PRIx64 "\"", comma, names[index], kernel_u64(address));
    comma = ",";
  }
  printf("},\"idr_next\":");
  if (symbol("prog_idr"))
    printf("%u,", kernel_u32(symbol("prog_idr") + member_offset("idr", "idr_next")));
  else
    printf("null,");
}

static void print_per_cpu_offsets(void) {
  if (!has_data_symbols()) {
    printf("\"nr_cpu_ids\":null,\"per_cpu_offset\":null,");
    return;
  }
  printf("\"nr_cpu_ids\":%u,\"per_cpu_offset\":[", possible_cpus());
  for (unsigned cpu = 0; cpu < possible_cpus(); cpu++)
    printf("%s\"0x%" PRIx64 "\"", cpu ? "," : "", per_cpu_offset(cpu));
  printf("],");
}

static void print_build_id(void) {
  char notes[4096];
  FILE *file = fopen("/sys/kernel/notes", "re");
  size_t size = file ? fread(notes, 1, sizeof notes, file) : 0;
  Elf64_Nhdr note;

  printf("\"build_id\":");
  for (size_t at = 0; at + sizeof note <= size;) {
    memcpy(&note, notes + at, sizeof note);
    size_t name = at + sizeof note, description = name + ((note.n_namesz + 3) & ~3u);
    at = description + ((note.n_descsz + 3) & ~3u);
    if (at > size || note.n_type != NT_GNU_BUILD_ID || strcmp(notes + name, "GNU") != 0)
      continue;
    putchar('"');
    for (unsigned index = 0; index < note.n_descsz; index++)
      printf("%02x", (unsigned char)notes[description + index]);
    putchar('"');
    break;
  }
  putchar(',');
  if (file)
    fclose(file);
}

static bool has_cpu_flag(const char *flag) {
  char line[8192];
  FILE *file = fopen("/proc/cpuinfo", "re");
  bool found = false;

  while (file && !found && fgets(line, sizeof line, file)) {
    if (strncmp(line, "flags", 5) != 0)
      continue;
    for (char *word = strtok(line, " \t\n"); word; word = strtok(NULL, " \t\n"))
      found |= strcmp(word, flag) == 0;
    break;
  }
  if (file)
    fclose(file);
  return found;
}

static void print_memory_map(void) {
  char line[256];
  uint64_t start, end;
  int text;
  FILE *file = fopen("/proc/iomem", "re");

  while (file && fgets(line, sizeof line, file)) {
    line[strcspn(line, "\n")] = 0;
    if (sscanf(line, " %" SCNx64 "-%" SCNx64 " : %n", &start, &end, &text) != 2)
      continue;
    if (strcmp(line + text, "System RAM") != 0 && strncmp(line + text, "Kernel ", 7) != 0)
      continue;
    printf("{\"kind\":\"iomem\",\"start\":\"0x%" PRIx64 "\",\"end\":\"0x%" PRIx64 "\",\"name\":",
           start, end);
    print_json_string(line + text);
    puts("}");
  }
  if (file)
    fclose(file);
}

// A line of /proc/modules each.
static void print_modules(void) {
  char line[4096];
  FILE *file = fopen("/proc/modules", "re");

  while (file && fgets(line, sizeof line, file)) {
    line[strcspn(line, "\n")] = 0;
    printf("{\"kind\":\"module\",\"line\":");
    print_json_string(line);
    puts("}");
  }
  if (file)
    fclose(file);
}

void print_kernel_truth(void) {
  struct utsname name;
  struct stat btf;

  if (uname(&name) || stat("/sys/kernel/btf/vmlinux", &btf))
    fail("uname or BTF: %m");
  printf("{\"kind\":\"kernel\",\"machine\":\"%s\",\"release\":", name.machine);
  print_json_string(name.release);
  printf(",\"version\":");
  print_json_string(name.version);
  putchar(',');
  print_file("banner", "/proc/version");
  print_file("cmdline", "/proc/cmdline");
  printf("\"cpus\":%u,", online_cpus());
  print_per_cpu_offsets();
  printf("\"boot_offset_ns\":%" PRId64 ",", boot_offset());
  print_symbols();
  print_values();
  print_build_id();
  printf("\"btf_bytes\":%lld,", (long long)btf.st_size);
  print_file("meltdown", "/sys/devices/system/cpu/vulnerabilities/meltdown");
  printf("\"flags\":{\"la57\":%s,\"pti\":%s}}\n", has_cpu_flag("la57") ? "true" : "false",
         has_cpu_flag("pti") ? "true" : "false");
  print_memory_map();
  print_modules();
}
