import Foundation
import Testing

extension LiveTests {
  /// The types of every BTF object of every guest: as bpftool lists them, and in C.
  @Suite(.timeLimit(.minutes(10))) struct TypeDumpTests {
    private func answer(_ guest: LiveGuest, _ words: [String]) throws -> String {
      let result = try Program(guest, words).run()
      try #require(result.status == 0, "\(result.err)")
      return result.out
    }

    @Test(arguments: LiveGuest.withBpftool)
    func everyTypeEqualsBpftools(guest: LiveGuest) throws {
      let theirs = try BatchAnswer.all(guest, "btf-dump")
      try #require(theirs.count > 5)
      let result = try Program(
        guest, ["-j"] + theirs.flatMap { ["-e", $0.words.joined(separator: " ")] }
      ).run()
      let ours = result.out.split(separator: "\n")
      try #require(ours.count == theirs.count, "\(result.err)")
      for (our, their) in zip(ours, theirs) {
        let document = try JSONSerialization.jsonObject(with: Data(our.utf8))
        let (found, expected) = (types(document), types(their.output))
        try #require(found.count == expected.count && !found.isEmpty, "\(their.words)")
        for (found, expected) in zip(found, expected) {
          #expect(try jsonText(found) == jsonText(plain(expected)), "\(their.words)")
        }
      }
    }

    private func types(_ document: Any) -> [[String: Any]] {
      (document as? [String: Any])?["types"] as? [[String: Any]] ?? []
    }

    /// bpftool extends the sign of a number of 32 bits without one to 64 bits.
    private func plain(_ type: [String: Any]) -> [String: Any] {
      guard type["kind"] as? String == "ENUM", type["encoding"] as? String == "UNSIGNED",
        let values = type["values"] as? [[String: Any]]
      else { return type }
      var type = type
      type["values"] = values.map { value in
        let number = (value["val"] as? NSNumber)?.uint64Value ?? 0
        return value.merging(["val": number & 0xffff_ffff]) { $1 }
      }
      return type
    }

    /// So many that the guest says a checksum of bpftool's text.
    @Test(arguments: LiveGuest.withBpftool)
    func theKernelsTypesAreBpftools(guest: LiveGuest) throws {
      // 5.10 has no id for them.
      guard let truth = try guest.truth("types").first else {
        #expect(guest.label == "x86-5.10")
        return
      }
      let ours = try answer(guest, ["btf", "dump", "id", "\(truth["id"] ?? "")"])
        .replacingOccurrences(of: "\n        ", with: "\n\t")
      #expect(ours.utf8.count == truth["bytes"] as? Int)
      #expect(Self.checksum(ours) == truth["crc32"] as? UInt32)
    }

    /// CRC-32 of zlib.
    private static func checksum(_ text: String) -> UInt32 {
      let table = (0..<256 as Range<UInt32>).map { index in
        (0..<8).reduce(index) { sum, _ in sum & 1 != 0 ? 0xedb8_8320 ^ (sum >> 1) : sum >> 1 }
      }
      return ~text.utf8.reduce(~0 as UInt32) { sum, byte in
        table[Int((sum ^ UInt32(byte)) & 0xff)] ^ (sum >> 8)
      }
    }

    // MARK: C

    static let compiler = "/usr/bin/clang"

    @Test(
      .enabled(if: FileManager.default.isExecutableFile(atPath: compiler), "no \(compiler)"),
      arguments: LiveGuest.withBpftool)
    func inCEachStructHasItsSizeAndPlaces(guest: LiveGuest) throws {
      var ids = try BatchAnswer.all(guest, "btf-dump").map { $0.words[3] }
      // The kernel's own of a guest of each architecture.
      if ["x86-6.1", "x86-7", "arm64-7"].contains(guest.label) {
        ids += try guest.truth("types").map { "\($0["id"] ?? "")" }
      }
      var checked = 0
      for id in ids {
        let source = try answer(guest, ["btf", "dump", "id", id, "format", "c"])
        let document = try answer(guest, ["-j", "btf", "dump", "id", id])
        let json = try JSONSerialization.jsonObject(with: Data(document.utf8))
        let check = StructCheck(types(json))
        checked += check.count
        let failure = try check.failure(of: source, Self.compiler)
        #expect(failure == nil, "BTF object \(id)")
      }
      print("\(guest): \(checked) sizes, members and bit-fields in C")
      #expect(checked > ids.count)
    }
  }
}
