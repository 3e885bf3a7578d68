import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeLinuxKernel
import TestSupport
import Testing

@Suite struct CgroupTests {
  /// `/` has `b` and `a`, in this order of their hashes, and `b` has `c`.
  private struct Hierarchy {
    let guest = CgroupGuest()
    let (a, b, c): (UInt64, UInt64, UInt64)

    init() {
      a = guest.add("a", hash: 9, to: guest.root)
      b = guest.add("b", hash: 5, to: guest.root)
      c = guest.add("c", hash: 7, to: b)
      let (first, second) = (guest.program(1), guest.program(2))
      guest.attach([first, second], linked: [second], flags: 2, to: guest.root, 1)
      guest.attach([first], flags: 1, to: c, 0)
      guest.attach([second], flags: 0, to: c, 2)
    }
  }

  private func text(_ cgroups: [CgroupPrograms]?) -> [String] {
    (cgroups ?? []).map { cgroup in
      "\(cgroup.path):"
        + cgroup.programs.map {
          " \($0.type)/\($0.flags.map(String.init) ?? "-")/\($0.program.id)"
        }.joined()
    }
  }

  @Test func cgroupsAreListedWithTheirProgramsAsDirectoriesAre() throws {
    let snapshot = try Hierarchy().guest.cgroups()
    #expect(snapshot.unreadable.isEmpty)
    #expect(
      text(snapshot.value) == [
        "/: cgroup_inet_egress/2/1 cgroup_inet_egress/2/2", "/b:",
        "/b/c: cgroup_inet_ingress/1/1 lsm_cgroup/0/2", "/a:",
      ])
    #expect(snapshot.value?.map(\.id) == [100, 105, 107, 109])
  }

  @Test func effectiveProgramsComeFromTheArraysThatRun() throws {
    let hierarchy = Hierarchy()
    hierarchy.guest.run([hierarchy.guest.program(7)], in: hierarchy.a, 1)
    let query = CgroupQuery(path: "/a", withDescendants: false, isEffective: true)
    #expect(text(try hierarchy.guest.cgroups(query).value) == ["/a: cgroup_inet_egress/-/7"])
  }

  @Test(arguments: ["/b", "/b/", "/sys/fs/cgroup/b"])
  func aPathNamesACgroupAndThoseBelowIt(path: String) throws {
    let guest = Hierarchy().guest
    let tree = try guest.cgroups(CgroupQuery(path: path))
    #expect(tree.value?.map(\.path) == ["/b", "/b/c"])
    let one = try guest.cgroups(CgroupQuery(path: path, withDescendants: false))
    #expect(one.value?.map(\.path) == ["/b"])
  }

  @Test func aPathThatIsNotThereIsNil() throws {
    #expect(try Hierarchy().guest.cgroups(CgroupQuery(path: "/b/d")).value == nil)
  }

  /// One that was removed stays in the list as long as somebody uses it.
  @Test func aRemovedCgroupIsNotListed() throws {
    let hierarchy = Hierarchy()
    hierarchy.guest.write(0, "cgroup_subsys_state.flags", of: hierarchy.b)
    #expect(try hierarchy.guest.cgroups().value?.map(\.path) == ["/", "/a"])
  }

  @Test func aCgroupAmongThoseOfAnotherParentIsCountedAndNotFollowed() throws {
    let hierarchy = Hierarchy()
    // The children of c begin with b, which c is below.
    hierarchy.guest.write(hierarchy.b, "cgroup_subsys_state.children", of: hierarchy.c)
    let snapshot = try hierarchy.guest.cgroups()
    #expect(snapshot.value?.map(\.path) == ["/", "/b", "/b/c", "/a"])
    #expect(snapshot.unreadable.contains { "\($0)".contains("another parent") })
  }

  @Test func aListOfCgroupsThatLeadsIntoItselfEnds() throws {
    let hierarchy = Hierarchy()
    hierarchy.guest.write(hierarchy.a, "cgroup_subsys_state.sibling", of: hierarchy.b)
    let snapshot = try hierarchy.guest.cgroups()
    #expect(snapshot.value?.map(\.path) == ["/", "/b", "/b/c", "/a"])
    #expect(!snapshot.unreadable.isEmpty)
  }

  @Test func aDamagedProgramTakesNoOtherWithIt() throws {
    let hierarchy = Hierarchy()
    let place = hierarchy.guest.program(3)
    hierarchy.guest.attach([place, 0xdead_0000_0000_0100], flags: 2, to: hierarchy.a, 0)
    let snapshot = try hierarchy.guest.cgroups()
    #expect(text(snapshot.value).last == "/a: cgroup_inet_ingress/2/3")
    #expect(snapshot.unreadable.map(\.key.kind) == ["attached program"])
  }

  /// A wave brings a cgroup of each parent.
  @Test func theWavesGoWithTheLongestListAndNotWithTheNumberOfCgroups() throws {
    let wide = CgroupGuest()
    for parent in 0..<6 {
      let cgroup = wide.add("p\(parent)", hash: UInt32(parent), to: wide.root)
      for child in 0..<6 { _ = wide.add("c\(child)", hash: UInt32(child), to: cgroup) }
    }
    let snapshot = try wide.cgroups()
    #expect(snapshot.value?.count == 43)
    #expect(snapshot.waves < 24)
  }
}
