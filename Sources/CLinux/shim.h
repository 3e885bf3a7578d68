#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

// What the C library has for Linux alone, and declares under _GNU_SOURCE only.
int memfd_create(const char *name, unsigned int flags);
