// What every part of the loader needs: words on the console, small files, the guest's CPUs and clock.
#include "guest.h"

#include <stdarg.h>
#include <time.h>
#include <unistd.h>

static void print_line(const char *prefix, const char *format, va_list arguments) {
  fputs(prefix, stdout);
  vprintf(format, arguments);
  putchar('\n');
  fflush(stdout);
}

void say(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  print_line("loader: ", format, arguments);
  va_end(arguments);
}

// The guest stays up: its console and its memory can still be looked at.
void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  print_line("GUESTSCOPE-FAILED: ", format, arguments);
  va_end(arguments);
  for (;;)
    pause();
}

// Reads at most size - 1 bytes and ends them with a NUL.
bool read_file(const char *path, char *buffer, size_t size) {
  FILE *file = fopen(path, "re");
  if (!file)
    return false;
  size_t length = fread(buffer, 1, size - 1, file);
  buffer[length] = 0;
  fclose(file);
  return true;
}

void write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "we");
  if (!file || fputs(text, file) < 0 || fclose(file) != 0)
    fail("cannot write %s: %m", path);
}

unsigned online_cpus(void) { return sysconf(_SC_NPROCESSORS_ONLN); }

void print_json_string(const char *text) {
  putchar('"');
  for (; *text; text++) {
    if (*text == '"' || *text == '\\')
      printf("\\%c", *text);
    else if ((unsigned char)*text < ' ')
      printf("\\u%04x", *text);
    else
      putchar(*text);
  }
  putchar('"');
}

// The boot clock is read second, so every reading is too small by the time between the two: the
// largest is the best.
int64_t boot_offset(void) {
  static int64_t best;

  if (best)
    return best;
  for (int reading = 0; reading < 100; reading++) {
    struct timespec real, boot;
    clock_gettime(CLOCK_REALTIME, &real);
    clock_gettime(CLOCK_BOOTTIME, &boot);
    int64_t offset = (real.tv_sec - boot.tv_sec) * 1000000000ll + (real.tv_nsec - boot.tv_nsec);
    if (offset > best)
      best = offset;
  }
  return best;
}
