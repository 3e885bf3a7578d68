import Foundation
import TestSupport
import Testing

@testable import Commands

/// The words that say which objects a command of the program is about.
@Suite final class SelectionTests: ProgramBench {
  /// Which words an answer says nothing to, and the way out.
  @Test(arguments: [
    (["prog", "list", "name", "X*"], "no program with name X*"),
    (["prog", "list", "type", "kprobe", "id", "3"], "no program with id 3 type kprobe"),
    (["prog", "show", "type", "socket_filter"], "no program with type socket_filter"),
    (["prog", "stats", "type", "socket_filter"], "no program with type socket_filter"),
    (["prog", "verifier", "type", "socket_filter"], "no program with type socket_filter"),
    (["prog", "stats", "id", "77,78", "name", "X*"], "no program with id 77 or id 78 or name X*"),
    (
      ["prog", "verifier", "name", "lab", "type", "socket_filter", "type", "kprobe"],
      "no program with name lab type socket_filter or type kprobe"
    ),
  ])
  func aSelectionThatMatchesNothingIsNoAnswer(words: [String], sentence: String) throws {
    let screen = try run(words)
    #expect((screen.status, screen.output) == (1, ""))
    #expect(screen.errors == "guestscope: the guest has \(sentence)\n")
    let json = try run(["-j"] + words)
    #expect((json.status, json.output) == (1, "{\"error\":\"the guest has \(sentence)\"}\n"))
    #expect(json.errors == screen.errors)
    let pretty = try run(words + ["-p"])
    #expect(pretty.output == "{\n    \"error\": \"the guest has \(sentence)\"\n}\n")
  }

  @Test func idsAndNamesAreAlternativesAndTypesNarrowThem() throws {
    var other = SyntheticProgram(id: 12, name: "label")
    other.type = 2
    guest.add(other)
    guest.writeIDR()
    qemu.change { $0.ram = guest.ram.bytes }
    func ids(_ line: String) throws -> [Int] {
      let result = try run("-j", "-e", line)
      #expect((result.status, result.errors) == (0, ""), "\(line)")
      return (result.json as? [[String: Any]] ?? []).compactMap { $0["id"] as? Int }
    }
    for (words, wanted) in [
      ("", [3, 9, 12]), ("id 3", [3]), ("id 3 id 9", [3, 9]), ("id 9,3", [3, 9]),
      ("id 3 id 77", [3]), ("name lab*", [3, 12]), ("name lab name label", [3, 12]),
      ("id 9 name lab", [3, 9]), ("type struct_ops", [3]), ("name lab* type struct_ops", [3]),
      ("id 9 name lab type kprobe", [9]), ("type kprobe type struct_ops", [3, 9, 12]),
      ("id 3 type all", [3]), ("type kprobe type all", [3, 9, 12]),
    ] {
      #expect(try ids("prog list \(words)") == wanted, "\(words)")
      let standard = words == "" ? [3] : wanted
      #expect(try ids("prog stats --ids \(words)") == standard, "\(words)")
      #expect(try ids("prog verifier --ids \(words)") == standard, "\(words)")
    }
  }

  @Test func idsAndTypesAreThereWhereTheyAreWanted() throws {
    let stats = try run("-j", "prog", "stats", "--ids", "id", "3")
    #expect(
      stats.output
        == #"[{"name":"lab","id":3,"type":"struct_ops","cnt":100,"nsecs":200,"misses":3}]"# + "\n")
    let verifier = try run("-j", "prog", "verifier", "id", "9", "--ids")
    #expect(verifier.output.hasSuffix(#"evil","id":9,"type":"kprobe","verified_insns":0}]"# + "\n"))
    #expect(
      try run("prog", "verifier", "--ids", "id", "3").output
        == "NAME  ID  TYPE        VERIFIED_INSNS\nlab    3  struct_ops            1234\n")
    let all = try run("prog", "stats", "type", "all").output.split(separator: "\n")
    #expect(all[0].hasSuffix(" miss_rate=0.0291 id=3"))
    #expect(all[1].hasSuffix("evil: cnt=0 nsecs=0 misses=0 id=9 type=kprobe"))
    // Only a program's own line, and no line of a report.
    let perCPU = try run("prog", "stats", "--per-cpu").output.split(separator: "\n")
    #expect(perCPU.map { $0.contains("id=") } == [true, false, false])
    #expect(try run("report").output.contains("miss_rate=0.0291\n"))
  }

  /// A guest as most are: other types than struct_ops, and nobody counts.
  @Test func aGuestWithoutStructOpsProgramsAndWithoutCounting() throws {
    guest.programs[3] = nil
    var nameless = SyntheticProgram(id: 4, name: "")
    nameless.type = 1
    guest.add(nameless)
    guest.writeIDR()
    guest.ram.write(0 as UInt32, at: guest.place("bpf_stats_enabled_key"))
    qemu.change { $0.ram = guest.ram.bytes }
    let none = "the guest has no struct_ops programs, but 2 of other types: type all lists them"
    let off = "the guest counts no runs now: bpf_stats_enabled is 0"
    for words in [["prog", "stats"], ["prog", "verifier"]] {
      let screen = try run(words)
      #expect(screen.status == 0)
      #expect(screen.errors.contains("guestscope: \(none)\n"), "\(screen.errors)")
      #expect(screen.errors.contains(off) == (words[1] == "stats"))
      let json = try run(words + ["-j"])
      #expect((json.status, json.output) == (0, "[]\n"))
      #expect(json.errors == screen.errors)
      #expect(try run(words + ["type", "struct_ops"]).status == 1)
    }
    let report = try run("report")
    #expect(report.status == 0)
    #expect(report.output.contains("\n\(none)\n\(off)"), "\(report.output)")
    #expect(report.errors.contains(off))
    let document = try #require(try run("report", "-j").json as? [String: Any])
    #expect(document["bpf_stats_enabled"] as? Bool == false)
    #expect(document["prog_runtime_stats"] as? [String] == [])
    let info = try #require(try run("info", "-j").json as? [String: Any])
    #expect(info["bpf_stats_enabled"] as? Bool == false)

    // A program without a name has one word there all the same.
    let list = try run("prog", "list")
    let row = try #require(
      list.output.split(separator: "\n").first { $0.contains("socket_filter") })
    #expect(row.split(separator: " ").prefix(3) == ["4", "socket_filter", "-"])
    #expect(list.errors.contains(off))
    #expect(try run("prog", "stats", "type", "all").output.hasPrefix("-: cnt=0 "))
    #expect(try run("prog", "verifier", "type", "all").output.contains("\n-  "))
    #expect(try run("-j", "prog", "verifier", "type", "all").output.contains(#"{"name":"","#))
    #expect(qemu.isRunning)
  }

  @Test func aGuestWithoutProgramsIsAnAnswer() throws {
    guest.programs = [:]
    guest.writeIDR()
    qemu.change { $0.ram = guest.ram.bytes }
    for words in [["prog", "list"], ["prog", "stats", "type", "all"]] {
      let result = try run(words + ["-j"])
      #expect((result.status, result.output) == (0, "[]\n"))
      #expect(result.errors == "guestscope: the guest has no BPF programs\n")
    }
    #expect(try run("prog", "stats").errors.contains("and none of other types"))
  }

  @Test(arguments: [
    ("type bpf_prog_*", ["struct bpf_prog_aux;  /* size: 512 */", "enum bpf_prog_type;"]),
    ("type 'struct *_prog'", ["struct bpf_prog;  /* size: 72 */"]),
    ("type 'enum *'", ["enum bpf_prog_type;"]), ("type [x]a?nod*", ["struct xa_node;"]),
    ("type 'btf *'", []), ("type nope*", []), ("type 'struct u*4'", []),
  ])
  func typesArePickedByAPattern(line: String, wanted: [String]) throws {
    let result = try run("-e", line)
    #expect((result.status == 0) == !wanted.isEmpty, "\(result.errors)")
    #expect(result.status == 0 || result.errors.contains("has no type"))
    for text in wanted { #expect(result.output.contains(text), "\(result.output)") }
    guard !wanted.isEmpty else { return }
    let rows = try #require(try run("-j", "-e", line).json as? [[String: Any]])
    #expect(rows.count == result.output.split(separator: "\n").count)
    #expect(rows.allSatisfy { Set($0.keys) == ["name", "declaration", "kind", "size"] })
  }

  @Test func tabOffersNoNameThatALineWouldTakeForAnything() throws {
    let completer = PromptCompleter(session: try session())
    #expect(completer.completion("prog list name ", "") == .words(["lab"]))
    #expect(completer.completion("prog list id ", "") == .words(["3", "9"]))
    #expect(completer.completion("prog stats id 3 name x id ", "9") == .words(["9"]))
    #expect(completer.completion("prog list id ", "3,") == .words(["3,3", "3,9"]))
    #expect(completer.completion("prog verifier id 3 type ", "struct") == .words(["struct_ops"]))
  }
}
