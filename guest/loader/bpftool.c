// What bpftool says in this guest, which is what `guestscope` must say from outside.
#define _GNU_SOURCE
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>

extern char **environ;

// scripts/guest-boot appends bpftool to the initramfs; tests that boot a guest on their own do not.
bool has_bpftool(void) { return access("/bpftool/bpftool", X_OK) == 0; }

// Runs bpftool with an option and these words, and its output to a descriptor.
static int run(const char *option, const char *const words[4], int output) {
  char *arguments[] = {
      "/bpftool/loader", "--library-path", "/bpftool", "/bpftool/bpftool", (char *)option,
      (char *)words[0], (char *)words[1], (char *)words[2], (char *)words[3], NULL,
  };
  posix_spawn_file_actions_t actions;
  pid_t child;
  int status;

  // Warnings of what this kernel lacks would stand in the middle of the document.
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  if (output != STDOUT_FILENO)
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  if (posix_spawn(&child, arguments[0], &actions, NULL, arguments, environ) ||
      waitpid(child, &status, 0) != child)
    fail("cannot run bpftool: %m");
  posix_spawn_file_actions_destroy(&actions);
  return status;
}

// Its JSON.
int run_bpftool(const char *const words[4], int output) { return run("-j", words, output); }

// Its text.
int run_bpftool_plain(const char *const words[4], int output) {
  return run("--nomount", words, output);
}

void begin_bpftool(const char *kind) {
  printf("GUESTSCOPE-BPFTOOL-BEGIN %s\n", kind);
  fflush(stdout);
}

void end_bpftool(const char *kind) {
  printf("\nGUESTSCOPE-BPFTOOL-END %s\n", kind);
  fflush(stdout);
}

// What bpftool dumps of a map; null where it cannot.
static void print_dump(uint32_t id) {
  char number[16], buffer[4096];
  int output = memfd_create("dump", MFD_CLOEXEC);
  ssize_t count;

  if (output < 0)
    fail("cannot make a file for what bpftool dumps: %m");
  snprintf(number, sizeof number, "%u", id);
  if (run_bpftool((const char *const[4]){"map", "dump", "id", number}, output) != 0) {
    printf("null");
  } else {
    lseek(output, 0, SEEK_SET);
    while ((count = read(output, buffer, sizeof buffer)) > 0)
      fwrite(buffer, 1, count, stdout);
  }
  close(output);
}

// An object, a line a member: a map's id, and what is in the map.
static void print_dumps(void) {
  uint32_t id = 0;

  begin_bpftool("dump");
  for (const char *before = "{\n"; bpf_map_get_next_id(id, &id) == 0; before = ",\n") {
    printf("%s\"%u\":", before, id);
    print_dump(id);
  }
  if (errno != ENOENT)
    fail("cannot list maps: %m");
  printf("\n}");
  end_bpftool("dump");
}

static void print_as(const char *kind, const char *const words[4]) {
  begin_bpftool(kind);
  int status = run_bpftool(words, STDOUT_FILENO);
  if (status != 0)
    fail("bpftool %s %s ended with status %#x", words[0], words[1] ? words[1] : "", status);
  end_bpftool(kind);
}

// The programs and maps with which bpftool probes the kernel may be among what it shows.
void print_bpftool(void) {
  static const char *const kinds[] = {"prog", "map", "link", "btf", "struct_ops"};

  // First: to look a socket up gives it a cookie, if it has none.
  print_dumps();
  for (unsigned index = 0; index < sizeof kinds / sizeof kinds[0]; index++)
    print_as(kinds[index], (const char *const[4]){kinds[index], "show"});
  print_as("struct_ops-dump", (const char *const[4]){"struct_ops", "dump"});
  print_as("cgroup", (const char *const[4]){"cgroup", "tree"});
  print_as("cgroup-effective",
           (const char *const[4]){"cgroup", "tree", "/sys/fs/cgroup", "effective"});
  print_as("perf", (const char *const[4]){"perf"});
  print_as("net", (const char *const[4]){"net"});
  enter_other_namespace();
  print_as("net-other", (const char *const[4]){"net"});
  leave_other_namespace();
  print_bpftool_code();
  print_bpftool_types();
}
