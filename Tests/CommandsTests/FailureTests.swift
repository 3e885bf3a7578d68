import Foundation
import TestSupport
import Testing

@testable import Commands

/// The messages and the exit status of a command that has no answer, or only a part of one.
@Suite final class FailureTests: ProgramBench {
  @Test(arguments: [["-j"], ["-p"], []])
  func withoutAnAnswerThereIsAnErrorInItsPlace(form: [String]) throws {
    let lines = ["prog fly", "sym no_such", "prog list id", "prog verifier", "source /no/such"]
    let result = try run(form + ["--keep-going"] + lines.flatMap { ["-e", $0] })
    #expect(result.status == 64)
    guard form == ["-j"] else {
      #expect(result.output.contains("\"error\"") == (form == ["-p"]))
      return
    }
    let documents = result.output.split(separator: "\n")
    try #require(documents.count == lines.count)
    for (index, document) in documents.enumerated() {
      let value = try JSONSerialization.jsonObject(with: Data(document.utf8))
      let error = (value as? [String: String])?["error"]
      #expect((error == nil) == (index == 3), "\(document)")
      if let error { #expect(result.errors.contains(": \(error)\n"), "\(result.errors)") }
    }
  }

  /// Whatever is wrong, and wherever: one document, the sentence of standard error.
  @Test func everyFailureIsADocumentUnderJSON() throws {
    let endless = folder.path(of: "endless")
    try "source \(endless)\n".write(toFile: endless, atomically: false, encoding: .utf8)
    for (words, status, sentence) in [
      (["-j", "prog", "fly"], 64, "no command 'fly'"), (["-j"], 64, "no command: give one"),
      (["-j", "help", "fly"], 64, "no command 'fly'"), (["info", "extra", "-j"], 64, "extra"),
      (["read", "x", "-j"], 64, "'<length>'"), (["read", "x", "8", "-jt", "y"], 64, "'y'"),
      (["--timeout", "x", "-j", "info"], 64, "--timeout"), (["-j", "-x"], 64, "'-x'"),
      (["-c", "nowhere", "info", "--json"], 64, "HOST:PORT"), (["-j", "hold"], 64, "session"),
      (["prog", "list", "-j", "-e", "info"], 64, "remove the other"),
      (["-j", "-e", "'"], 64, "is not closed"),
      (["-j", "-f", "/no/such"], 1, "cannot open /no/such"), (["-j", "-f", endless], 1, "deep"),
      (["-j", "-e", "source /no/such"], 1, "cannot open"), (["-j", "regs", "9"], 1, "no vCPU 9"),
      (["-j", "-k", "/no/such", "info"], 1, "/no/such"), (["-j", "read", "8", "8"], 1, "mapped"),
    ] as [([String], Int32, String)] {
      let result = try run(words)
      #expect(result.status == status, "\(words): \(result.errors)")
      let document = try #require(result.json as? [String: String], "\(words): \(result.output)")
      #expect(Set(document.keys) == ["error"])
      let error = document["error"] ?? ""
      #expect(error.contains(sentence), "\(words): \(error)")
      #expect(result.errors.split(separator: "\n").first?.hasSuffix(": \(error)") == true)
    }
  }

  @Test func optionsThatMeanNothingAreRefused() throws {
    for (words, sentence) in [
      (["dmesg", "--interval", "2"], "goes with --follow"),
      (["check", "--max-miss-rate", "5"], "a share, from 0 to 1"),
      (["watch", "--openmetrics", "", "prog", "list"], "takes the path of a file"),
      (["watch", "help"], "watch does not take 'help'"),
      (["prog", "dump"], "dump takes one of these: xlated, jited"),
      (["-j", "prog", "dump", "--pretty"], "dump takes one of these: xlated, jited"),
    ] {
      let result = try run(words)
      #expect(result.status == 64 && result.errors.contains(sentence), "\(result.errors)")
    }
  }

  @Test func infoOfNoKernelHasNullsForWhatItWouldSay() throws {
    let result = try run("-j", "--vcpu", "7", "info")
    #expect(result.status == 2, "\(result.errors)")
    let info = try #require(result.json as? [String: Any])
    for key in ["symbols", "btf", "bpf_stats_enabled"] { #expect(info[key] is NSNull, "\(key)") }
  }

  /// What has no answer has no files, and the index says why.
  @Test func aReportFolderHasTheFilesThatItsIndexNames() throws {
    let path = folder.path(of: "report")
    let result = try run("-j", "report", "--dir", path)
    let answer = try #require(result.json as? [String: Any], "\(result.errors)")
    let entries = try #require(answer["files"] as? [[String: Any]])
    let named = entries.flatMap { $0["files"] as? [String] ?? [] }
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        == (named + ["index.json"]).sorted())
    let maps = try #require(entries.first { $0["name"] as? String == "map-contents" })
    #expect(maps["files"] as? [String] == [] && (maps["missing"] as? [String])?.isEmpty == false)
  }

  @Test func aValueThatIsRefusedIsNamedOnce() throws {
    for (words, sentence) in [
      (["check", "nosuch"], "there is no check 'nosuch': there are guest-lives, "),
      (["check", "task-stuck=x"], "task-stuck takes a number from 0 to 1e9, in s: not 'x'"),
      (["dmesg", "--level", "nosuch"], "--level takes a number from 0 to 7, or emerg, "),
      (["dmesg", "--since", "x"], "--since takes seconds, such as 12.5 or -10: not 'x'"),
      (["read", "8", "y"], "a length is 1 to 16777216 bytes: not 'y'"),
      (["prog", "list", "--limit", "x"], "The value 'x' is invalid for '--limit <n>'"),
    ] {
      let result = try run(words)
      #expect(result.status == 64)
      #expect(result.errors.hasPrefix("guestscope: " + sentence), "\(result.errors)")
    }
  }

  /// What one command cannot answer does not hide what another one shows.
  @Test func aBudgetIsJudgedAsFarAsTheGuestAnswers() throws {
    let budget = folder.path(of: "budget")
    let lacking = #""scx_show":{"*":{"nr_rejected":0}}"#
    for (text, status, words) in [
      (#"{"prog_stats":{"lab":{"cnt":1}},\#(lacking)}"#, 3, ["broken: prog_stats.cnt of lab"]),
      ("{\(lacking)}", 4, []),
    ] as [(String, Int32, [String])] {
      try text.write(toFile: budget, atomically: false, encoding: .utf8)
      let result = try run("check", "--budget", budget)
      #expect(result.status == status, "\(result.output)\(result.errors)")
      for word in words + ["not measurable: scx_show.nr_rejected: ", "has no sched_ext"] {
        #expect(result.output.contains(word), "\(result.output)")
      }
    }
  }

  @Test func differencesAreAsManyAsWereAskedForAndOfWhatIsThere() throws {
    let files = ["a", "b"].map { folder.path(of: $0) }
    try #"[{"name":"x","cnt":1},{"name":"y","cnt":1},{"name":"z","cnt":1}]"#
      .write(toFile: files[0], atomically: false, encoding: .utf8)
    try #"[{"name":"x","cnt":2},{"name":"w","cnt":1}]"#
      .write(toFile: files[1], atomically: false, encoding: .utf8)
    for limit in [1, 2, 4] {
      let result = try run(["-j", "diff", "--only-changed", "--limit", "\(limit)"] + files)
      #expect((result.json as? [Any])?.count == limit, "\(result.output)")
    }
    let wrong = try run(["diff", "--by", "colour"] + files)
    #expect(wrong.status == 1 && wrong.errors.contains("a key 'colour'"), "\(wrong.errors)")
    let same = try run(["diff", "--only-changed", files[0], files[0]])
    #expect((same.output, same.status) == ("", 0) && same.errors.contains("nothing is different"))
  }

  @Test func aLineThatIsRefusedIsFollowedByItsUsage() throws {
    let usage =
      "\nusage: guestscope read <address> <length> [--as <format>]\n"
    for words in [["read"], ["-j", "read", "x"], ["read", "x", "8", "9"]] {
      #expect(try run(words).errors.hasSuffix(usage))
    }
    // Nobody who runs a script sees where it was typed.
    #expect(try !run("-e", "read").errors.contains("usage:"))
    #expect(try !run("-j", "read", "8", "8").errors.contains("usage:"))
  }

  /// A line that is too long ends its script; what was wrong before it still counts.
  @Test func theWorstStatusIsThatOfAllLines() throws {
    let script = folder.path(of: "long")
    let line = "sym " + String(repeating: "x", count: 2 << 20)
    for (first, status) in [("prog fly", 64), ("prog verifier", 1)] as [(String, Int32)] {
      try "\(first)\n\(line)\n".write(toFile: script, atomically: false, encoding: .utf8)
      let result = try run("--keep-going", "-f", script)
      #expect(result.status == status, "\(result.errors.prefix(500))")
      #expect(result.errors.contains("long:2"), "\(result.errors.prefix(500))")
    }
  }

  @Test func withoutACommandNothingIsAnswered() throws {
    let script = folder.path(of: "empty")
    try "\n# Nothing.\n".write(toFile: script, atomically: false, encoding: .utf8)
    for words in [[], ["-f", script], ["-e", ""], ["-e", "  # nothing"]] {
      let result = try run(words)
      #expect((result.status, result.output) == (64, ""))
      #expect(result.errors.contains("no command: give one"), "\(result.errors)")
    }
    #expect(qemu.clients.isEmpty)
  }

  @Test func aTargetThatIsNoneSaysWhatOneIs() throws {
    for target in ["foo", "host:", "host:99999", ":0", "unix:", "65536"] {
      let result = try run(["-c", target, "info"])
      #expect(result.status == 64)
      for form in ["HOST:PORT", ":PORT", "unix:PATH"] {
        #expect(result.errors.contains(form), "\(result.errors)")
      }
    }
    #expect(try run(["-c", "\(qemu.port)", "info"]).status == 0)
  }

  @Test(arguments: [("info", "6.1.0-test"), ("sym prog_idr", "prog_idr"), ("regs 0", "_text+")])
  func aKernelThatDiedSinceTheLastCommandIsNoAnswer(line: String, word: String) throws {
    let session = try session()
    let command = try #require(try Root.parse(words: Words.split(line)) as? any GuestCommand)
    func knowsTheKernel() throws -> Bool {
      try command.answer(in: session).screen.lines.contains { $0.contains(word) }
    }
    #expect(try knowsTheKernel())
    #expect(try knowsTheKernel())
    // No CPU has this area any more, and the old kernel still lies in RAM.
    qemu.change { $0.registers = Self.registers(guest, gsBase: 0) }
    #expect((try? knowsTheKernel()) != true)
    #expect(qemu.isRunning)
  }

  @Test func theStatusSaysHowItWent() throws {
    #expect(try run("prog", "list", "colour", "red").status == 64)
    #expect(try run("prog", "stats", "type", "nonsense").status == 64)
    #expect(try run("prog", "list", "id", "77").status == 1)
    let other = try run("prog", "list", "id", "3", "type", "kprobe")
    #expect(other.status == 1)
    #expect(other.errors.contains("no program with id 3 type kprobe\n"))
    let lacking = try run("--no-cache", "prog", "list", withKernel: false)
    #expect(lacking.status == 1)
    #expect(lacking.errors.contains("no symbol table was found in its memory"))
    #expect(lacking.errors.contains("vmlinux with -k"))
    // One program of two becomes unreadable.
    qemu.change { machine in
      machine.ram.replaceSubrange(evilHead + 56..<evilHead + 64, with: repeatElement(0, count: 8))
    }
    let partial = try run("prog", "list", "-j")
    #expect(partial.status == 2)
    #expect((partial.json as? [Any])?.count == 1)
    #expect(partial.errors.contains("1 program unreadable"))
    #expect(partial.errors.contains("program 9"))
    let version = try run("--version")
    #expect((version.status, version.errors) == (0, ""))
    #expect(qemu.isRunning)
    qemu.end()
    usleep(20_000)
    #expect(try run("prog", "list").status == 1)
  }

  @Test func aReportEndsWithWhatItLacksAndWhatItCost() throws {
    #expect(try run("report").output.contains("lab"))
    qemu.change { machine in
      machine.ram.replaceSubrange(labHead + 56..<labHead + 64, with: repeatElement(0, count: 8))
    }
    let report = try run("report")
    #expect(report.status == 2 && report.errors.contains("program 3"), "\(report.errors)")
    let lines = report.output.split(separator: "\n").suffix(2)
    #expect(lines.first?.hasPrefix("unreadable: program 3: ") == true, "\(report.output)")
    #expect(lines.last?.hasPrefix("answer: from ") == true, "\(report.output)")
  }
}
