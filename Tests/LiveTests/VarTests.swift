import Foundation
import Testing

extension LiveTests {
  /// Global variables against the bytes that the guest's system call gives of them.
  @Suite struct VarTests {
    @Test(arguments: LiveGuest.resting)
    func everyGlobalHasTheBytesThatTheGuestReads(guest: LiveGuest) throws {
      let truth = try guest.truth("global")
      try #require(!truth.isEmpty)
      let list = try Program(guest, ["-j", "var"]).run()
      #expect(list.status == 0, "\(list.err)")
      let listed = try list.objects()
      func key(_ row: [String: Any]) -> String {
        "\(row["map_id"] ?? "") \(row["map"] ?? "") \(row["name"] ?? "")"
      }
      #expect(listed.map(key).sorted() == truth.map(key).sorted())

      let result = try Program(guest, ["-j", "var", "*"]).run()
      #expect(result.status == 0, "\(result.err)")
      let values = Dictionary(
        try result.objects().map { (key($0), $0["value"]) }, uniquingKeysWith: { first, _ in first }
      )
      var compared: Set<String> = []
      for row in truth {
        let bytes = try #require((row["bytes"] as? String).flatMap(Self.bytes))
        let value = try #require(values[key(row)] ?? nil, "\(key(row))")
        guard let ours = Self.bytes(of: value, count: bytes.count) else { continue }
        #expect(ours == bytes, "\(key(row))")
        compared.insert(row["name"] as? String ?? "")
      }
      #expect(
        compared.isSuperset(of: [
          "syncs", "rtt_buckets", "sample_limit", "sample_total", "sample_small", "sample_tiny",
          "sample_ready", "sample_nothing", "syncer", "LINUX_KERNEL_VERSION",
        ]))
    }

    /// Also a static variable of a function, whose name has a dot.
    @Test(arguments: LiveGuest.withObjects)
    func eachGlobalIsFoundByItsOwnName(guest: LiveGuest) throws {
      let listed = try Program(guest, ["-j", "var"]).run().objects()
      let names = Set(listed.compactMap { $0["name"] as? String }).sorted()
      #expect(names.contains { $0.contains(".") })
      let each = try Program(guest, ["-j"] + names.flatMap { ["-e", "var \($0)"] }).run()
      #expect(each.status == 0, "\(each.err)")
      let documents = each.out.split(separator: "\n")
      try #require(documents.count == names.count)
      for (name, document) in zip(names, documents) {
        let rows = try JSONSerialization.jsonObject(with: Data(document.utf8)) as? [[String: Any]]
        #expect(
          rows?.isEmpty == false && rows?.allSatisfy { $0["name"] as? String == name } == true)
      }
    }

    private static func bytes(_ hex: String) -> [UInt8]? {
      let digits = Array(hex)
      return stride(from: 0, to: digits.count, by: 2).map {
        UInt8(String(digits[$0..<min($0 + 2, digits.count)]), radix: 16) ?? 0
      }
    }

    /// The bytes that a number, or an array of numbers, comes from; nil for anything else.
    private static func bytes(of value: Any, count: Int) -> [UInt8]? {
      if let numbers = value as? [NSNumber], !numbers.isEmpty {
        return numbers.flatMap { bytes(of: $0, count: count / numbers.count) ?? [] }
      }
      guard let number = value as? NSNumber else { return nil }
      // A negative one has the same bits without its sign.
      let word = number.int64Value < 0 ? UInt64(bitPattern: number.int64Value) : number.uint64Value
      return (0..<count).map { UInt8(word >> (8 * UInt64($0)) & 0xff) }
    }

    /// A pointer of a program, followed by the kernel's types.
    @Test(arguments: LiveGuest.resting)
    func pointersIntoTheKernelAreFollowed(guest: LiveGuest) throws {
      let task = try Program(guest, ["-j", "-e", "var syncer->pid", "-e", "var syncer->comm"]).run()
      #expect(task.status == 0, "\(task.err)")
      let documents = try task.out.split(separator: "\n").map {
        try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [[String: Any]]
      }
      let pid = try #require(documents.first??.first?["value"] as? Int)
      let comm = try #require(documents.last??.first?["value"] as? String)
      let print = try Program(guest, ["print", "task_struct", "task:\(pid)", ".comm"]).run()
      #expect(print.out == "\"\(comm)\"\n")
      let shown = try Program(guest, ["var", "syncer"]).run()
      #expect(shown.out.hasSuffix("<\(comm) (pid \(pid))>\n"), "\(shown.out)")
    }

    /// What they lead to, by what `print` says of it.
    @Test(arguments: LiveGuest.resting)
    func pointersIntoTheKernelAreNamed(guest: LiveGuest) throws {
      func lines(_ commands: String...) throws -> [String] {
        let result = try Program(guest, commands.flatMap { ["-e", $0] }).run()
        #expect(result.status == 0, "\(result.err)")
        return result.out.split(separator: "\n").map(String.init)
      }
      let known = try lines(
        "var syncer_cpus->bits[0]", "var syncer_root->i_ino", "var syncer_root->i_sb->s_id",
        "var syncer_loopback->ifindex"
      ).map { $0.split(separator: " ").last.map(String.init) ?? "" }
      try #require(known.count == 4)
      let mask = try #require(UInt64(known[0]))
      let cpus = (0..<64).filter { mask >> UInt64($0) & 1 == 1 }
      try #require(!cpus.isEmpty)
      let shown = try lines("var syncer_cpus", "var syncer_root", "var syncer_loopback")
      try #require(shown.count == 3)
      // Neighbours make a range.
      let isRange = cpus.count > 1 && cpus.last! - cpus.first! == cpus.count - 1
      if isRange || cpus.count == 1 {
        let text = isRange ? "\(cpus.first!)-\(cpus.last!)" : "\(cpus[0])"
        #expect(shown[0].hasSuffix("<CPUs \(text)>"), "\(shown[0])")
      }
      let fileSystem = known[2].filter { $0 != "\"" }
      #expect(shown[1].hasSuffix("<inode \(known[1]) of \(fileSystem)>"), "\(shown[1])")
      #expect(shown[2].hasSuffix("<device \(known[3]) lo>"), "\(shown[2])")
    }
  }

  /// Maps of struct_ops against bpftool's own words.
  @Suite struct StructOpsDumpTests {
    @Test(arguments: LiveGuest.withBpftool)
    func theDumpIsBpftoolsByteForByte(guest: LiveGuest) throws {
      let theirs = try String(
        contentsOfFile: guest.path("bpftool-struct_ops-dump.json"), encoding: .utf8)
      try #require(theirs.contains("prog_id:"))
      let ours = try Program(guest, ["-j", "struct_ops", "dump"]).run()
      #expect(ours.status == 0, "\(ours.err)")
      #expect(
        ours.out.trimmingCharacters(in: .newlines)
          == theirs.trimmingCharacters(in: .whitespacesAndNewlines))
    }
  }
}
