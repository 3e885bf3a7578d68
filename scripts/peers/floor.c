// Sends the packets of the last stop that `guestscope --trace` shows, and lets the guest go on. It decides
// and decodes nothing: what the guest stands still for then is QEMU's own time and that of the sockets.
//
// Usage: floor PORT TRACE
//
// Forty times, as the session has forty answers, and three milliseconds apart, as long as it decodes and
// writes: the first stops of a quiet QEMU take longer, and one that is stopped again at once is quicker.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char greeting[] = "-$#00";

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void send_all(int stub, const char *bytes, size_t size) {
  if (write(stub, bytes, size) != (ssize_t)size)
    fail("write");
}

// One stop; returns the bytes that QEMU sent.
static size_t stop_once(struct sockaddr_in address, const char *batch, size_t size) {
  static char answers[1 << 20];
  int stub = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  size_t heard = 0;
  ssize_t count;

  setsockopt(stub, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(stub, (struct sockaddr *)&address, sizeof address))
    fail("connect");
  send_all(stub, greeting, strlen(greeting));
  // The answer to the empty packet. To sleep until it comes would take longer than it.
  while (!memmem(answers, heard, "$#00", 4)) {
    count = recv(stub, answers + heard, sizeof answers - heard, MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EAGAIN))
      fail("recv");
    heard += count > 0 ? count : 0;
  }
  send_all(stub, batch, size);
  shutdown(stub, SHUT_WR);
  while ((count = read(stub, answers, sizeof answers)) > 0)
    heard += count;
  close(stub);
  return heard;
}

int main(int argc, char **argv) {
  static char batch[1 << 16], line[1 << 16];
  struct sockaddr_in address = {.sin_family = AF_INET};
  size_t size = 0, heard = 0;
  int packets = 0;
  FILE *trace;

  if (argc != 3 || !(trace = fopen(argv[2], "r")))
    fail("floor PORT TRACE");
  // What was written after the last greeting.
  while (fgets(line, sizeof line, trace)) {
    size_t length = strcspn(line, "\n");

    if (strncmp(line, "-> ", 3) != 0)
      continue;
    line[length] = 0;
    if (strcmp(line + 3, greeting) == 0) {
      size = packets = 0;
    } else if (size + length - 3 <= sizeof batch) {
      memcpy(batch + size, line + 3, length - 3);
      size += length - 3;
      packets++;
    }
  }
  address.sin_port = htons(atoi(argv[1]));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int stop = 0; stop < 40; stop++) {
    heard = stop_once(address, batch, size);
    usleep(3000);
  }
  printf("packets=%d bytes=%zu\n", packets, size + heard);
  return 0;
}
