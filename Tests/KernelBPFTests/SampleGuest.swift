import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeKernelImage
import GuestScopeLinuxKernel
import TestSupport

extension SyntheticGuest {
  /// A guest with programs of several kinds, and where they are.
  static func sample(
    _ types: KernelTypes = .kernel(.linux6)
  ) -> (guest: SyntheticGuest, places: [SyntheticProgram.Places]) {
    let guest = SyntheticGuest(types)
    var first = SyntheticProgram(id: 3, name: "lab_init")
    first.verifiedInstructions = 1234
    first.counters = [(10, 1000, 1), (5, 500, 2)]
    first.mapIDs = [7, 9]
    first.btfID = 42
    first.uid = 1000
    var second = SyntheticProgram(id: 66, name: "lab_with_a_long")
    second.counters = [(1, 2, 3), (4, 5, 6)]
    second.functions = [100, 60, 7]
    second.isGPLCompatible = false
    var third = SyntheticProgram(id: 70_000, name: "probe")
    third.type = 2
    third.jitedLength = 0
    let places = [first, second, third].map(guest.add)
    guest.writeIDR()
    return (guest, places)
  }

  func bpf(_ memory: (any GuestMem)? = nil) throws -> BPFObjects {
    try BPFObjects(memory ?? ScriptedMemory(self.memory), kernel: try image())
  }

  func list(
    _ query: BPFProgramQuery = BPFProgramQuery(runtime: true, details: true)
  ) throws -> Snapshot<BPFObjects.Programs> { try bpf().programs(query) }
}

extension Snapshot<BPFObjects.Programs> {
  var names: [String] { value.objects.map(\.name) }
}
