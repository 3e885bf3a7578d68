import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeLinuxKernel
import TestSupport
import Testing

@Suite struct NetworkTests {
  private func text(_ control: NetworkAttachments.TrafficControl) -> String {
    "\(control.device.name)(\(control.device.index)) \(control.kind) \(control.name ?? "-") "
      + "\(control.id ?? 0) link \(control.linkID.map(String.init) ?? "-")"
  }

  @Test func programsOfAPlaceHaveTheOrderInWhichTheyRunAndTheirLinks() throws {
    let network = NetworkGuest()
    let net = network.addNamespace(inum: 11)
    let entry = network.entry([network.program(3), network.program(1)], links: [1: 40])
    network.addDevice("eth1", index: 70, in: net, ["tcx_egress": entry])
    network.addDevice("eth0", index: 2, in: net, ["tcx_ingress": network.entry([])])
    let snapshot = try network.attachments()
    #expect(snapshot.unreadable.isEmpty)
    #expect(
      snapshot.value.flatMap(\.trafficControl).map(text) == [
        "eth1(70) tcx/egress prog3 3 link 0", "eth1(70) tcx/egress prog1 1 link 40",
      ])
  }

  /// A NIC may run a program of its own beside the kernel's.
  @Test func aDeviceMayRunXDPInSeveralModes() throws {
    let network = NetworkGuest()
    let net = network.addNamespace(inum: 11)
    network.addDevice(
      "eth0", index: 1, in: net, xdp: [1: network.program(5), 2: network.program(6)])
    let xdp = try network.attachments().value.flatMap(\.xdp)
    #expect(xdp.map { $0.modes.map(\.mode) } == [["driver", "offload"]])
    #expect(xdp.map { $0.modes.map(\.id) } == [[5, 6]])
  }

  @Test func otherNamespacesAreThereIfTheyHavePrograms() throws {
    let network = NetworkGuest()
    _ = network.addNamespace(inum: 11)
    let empty = network.addNamespace(inum: 12)
    let other = network.addNamespace(inum: 13)
    network.addDevice("lo", index: 1, in: empty)
    network.run([network.program(8)], in: other, 0)
    network.run([network.program(9), network.program(10)], in: other, 1)
    let found = try network.attachments().value
    #expect(found.map(\.inum) == [11, 13])
    #expect(found.map(\.isFirst) == [true, false])
    #expect(found.map(\.flowDissector) == [[], [8]])
    #expect(found.map(\.socketLookup) == [[], [9, 10]])
  }

  @Test func aDamagedDeviceTakesNoOtherWithIt() throws {
    let network = NetworkGuest()
    let net = network.addNamespace(inum: 11)
    let entry = network.entry([network.program(3), 0xdead_0000_0000_0100])
    network.addDevice("bad", index: 1, in: net, ["tcx_ingress": entry])
    network.addDevice("poor", index: 2, in: net, ["tcx_ingress": 0xdead_0000_0000_0200])
    network.addDevice("good", index: 3, in: net, xdp: [0: network.program(4)])
    let snapshot = try network.attachments()
    #expect(snapshot.value.flatMap(\.xdp).map(\.device.name) == ["good"])
    #expect(snapshot.unreadable.map(\.key.id) == [1, 2])
  }

  @Test func aListOfNamespacesThatLeadsIntoItselfEnds() throws {
    let network = NetworkGuest()
    _ = network.addNamespace(inum: 11)
    let second = network.addNamespace(inum: 12)
    network.run([network.program(8)], in: second, 0)
    network.finish()
    network.guest.ram.write(second, at: network.place(of: second))
    let snapshot = try network.guest.bpf().networkAttachments()
    #expect(snapshot.value.map(\.inum) == [11, 12])
    #expect(!snapshot.unreadable.isEmpty)
  }

  @Test func damagedNetworksAreAnsweredOrRefused() throws {
    let network = NetworkGuest()
    for namespace in 0..<2 {
      let net = network.addNamespace(inum: UInt32(namespace))
      for index in [1, 65, 200] as [UInt64] {
        let entry = network.entry([network.program(index), network.program(300)], links: [0: 9])
        network.addDevice(
          "eth\(index)", index: index, in: net, ["tcx_ingress": entry], xdp: [0: network.program(7)]
        )
      }
    }
    network.finish()
    try Damaged.check(
      network.guest, "networks", mostFound: 2 * 3 * 5
    ) { bpf throws(KernelError) in
      let snapshot = try bpf.networkAttachments()
      return (
        snapshot.value.reduce(0) { $0 + $1.xdp.count + $1.trafficControl.count },
        snapshot.unreadable.count
      )
    }
  }
}
