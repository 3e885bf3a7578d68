// Programs whose name in the kernel, of 15 characters at most, is not the whole of it.
#include "guest.h"

#include <linux/bpf.h>

const char *const function_names[] = {
    "fourteen_chars",
    "fourteen_names_but_longer_in_its_types",
    "fifteen_letters",
    "a_name_longer_than_fifteen_characters",
    "another_function_entirely",
    "link_traced",
    "link_replaced",
    "link_replacement",
    NULL,
};

void load_names(void) {
  static const struct {
    const char *name, *function;
  } names[] = {
      {"fourteen_chars", "fourteen_chars"},
      {"fourteen_names", "fourteen_names_but_longer_in_its_types"},
      {"fifteen_letters", "fifteen_letters"},
      // The kernel keeps a_name_longer_t.
      {"a_name_longer_than_fifteen_characters", "a_name_longer_than_fifteen_characters"},
      {"fifteen_exactly", "another_function_entirely"},
      {"fifteen_no_type", NULL},
      {NULL, NULL},
  };

  for (unsigned index = 0; index < sizeof names / sizeof names[0]; index++) {
    load_raw(&(struct raw_program){
        .name = names[index].name,
        .type = BPF_PROG_TYPE_SOCKET_FILTER,
        .function = names[index].function,
    });
  }
}
