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

  @Test func equalLinesAreOneAndManyAreCutShort() {
    let link = UnreadableObject(
      key: ObjectKey("htab_elem link", id: 0, at: KernelVirtualAddress(0)),
      cause: Unreadable(.moving, at: 0))
    let lines = [UnreadableObject](repeating: link, count: 300).missing
    #expect(lines.count == 3 && lines[0] == "300 htab_elem links unreadable")
    #expect(lines[1] == "htab_elem link 0: it changed faster than it could be read (300 times)")
    let programs = (0..<60).map { id in
      UnreadableObject(
        key: ObjectKey("program", id: UInt64(id), at: KernelVirtualAddress(0)),
        cause: Unreadable(.notMapped, at: 0))
    }
    #expect(programs.missing.count == 52)
    #expect(programs.missing.last == "and 10 more, which are not named here")
    #expect(Array(programs.prefix(50)).missing.last?.hasPrefix("program 49: ") == true)
  }
}
