#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <signal.h>
#include <sys/prctl.h>

// What the C library has for Linux alone, and declares under _GNU_SOURCE only.
int memfd_create(const char *name, unsigned int flags);

// This process gets SIGTERM when the process that started it ends. Swift cannot call prctl(), which
// takes any number of arguments.
static inline int guestscope_end_with_parent(void) { return prctl(PR_SET_PDEATHSIG, SIGTERM); }
