import GuestScopeGDBStub
import GuestScopeGuestMemory
import GuestScopeKernelImage
import GuestScopeLinuxKernel
import Testing

private struct Task: KernelStruct {
  static let kernelName = "task_struct"
  let pid = Member<Int32>("pid")
  let tgid = Member<Int32>("tgid")
  let tasks = Place("tasks")
}

private struct InetHashInfo: KernelStruct {
  static let kernelName = "inet_hashinfo"
  let ehash = Member<KernelVirtualAddress>("ehash")
  let ehashMask = Member<UInt32>("ehash_mask")
}

private struct SockCommon: KernelStruct {
  static let kernelName = "sock_common"
  let family = Member<UInt16>("skc_family")
  let nullsNode = Place("skc_nulls_node")
}

private struct NetlinkTable: KernelStruct {
  static let kernelName = "netlink_table"
  let hash = Place("hash")
  let nelems = Member<Int32>("hash.nelems.counter")
}

private struct NetlinkSock: KernelStruct {
  static let kernelName = "netlink_sock"
  let portid = Member<UInt32>("portid")
  let node = Place("node")
}

extension LiveTests {
  /// Lists and hash tables of a guest, against what the guest has of the same elsewhere.
  @Suite struct ContainerTests {
    private func snapshot<T>(
      _ guest: LiveGuest, _ walk: @escaping (Walk) throws(ReadFault) -> T
    ) throws -> Snapshot<T> {
      let stub = try QEMUStub(try #require(StubTarget(guest.target)))
      let engine = SnapshotEngine(stub)
      let kernel = try GuestKernel(try KernelFacts(path: guest.kernel), in: engine)
      // A list costs a wave an element.
      return try kernel.snapshot(engine, waveLimit: 4096, walk)
    }

    @Test(arguments: ExploringTests.guests)
    func theListOfTasksHasTheLeadersOfTheTableOfPIDs(guest: LiveGuest) throws {
      let found = try snapshot(guest) { walk throws(ReadFault) in
        let first = try walk.read(Task.self, symbol: "init_task")
        let listed = try walk.list(at: first.address(of: \.tasks)!, of: \Task.tasks) { $0.pid }
        let table: ObjectTable
        do { table = try ObjectTable(.task, walk.kernel) } catch {
          throw .missing("\(error)", at: first.address)
        }
        let tasks = try walk.view.each(try table.ids(in: walk.view)) { pid throws(ReadFault) in
          try walk.read(Task.self, at: try table.address(of: pid, in: walk.view))
        }
        return (listed, tasks.filter { $0.pid == $0.tgid }.map(\.pid))
      }
      #expect(found.unreadable.isEmpty)
      #expect(found.value.0.count > 1)
      #expect(found.value.0.sorted() == found.value.1)
    }

    @Test(arguments: ExploringTests.guests)
    func eachChainOfTCPSocketsEndsWithTheMarkerOfItsBucket(guest: LiveGuest) throws {
      let found = try snapshot(guest) { walk throws(ReadFault) in
        let info = try walk.read(InetHashInfo.self, symbol: "tcp_hashinfo")
        let buckets = HashBuckets(at: info.ehash, count: Int(info.ehashMask) + 1)
        return try walk.nullsLists(in: buckets, of: \SockCommon.nullsNode) { $0.family }
      }
      #expect(found.unreadable.isEmpty)
      // AF_INET and AF_INET6.
      #expect(found.value.allSatisfy { $0 == 2 || $0 == 10 })
    }

    @Test(arguments: ExploringTests.guests)
    func tablesOfNetlinkSocketsHaveAsManyAsTheyCount(guest: LiveGuest) throws {
      let found = try snapshot(guest) { walk throws(ReadFault) in
        // That of NETLINK_ROUTE, the first of an array.
        let start = try walk.view.pointer(at: try walk.symbol("nl_table"))
        let table = try walk.read(NetlinkTable.self, at: start)
        let hash = table.address(of: \.hash)!
        return (try walk.rhashtable(at: hash, of: \NetlinkSock.node) { $0.portid }, table.nelems)
      }
      #expect(found.unreadable.isEmpty)
      #expect(found.value.0.count == found.value.1)
      // The kernel's own.
      #expect(found.value.0.contains(0))
    }
  }
}
