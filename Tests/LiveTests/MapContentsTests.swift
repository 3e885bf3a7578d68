import Foundation
import Testing

/// How `map dump` may differ from `bpftool map dump` of the same map.
enum DumpDifference {
  /// Keys of ours that bpftool does not have.
  static let ours: Set = ["slot", "frames"]
  /// The table has no order: bpftool begins at a place that changes.
  static let unordered: Set = ["rhash"]
  /// 5.10 lists one key after the last of these, made of what is not an entry
  /// (`cgroup_storage_get_next_key()` takes the head of its list for one), and does not find it.
  static func listsTooMuch(_ guest: LiveGuest, _ type: String) -> Bool {
    guest.label == "x86-5.10" && type.hasSuffix("cgroup_storage")
  }
  /// What is in these is read when it is asked for.
  static let refused: Set = ["arena"]
  /// bpftool cannot list these: what the loader wrote counts.
  static let ofTheLoader: Set = [
    "queue", "stack", "ringbuf", "sk_storage", "inode_storage", "task_storage", "cgrp_storage",
  ]
}

extension LiveTests {
  /// The contents of every map of every guest, against what bpftool says of it in the guest.
  @Suite(.timeLimit(.minutes(5))) struct MapContentsTests {
    private func entries(_ document: Any, type: String) throws -> [String] {
      let entries = try #require(document as? [[String: Any]], "\(document)").map { entry in
        try jsonText(entry.filter { !DumpDifference.ours.contains($0.key) })
      }
      return DumpDifference.unordered.contains(type) ? entries.sorted() : entries
    }

    @Test(arguments: LiveGuest.withBpftool)
    func everyEntryOfEveryMapEqualsBpftools(guest: LiveGuest) throws {
      let theirs = try guest.bpftoolDumps()
      let types = Dictionary(
        uniqueKeysWithValues: try guest.bpftool("map").compactMap { map in
          (map["id"] as? Int).map { ($0, map["type"] as? String ?? "") }
        })
      let ids = types.keys.sorted().filter { theirs["\($0)"] != nil }
      try #require(ids.count > 15)
      let ours = try guest.answers(ids.map { "map dump id \($0)" })
      var compared: Set<String> = []
      for (id, our) in zip(ids, ours) {
        let type = types[id]!
        var their = theirs["\(id)"]!
        if DumpDifference.listsTooMuch(guest, type), let entries = their as? [[String: Any]] {
          their = entries.filter { ($0["value"] as? [String: Any])?["error"] == nil }
        }
        if DumpDifference.refused.contains(type) {
          #expect((our as? [String: String])?["error"]?.isEmpty == false, "\(type) \(id)")
        } else if !(their is NSNull) {
          let (found, expected) = (try entries(our, type: type), try entries(their, type: type))
          expectEqual(found, expected, "\(type) \(id)")
          if !found.isEmpty { compared.insert(type) }
        } else {
          #expect(our is [[String: Any]], "\(type) \(id): \(our)")
        }
      }
      #expect(compared.count >= (guest.isDebian ? 5 : 10), "only \(compared.sorted()) had entries")
    }

    /// Entries are long: the first that differ are named, and no others.
    private func expectEqual(_ ours: [String], _ theirs: [String], _ map: String) {
      #expect(ours.count == theirs.count, "\(map)")
      for (our, their) in zip(ours, theirs) where our != their {
        let same = our.commonPrefix(with: their).dropLast(40).count
        let (our, their) = (our.dropFirst(same).prefix(120), their.dropFirst(same).prefix(120))
        Issue.record("\(map): …\(our)… where bpftool has …\(their)…")
        return
      }
    }

    /// Numbers keep their digits and members their order here, and keys may stand twice.
    @Test(arguments: LiveGuest.withObjects)
    func typedMapsAreBpftoolsByteForByte(guest: LiveGuest) throws {
      let dumps = try guest.bpftoolDumpTexts()
      let typed = try guest.bpftool("map").compactMap { map -> (name: String, text: String)? in
        guard let id = map["id"] as? Int, let name = map["name"] as? String, let text = dumps[id],
          name.hasPrefix("typed_")
        else { return nil }
        #expect(text.contains("\"formatted\""), "\(name)")
        return ("map dump id \(id)", text)
      }
      try #require(typed.count >= 8)
      let result = try Program(guest, ["-j"] + typed.flatMap { ["-e", $0.name] }).run()
      #expect(result.status == 0, "\(result.err)")
      let ours = result.out.split(separator: "\n").map(String.init)
      try #require(ours.count == typed.count)
      for (our, their) in zip(ours, typed) { expectEqual([our], [their.text], their.name) }
    }

    /// Keys of structures, by their members.
    @Test(arguments: LiveGuest.withObjects)
    func typedKeysAreFoundByTheirMembers(guest: LiveGuest) throws {
      let dumps = try guest.bpftoolDumps()
      let map = try #require(
        try guest.bpftool("map").first { $0["name"] as? String == "typed_lru" })
      let id = try #require(map["id"] as? Int)
      let entries = try #require(dumps["\(id)"] as? [[String: Any]])
      try #require(!entries.isEmpty)
      let members = try entries.map { entry in
        let key = try #require((entry["formatted"] as? [String: Any])?["key"] as? [String: Any])
        return ["pid", "cpu", "size", "side"].map { "\($0)=\(key[$0] ?? "")" }
          .joined(separator: ",")
      }
      let looked = try guest.answers(members.map { "map lookup id \(id) \($0)" })
      expectEqual(try looked.map(jsonText), try entries.map(jsonText), "lookup in \(id)")
      let parts = members.map { $0.prefix { $0 != "," } }
      let dumped = try guest.answers(parts.map { "map dump id \(id) --key \($0)" })
      expectEqual(
        try dumped.map(jsonText), try entries.map { try jsonText([$0]) }, "dump of \(id)")
    }

    @Test(arguments: LiveGuest.withBpftool)
    func whatBpftoolCannotListIsWhatTheLoaderWrote(guest: LiveGuest) throws {
      let truth = try guest.truth("contents")
      try #require(!truth.isEmpty)
      let ours = try guest.answers(truth.map { "map dump id \($0["id"] ?? "")" })
      for (our, map) in zip(ours, truth) {
        let (found, expected) = (
          try #require(our as? [[String: Any]], "\(our)"), map["entries"] as? [[String: Any]] ?? []
        )
        try #require(found.count == expected.count, "\(map["name"] ?? "")")
        for (found, expected) in zip(found, expected) {
          // The loader does not know all that an owner is called.
          var found = found
          if let owner = found["owner"] as? [String: Any],
            let known = expected["owner"] as? [String: Any]
          {
            found["owner"] = owner.filter { known[$0.key] != nil }
          }
          found["formatted"] = nil
          #expect(try jsonText(found) == jsonText(expected), "\(map["name"] ?? "")")
        }
      }
    }

    @Test(arguments: LiveGuest.withBpftool)
    func eachKeyOfAMapIsFoundAlone(guest: LiveGuest) throws {
      let dumps = try guest.bpftoolDumps()
      var wanted: [(map: Int, type: String, entry: [String: Any])] = []
      for map in try guest.bpftool("map") {
        guard let id = map["id"] as? Int, let type = map["type"] as? String,
          let entries = dumps["\(id)"] as? [[String: Any]]
        else { continue }
        let found = entries.filter { ($0["value"] as? [String: Any])?["error"] == nil }
        wanted += found.shuffled().prefix(4).map { (id, type, $0) }
      }
      try #require(wanted.count > 20)
      let ours = try guest.answers(
        wanted.map { map, _, entry in
          "map lookup id \(map) key " + (entry["key"] as? [String] ?? []).joined(separator: " ")
        })
      for (our, their) in zip(ours, wanted) {
        let (found, expected) = (
          try entries([our], type: their.type), try entries([their.entry], type: their.type)
        )
        expectEqual(found, expected, "\(their.type) \(their.map)")
      }
    }
  }
}
