/// Lines of commands, and what to call them in messages.
struct Script {
  var name: String
  /// The next line without its end; nil at the end.
  private var nextLine: () throws -> String?

  /// The commands of `-e`.
  init(commands: [String]) {
    name = "-e"
    var rest = commands[...]
    nextLine = { rest.popFirst() }
  }

  /// Reads a file line by line as it is needed: standard input may be a program that waits for
  /// our answers.
  ///
  /// - Parameter path: `-` for standard input.
  init(path: String) throws {
    name = path == "-" ? "stdin" : path
    let file = try OpenFile(path: path)
    nextLine = { [name] in try file.line(name) }
  }

  mutating func next() throws -> String? { try nextLine() }
}

extension Shell {
  private static let maxDepth = 16

  /// Runs a script to its end or its first failing line.
  ///
  /// - Parameter keepsGoing: run on after a failing line, and end with the worst status.
  func run(_ script: Script, keepsGoing: Bool) -> Int32 {
    let outer = (console.prefix, self.keepsGoing)
    self.keepsGoing = keepsGoing
    depth += 1
    defer {
      (console.prefix, self.keepsGoing) = outer
      depth -= 1
    }
    var script = script
    var worst = Status.answered
    var number = 0
    while !hasEnded {
      number += 1
      console.prefix = console.subject + "\(script.name):\(number): "
      do {
        guard depth <= Self.maxDepth else {
          throw CommandError(
            "scripts are nested more than \(Self.maxDepth) deep: does one of them source itself?")
        }
        guard let line = try script.next() else { break }
        worst = Status.worse(worst, run(line: line))
      } catch {
        return Status.worse(worst, report(error, output.form))
      }
      // Nobody reads, or Ctrl-C: no reason to go on.
      if worst > 128 || (worst != Status.answered && !keepsGoing) { return worst }
    }
    return worst
  }
}
