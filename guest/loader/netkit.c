// A pair of netkit devices, by rtnetlink: busybox cannot make one.
#include "guest.h"

#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
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

// The index of the device, or 0: from 6.7 on, with CONFIG_NETKIT.
unsigned make_netkit(const char *name) {
  static const char kind[] = "netkit";
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
  add(&request, IFLA_INFO_KIND, kind, sizeof kind);
  info->rta_len = (char *)&request + request.header.nlmsg_len - (char *)info;
  if (send(netlink, &request, request.header.nlmsg_len, 0) < 0 ||
      recv(netlink, answer, sizeof answer, 0) < 0)
    fail("rtnetlink: %m");
  close(netlink);
  // Whatever the answer was.
  return if_nametoindex(name);
}
