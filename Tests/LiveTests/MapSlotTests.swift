import Foundation
import Testing

extension LiveTests {
  /// What entries lead to, which bpftool does not say, against what the loader put there.
  @Suite(.timeLimit(.minutes(5))) struct MapSlotTests {
    private func dump(_ guest: LiveGuest, _ words: String...) throws -> [[String: Any]] {
      let result = try Program(guest, ["-j", "map", "dump"] + words).run()
      #expect(result.status == 0, "\(result.err)")
      return try result.objects()
    }

    @Test(arguments: LiveGuest.withBpftool)
    func slotsHoldWhatTheLoaderPutThere(guest: LiveGuest) throws {
      let truth = try guest.truth("slots")
      try #require(!truth.isEmpty)
      for map in truth {
        let slots = try dump(guest, "id", "\(map["id"] ?? "")").map { try jsonText($0["slot"]) }
        let expected = try (map["slots"] as? [Any] ?? []).map { try jsonText($0) }
        #expect(slots == expected, "\(map["name"] ?? "")")
      }
    }

    /// bpftool has their numbers in the value.
    @Test(arguments: LiveGuest.withBpftool)
    func programsAndMapsInSlotsHaveTheirNames(guest: LiveGuest) throws {
      func names(_ kind: String) throws -> [Int: String] {
        Dictionary(
          try guest.bpftool(kind).map { ($0["id"] as? Int ?? 0, $0["name"] as? String ?? "") },
          uniquingKeysWith: { first, _ in first })
      }
      let (programs, maps) = (try names("prog"), try names("map"))
      var compared = 0
      for (map, kind, key, names) in [
        ("programs", "prog", "prog_id", programs), ("arrays", "map", "map_id", maps),
      ] where maps.values.contains(map) {
        for entry in try dump(guest, "name", map) {
          let slot = try #require(entry["slot"] as? [String: Any], "\(entry)")
          let id = try #require(slot[key] as? Int)
          let name = try #require(slot["name"] as? String)
          #expect(names[id] == name, "\(kind) \(id)")
          compared += 1
        }
      }
      #expect(compared > 0)
    }

    /// What the loader says of one kind; the newest kernel has all of them.
    private func truth(_ guest: LiveGuest, _ kind: String) throws -> [[String: Any]] {
      let rows = try guest.truth(kind)
      try #require(!rows.isEmpty || guest.label != "x86-7", "no \(kind)")
      return rows
    }

    @Test(arguments: LiveGuest.withBpftool)
    func aBloomFilterIsAsFullAsTheLoaderMadeIt(guest: LiveGuest) throws {
      for map in try truth(guest, "bloom") {
        let fill = try #require(try dump(guest, "id", "\(map["id"] ?? "")").first)
        let elements = try #require(map["elements"] as? Int)
        let (bits, set) = (try #require(fill["bits"] as? Int), try #require(fill["set"] as? Int))
        let hashes = try #require(fill["hashes"] as? Int)
        #expect(set > 0 && set <= elements * hashes && set < bits)
        // Some of the bits of so many elements are the same by chance.
        let estimate = try #require(fill["estimate"] as? Int)
        #expect(abs(estimate - elements) <= elements / 10, "\(estimate) of \(elements)")
      }
    }

    @Test(arguments: LiveGuest.withBpftool)
    func pagesOfAnArenaAreThoseThatTheLoaderHasWritten(guest: LiveGuest) throws {
      for arena in try truth(guest, "arena") {
        let id = "\(arena["id"] ?? "")"
        let pages = try #require(arena["pages"] as? [[String: Any]])
        #expect(try jsonText(dump(guest, "id", id, "--pages")) == jsonText(pages))
        let one = try dump(guest, "id", id, "--pages", "--offset", "1", "--limit", "1")
        #expect(try jsonText(one) == jsonText([pages[1]]))
        let unasked = try Program(guest, ["map", "dump", "id", id]).run()
        #expect(unasked.status == 1)
        #expect(unasked.err.contains("\(pages.count) pages of the arena are populated; --pages"))
      }
    }

    /// By /proc/kallsyms, in which several names may stand for one address.
    @Test(arguments: LiveGuest.withObjects)
    func framesOfStacksHaveTheNamesThatTheGuestHas(guest: LiveGuest) throws {
      var compared = 0
      for map in try guest.truth("stacks") {
        let entries = try dump(guest, "id", "\(map["id"] ?? "")")
        let stacks = try #require(map["stacks"] as? [[String: Any]])
        try #require(entries.count == stacks.count)
        for (entry, stack) in zip(entries, stacks) {
          let frames = try #require(entry["frames"] as? [[String: Any]])
          let expected = try #require(stack["frames"] as? [[String: Any]])
          try #require(frames.count == expected.count)
          for (frame, known) in zip(frames, expected) {
            #expect(try jsonText(frame["address"]) == jsonText(known["address"]))
            let offset = try #require(known["offset"] as? UInt64)
            let names = try #require(known["names"] as? [String]).map { name in
              name + (offset == 0 ? "" : "+0x" + String(offset, radix: 16))
            }
            let symbol = try #require(frame["symbol"] as? String)
            #expect(names.contains { symbol == $0 || symbol.hasPrefix($0 + " [") }, "\(symbol)")
            compared += 1
          }
        }
      }
      #expect(compared > 4)
    }

    /// The value is the cookie, by which the loader finds the socket.
    @Test(arguments: LiveGuest.withBpftool)
    func socketsInMapsListen(guest: LiveGuest) throws {
      guard try guest.bpftool("map").contains(where: { $0["name"] as? String == "sockets" }) else {
        try #require(guest.label != "x86-7", "no map of sockets")
        return
      }
      let slots = try dump(guest, "name", "sockets").compactMap { $0["slot"] as? [String: Any] }
      let slot = try #require(slots.first)
      #expect(slot["state"] as? String == "listen")
      #expect((slot["local"] as? String)?.hasPrefix("0.0.0.0:") == true)
      #expect(slot["remote"] is NSNull && slot["cookie"] as? Int != nil)
    }

    @Test(arguments: LiveGuest.withBpftool)
    func theProcessesThatHoldSocketsAreNamed(guest: LiveGuest) throws {
      for truth in try truth(guest, "holders") {
        let entries = try dump(guest, "id", "\(truth["id"] ?? "")", "--owners")
        let holders = try entries.compactMap { try $0["pids"].map { try jsonText($0) } }
        #expect(try holders == [jsonText(truth["pids"])])
      }
    }

    @Test(arguments: LiveGuest.withObjects)
    func pointersInRawValuesHaveNames(guest: LiveGuest) throws {
      let truth = try #require(try guest.truth("pointers").first)
      let entries = try dump(guest, "id", "\(truth["id"] ?? "")", "--raw")
      let pointers = try #require(entries.first?["pointers"] as? [[String: Any]])
      let names = Dictionary(
        uniqueKeysWithValues: pointers.map {
          ($0["member"] as? String ?? "", $0["name"] as? String ?? "")
        })
      for pointer in pointers {
        #expect(
          try jsonText(pointer["address"]) == jsonText(truth[pointer["member"] as? String ?? ""]))
      }
      #expect(names["nested[0].callback"] == "bpf_fentry_test6")
      // A kernel that keeps the names of functions alone does not say where its first task is.
      guard truth["task"] as? Int != 0 else { return }
      #expect(names["task"]?.hasPrefix("swapper/") == true)
      let words = ["map", "dump", "id", "\(truth["id"] ?? "")", "--raw"]
      let lines = try Program(guest, words).run().out
      #expect(lines.contains("<bpf_fentry_test6>") && lines.contains("<swapper/"))
    }
  }
}
