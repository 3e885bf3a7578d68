import Foundation
import GuestScopeGDBStub
import TestSupport
import Testing

@testable import Commands

/// The program itself, against a fake stub with a synthetic guest.
@Suite struct ProgramTests {
  let qemu: FakeQEMU
  let guest: SyntheticGuest
  let folder: URL

  init() throws {
    guest = SyntheticGuest()
    var lab = SyntheticProgram(id: 3, name: "lab")
    lab.verifiedInstructions = 1234
    lab.counters = [(60, 150, 1), (40, 50, 2)]
    lab.mapIDs = [7]
    var evil = SyntheticProgram(id: 9, name: "\u{1b}[31mevil")
    evil.type = 2
    guest.add(lab)
    let places = guest.add(evil)
    guest.writeIDR()
    var machine = FakeQEMU.Machine()
    machine.ram = guest.ram.bytes
    machine.registers = Self.registers(guest, gsBase: guest.registers["gs_base"]!)
    qemu = FakeQEMU(machine)
    evilHead = Int(places.head.rawValue)
    folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    kernel = folder.appendingPathComponent("vmlinux").path
    try Data(guest.imageFile()).write(to: URL(fileURLWithPath: kernel))
  }

  private static func registers(
    _ guest: SyntheticGuest, gsBase: UInt64
  ) -> KeyValuePairs<String, UInt64> {
    let values = guest.registers
    return [
      "rip": values["rip"]!, "gs_base": gsBase, "k_gs_base": 0, "cr0": values["cr0"]!,
      "cr3": values["cr3"]!, "cr4": values["cr4"]!, "efer": values["efer"]!,
    ]
  }

  private let kernel: String
  private let evilHead: Int

  private struct Outcome {
    var status: Int32
    var output: String
    var errors: String
    var json: Any? { try? JSONSerialization.jsonObject(with: Data(output.utf8)) }
  }

  private func run(_ arguments: String..., withKernel: Bool = true) throws -> Outcome {
    try run(arguments, withKernel: withKernel)
  }

  private func run(_ arguments: [String], withKernel: Bool = true) throws -> Outcome {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
      .resolvingSymlinksInPath().deletingLastPathComponent().appendingPathComponent("guestscope")
    process.arguments =
      ["-c", ":\(qemu.port)"] + (withKernel ? ["-k", kernel] : []) + arguments
    process.environment = ProcessInfo.processInfo.environment.merging(
      ["XDG_CACHE_HOME": folder.appendingPathComponent("cache").path]) { $1 }
    let (output, errors) = (Pipe(), Pipe())
    (process.standardOutput, process.standardError) = (output, errors)
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let notes = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(qemu.waitForEnd(ofClients: qemu.clients.count))
    #expect(qemu.clients.allSatisfy { $0.resumes <= 1 && $0.strayBytes == 0 })
    return Outcome(status: process.terminationStatus, output: text, errors: notes)
  }

  private func end() {
    qemu.end()
    try? FileManager.default.removeItem(at: folder)
  }

  @Test func everyCommandAnswersAndTheGuestRunsOn() throws {
    defer { end() }
    let list = try run("prog", "list", "-j")
    #expect((list.status, list.errors) == (0, ""))
    let rows = try #require(list.json as? [[String: Any]])
    #expect(rows.count == 2)
    #expect(rows[0]["name"] as? String == "lab")
    #expect(rows[0]["type"] as? String == "struct_ops")
    #expect(rows[0]["run_cnt"] as? Int == 100)
    #expect(rows[0]["loaded_at"] as? Int == 1_700_000_005)
    #expect(rows[0]["map_ids"] as? [Int] == [7])
    #expect(rows[1]["name"] as? String == "\u{1b}[31mevil")
    #expect(!list.output.contains("\u{1b}"))

    let stats = try run("prog", "stats")
    #expect(stats.errors == "")
    #expect(stats.output == "lab: cnt=100 nsecs=200 misses=3 ns/call=2.000 miss_rate=0.0291 id=3\n")
    let perCPU = try run("-j", "prog", "stats", "--per-cpu")
    #expect(
      perCPU.output == #"[{"name":"lab","cnt":100,"nsecs":200,"misses":3,"per_cpu":["#
        + #"{"cpu":0,"cnt":60,"nsecs":150,"misses":1},{"cpu":1,"cnt":40,"nsecs":50,"misses":2}]}]"#
        + "\n")
    let verifier = try run("prog", "verifier", "-j", "type", "all")
    #expect(
      verifier.output
        == #"[{"name":"lab","verified_insns":1234},{"name":"\u001b[31mevil","verified_insns":0}]"#
        + "\n")
    let screen = try run("prog", "list")
    #expect(screen.errors == "")
    #expect(!screen.output.contains("\u{1b}") && screen.output.contains("\u{fffd}[31mevil"))
    let info = try run("info", "-j")
    let facts = try #require(info.json as? [String: Any])
    #expect(facts["release"] as? String == "6.1.0-test")
    #expect(facts["run_state"] as? String == "running")
    #expect(facts["kernel_file"] as? String == kernel)
    for (key, count) in [("symbols", "count"), ("btf", "types")] {
      let source = try #require(facts[key] as? [String: Any])
      #expect(Set(source.keys) == [count, "source", "cached"])
      #expect(try #require(source[count] as? Int) > 0)
      #expect(source["source"] as? String == "vmlinux")
    }
    #expect(qemu.isRunning)
  }

  @Test func severalCommandsShareOneSession() throws {
    defer { end() }
    let one = try run("-e", "prog stats", "-e", "prog verifier -j")
    #expect(one.status == 0)
    #expect(one.output.hasSuffix("\n" + #"[{"name":"lab","verified_insns":1234}]"# + "\n"))
    let failing = try run("-e", "prog stats", "-e", "prog list id 77", "-e", "prog stats")
    #expect(failing.status == 1)
    #expect(failing.output.split(separator: "\n").count == 1)
    #expect(failing.errors.contains("no program with id 77") && failing.errors.contains("-e:2"))
    #expect(qemu.isRunning)
  }

  @Test func holdStopsTheGuestOnceForAllAndLetsItGo() throws {
    defer { end() }
    let held = try run(
      "--no-cache", "--hold", "-e", "prog stats", "-e", "report", "-e", "prog list")
    #expect(held.status == 0, "\(held.errors)")
    #expect(held.output.contains("guest: held, 2 CPUs\n"))
    // First contact and one hold: as for one command.
    let clients = qemu.clients.count
    #expect(try run("--no-cache", "--hold", "info").status == 0)
    #expect(qemu.clients.count == 2 * clients)
    #expect(qemu.isRunning)
  }

  @Test func aKernelWithoutBPFIsStillAKernel() throws {
    defer { end() }
    guest.symbols["prog_idr"] = nil
    let file = folder.appendingPathComponent("no-bpf")
    try Data(guest.imageFile()).write(to: file)
    for command in ["info", "report"] {
      let result = try run("-k", file.path, "-j", command, withKernel: false)
      #expect(result.status == 2)
      #expect(result.errors.contains("prog_idr"), "\(result.errors)")
      let facts = try #require(result.json as? [String: Any])
      let banner = facts["banner"] ?? (facts["kernel"] as? [String: Any])?["banner"]
      #expect(banner as? String == SyntheticGuest.banner)
      #expect(facts["cpus"] as? Int == 2)
    }
    let report = try run("-k", file.path, "report", withKernel: false)
    #expect(report.output.hasPrefix("kernel: \(SyntheticGuest.banner)\nguest: running, 2 CPUs\n"))
    #expect(try run("-k", file.path, "prog", "stats", withKernel: false).status == 1)
  }

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
    defer { end() }
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
    defer { end() }
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
    defer { end() }
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
    defer { end() }
    let none = "no struct_ops programs; 2 of other types: type all"
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

  @Test func whetherTheGuestCountsMayNotBeKnown() throws {
    defer { end() }
    guest.symbols["bpf_stats_enabled_key"] = nil
    let file = folder.appendingPathComponent("no-key")
    try Data(guest.imageFile()).write(to: file)
    for command in ["info", "report"] {
      let result = try run("-k", file.path, "-j", command, withKernel: false)
      #expect((result.status, result.errors) == (0, ""))
      let facts = try #require(result.json as? [String: Any])
      #expect(facts["bpf_stats_enabled"] is NSNull)
    }
  }

  @Test func aGuestWithoutProgramsIsAnAnswer() throws {
    guest.programs = [:]
    guest.writeIDR()
    qemu.change { $0.ram = guest.ram.bytes }
    defer { end() }
    for words in [["prog", "list"], ["prog", "stats", "type", "all"]] {
      let result = try run(words + ["-j"])
      #expect((result.status, result.output) == (0, "[]\n"))
      #expect(result.errors == "guestscope: the guest has no BPF programs\n")
    }
    #expect(try run("prog", "stats").errors.contains("none of other types either"))
  }

  @Test(arguments: [["-j"], ["-p"], []])
  func withoutAnAnswerThereIsAnErrorInItsPlace(form: [String]) throws {
    defer { end() }
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
    defer { end() }
    let endless = folder.appendingPathComponent("endless").path
    try "source \(endless)\n".write(toFile: endless, atomically: false, encoding: .utf8)
    for (words, status, sentence) in [
      (["-j", "prog", "fly"], 64, "no command 'fly'"), (["-j"], 64, "no command: give one"),
      (["-j", "help", "fly"], 64, "no command 'fly'"), (["info", "extra", "-j"], 64, "extra"),
      (["read", "x", "-j"], 64, "'<length>'"), (["read", "x", "8", "-jt", "y"], 64, "'y'"),
      (["--timeout", "x", "-j", "info"], 64, "--timeout"), (["-j", "-x"], 64, "'-x'"),
      (["-c", "nowhere", "info", "--json"], 64, "HOST:PORT"), (["-j", "hold"], 64, "session"),
      (["prog", "list", "-j", "-e", "info"], 64, "beside"), (["-j", "-e", "'"], 64, "its end"),
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

  @Test func aLineThatIsRefusedIsFollowedByItsUsage() throws {
    defer { end() }
    let usage =
      "\nusage: guestscope read <address> <length> [--as <format>] [--json] [--pretty] [--wide]\n"
    for words in [["read"], ["-j", "read", "x"], ["read", "x", "8", "9"]] {
      #expect(try run(words).errors.hasSuffix(usage))
    }
    // Nobody who runs a script sees where it was typed.
    #expect(try !run("-e", "read").errors.contains("usage:"))
    #expect(try !run("-j", "read", "8", "8").errors.contains("usage:"))
  }

  @Test func withoutACommandNothingIsAnswered() throws {
    defer { end() }
    let script = folder.appendingPathComponent("empty").path
    try "\n# Nothing.\n".write(toFile: script, atomically: false, encoding: .utf8)
    for words in [[], ["-f", script], ["-e", ""], ["-e", "  # nothing"]] {
      let result = try run(words)
      #expect((result.status, result.output) == (64, ""))
      #expect(result.errors.contains("no command: give one"), "\(result.errors)")
    }
    #expect(qemu.clients.isEmpty)
  }

  @Test func aTargetThatIsNoneSaysWhatOneIs() throws {
    defer { end() }
    for target in ["foo", "host:", "host:99999", ":0", "unix:", "65536"] {
      let result = try run(["-c", target, "info"])
      #expect(result.status == 64)
      for form in ["HOST:PORT", ":PORT", "unix:PATH"] {
        #expect(result.errors.contains(form), "\(result.errors)")
      }
    }
    #expect(try run(["-c", "\(qemu.port)", "info"]).status == 0)
  }

  @Test(arguments: [
    ("type bpf_prog_*", ["struct bpf_prog_aux;  /* size: 512 */", "enum bpf_prog_type;"]),
    ("type 'struct *_prog'", ["struct bpf_prog;  /* size: 72 */"]),
    ("type 'enum *'", ["enum bpf_prog_type;"]), ("type [x]a?nod*", ["struct xa_node;"]),
    ("type 'btf *'", []), ("type nope*", []), ("type 'struct u*4'", []),
  ])
  func typesArePickedByAPattern(line: String, wanted: [String]) throws {
    defer { end() }
    let result = try run("-e", line)
    #expect((result.status == 0) == !wanted.isEmpty, "\(result.errors)")
    #expect(result.status == 0 || result.errors.contains("has no type"))
    for text in wanted { #expect(result.output.contains(text), "\(result.output)") }
    guard !wanted.isEmpty else { return }
    let rows = try #require(try run("-j", "-e", line).json as? [[String: Any]])
    #expect(rows.count == result.output.split(separator: "\n").count)
    #expect(rows.allSatisfy { Set($0.keys) == ["name", "declaration", "kind", "size"] })
  }

  /// A machine with two clusters, of which QEMU's gdbserver shows the first.
  @Test func vCPUsThatQEMUDoesNotShowAreALineEach() throws {
    qemu.change { ($0.cpus, $0.clusterSize) = (4, 2) }
    defer { end() }
    let all = try run("regs")
    #expect(all.status == 2)
    let notes = all.errors.split(separator: "\n")
    #expect(notes.count == 2, "\(all.errors)")
    for (note, cpu) in zip(notes, 2...3) {
      #expect(note.hasPrefix("guestscope: vCPU \(cpu): QEMU's gdbserver does not give it"))
    }
    #expect(all.output.contains("CPU 1\n") && !all.output.contains("CPU 2"))
    let one = try run("regs", "2")
    #expect(one.status == 1 && one.output.isEmpty)
    #expect(one.errors.split(separator: "\n").count == 1)
    let info = try run("info")
    #expect(info.output.contains(/\ncpus +2 of 4 vCPUs\n/), "\(info.output)")
    let facts = try #require(try run("info", "-j").json as? [String: Any])
    #expect(facts["cpus"] as? Int == 4 && facts["cpus_readable"] as? Int == 2)
    #expect(try run("regs", "7").errors.contains("its vCPUs are 0, 1, 2, 3"))
  }

  @Test func statisticsTellEveryStop() throws {
    defer { end() }
    let alone = try run("--stats", "regs").errors
    #expect(try #require(alone.split(separator: "\n").last).contains(/stops=[1-9]/), "\(alone)")
    let held = try run("--stats", "--hold", "-e", "prog stats", "-e", "regs").errors
    for line in held.split(separator: "\n") { #expect(line.contains(/stops=[1-9]/), "\(held)") }
    let session = try run("--stats", "-e", "hold", "-e", "prog stats", "-e", "resume").errors
    for line in session.split(separator: "\n") { #expect(line.contains(/stops=[1-9]/)) }
  }

  @Test func aSourcedScriptRunsAsItsLineSays() throws {
    defer { end() }
    let script = folder.appendingPathComponent("script").path
    try "prog list id 77\nprog verifier\n".write(toFile: script, atomically: false, encoding: .utf8)
    let answer = #"[{"name":"lab","verified_insns":1234}]"# + "\n"
    let source = "source \(script)"
    let error = #"{"error":"the guest has no program with id 77"}"# + "\n"
    #expect(try run("-j", "-e", source).output == error)
    for going in [
      ["-e", "--keep-going -j \(source)"], ["-j", "--keep-going", "-e", source],
      ["-e", "\(source) --keep-going --json"],
    ] {
      let result = try run(going)
      #expect(result.status == 1)
      #expect(result.output == error + answer)
    }
    for line in ["-c :1 \(source)", "--hold quit", "-k x history"] {
      let refused = try run("-e", line)
      #expect(refused.status == 64)
      #expect(refused.errors.contains("stand before its commands"))
    }
  }

  private func session() throws -> Session {
    let options = try SessionOptions.parse(["-c", ":\(qemu.port)", "-k", kernel])
    let console = Console(output: STDOUT_FILENO, errors: open("/dev/null", O_WRONLY))
    return Session(options, console: console, debt: ResumeDebt(), isShared: true)
  }

  @Test func tabOffersNoNameThatALineWouldTakeForAnything() throws {
    defer { end() }
    let completer = PromptCompleter(session: try session())
    #expect(completer.completion("prog list name ", "") == .words(["lab"]))
    #expect(completer.completion("prog list id ", "") == .words(["3", "9"]))
    #expect(completer.completion("prog stats id 3 name x id ", "9") == .words(["9"]))
    #expect(completer.completion("prog list id ", "3,") == .words(["3,3", "3,9"]))
    #expect(completer.completion("prog verifier id 3 type ", "struct") == .words(["struct_ops"]))
  }

  @Test(arguments: [("info", "6.1.0-test"), ("sym prog_idr", "prog_idr"), ("regs 0", "_text+")])
  func aKernelThatDiedSinceTheLastCommandIsNoAnswer(line: String, word: String) throws {
    defer { end() }
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
    defer { end() }
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
}
