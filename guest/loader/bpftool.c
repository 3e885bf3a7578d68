// What bpftool says in this guest, which is what `guestscope` must say from outside.
#include "guest.h"

#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

// scripts/guest-boot appends bpftool to the initramfs; tests that boot a guest on their own do not.
bool has_bpftool(void) { return access("/bpftool/bpftool", X_OK) == 0; }

static void run(const char *kind, const char *command) {
  char *arguments[] = {
      "/bpftool/loader", "--library-path", "/bpftool", "/bpftool/bpftool", "-j", (char *)kind,
      (char *)command, NULL,
  };
  posix_spawn_file_actions_t actions;
  pid_t child;
  int status;

  // Warnings of what this kernel lacks would stand in the middle of the document.
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  if (posix_spawn(&child, arguments[0], &actions, NULL, arguments, environ) ||
      waitpid(child, &status, 0) != child)
    fail("cannot run bpftool: %m");
  posix_spawn_file_actions_destroy(&actions);
  if (status != 0)
    fail("bpftool %s %s ended with status %#x", kind, command, status);
}

// The programs and maps with which bpftool probes the kernel may be among what it shows.
void print_bpftool(void) {
  static const char *const kinds[] = {"prog", "map", "link", "btf", "struct_ops"};

  for (unsigned index = 0; index < sizeof kinds / sizeof kinds[0]; index++) {
    printf("GUESTSCOPE-BPFTOOL-BEGIN %s\n", kinds[index]);
    fflush(stdout);
    run(kinds[index], "show");
    printf("\nGUESTSCOPE-BPFTOOL-END %s\n", kinds[index]);
    fflush(stdout);
  }
  printf("GUESTSCOPE-BPFTOOL-BEGIN struct_ops-dump\n");
  fflush(stdout);
  run("struct_ops", "dump");
  printf("\nGUESTSCOPE-BPFTOOL-END struct_ops-dump\n");
  fflush(stdout);
}
