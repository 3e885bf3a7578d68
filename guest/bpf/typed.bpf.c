// Maps whose keys and values have types of all kinds. typed_maps.c fills them; no program uses them.
#include "kernel.h"

enum color { COLOR_RED = 1, COLOR_GREEN = 2, COLOR_NONE = -1 };
enum __attribute__((packed)) size { SIZE_SMALL = 1, SIZE_LARGE = 100 };

typedef __s16 coordinate;

struct typed_key {
  __u32 pid;
  __u16 cpu;
  enum size size;
  char side;
};

struct typed_prefix {
  __u32 prefixlen;
  __u8 address[4];
};

struct point {
  coordinate x, y;
};

struct typed_value {
  __u64 cnt;
  __s32 delta;
  enum color color;
  enum size size;
  __u8 low : 3;
  __u8 high : 5;
  __s32 balance : 20;
  __u32 rest : 12;
  bool ready;
  char name[14];
  char full[7];
  __u8 bytes[3];
  union {
    __u64 wide;
    struct {
      __u32 first;
      __u32 second;
    };
  };
  union {
    __s8 tiny;
    coordinate short_one;
  } either;
  struct point points[2][2];
  struct {
    const volatile __u32 inner;
    struct point place;
  } nested;
  struct task_struct *task;
  void (*callback)(int number);
  const char *text;
  __int128 widest;
};

struct counters {
  __u64 packets;
  __u64 bytes;
  __u32 errors[2];
};

struct pointers {
  struct task_struct *task;
  struct {
    void (*callback)(int number);
  } nested[1];
  struct task_struct *none;
};

#define TYPED_MAP(NAME, TYPE, KEY, VALUE, ENTRIES, FLAGS) \
  struct {                                                \
    __uint(type, BPF_MAP_TYPE_##TYPE);                    \
    __uint(max_entries, ENTRIES);                         \
    __uint(map_flags, FLAGS);                             \
    __type(key, KEY);                                     \
    __type(value, VALUE);                                 \
  } NAME SEC(".maps")

TYPED_MAP(typed_hash, HASH, struct typed_key, struct typed_value, 20, 0);
TYPED_MAP(typed_lru, LRU_HASH, struct typed_key, enum color, 20, 0);
TYPED_MAP(typed_array, ARRAY, __u32, struct typed_value, 5, 0);
TYPED_MAP(typed_cpus, PERCPU_HASH, struct typed_key, struct typed_value, 20, 0);
TYPED_MAP(typed_counts, PERCPU_ARRAY, __u32, struct counters, 4, 0);
TYPED_MAP(typed_number, PERCPU_ARRAY, __u32, __s64, 4, 0);
TYPED_MAP(typed_trie, LPM_TRIE, struct typed_prefix, struct point, 10, BPF_F_NO_PREALLOC);
TYPED_MAP(typed_pointers, ARRAY, __u32, struct pointers, 4, 0);
TYPED_MAP(typed_text, HASH, char[8], char[16], 10, BPF_F_NO_PREALLOC);
