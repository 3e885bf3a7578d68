// Programs of two instructions and of any type, with BTF of their own, and links of them. A kernel
// that lacks a type of program or link skips it, with a line on the console.
#include "guest.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

static struct btf *types;

static const struct btf *own_types(void) {
  if (types)
    return types;
  types = btf__new_empty();
  int number = types ? btf__add_int(types, "int", 4, BTF_INT_SIGNED) : -1;
  int packet = btf__add_struct(types, "__sk_buff", 4);
  btf__add_field(types, "len", number, 0, 0);
  int lock = btf__add_struct(types, "bpf_spin_lock", 4);
  btf__add_field(types, "val", number, 0, 0);
  btf__add_struct(types, "locked_value", 8);
  btf__add_field(types, "lock", lock, 0, 0);
  btf__add_field(types, "number", number, 32, 0);
  int pointer = btf__add_ptr(types, packet);
  int prototype = btf__add_func_proto(types, number);
  btf__add_func_param(types, "skb", pointer);
  for (unsigned index = 0; function_names[index]; index++)
    btf__add_func(types, function_names[index], BTF_FUNC_GLOBAL, prototype);
  if (prototype < 0 || btf__load_into_kernel(types))
    fail("cannot load types: %m");
  return types;
}

int own_types_fd(void) { return btf__fd(own_types()); }

uint32_t own_type(const char *name) {
  int id = btf__find_by_name(own_types(), name);
  if (id < 0)
    fail("no type %s: %m", name);
  return id;
}

int load_raw(const struct raw_program *program) {
  struct bpf_insn instructions[] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = program->result},
      {.code = BPF_JMP | BPF_EXIT},
  };
  struct bpf_func_info function = {0};
  LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = program->attach_type,
              .attach_btf_id = program->attach_btf_id);

  if (program->target)
    options.attach_prog_fd = program->target;
  if (program->function) {
    function.type_id = own_type(program->function);
    options.prog_btf_fd = own_types_fd();
    options.func_info = &function;
    options.func_info_cnt = 1;
    options.func_info_rec_size = sizeof function;
  }
  int loaded = bpf_prog_load(program->type, program->name, "GPL", instructions, 2, &options);
  if (loaded < 0)
    say("no program %s on this kernel: %m", program->name);
  return loaded;
}

void load_long(void) {
  struct bpf_insn instructions[1500];

  for (unsigned index = 0; index < 1499; index++)
    instructions[index] = (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = index};
  instructions[1499] = (struct bpf_insn){.code = BPF_JMP | BPF_EXIT};
  if (bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "long_program", "GPL", instructions, 1500,
                    NULL) < 0)
    fail("cannot load long_program: %m");
}

// By the system call, since libbpf 1.1 does not know the newer types of links.
int make_link(const char *name, const struct link_request *request) {
  if ((int)request->object < 0)
    return -1;
  int link = syscall(SYS_bpf, BPF_LINK_CREATE, request, sizeof *request);
  if (link < 0)
    say("no link of %s on this kernel: %m", name);
  return link;
}

void detach_link(const char *name, int link) {
  if (link >= 0 && bpf_link_detach(link))
    say("the link of %s cannot be detached on this kernel: %m", name);
}
