import GuestScopeBTF
import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeLinuxKernel
import TestSupport
import Testing

@Suite struct GlobalTests {
  /// Types of a program: `u32 count; u32 pair[2]; struct user_struct *owner` in `.bss`.
  private static let section: UInt32 = 8

  private static let types: [UInt8] = {
    var builder = BTFBuilder()
    builder.int("u32", size: 4)
    builder.add(.array, "", 0, [1, 1, 2])
    builder.add(.fwd, "user_struct", 0)
    builder.add(.ptr, "", 3)
    builder.add(.var, "count", 1, [1])
    builder.add(.var, "pair", 2, [0])
    builder.add(.var, "owner", 4, [1])
    // The last lies beyond the map's value.
    builder.add(.datasec, ".bss", count: 4, 24, [5, 0, 4, 6, 4, 8, 7, 16, 8, 5, 24, 4])
    return builder.blob
  }()

  /// A guest with two such maps, one whose BTF is damaged, and one whose value is not a section.
  static func sample(owner: UInt64? = nil) -> SyntheticGuest {
    var types = KernelTypes.kernel(.linux6)
    types.declare(
      "bpf_array", size: 320,
      [("map", 0, .structure("bpf_map")), ("value", 272, .bytes(0))])
    let guest = SyntheticGuest(types)
    let user = guest.ram.allocate(64)
    guest.ram.write(1000 as UInt32, at: user + guest.types["user_struct.uid"])
    for (id, blob) in [(3, Self.types), (5, Self.types), (7, [1, 2, 3]), (8, nil)]
      as [(UInt64, [UInt8]?)]
    {
      var map = SyntheticMap(id: id, name: "object\(id).bss")
      (map.type, map.valueSize, map.maxEntries) = (2, 24, 1)
      let place = guest.add(map)
      guard let blob else { continue }
      let data = guest.ram.allocate(blob.count)
      guest.ram.write(blob, at: data)
      let btf = guest.ram.allocate(128)
      guest.ram.write(guest.direct(data), at: btf + guest.types["btf.data"])
      guest.ram.write(UInt32(blob.count), at: btf + guest.types["btf.data_size"])
      guest.ram.write(UInt32(id), at: btf + guest.types["btf.id"])
      guest.ram.write(guest.direct(btf), at: place + guest.types["bpf_map.btf"])
      guest.ram.write(section, at: place + guest.types["bpf_map.btf_value_type_id"])
      let value = place + guest.types["bpf_array.value"]
      for (index, number) in [UInt32(id), 10, 20].enumerated() {
        guest.ram.write(number, at: value + 4 * index)
      }
      guest.ram.write(owner ?? guest.direct(user), at: value + 16)
    }
    guest.writeIDR()
    return guest
  }

  private func values(
    _ path: String, of name: String, in guest: SyntheticGuest
  ) throws -> Snapshot<BPFObjects.Globals> {
    let path = try #require(MemberPath(path))
    return try guest.bpf().globals { $0.name == name ? path : nil }
  }

  private func numbers(_ snapshot: Snapshot<BPFObjects.Globals>) throws -> [KernelValue] {
    try snapshot.value.values.map { try $0.content.get().value }
  }

  private func sample(owner: UInt64? = nil) -> SyntheticGuest { Self.sample(owner: owner) }

  /// Their maps, values, types and what they point to.
  @Test func damagedVariablesAreAnsweredOrRefused() throws {
    let tally = try Fuzz.damage(sample(), "variables") { objects, comment throws(KernelError) in
      let all = try objects.globals { variable in
        variable.name == "owner" ? MemberPath("->uid") : MemberPath("")
      }
      #expect(all.value.values.count <= 4 * 64, comment)
      for value in all.value.values {
        if case .success(let content) = value.content {
          #expect(content.bytes.count <= 1 << 20, comment)
        }
      }
      return all.unreadable.count
    }
    // One of the maps has damaged types from the start.
    #expect(tally.partial > 0)
  }

  @Test func allVariablesOfAllSectionsAreListed() throws {
    let snapshot = try sample().bpf().globals()
    #expect(snapshot.value.map(\.name) == ["count", "pair", "owner", "count", "pair", "owner"])
    #expect(snapshot.value.map(\.mapID) == [3, 3, 3, 5, 5, 5])
    #expect(snapshot.value.map(\.size) == [4, 8, 8, 4, 8, 8])
    #expect(snapshot.value.allSatisfy { $0.section == ".bss" })
    #expect(snapshot.unreadable.map { "\($0.key)" } == ["map 7"])
  }

  @Test func variablesOfOneNameArePickedByIt() throws {
    let guest = sample()
    #expect(try numbers(values("", of: "count", in: guest)) == [.unsigned(3), .unsigned(5)])
    #expect(try numbers(values("[1]", of: "pair", in: guest)) == [.unsigned(20), .unsigned(20)])
    #expect(try values("", of: "none", in: guest).value.values.isEmpty)
  }

  @Test func pointersAreFollowedByTheKernelsTypes() throws {
    let snapshot = try values("->uid", of: "owner", in: sample())
    #expect(try numbers(snapshot) == [.unsigned(1000), .unsigned(1000)])
  }

  @Test(arguments: [0, 0x1234, 0xffff_8000_0000_0000] as [UInt64])
  func aPointerThatLeadsAstrayTakesNoMapWithIt(owner: UInt64) throws {
    let snapshot = try values("->uid", of: "owner", in: sample(owner: owner))
    #expect(snapshot.value.values.count == 2)
    #expect(snapshot.value.values.allSatisfy { (try? $0.content.get()) == nil })
    #expect(snapshot.unreadable.map { "\($0.key)" } == ["map 7"])
    #expect(try numbers(values("", of: "owner", in: sample(owner: owner))).count == 2)
  }

  @Test func aPathThatTheTypeDoesNotHaveIsAMisfit() throws {
    let snapshot = try values(".x", of: "count", in: sample())
    #expect(snapshot.value.values.isEmpty)
    #expect(
      snapshot.value.misfits.map { "\($0)" } == [
        "u32 count has no member x", "u32 count has no member x",
      ])
  }

  /// Where the variables are is a constant: the closing stop reads them, and nothing of their maps.
  @Test func noMoreIsReadThanThePathNames() throws {
    let guest = sample()
    let whole = try values("", of: "pair", in: guest)
    let part = try values("[1]", of: "pair", in: guest)
    // Memory is read in words of eight bytes, and the pair lies in two of them.
    #expect(whole.closing.bytes - part.closing.bytes == 2 * 8)
    let maps = try guest.bpf().maps()
    #expect(part.closing.bytes < maps.closing.bytes)
    #expect(part.stops == 1)
  }
}
