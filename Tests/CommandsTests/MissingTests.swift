import Testing

@testable import Commands
@testable import GuestScopeGuestMemory

@Suite struct MissingTests {
  @Test(arguments: [
    ("program", 1, "1 program unreadable"), ("program", 2, "2 programs unreadable"),
    ("machine code of program", 2, "machine code of 2 programs unreadable"),
    ("stack of vCPU", 1, "stack of 1 vCPU unreadable"),
    ("slots from", 2, "2 stretches of slots unreadable"),
    ("xarray entry", 2, "2 xarray entries unreadable"),
    ("xa_node", 1, "1 xarray node (with the objects that hang on it) unreadable"),
  ])
  func whatIsMissingIsCountedByItsKind(kind: String, count: Int, line: String) {
    let objects = (0..<count).map { id in
      UnreadableObject(
        key: ObjectKey(kind, id: UInt64(id), at: KernelVirtualAddress(0)),
        cause: Unreadable(.notMapped, at: 0))
    }
    #expect(objects.missing.first == line && objects.missing.count == count + 1)
  }
}
