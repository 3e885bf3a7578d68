import Foundation
import Testing

/// A list that bpftool shows, too, and in what the two may differ.
struct BpftoolList: CustomTestStringConvertible, Sendable {
  let command: String
  /// Keys of ours that bpftool never prints.
  var ours: Set<String> = []
  /// Keys whose list bpftool prints in no order.
  var unordered: Set<String> = []
  /// Keys that bpftool repeats from the object before, for one that has nothing there.
  var repeated: Set<String> = []
  /// Keys that kernels before 5.12 leave 0 for user space.
  var unfilled: Set<String> = []

  var testDescription: String { command }

  static let programs = BpftoolList(
    command: "prog", ours: ["verified_insns", "struct_ops", "member", "attach"])
  /// bpftool fills one `bpf_map_info` again and again, and kernels from 6.18 on (commit
  /// ea2e6467ac36) leave in it what was there before.
  static let maps = BpftoolList(command: "map", repeated: ["btf_id"])
  /// What a kernel does not report of a link to user space is in its memory all the same.
  static let links = BpftoolList(
    command: "link",
    ours: [
      "cookie", "retprobe", "func_cnt", "missed", "funcs", "addr", "func", "offset", "file",
      "ref_ctr_offset", "tracepoint", "event_type", "event_config", "attach_type", "path", "pid",
    ], unfilled: ["target_obj_id", "target_btf_id"])
  static let btfs = BpftoolList(command: "btf", unordered: ["prog_ids", "map_ids"])
  static let structOps = BpftoolList(command: "struct_ops")
  static let all = [programs, maps, links, btfs, structOps]

  /// Who holds an object open, or has it pinned, is not looked for from outside.
  private static let ofProcesses: Set = ["pids", "pinned"]
  private static let empty: Set = ["0", "\"\"", "[]", "null"]

  /// What is different in an object that both have, by key.
  ///
  /// - Parameter previous: bpftool's object before this one.
  func differences(
    _ our: [String: Any], _ their: [String: Any], after previous: [String: Any]?
  ) throws -> [String: String] {
    var differences: [String: String] = [:]
    for (key, value) in their where !Self.ofProcesses.contains(key) {
      guard let ourValue = our[key] else {
        differences[key] = "not there, bpftool has \(try text(value, key))"
        continue
      }
      let (ours, theirs) = (try text(ourValue, key), try text(value, key))
      if ours == theirs || isRounded(key, ourValue, value) { continue }
      let before = try previous?[key].map { try text($0, key) }
      if repeated.contains(key), Self.empty.contains(ours), theirs == before { continue }
      differences[key] = "\(ours), bpftool has \(theirs)"
    }
    // bpftool drops what is empty.
    for (key, value) in our where their[key] == nil && !ours.contains(key) {
      let ours = try text(value, key)
      if !Self.empty.contains(ours) {
        differences[key] = "\(ours), bpftool does not have it"
      }
    }
    return differences
  }

  /// bpftool reads two clocks, one after the other, for each program: a second may pass.
  private func isRounded(_ key: String, _ our: Any, _ their: Any) -> Bool {
    guard key == "loaded_at", let our = our as? Int, let their = their as? Int else { return false }
    return abs(our - their) <= 1
  }

  private func text(_ value: Any, _ key: String) throws -> String {
    var value = value
    if unordered.contains(key), let numbers = value as? [Int] { value = numbers.sorted() }
    return try jsonText(value)
  }
}

extension LiveTests {
  /// What our lists say of a guest against what bpftool says in it. Nothing runs in these guests
  /// since bpftool did, so that statistics are compared as well.
  @Suite struct BpftoolTests {
    @Test(arguments: LiveGuest.withBpftool, BpftoolList.all)
    func everyKeyOfEveryObjectEqualsBpftools(guest: LiveGuest, list: BpftoolList) throws {
      let theirs = try guest.bpftool(list.command)
      let result = try Program(guest, ["-j", list.command, "list"]).run()
      #expect(result.status == 0, "\(result.err)")
      let ours = try result.objects()
      // Neither systemd nor bpftrace has struct_ops.
      try #require(!theirs.isEmpty || guest.isDebian && list.command == "struct_ops")
      try #require(ours.map { $0["id"] as? Int } == theirs.map { $0["id"] as? Int })

      var differences: [String] = []
      var previous: [String: Any]?
      for (our, their) in zip(ours, theirs) {
        for (key, words) in try list.differences(our, their, after: previous) {
          if guest.label == "x86-5.10", list.unfilled.contains(key), their[key] as? Int == 0 {
            continue
          }
          let object = "\(list.command) \(their["id"] ?? "") \(their["name"] ?? "")"
          differences.append("\(object): \(key) is \(words)")
        }
        previous = their
      }
      #expect(differences.isEmpty, "\(differences.joined(separator: "\n"))")
    }
  }
}
