import Testing

@testable import Commands
@testable import GuestScopeKernelBPF

/// What `net list` prints of attachments that no test guest can have.
@Suite struct NetworkTextTests {
  private func filter(
    _ family: UInt8, _ hook: UInt32, flags: UInt32? = 0, isDetached: Bool = false
  ) -> NetworkAttachments.Netfilter {
    NetworkAttachments.Netfilter(
      family: family, hook: hook, priority: -10, flags: flags, id: 33, isDetached: isDetached)
  }

  @Test func hooksOfNetfilterHaveTheirNames() {
    #expect(filter(2, 1).line == "ip input prio -10 prog_id 33")
    #expect(filter(10, 4, flags: 1).line == "ip6 postrouting prio -10 flags 0x1 prog_id 33")
    #expect(filter(3, 1, flags: nil).line == "arp output prio -10 prog_id 33")
    #expect(filter(3, 2).line == "arp hook 2 prio -10 prog_id 33")
    #expect(filter(5, 0).line == "netdev hook 0 prio -10 prog_id 33")
    #expect(filter(9, 7).line == "pf 9 hook 7 prio -10 prog_id 33")
    #expect(filter(2, 0, isDetached: true).line == "ip prerouting prio -10 prog_id 33 (detached)")
  }

  @Test func aDetachedLinkOfNetfilterSaysSo() {
    #expect(
      filter(2, 1, isDetached: true).document.text(pretty: false)
        == #"{"pf":2,"hook":1,"prio":-10,"flags":0,"id":33,"detached":true}"#)
    #expect(
      filter(2, 1, flags: nil).document.text(pretty: false)
        == #"{"pf":2,"hook":1,"prio":-10,"flags":null,"id":33}"#)
  }

  @Test func severalModesOfXDPAreAList() {
    let device = NetworkAttachments.Device(name: "eth0", index: 2)
    let xdp = NetworkAttachments.XDP(
      device: device, modes: [("driver", 5), ("offload", 6)])
    #expect(
      xdp.document.text(pretty: false)
        == #"{"devname":"eth0","ifindex":2,"multi_attachments":[{"mode":"driver","id":5},"#
        + #"{"mode":"offload","id":6}]}"#)
    #expect(xdp.line == "eth0(2) driver id 5 offload id 6")
  }

  /// bpftool has an object with neither key.
  @Test func aFilterOfClassicBPFHasNeitherNameNorId() {
    let device = NetworkAttachments.Device(name: "eth0", index: 2)
    let filter = NetworkAttachments.TrafficControl(
      device: device, kind: "clsact/ingress", name: nil, id: nil, linkID: nil)
    #expect(
      filter.document.text(pretty: false)
        == #"{"devname":"eth0","ifindex":2,"kind":"clsact/ingress"}"#)
    #expect(filter.line == "eth0(2) clsact/ingress")
  }
}
