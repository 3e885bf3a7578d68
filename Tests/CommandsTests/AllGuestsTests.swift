import Foundation
import TestSupport
import Testing

@testable import Commands
@testable import GuestScopeGDBStub

/// What becomes of the answers of all guests of a host. A shell script stands for the program.
@Suite final class AllGuestsTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func guest(_ pid: Int32, _ name: String?, isOpen: Bool = true) -> HostGuest {
    HostGuest(
      pid: pid, name: name, program: "qemu-system-x86_64", kernel: nil,
      gdbservers: isOpen ? [.tcp(host: "", port: 1)] : [], control: .monitor, hasOwnNetwork: false)
  }

  private func path(_ name: String) -> String { folder.path(of: name) }
  private func text(_ name: String) -> String {
    (try? String(contentsOfFile: path(name), encoding: .utf8)) ?? ""
  }

  private struct Outcome {
    var status: Int32
    var out: String
    var err: String
    var lines: [Substring] { out.split(separator: "\n") }
  }

  /// Runs `body` with an outcome that is written to files.
  private func captured(_ body: (Console) throws -> Int32) rethrows -> Outcome {
    let descriptors = ["out", "err"].map { name in
      open(path(name), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    }
    defer { for descriptor in descriptors { close(descriptor) } }
    let console = Console(output: descriptors[0], errors: descriptors[1])
    let status = try body(console)
    return Outcome(status: status, out: text("out"), err: text("err"))
  }

  /// - Parameter script: knows the guest's `$name` and its `$pid`.
  private func run(
    _ guests: [HostGuest], _ script: String, _ form: OutputForm = .json,
    _ change: (inout AllGuests) -> Void = { _ in }
  ) throws -> Outcome {
    let program = path("program")
    let head = "set -- $GUESTSCOPE_ONE_OF_ALL\npid=$2 name=$4 folder='\(folder.path)'\n"
    try (head + script).write(toFile: program, atomically: false, encoding: .utf8)
    return try captured { console in
      var all = AllGuests(
        console: console, form: form, guests: guests, program: "/bin/sh", arguments: [program])
      change(&all)
      return try all.run()
    }
  }

  private var web: HostGuest { guest(1, "web") }
  private var db: HostGuest { guest(2, "db") }
  private let says = #"echo "{\"name\":\"$name\",\"list\":[]}""# + "\n"

  // MARK: Documents

  @Test func anAnswerIsAnObjectWithAMemberAGuest() throws {
    // The first comes last, and is first all the same.
    let result = try run([web, db, guest(7, nil)], "[ $name != web ] || sleep 0.2\n" + says)
    #expect((result.status, result.err) == (0, ""))
    #expect(
      result.out == #"{"web":{"name":"web","list":[]},"db":{"name":"db","list":[]},"#
        + #""pid:7":{"name":"pid:7","list":[]}}"# + "\n")
  }

  @Test func guestsOfOneNameAreCalledByTheirProcesses() throws {
    let result = try run([web, guest(3, "web")], #"echo "$pid""#)
    #expect(result.out == #"{"pid:1":1,"pid:3":3}"# + "\n")
  }

  @Test func anIndentedDocumentStandsFurtherRight() throws {
    let result = try run([web, db], #"printf '{\n    "list": [\n        1\n    ]\n}\n'"#, .pretty)
    let member = "{\n        \"list\": [\n            1\n        ]\n    }"
    #expect(result.out == "{\n    \"web\": \(member),\n    \"db\": \(member)\n}\n")
  }

  @Test func aBatchHasAListAGuest() throws {
    let script = "echo 1; echo '[]'; printf '[\\n    2\\n]\\n'"
    let result = try run([web, guest(5, "shut", isOpen: false)], script) { $0.isBatch = true }
    let document = try JSONSerialization.jsonObject(with: Data(result.out.utf8))
    let lists = try #require(document as? [String: [Any]])
    #expect("\(lists["web"] ?? [])" == "[1, [], [2]]")
    #expect((lists["shut"]?.first as? [String: String])?.keys.first == "error")
    let pretty = try run([web], "echo '[]'", .pretty) { $0.isBatch = true }
    #expect(pretty.out == "{\n    \"web\": [\n        []\n    ]\n}\n")
  }

  @Test(arguments: [#"[{"a":1}"#, "{", "nothing", #"[1] [2]"#, "\u{1b}[31m"])
  func whatIsNotJSONStandsAsText(printed: String) throws {
    let result = try run([web, db], "printf '%s\\n' '\(printed)'\n")
    let document = try JSONSerialization.jsonObject(with: Data(result.out.utf8))
    #expect(document as? [String: String] == ["web": printed, "db": printed])
  }

  @Test func aProcessThatSaysNothingHasEndedWithAStatus() throws {
    let result = try run([web], "exit 7\n")
    #expect(result.status == 7)
    #expect(result.out == #"{"web":{"error":"its process has ended with status 7"}}"# + "\n")
    #expect(try run([web], "kill -9 $$\n").status == 137)
  }

  // MARK: Guests that do not answer

  @Test func aGuestThatCannotBeAskedIsNamed() throws {
    let script = "echo $name >> $folder/asked\n" + says
    let result = try run([guest(5, "shut", isOpen: false), web], script)
    #expect(result.status == 1)
    #expect(text("asked") == "web\n")
    let document = try JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [String: Any]
    let error = (document?["shut"] as? [String: String])?["error"]
    #expect(error?.contains("guest shut (pid 5) has no gdbserver") == true)
    #expect((document?["web"] as? [String: Any])?["name"] as? String == "web")
    #expect(result.err.hasPrefix("guestscope: shut: guest shut (pid 5) has no gdbserver"))
    // On screen it has a heading, and the reason is on standard error.
    let screen = try run([guest(5, "shut", isOpen: false), web], says, .screen)
    #expect(screen.out.hasPrefix("shut:\n\nweb:\n{"))
  }

  @Test func theWorstStatusCounts() throws {
    for (statuses, worst) in [
      ([0, 0], 0), ([2, 0], 2), ([3, 4], 3), ([1, 3], 1), ([64, 1], 64),
    ] {
      let script = "echo 1; [ $name = web ] && exit \(statuses[0]) || exit \(statuses[1])\n"
      #expect(try run([web, db], script).status == Int32(worst), "\(statuses)")
    }
  }

  @Test func aHostWithoutGuests() {
    let error = #expect(throws: CommandError.self) { try run([], says) }
    #expect(error?.description == "no QEMU runs on this host")
  }

  // MARK: On screen, and while it comes

  @Test func onScreenEachGuestHasAHeadingAsSoonAsItIsDone() throws {
    let script = "[ $name != web ] || sleep 2\necho one of $name; echo two\n"
    let result = try run([web, db], script, .screen)
    #expect(result.out == "db:\none of db\ntwo\n\nweb:\none of web\ntwo\n")
  }

  @Test func whatIsWatchedComesInLinesThatNameTheGuest() throws {
    let script = "echo '{\"time\":1}'; sleep 0.1; echo '{}'; printf '{\"time\":2}'\n"
    let guests = [web, db, guest(5, "shut", isOpen: false)]
    let result = try run(guests, script) { $0.isLive = true }
    #expect(result.status == 1)
    let lines = try result.lines.map { line in
      try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
    for name in ["web", "db"] {
      let own = lines.filter { $0["guest"] as? String == name }
      #expect(own.map { $0["time"] as? Int } == [1, nil, 2])
    }
    #expect(lines.contains { $0["guest"] as? String == "shut" && $0["error"] is String })
    let screen = try run([web, db], "echo a\necho b\n", .screen) { $0.isLive = true }
    #expect(screen.lines.sorted() == ["db: a", "db: b", "web: a", "web: b"])
    let pretty = try run([web], "printf '{\\n    \"time\": 1\\n}\\n'", .pretty) { $0.isLive = true }
    #expect(pretty.out == "{\n    \"guest\": \"web\",\n    \"time\": 1\n}\n")
  }

  // MARK: Bounds

  @Test func aBoundedNumberIsAskedAtOnce() throws {
    let script = """
      touch $folder/run.$$
      ls $folder | grep -c run. >> $folder/counts
      sleep 0.05
      rm $folder/run.$$
      echo 1

      """
    let guests = (1...40).map { guest($0, nil) }
    #expect(try run(guests, script).status == 0)
    let counts = text("counts").split(separator: "\n").compactMap { Int($0) }
    #expect(counts.count == 40)
    #expect(counts.max() ?? 0 <= AllGuests.mostAtOnce && counts.max() ?? 0 > 1)
    #expect(throws: CommandError.self) { try run(guests, script) { $0.isLive = true } }
  }

  @Test func anAnswerThatIsTooLongIsNotKept() throws {
    let script = "[ $name = web ] && exec yes\n" + says
    let result = try run([web, db], script) { $0.mostBytes = 1_100_000 }
    #expect(result.status == 1)
    let document = try JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [String: Any]
    let error = (document?["web"] as? [String: String])?["error"]
    #expect(error?.contains("too much for -c all: ask this guest alone") == true)
    #expect(document?["db"] is [String: Any])
  }

  @Test func eachProcessReadsTheCommandsFromTheirBeginning() throws {
    let result = try run([web, db], "cat\n", .screen) { $0.input = "info\nprog list\n" }
    #expect(result.out.components(separatedBy: "info\nprog list\n").count == 3)
    // Nobody else's input is theirs.
    #expect(try run([web], "cat; echo end\n", .screen).out == "web:\nend\n")
  }

  @Test func anInterruptIsForTheProcessesWhichShowWhatTheyHave() throws {
    let script = """
      trap 'echo "[1]"; exit 130' INT
      : >"$folder/ready.$name"
      while :; do sleep 0.05; done

      """
    let interrupts = Interrupts()
    let ready = ["web", "db"].map { path("ready." + $0) }
    Thread {
      while !ready.allSatisfy(FileManager.default.fileExists) { usleep(10_000) }
      _ = interrupts.take(SIGINT)
    }.start()
    let result = try run([web, db], script) { $0.interrupts = interrupts }
    #expect(result.status == 128 + SIGINT)
    #expect(result.out == #"{"web":[1],"db":[1]}"# + "\n")
  }

  // MARK: The command line

  private func tool(_ arguments: String..., guests: [HostGuest] = []) -> Outcome {
    captured { console in
      CommandLineTool.run(
        arguments, debt: ResumeDebt(), guardian: "/bin/false", console: console, guests: { guests })
    }
  }

  @Test func commandsOfAllGuests() {
    #expect(tool("-c", "all", "info").err == "guestscope: no QEMU runs on this host\n")
    let failed = tool("-c", "all", "-j", "prog", "list", guests: [web])
    #expect(failed.out == #"{"web":{"error":"its process has ended with status 1"}}"# + "\n")
    #expect(tool("-c", "all", "history").status == 64)
    // These ask none.
    #expect(tool("-c", "all", "guests", "-j").out.hasPrefix("["))
    #expect(tool("-c", "all", "--no-cache", "cache", "list").err.contains("no cache to list"))
  }
}
