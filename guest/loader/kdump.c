// gs.kdump: a crash on a chosen CPU of a guest that has a kernel loaded to take over from it.
#include "guest.h"

#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/kexec.h>

// The command line of this kernel, but for what is meant for the loader or reserves memory, and with
// one CPU: the others stay where the crash has stopped them.
static void crash_command_line(char *line, size_t size) {
  char own[4096];

  if (!read_file("/proc/cmdline", own, sizeof own))
    fail("cannot read /proc/cmdline: %m");
  size_t length = snprintf(line, size, "nr_cpus=1");
  for (char *word = strtok(own, " \n"); word && length < size; word = strtok(NULL, " \n")) {
    if (strncmp(word, "gs.", 3) != 0 && strncmp(word, "crashkernel=", 12) != 0)
      length += snprintf(line + length, size - length, " %s", word);
  }
}

// What `kexec -p -s` does; scripts/guest-boot has put the two files into the initramfs.
void load_crash_kernel(void) {
  char line[2048];
  int kernel = open("/kdump/vmlinuz", O_RDONLY | O_CLOEXEC);
  int initrd = open("/kdump/initrd", O_RDONLY | O_CLOEXEC);

  if (kernel < 0 || initrd < 0)
    fail("no crash kernel in the initramfs: %m");
  crash_command_line(line, sizeof line);
  if (syscall(SYS_kexec_file_load, kernel, initrd, strlen(line) + 1, line, KEXEC_FILE_ON_CRASH))
    fail("cannot load the crash kernel: %m");
  close(kernel);
  close(initrd);
}

void crash_on_cpu(unsigned cpu) {
  pin_to_cpu(cpu);
  write_file("/proc/sysrq-trigger", "c");
}
