// Links of network programs, in a network namespace of their own that nothing is sent in. Each is
// made twice, where the kernel lets one be detached: that one stays without a place.
#define _GNU_SOURCE
#include "guest.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/netfilter.h>

// Newer than the headers that the loader is compiled with.
enum {
  prog_type_netfilter = 32,
  attach_type_netfilter = 45,
  tcx_ingress = 46,
  tcx_egress = 47,
  netkit_primary = 54,
  netkit_peer = 55,
  next_program = -1,                 // TCX_NEXT
};

enum { loopback = 1 };               // its index in every namespace

static void link_twice(const char *name, const struct link_request *request) {
  detach_link(name, make_link(name, request));
  make_link(name, request);
}

static void link_namespace(int namespace) {
  int program = load_raw(&(struct raw_program){
      .name = "link_dissector",
      .type = BPF_PROG_TYPE_FLOW_DISSECTOR,
      .attach_type = BPF_FLOW_DISSECTOR,
  });
  link_twice("link_dissector", &(struct link_request){.object = program, .target = namespace,
                                                      .attach_type = BPF_FLOW_DISSECTOR});
}

static void link_xdp(void) {
  int program = load_raw(&(struct raw_program){
      .name = "link_xdp", .type = BPF_PROG_TYPE_XDP, .attach_type = BPF_XDP, .result = XDP_PASS});
  link_twice("link_xdp", &(struct link_request){.object = program, .target = loopback,
                                                .attach_type = BPF_XDP,
                                                .flags = XDP_FLAGS_SKB_MODE});
}

// From 6.4 on.
static void link_netfilter(void) {
  int program = load_raw(&(struct raw_program){
      .name = "link_netfilter",
      .type = prog_type_netfilter,
      .attach_type = attach_type_netfilter,
      .result = NF_ACCEPT,
  });
  struct link_request request = {
      .object = program,
      .attach_type = attach_type_netfilter,
      .words = {NFPROTO_IPV4 | (uint64_t)NF_INET_LOCAL_IN << 32, (uint32_t)-10},
  };

  link_twice("link_netfilter", &request);
  request.words[0] = NFPROTO_IPV6 | (uint64_t)NF_INET_FORWARD << 32;
  request.words[1] = 128;
  make_link("link_netfilter", &request);
}

// From 6.6 on.
static void link_traffic_control(void) {
  int program = load_raw(&(struct raw_program){
      .name = "link_tcx", .type = BPF_PROG_TYPE_SCHED_CLS, .result = next_program});
  struct link_request request = {
      .object = program, .target = loopback, .attach_type = tcx_ingress};

  link_twice("link_tcx", &request);
  request.attach_type = tcx_egress;
  make_link("link_tcx", &request);
}

// Two devices that are down.
static void link_netkit(void) {
  unsigned device = make_device("gs_netkit", "netkit");
  int program = load_raw(&(struct raw_program){
      .name = "link_netkit", .type = BPF_PROG_TYPE_SCHED_CLS, .result = next_program});
  struct link_request request = {
      .object = program, .target = device, .attach_type = netkit_primary};

  link_twice("link_netkit", &request);
  request.attach_type = netkit_peer;
  make_link("link_netkit", &request);
}

static int open_namespace(void) {
  int namespace = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  if (namespace < 0)
    fail("cannot open the network namespace: %m");
  return namespace;
}

static int guest_namespace = -1, other_namespace = -1;

static void enter(int namespace) {
  if (namespace >= 0 && setns(namespace, CLONE_NEWNET))
    fail("cannot enter a network namespace: %m");
}

void enter_other_namespace(void) { enter(other_namespace); }
void leave_other_namespace(void) { enter(guest_namespace); }

// The namespace lives as long as its descriptor, which is never closed.
void make_network_links(void) {
  guest_namespace = open_namespace();
  link_netkit();
  if (unshare(CLONE_NEWNET))
    fail("cannot make a network namespace: %m");
  other_namespace = open_namespace();
  link_namespace(other_namespace);
  link_xdp();
  link_netfilter();
  link_traffic_control();
  leave_other_namespace();
}
