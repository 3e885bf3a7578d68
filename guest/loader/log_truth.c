// The kernel's log, as the guest reads it: by record from /dev/kmsg, by line as dmesg does.
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <unistd.h>

// Records of a kind that the kernel itself writes seldom.
void write_log(void) {
  static const char *const records[] = {
      "<11>gs: the first line\nthe second one\n\nthe fourth one", "<15>gs: bytes \001\x7f\xff\x80 and \\x41",
      "<8>gs: an emergency", "<30>gs: a daemon", "<14>", "<14>\n",
      "<13>gs: ends with a newline\n",
  };
  char line[901] = "<14>gs: ";

  memset(line + 8, 'x', sizeof line - 9);
  line[sizeof line - 1] = 0;
  int file = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
  for (unsigned index = 0; index < sizeof records / sizeof records[0]; index++)
    if (write(file, records[index], strlen(records[index])) < 0)
      fail("cannot write to /dev/kmsg: %m");
  if (write(file, line, strlen(line)) < 0)
    fail("cannot write to /dev/kmsg: %m");
  close(file);
}

// Ten lines a second, with numbers, for ever.
void log_on(void) {
  int file = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

  // Else the kernel takes ten lines in five seconds, and drops the others. It wants the end of the line.
  write_file("/proc/sys/kernel/printk_devkmsg", "on\n");
  for (unsigned number = 0;; number++) {
    char line[32];
    // Not dprintf(), which asks a file where it stands: this one does not say.
    int length = snprintf(line, sizeof line, "<14>gs: line %u", number);
    if (write(file, line, length) < 0)
      fail("cannot write to /dev/kmsg: %m");
    usleep(100000);
  }
}

// A JSON line a record.
static void print_records(void) {
  char record[8192];
  int file = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

  if (file < 0)
    fail("cannot open /dev/kmsg: %m");
  for (;;) {
    ssize_t count = read(file, record, sizeof record - 1);
    if (count < 0 && errno == EAGAIN)
      break;
    if (count < 0 && errno != EPIPE)
      fail("cannot read /dev/kmsg: %m");
    if (count < 0)
      continue;
    record[count] = 0;
    // Properties of a device follow, a line each.
    record[strcspn(record, "\n")] = 0;
    printf("{\"kind\":\"log\",\"record\":");
    print_json_string(record);
    puts("}");
  }
  close(file);
}

enum { READ_ALL = 3, SIZE_BUFFER = 10 };

// A JSON line a line of `dmesg -r`; in hexadecimal, for it may be no text.
static void print_lines(void) {
  int size = klogctl(SIZE_BUFFER, NULL, 0);
  char *text = size > 0 ? malloc(size + 1) : NULL;
  int count = text ? klogctl(READ_ALL, text, size) : -1;

  if (count < 0)
    fail("cannot read the kernel's log: %m");
  text[count] = 0;
  for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
    printf("{\"kind\":\"dmesg\",\"line\":\"");
    for (; line < end; line++)
      printf("%02x", (unsigned char)*line);
    puts("\"}");
  }
  free(text);
}

void print_log_truth(void) {
  print_records();
  print_lines();
}
