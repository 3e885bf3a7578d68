import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeKernelImage
import GuestScopeLinuxKernel
import TestSupport
import Testing

@Suite struct MapTests {
  private func sample(_ version: KernelTypes.Version = .linux6) -> SyntheticGuest {
    let guest = SyntheticGuest(.kernel(version))
    var hash = SyntheticMap(id: 2, name: "lengths")
    hash.btfID = 42
    hash.isFrozen = true
    hash.flags = 0x81
    var array = SyntheticMap(id: 70, name: "programs")
    array.type = 3
    array.valueSize = 4
    array.owner = (2, true)
    var perCPU = SyntheticMap(id: 5000, name: "")
    perCPU.type = 6
    perCPU.valueSize = 12
    for map in [hash, array, perCPU] { guest.add(map) }
    guest.writeIDR()
    return guest
  }

  private func maps(
    _ guest: SyntheticGuest, _ query: ObjectQuery = ObjectQuery()
  ) throws -> Snapshot<[BPFMap]> {
    try guest.bpf().maps(query).map(\.objects)
  }

  @Test(arguments: KernelTypes.Version.allCases)
  func allThatAMapSaysIsRead(version: KernelTypes.Version) throws {
    let snapshot = try maps(sample(version))
    #expect(snapshot.unreadable.isEmpty)
    let maps = snapshot.value
    #expect(maps.map(\.id) == [2, 70, 5000])
    #expect(maps.map(\.type) == [1, 3, 6])
    #expect(maps.map(\.name) == ["lengths", "programs", ""])
    #expect(maps.map(\.flags) == [0x81, 0, 0])
    #expect(maps.map(\.keySize) == [4, 4, 4] && maps.map(\.valueSize) == [8, 4, 12])
    #expect(maps.map(\.maxEntries) == [100, 100, 100])
    #expect(maps.map(\.isFrozen) == [true, false, false])
    #expect(maps.map(\.btfID) == [42, 0, 0])
    #expect(maps.map(\.owner?.type) == [nil, 2, nil])
    #expect(maps[1].owner?.isJited == true)
    // 5.10 says what it charged; 6.1 estimates, two CPUs' values for a per-CPU array.
    #expect(
      maps.map(\.memlock) == (version == .linux5 ? [12288, 12288, 12288] : [4096, 4096, 4096]))
  }

  @Test func aSelectionReadsWhatItAsksFor() throws {
    let guest = sample()
    func names(_ ids: Set<UInt64>? = nil, _ types: Set<UInt32>? = nil) throws -> [String] {
      try maps(guest, ObjectQuery(ids: ids, types: types)).value.map(\.name)
    }
    #expect(try names([70]) == ["programs"])
    #expect(try names([70, 2, 71]) == ["lengths", "programs"])
    #expect(try names(nil, [1]) == ["lengths"])
    #expect(try names(nil, [1, 6]) == ["lengths", ""])
    #expect(try names([71]) == [] && names([70], [1]) == [] && names([]) == [])
  }

  @Test func whatAMapLeadsToTakesOneWaveForAll() throws {
    let guest = SyntheticGuest()
    guest.add(SyntheticMap(id: 1, name: "plain"))
    guest.writeIDR()
    let few = try maps(guest)
    var rich = SyntheticMap(id: 2, name: "rich")
    rich.btfID = 7
    guest.add(rich)
    var array = SyntheticMap(id: 3, name: "array")
    array.type = 3
    array.owner = (2, false)
    guest.add(array)
    guest.writeIDR()
    #expect(try maps(guest).waves <= few.waves + 1)
  }

  @Test(arguments: [0, 1, 0xffff_8000_0000_0000, .max - 7] as [UInt64])
  func aMapThatIsUnreadableTakesNoOther(pointer: UInt64) throws {
    let guest = sample()
    guest.maps[70] = pointer & ~3 | 4
    guest.writeIDR()
    let snapshot = try maps(guest)
    #expect(snapshot.value.map(\.id) == [2, 5000])
    #expect(snapshot.unreadable.map { "\($0.key)" } == ["map 70"])
  }

  @Test func aDamagedBTFPointerTakesOneMapOnly() throws {
    let guest = SyntheticGuest()
    guest.add(SyntheticMap(id: 1, name: "good"))
    let bad = guest.add(SyntheticMap(id: 2, name: "bad"))
    guest.ram.write(0x1234 as UInt64, at: bad + guest.types["bpf_map.btf"])
    guest.writeIDR()
    let snapshot = try maps(guest)
    #expect(snapshot.value.map(\.name) == ["good"])
    #expect(snapshot.unreadable.map { "\($0.key)" } == ["map 2"])
  }

  @Test func anIdThatIsAnothersIsDamageAndZeroIsNoMapYet() throws {
    let guest = SyntheticGuest()
    let places = (1...3).map { guest.add(SyntheticMap(id: $0, name: "map")) }
    guest.ram.write(9 as UInt32, at: places[0] + guest.types["bpf_map.id"])
    guest.ram.write(0 as UInt32, at: places[1] + guest.types["bpf_map.id"])
    guest.writeIDR()
    let snapshot = try maps(guest)
    #expect(snapshot.value.map(\.id) == [3])
    #expect(snapshot.unreadable.map { "\($0.key)" } == ["map 1"])
    #expect("\(snapshot.unreadable[0])".contains("with another id, 9"))
  }

  @Test func typesHaveTheNamesOfBpftool() throws {
    let types = try sample().bpf().kernel.mapTypes
    #expect(types[6] == "percpu_array" && types[19] == "cgroup_storage" && types[20] == nil)
    #expect(
      types.number(of: "prog_array") == 3 && types.number(of: "cgroup_storage_deprecated") == nil)
  }

  @Test func aMemberThatChangedItsSizeIsNamed() throws {
    var types = KernelTypes()
    types.declare("idr", size: 24, [])
    types.declare("bpf_map", size: 8, [("id", 0, .u64)])
    let btf = try BTF(types.blob)
    let error = #expect(throws: BTFError.self) {
      try StructLayouts(btf).layout(of: BPFMapStruct.self)
    }
    #expect("\(try #require(error))".contains("id of struct bpf_map is an integer of 8 bytes"))
  }

  @Test func aKernelWithoutTheTableIsNamed() throws {
    let guest = sample()
    let image = try guest.image(without: ["map_idr"])
    let bpf = try BPFObjects(ScriptedMemory(guest.memory), kernel: image)
    let error = #expect(throws: KernelError.self) { try bpf.maps() }
    #expect("\(try #require(error))".hasPrefix("vmlinux has no symbol map_idr: "))
  }
}
