// The functions in stacks of the kernel, by /proc/kallsyms: what `guestscope map dump` must call the
// addresses in a map of stacks.
#include "guest.h"

#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

enum { most_frames = 16, most_names = 6, name_size = 128 };

struct frame {
  unsigned long long address, start;
  unsigned names;
  char name[most_names][name_size];
};

// The names of the last symbol that begins at or before the address. Several may begin there.
static void find_names(struct frame *frames, unsigned count) {
  FILE *file = fopen("/proc/kallsyms", "re");
  char line[1024], name[name_size];
  unsigned long long start;

  if (!file)
    fail("cannot read /proc/kallsyms: %m");
  while (fgets(line, sizeof line, file)) {
    if (sscanf(line, "%llx %*c %127s", &start, name) != 2)
      continue;
    for (struct frame *frame = frames; frame < frames + count; frame++) {
      if (start > frame->address || start < frame->start)
        continue;
      if (start > frame->start)
        frame->names = 0;
      frame->start = start;
      if (frame->names < most_names)
        strcpy(frame->name[frame->names++], name);
    }
  }
  fclose(file);
}

static void print_stack(unsigned key, struct frame *frames, unsigned count) {
  find_names(frames, count);
  printf("{\"key\":%u,\"frames\":[", key);
  for (unsigned index = 0; index < count; index++) {
    printf("%s{\"address\":%llu,\"offset\":%llu,\"names\":[", index ? "," : "",
           frames[index].address, frames[index].address - frames[index].start);
    for (unsigned name = 0; name < frames[index].names; name++) {
      printf("%s", name ? "," : "");
      print_json_string(frames[index].name[name]);
    }
    printf("]}");
  }
  printf("]}");
}

// A JSON line a map of stacks of the kernel.
void print_stacks_truth(int map, const struct bpf_map_info *info) {
  static struct frame frames[most_frames];
  uint64_t stack[most_frames];
  const char *separator = "";

  if (info->type != BPF_MAP_TYPE_STACK_TRACE || info->map_flags & BPF_F_STACK_BUILD_ID ||
      info->value_size > sizeof stack)
    return;
  printf("{\"kind\":\"stacks\",\"id\":%u,\"stacks\":[", info->id);
  // There are as many buckets as the next power of two has.
  for (uint32_t key = 0; key < 2 * info->max_entries; key++) {
    unsigned count = 0;
    if (bpf_map_lookup_elem(map, &key, stack))
      continue;
    memset(frames, 0, sizeof frames);
    for (; count < info->value_size / sizeof stack[0] && stack[count]; count++)
      frames[count].address = stack[count];
    printf("%s", separator);
    print_stack(key, frames, count);
    separator = ",";
  }
  puts("]}");
}
