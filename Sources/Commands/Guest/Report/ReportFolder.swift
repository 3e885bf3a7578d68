import Glibc
import GuestScopeLinuxKernel

/// The folder that `report --dir` writes. It comes into being at once: the files are written into another
/// one beside it, which then takes its name.
struct ReportFolder {
  private let path: String
  private let temporary: String

  /// What a guest is asked for besides the report: the name of the files, and the words of the command.
  private static let commands: [(name: String, words: [String])] = [
    ("info", ["info"]),
    ("dmesg", ["dmesg"]),
    ("tasks", ["task", "list"]),
    ("stacks", ["task", "stack", "--all"]),
    ("runqueues", ["runqueue"]),
    ("scx", ["scx", "show"]),
    ("scx-queues", ["scx", "dump"]),
    ("scx-exits", ["scx", "exit"]),
    ("modules", ["module", "list"]),
    ("registers", ["regs"]),
    ("programs", ["prog", "list"]),
    ("program-stats", ["prog", "stats", "type", "all", "--ids", "--per-cpu"]),
    ("maps", ["map", "list"]),
    ("map-contents", ["map", "dump", "name", "*"]),
    ("variables", ["var", "*"]),
    ("links", ["link", "list"]),
    ("struct_ops", ["struct_ops", "dump"]),
    ("cgroups", ["cgroup", "tree"]),
    ("net", ["net", "list"]),
    ("perf", ["perf", "list"]),
    ("types", ["btf", "list"]),
  ]

  /// - Throws: `CommandError` for a folder that is not empty, and for what is not a folder.
  init(_ path: String) throws {
    var path = path
    while path.count > 1, path.last == "/" { path.removeLast() }
    (self.path, temporary) = (path, path + ".partial-\(getpid())")
    guard !path.isEmpty else { throw UsageError("--dir takes the path of a folder") }
    guard let folder = unsafe opendir(path) else {
      if errno == ENOENT { return }
      throw failure("cannot write into", path)
    }
    defer { unsafe closedir(folder) }
    while let entry = unsafe readdir(folder) {
      // `.` and `..`, each of which begins with a point and has at most one more character.
      let name = unsafe entry.pointee.d_name
      let isItself = name.0 == 0x2e && (name.1 == 0 || (name.1 == 0x2e && name.2 == 0))
      guard isItself else {
        throw CommandError("\(path) is not empty: --dir takes a new folder, or an empty one")
      }
    }
  }

  /// Writes the report and all else, and answers with the list of files.
  func write(_ report: Answer, _ session: Session) throws -> Answer {
    guard unsafe mkdir(temporary, 0o777) == 0 else { throw failure("cannot make", path) }
    do {
      try write(report, "report")
      var files = [
        entry("report", ["report"], files: Self.files("report"), missing: report.notes.missing)
      ]
      var missing = report.notes.missing
      for (name, words) in Self.commands {
        if session.interrupts.isCancelled { throw Cancelled() }
        let (file, lacks) = try write(name, words, session)
        files.append(file)
        missing += lacks
      }
      if session.interrupts.isCancelled { throw Cancelled() }
      let index: JSON = ["run_state": .string(session.runState), "files": .array(files)]
      try write(index.text(pretty: true) + "\n", "index.json")
      guard unsafe rename(temporary, path) == 0 else { throw failure("cannot make", path) }
      return Answer(
        ["dir": .string(path), "files": .array(files)],
        .lines(files.flatMap(\.paths).map { path + "/" + $0 } + [path + "/index.json"]),
        missing: missing, remarks: report.notes.remarks)
    } catch {
      remove()
      throw error
    }
  }

  /// Runs one command. Its failure does not fail the others, unless the connection is lost.
  private func write(
    _ name: String, _ words: [String], _ session: Session
  ) throws -> (JSON, missing: [String]) {
    guard let command = try Root.parse(words: words) as? any GuestCommand else {
      preconditionFailure("\(words) do not ask a guest")
    }
    let before = session.stopsOfAnswers
    do {
      let notes = try session.doing("report, \(name)") { try write(command, name, session) }
      let file = entry(
        name, words, files: Self.files(name), missing: notes.missing,
        stops: session.stopsOfAnswers - before)
      return (file, notes.missing.map { "\(name): \($0)" })
    } catch let error as any GuestFailure where error.isOfConnection {
      throw error
    } catch let error as CommandError where !error.isOfOutput {
      // Nothing there to show, as where no map can be listed.
      return (entry(name, words, files: [], missing: ["\(error)"]), [])
    } catch let error as KernelError where error.isOfAnotherConfiguration {
      return (entry(name, words, files: [], missing: ["\(error)"]), [])
    } catch let error as any GuestFailure {
      return (entry(name, words, files: [], missing: ["\(error)"]), ["\(name): \(error)"])
    }
  }

  private func write(
    _ command: any GuestCommand, _ name: String, _ session: Session
  ) throws -> Answer.Notes {
    // Large maps are not kept as a whole.
    if let command = command as? any StreamedCommand {
      do {
        let text = try NewFile(temporary + "/" + name + ".txt")
        let document = try NewFile(temporary + "/" + name + ".json")
        return try command.answer(
          in: session,
          to: TwoForms(
            AnswerWriter(.screen) { try text.write($0) },
            AnswerWriter(.pretty) { try document.write($0) }))
      } catch {
        // The index says that there is no answer.
        removeFiles(name)
        throw error
      }
    }
    let answer = try command.answer(in: session)
    try write(answer, name)
    return answer.notes
  }

  private func write(_ answer: Answer, _ name: String) throws {
    try write(answer.screen.lines.map { $0 + "\n" }.joined(), name + ".txt")
    try write(answer.document.text(pretty: true) + "\n", name + ".json")
  }

  private static func files(_ name: String) -> [String] { [name + ".txt", name + ".json"] }

  private func entry(
    _ name: String, _ words: [String], files: [String], missing: [String], stops: Int? = nil
  ) -> JSON {
    [
      "name": .string(name), "command": .string(words.joined(separator: " ")),
      "files": .array(files.map { .string($0) }), "stops": JSON(stops),
      "missing": .array(missing.map { .string($0) }),
    ]
  }

  // MARK: Files

  private func write(_ text: String, _ name: String) throws {
    try writeFile(temporary + "/" + name, text, .withoutOverwriting)
  }

  /// What was begun is not left behind.
  private func remove() {
    for name in ["report"] + Self.commands.map(\.name) { removeFiles(name) }
    unlink(temporary + "/index.json")
    rmdir(temporary)
  }

  private func removeFiles(_ name: String) {
    for file in Self.files(name) { unlink(temporary + "/" + file) }
  }

  private func failure(_ what: String, _ path: String) -> CommandError {
    let reason = unsafe String(cString: strerror(errno))
    var error = CommandError("\(what) \(path): \(reason)")
    error.isOfOutput = true
    return error
  }
}

extension JSON {
  /// The files of an entry of the index.
  fileprivate var paths: [String] {
    guard case .object(let members) = self,
      case .array(let files)? = members.first(where: { $0.key == "files" })?.value
    else { return [] }
    return files.map(\.cell)
  }
}
