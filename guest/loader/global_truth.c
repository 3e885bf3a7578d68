// One JSON line a global variable of a BPF program: what `guestscope var` must find there.
#include "guest.h"

#include <stdlib.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

static void print_variables(const struct bpf_map_info *map, const struct btf *types,
                            const unsigned char *value) {
  const struct btf_type *section = btf__type_by_id(types, map->btf_value_type_id);
  const struct btf_var_secinfo *place = btf_var_secinfos(section);

  for (unsigned index = 0; index < btf_vlen(section); index++, place++) {
    const struct btf_type *variable = btf__type_by_id(types, place->type);

    printf("{\"kind\":\"global\",\"map_id\":%u,\"map\":", map->id);
    print_json_string(map->name);
    printf(",\"name\":");
    print_json_string(btf__name_by_offset(types, variable->name_off));
    printf(",\"bytes\":\"");
    for (unsigned byte = 0; byte < place->size; byte++)
      printf("%02x", value[place->offset + byte]);
    printf("\"}\n");
  }
}

static void print_section(int fd) {
  struct bpf_map_info map = {};
  uint32_t length = sizeof map, key = 0;

  if (bpf_obj_get_info_by_fd(fd, &map, &length))
    fail("cannot read a map: %m");
  if (map.type != BPF_MAP_TYPE_ARRAY || map.max_entries != 1 || !map.btf_value_type_id)
    return;
  struct btf *types = btf__load_from_kernel_by_id(map.btf_id);
  if (!types)
    fail("cannot read the types of map %u: %m", map.id);
  unsigned char *value = calloc(1, map.value_size);
  if (btf_is_datasec(btf__type_by_id(types, map.btf_value_type_id))) {
    if (bpf_map_lookup_elem(fd, &key, value))
      fail("cannot read map %u: %m", map.id);
    print_variables(&map, types, value);
  }
  free(value);
  btf__free(types);
}

void print_global_truth(void) {
  uint32_t id = 0;

  while (bpf_map_get_next_id(id, &id) == 0) {
    int fd = bpf_map_get_fd_by_id(id);
    if (fd < 0)
      continue;
    print_section(fd);
    close(fd);
  }
}
