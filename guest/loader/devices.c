// Network devices by rtnetlink, since busybox does not know netkit, and the modules that they need.
#define _GNU_SOURCE
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

struct request {
  struct nlmsghdr header;
  struct ifinfomsg interface;
  char attributes[128];
};

// Returns where the attribute's own attributes may follow.
static struct rtattr *add(struct request *request, int type, const void *data, size_t size) {
  struct rtattr *attribute = (void *)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len));
  attribute->rta_type = type;
  attribute->rta_len = RTA_LENGTH(size);
  if (size)
    memcpy(RTA_DATA(attribute), data, size);
  request->header.nlmsg_len = NLMSG_ALIGN(request->header.nlmsg_len) + RTA_SPACE(size);
  return attribute;
}

// The index of the device, or 0 where the kernel has no devices of this kind. A veth or a netkit has
// a peer, whose name the kernel chooses.
unsigned make_device(const char *name, const char *kind) {
  struct request request = {
      .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
                 .nlmsg_type = RTM_NEWLINK,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK},
  };
  char answer[1024];
  int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

  if (netlink < 0)
    fail("cannot open rtnetlink: %m");
  add(&request, IFLA_IFNAME, name, strlen(name) + 1);
  struct rtattr *info = add(&request, IFLA_LINKINFO, NULL, 0);
  add(&request, IFLA_INFO_KIND, kind, strlen(kind) + 1);
  info->rta_len = (char *)&request + request.header.nlmsg_len - (char *)info;
  if (send(netlink, &request, request.header.nlmsg_len, 0) < 0 ||
      recv(netlink, answer, sizeof answer, 0) < 0)
    fail("rtnetlink: %m");
  close(netlink);
  // Whatever the answer was.
  return if_nametoindex(name);
}

// Drivers and traffic control, which Debian's kernels have as modules. A kernel whose package has
// none goes without.
void load_network_modules(void) {
  char names[256];

  if (!read_file("/modules/network/list", names, sizeof names))
    return;
  for (char *name = strtok(names, "\n"); name; name = strtok(NULL, "\n")) {
    char path[128];
    snprintf(path, sizeof path, "/modules/network/%s", name);
    int module = open(path, O_RDONLY | O_CLOEXEC);
    if (module < 0 || (syscall(SYS_finit_module, module, "", 0) && errno != EEXIST))
      say("no module %s on this kernel: %m", name);
    if (module >= 0)
      close(module);
  }
}
