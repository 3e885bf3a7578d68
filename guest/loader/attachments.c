// Programs on network devices without links: XDP, traffic control by filters of clsact, tcx, netkit.
// Nothing is sent on these devices.
#include "guest.h"

#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

enum { tcx_ingress = 46, netkit_primary = 54, next_program = -1 };  // newer than the headers

static int load(const char *name, uint32_t type, int result) {
  return load_raw(&(struct raw_program){
      .name = name,
      .type = type,
      .attach_type = type == BPF_PROG_TYPE_XDP ? BPF_XDP : 0,
      .result = result,
  });
}

static void attach_xdp(const char *name, unsigned device, uint32_t mode) {
  int program = load(name, BPF_PROG_TYPE_XDP, XDP_PASS);
  int error = device ? bpf_xdp_attach(device, program, mode, NULL) : 0;

  if (error)
    say("no %s on this kernel: %s", name, strerror(-error));
}

static void attach_filter(unsigned device, enum bpf_tc_attach_point point, uint32_t priority) {
  LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = device, .attach_point = point);
  LIBBPF_OPTS(bpf_tc_opts, options, .handle = 1, .priority = priority,
              .prog_fd = load("tc_filter", BPF_PROG_TYPE_SCHED_CLS, 0));
  int error = bpf_tc_attach(&hook, &options);

  if (error)
    say("no filter of traffic control on this kernel: %s", strerror(-error));
}

static void attach_filters(unsigned device) {
  LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = device,
              .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
  int error = bpf_tc_hook_create(&hook);

  if (error) {
    say("no clsact on this kernel: %s", strerror(-error));
    return;
  }
  attach_filter(device, BPF_TC_INGRESS, 2);
  attach_filter(device, BPF_TC_INGRESS, 1);
  attach_filter(device, BPF_TC_EGRESS, 1);
}

static void attach(const char *name, unsigned device, uint32_t type) {
  int program = load(name, BPF_PROG_TYPE_SCHED_CLS, next_program);

  if (bpf_prog_attach(program, device, type, 0))
    say("no %s on this kernel: %m", name);
}

void attach_to_devices(void) {
  unsigned dummy = make_device("gs_dummy", "dummy");
  unsigned veth = make_device("gs_veth", "veth");
  unsigned netkit = make_device("gs_attached", "netkit");

  attach_xdp("xdp_generic", dummy ? dummy : netkit, XDP_FLAGS_SKB_MODE);
  attach_xdp("xdp_driver", veth, XDP_FLAGS_DRV_MODE);
  if (dummy)
    attach_filters(dummy);
  if (dummy || netkit)
    attach("tcx_ingress", dummy ? dummy : netkit, tcx_ingress);
  if (netkit)
    attach("netkit_primary", netkit, netkit_primary);
}
