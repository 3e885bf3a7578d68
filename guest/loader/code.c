// Programs that are loaded for their instructions alone: those of /bpf/code*.bpf.o, each by itself,
// for a kernel may lack what one of them calls; and others, of instructions that clang or libbpf of
// Debian 12 cannot make.
#include "guest.h"

#include <string.h>
#include <sys/mman.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define INSN(operation, to, from, offset, number)                                       \
  (struct bpf_insn) {                                                                    \
    .code = (operation), .dst_reg = (to), .src_reg = (from), .off = (offset),            \
    .imm = (number)                                                                      \
  }
#define EXIT INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

// Newer than the headers that the loader is compiled with.
enum { memsx = 0x80, load_acquire = 0x100, store_release = 0x110, map_type_arena = 33 };

static void load_instructions(const char *name, const struct bpf_insn *instructions, size_t count) {
  LIBBPF_OPTS(bpf_prog_load_opts, options);
  if (bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, name, "GPL", instructions, count, &options) < 0)
    say("no program %s on this kernel: %m", name);
}

#define LOAD(name, instructions)                                                         \
  load_instructions(name, instructions, sizeof instructions / sizeof instructions[0])

// Of the fourth version of the instruction set: Linux has it from 6.6 on.
static void load_version_4(void) {
  static const struct bpf_insn instructions[] = {
      INSN(BPF_LDX | BPF_MEM | BPF_W, 6, 1, 0, 0),
      INSN(BPF_ST | BPF_MEM | BPF_DW, 10, 0, -8, -5),
      INSN(BPF_LDX | memsx | BPF_B, 1, 10, -8, 0),
      INSN(BPF_LDX | memsx | BPF_H, 2, 10, -8, 0),
      INSN(BPF_LDX | memsx | BPF_W, 3, 10, -8, 0),
      INSN(BPF_ALU64 | BPF_MOV | BPF_X, 4, 1, 8, 0),
      INSN(BPF_ALU64 | BPF_MOV | BPF_X, 4, 1, 32, 0),
      INSN(BPF_ALU | BPF_MOV | BPF_X, 5, 2, 16, 0),
      INSN(BPF_ALU64 | BPF_DIV | BPF_X, 1, 2, 1, 0),
      INSN(BPF_ALU64 | BPF_MOD | BPF_K, 2, 0, 1, 7),
      INSN(BPF_ALU | BPF_DIV | BPF_K, 3, 0, 1, -3),
      INSN(BPF_ALU64 | BPF_END, 4, 0, 0, 16),
      INSN(BPF_ALU64 | BPF_END, 5, 0, 0, 64),
      INSN(BPF_ALU | BPF_END | BPF_TO_BE, 5, 0, 0, 32),
      INSN(BPF_ALU | BPF_END | BPF_TO_LE, 5, 0, 0, 64),
      INSN(BPF_JMP | BPF_JEQ | BPF_K, 6, 0, 1, 5),
      INSN(BPF_JMP32 | BPF_JA, 0, 0, 0, 1),
      INSN(BPF_ALU64 | BPF_NEG, 1, 0, 0, 0),
      INSN(BPF_ALU | BPF_MOV | BPF_K, 0, 0, 0, 0),
      EXIT,
  };
  LOAD("code_version_4", instructions);
}

// Since 6.15.
static void load_ordered_access(void) {
  static const struct bpf_insn instructions[] = {
      INSN(BPF_ST | BPF_MEM | BPF_DW, 10, 0, -8, 3),
      INSN(BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, 4),
      INSN(BPF_STX | BPF_ATOMIC | BPF_DW, 2, 10, -8, load_acquire),
      INSN(BPF_STX | BPF_ATOMIC | BPF_W, 10, 1, -8, store_release),
      INSN(BPF_ALU | BPF_MOV | BPF_K, 0, 0, 0, 0),
      EXIT,
  };
  LOAD("code_ordered", instructions);
}

// Loads from the packet, and a loop that the kernel counts (since 6.9).
static void load_packets(void) {
  static const struct bpf_insn packets[] = {
      INSN(BPF_ALU64 | BPF_MOV | BPF_X, 6, 1, 0, 0),
      INSN(BPF_LD | BPF_ABS | BPF_B, 0, 0, 0, 9),
      INSN(BPF_ALU64 | BPF_MOV | BPF_X, 7, 0, 0, 0),
      INSN(BPF_LD | BPF_IND | BPF_H, 0, 7, 0, 2),
      EXIT,
  };
  static const struct bpf_insn loop[] = {
      INSN(BPF_ALU | BPF_MOV | BPF_K, 0, 0, 0, 0),
      INSN(BPF_JMP | 0xe0, 0, 0, 1, 0),
      INSN(BPF_JMP | BPF_JA, 0, 0, -2, 0),
      EXIT,
  };
  LOAD("code_packets", packets);
  LOAD("code_may_goto", loop);
}

// Addresses of user space become the kernel's (since 6.9).
static void load_arena(void) {
  LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
  int arena = bpf_map_create((enum bpf_map_type)map_type_arena, "code_arena", 0, 0, 2, &options);
  if (arena < 0) {
    say("no arena for code on this kernel: %m");
    return;
  }
  // The pages stay mapped: a program can refer to them only then.
  if (mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, arena, 0) == MAP_FAILED)
    say("the arena for code cannot be mapped: %m");
  const struct bpf_insn instructions[] = {
      INSN(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, arena),
      INSN(0, 0, 0, 0, 0),
      INSN(BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, 0),
      INSN(BPF_ALU64 | BPF_MOV | BPF_X, 2, 2, 1, 1),
      INSN(BPF_LDX | BPF_MEM | BPF_DW, 3, 2, 8, 0),
      INSN(BPF_STX | BPF_MEM | BPF_W, 2, 3, 16, 0),
      INSN(BPF_ST | BPF_MEM | BPF_W, 2, 0, 24, 7),
      INSN(BPF_ALU | BPF_MOV | BPF_K, 0, 0, 0, 0),
      EXIT,
  };
  LOAD("code_arena", instructions);
}

static void load_with_subprogram(const char *name) {
  static const struct bpf_insn instructions[] = {
      INSN(BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, 0x1234567),
      INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 1),
      EXIT,
      INSN(BPF_STX | BPF_MEM | BPF_DW, 10, 1, -64, 0),
      INSN(BPF_ALU64 | BPF_MOV | BPF_X, 0, 1, 0, 0),
      INSN(BPF_ALU64 | BPF_ADD | BPF_K, 0, 0, 0, 0x7654321),
      EXIT,
  };
  LOAD(name, instructions);
}

// Writes a switch of the kernel; false where it does not let us.
static bool set(const char *path, const char *text) {
  FILE *file = fopen(path, "we");
  return file && fputs(text, file) >= 0 && fclose(file) == 0;
}

static void load_compiled_otherwise(void) {
  static const char enable[] = "/proc/sys/net/core/bpf_jit_enable";
  static const char harden[] = "/proc/sys/net/core/bpf_jit_harden";

  load_with_subprogram("code_compiled");
  if (set(enable, "0")) {
    load_with_subprogram("code_interpreted");
    load_tiny("code_slow", 5);
    set(enable, "1");
  } else {
    say("this kernel interprets no programs");
  }
  if (set(harden, "2")) {
    load_tiny("code_blinded", 0x1234567);
    load_with_subprogram("code_blinded_too");
    set(harden, "0");
  } else {
    say("this kernel blinds no constants");
  }
}

static struct bpf_object *open_object(const char *path) {
  struct bpf_object *object = bpf_object__open_file(path, NULL);
  if (!object)
    fail("cannot open %s: %m", path);
  return object;
}

// All programs of an object; where one does not load, each by itself, with maps of its own.
static void load_objects(const char *path) {
  struct bpf_object *all = open_object(path);
  struct bpf_program *each, *other;

  if (bpf_object__load(all) == 0)
    return;
  bpf_object__for_each_program(each, all) {
    const char *name = bpf_program__name(each);
    struct bpf_object *object = open_object(path);
    bpf_object__for_each_program(other, object)
        bpf_program__set_autoload(other, strcmp(bpf_program__name(other), name) == 0);
    if (bpf_object__load(object))
      say("no program %s on this kernel: %m", name);
  }
}

void load_code(void) {
  libbpf_print_fn_t print = libbpf_set_print(NULL);
  load_objects("/bpf/code.bpf.o");
  load_objects("/bpf/code_kfuncs.bpf.o");
  load_objects("/bpf/code_test.bpf.o");
  libbpf_set_print(print);
  load_version_4();
  load_ordered_access();
  load_packets();
  load_arena();
  load_compiled_otherwise();
}
