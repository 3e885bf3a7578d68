/* Types of every kind of BTF. sample.btf was made from this file with clang 14:
 *
 *   clang -g -target bpf -O2 -c sample.c -o sample.o
 *   llvm-objcopy --dump-section .BTF=sample.btf sample.o
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef struct { u64 counter; } atomic_t;

enum prog_type { PROG_UNSPEC, PROG_KPROBE = 2, PROG_STRUCT_OPS = 27, PROG_LAST = -1 };

struct forward;
union forward_union;

struct stats {
  atomic_t cnt;
  atomic_t nsecs;
};

struct prog {
  u16 pages;
  u16 jited : 1, gpl_compatible : 1, cb_access : 3;
  enum prog_type type;
  u8 tag[8];
  volatile struct stats stats;
  struct {
    u32 len;
    union {
      u64 address;
      struct {
        u32 low;
        u32 high;
      };
    } place;
    union {
      const char *name;
      u32 anonymous_id;
    };
  };
  struct prog *next;
  const struct forward *owner;
  union forward_union *other;
  int (*run)(const void *ctx, struct prog *prog, ...);
  int (*table[2][3])(void);
  void *restrict scratch;
  char *const fixed;
  float ratio;
  u32 __attribute__((btf_type_tag("rcu"))) *tagged;
  _Bool ready;
  unsigned long long insns[];
};

struct prog first __attribute__((section(".data")));
static u32 counters[4] __attribute__((used));

__attribute__((section("prog"), btf_decl_tag("entry"))) int run(struct prog *prog) {
  return prog->jited + first.cb_access + counters[1];
}

char bpf_license[] __attribute__((section("license"))) = "GPL";
