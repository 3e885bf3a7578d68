import Foundation
import Testing

/// What is attached where, against what bpftool says of it in the guest. What may be different is in
/// docs/bpftool.md.
extension LiveTests {
  @Suite struct AttachmentTests {
    private typealias Object = [String: Any]

    /// Guests in which all that the loader can attach is attached.
    static let guests = LiveGuest.withBpftool.filter { guest in
      (try? guest.truth("prog").contains { $0["name"] as? String == "cgroup_device" }) ?? false
    }

    // MARK: Cgroups

    @Test(arguments: LiveGuest.withBpftool, ["cgroup", "cgroup-effective"])
    func theProgramsOfEveryCgroupEqualBpftools(guest: LiveGuest, kind: String) throws {
      let words = ["-j", "cgroup", "tree"] + (kind == "cgroup" ? [] : ["effective"])
      let result = try Program(guest, words).run()
      #expect(result.status == 0, "\(result.err)")
      let theirs = try guest.bpftool(kind).map(cgroup)
      try #require(!theirs.isEmpty)
      let ours = try result.objects()
      #expect(ours.map { $0["cgroup"] as? String } == theirs.map { $0["cgroup"] as? String })
      // It asks this kernel for flags that it does not have, and prints cgroups without programs.
      if guest.label == "x86-5.10", kind == "cgroup" { return }
      for (our, their) in zip(ours, theirs) {
        #expect(try jsonText(our) == jsonText(their))
      }
      for cgroup in theirs {
        let path = try #require(cgroup["cgroup"] as? String)
        let words = ["-j", "cgroup", "show", path] + (kind == "cgroup" ? [] : ["effective"])
        let shown = try Program(guest, words).run()
        #expect(try jsonText(shown.json()) == jsonText(cgroup["programs"]), "\(path): \(shown.err)")
      }
    }

    /// bpftool before 7.6 shows programs of devices here, whose index is the number of its own
    /// descriptor of the cgroup, and calls the type 0 of a program that is for none by its name, "".
    private func cgroup(_ their: Object) -> Object {
      var cgroup = their
      let programs = (their["programs"] as? [Object] ?? []).filter {
        ($0["attach_type"] as? String)?.contains("cgroup") == true
      }
      cgroup["programs"] = programs.map { program in
        program.filter { $0.key != "attach_btf_name" || $0.value as? String != "" }
      }
      return cgroup
    }

    /// What the system call itself says, on kernels as well that bpftool asks too much.
    @Test(arguments: LiveGuest.resting)
    func theProgramsOfEveryCgroupAreThoseThatTheGuestReads(guest: LiveGuest) throws {
      let truth = try guest.truth("cgroup")
      try #require(!truth.isEmpty)
      let cgroups = try Program(guest, ["-j", "cgroup", "tree"]).run().objects()
      let programs = Dictionary(
        uniqueKeysWithValues: cgroups.map {
          ($0["cgroup"] as? String ?? "", $0["programs"] as? [Object] ?? [])
        })
      let words = [0: "", 1: "override", 2: "multi"]
      for row in truth {
        let path = try #require(row["path"] as? String)
        let ours = (programs[path] ?? []).filter {
          $0["attach_type"] as? String == row["type"] as? String
        }
        #expect(ours.map { $0["id"] as? Int } == (row["ids"] as? [Int] ?? []), "\(row)")
        let flags = Set(ours.map { $0["attach_flags"] as? String })
        #expect(flags == [words[row["flags"] as? Int ?? 0]], "\(row)")
      }
    }

    @Test(arguments: guests)
    func aPathMayBeginAtTheMountOrAtTheRootOfTheHierarchy(guest: LiveGuest) throws {
      let answers = try ["/sys/fs/cgroup/attached/inner.slice", "/attached/inner.slice/"].map {
        try Program(guest, ["-j", "cgroup", "tree", $0]).run().out
      }
      #expect(answers[0] == answers[1])
      #expect(answers[0].contains("attached/inner.slice/deep"))
      #expect(!answers[0].contains("attached/single"))
      let gone = try Program(guest, ["cgroup", "show", "/gone"]).run()
      #expect(gone.status == 1)
      #expect(gone.err.contains("no cgroup /gone"))
    }

    // MARK: Networks

    @Test(arguments: LiveGuest.withBpftool)
    func theProgramsOfBothNetworkNamespacesEqualBpftools(guest: LiveGuest) throws {
      let result = try Program(guest, ["-j", "net", "list"]).run()
      let ours = try result.objects()
      let theirs = [try network(guest, "net"), try network(guest, "net-other")]
      #expect(result.status == 0, "\(result.err)")
      for (index, their) in theirs.enumerated() {
        let keys = ["xdp", "tc", "flow_dissector"]
        // Another namespace without programs is not listed.
        guard ours.indices.contains(index) else {
          #expect(keys.allSatisfy { (their[$0] as? [Any])?.isEmpty == true })
          continue
        }
        for key in keys {
          #expect(
            try jsonText(ours[index][key]) == jsonText(their[key]), "\(key) of namespace \(index)")
        }
      }
      // bpftool lists links of netfilter whatever their namespace is, and detached ones as well.
      var filters = ours.flatMap { $0["netfilter"] as? [Object] ?? [] }
      for index in filters.indices { filters[index]["detached"] = nil }
      let expected = theirs[0]["netfilter"] as? [Object] ?? []
      #expect(try filters.map(jsonText).sorted() == expected.map(jsonText).sorted())
    }

    /// bpftool writes the id of a flow dissector into an array as if that were an object.
    private func network(_ guest: LiveGuest, _ kind: String) throws -> Object {
      let text = try String(contentsOfFile: guest.path("bpftool-\(kind).json"), encoding: .utf8)
        .replacing(#/\["id":(\d+)\]/#) { "[{\"id\":\($0.output.1)}]" }
      let document = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [Object]
      return try #require(document?.first)
    }

    @Test(arguments: guests)
    func anotherNamespaceHasItsInode(guest: LiveGuest) throws {
      let ours = try Program(guest, ["-j", "net"]).run().objects()
      #expect(ours.first?["netns_ino"] == nil)
      let others = ours.dropFirst().compactMap { $0["netns_ino"] as? Int }
      let links = try guest.bpftool("link").filter { $0["type"] as? String == "netns" }
      let expected = Set(links.compactMap { $0["netns_ino"] as? Int }).subtracting([0])
      #expect(!expected.isEmpty && Set(others) == expected)
    }

    // MARK: Events

    @Test(arguments: LiveGuest.withBpftool)
    func theProgramsThatProcessesHoldAtEventsEqualBpftools(guest: LiveGuest) throws {
      let result = try Program(guest, ["-j", "perf", "list"]).run()
      #expect(result.status == 0, "\(result.err)")
      // The system call that bpftool makes does not support programs at counters.
      let ours = try result.objects().filter { $0["fd_type"] as? String != "perf_event" }
      let theirs = try guest.bpftool("perf")
      try #require(!theirs.isEmpty)
      let holder = guest.isDebian ? "bpftrace" : "loader"
      #expect(ours.allSatisfy { $0["comm"] as? String == holder })
      #expect(try ours.map { try jsonText($0.filter { $0.key != "comm" }) } == theirs.map(jsonText))
    }

    /// `attach_to_events()` of guest/loader, whose programs have no links.
    @Test(arguments: guests)
    func programsWithoutLinksAreAtTheirEvents(guest: LiveGuest) throws {
      let kinds = [
        "at_function": "kprobe", "at_return": "kretprobe", "in_function": "kprobe",
        "at_address": "kprobe", "at_user": "uprobe", "at_user_return": "uretprobe",
        "at_tracepoint": "tracepoint", "at_syscall": "tracepoint", "at_counter": "perf_event",
      ]
      let programs = try guest.bpftool("prog").compactMap { program in
        (program["name"] as? String).flatMap { kinds[$0] }.map { (program["id"] as? Int, $0) }
      }
      try #require(programs.count > kinds.count / 2)
      let events = try Program(guest, ["-j", "perf", "list"]).run().objects()
      for (id, kind) in programs {
        let found = events.filter { $0["prog_id"] as? Int == id }
        #expect(found.map { $0["fd_type"] as? String } == [kind], "program \(id ?? 0)")
        guard kind == "perf_event" else { continue }
        #expect(found.first?["event_type"] as? String == "software")
        #expect(found.first?["event_config"] as? String == "alignment-faults")
      }
    }
  }
}
