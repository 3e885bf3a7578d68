import CGuestScopeLinux
import Glibc

/// The guest that this process asks, where it was started for one of all guests of `-c all`.
struct OneOfAll: Equatable {
  /// Says all of this to the process.
  static let variable = "GUESTSCOPE_ONE_OF_ALL"
  /// Nil in a process that a user has started.
  static let current = OneOfAll(variable: environment(variable))

  /// The process that collects the answers.
  var parent: Int32
  /// The process of the guest's QEMU.
  var pid: Int32
  /// The width of the terminal that the answers are for; 0 for none.
  var columns: Int
  /// What answers call the guest.
  var name: String

  init(parent: Int32, pid: Int32, columns: Int, name: String) {
    (self.parent, self.pid, self.columns, self.name) = (parent, pid, columns, name)
  }

  /// - Parameter variable: its value.
  init?(variable: String) {
    let parts = variable.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
    guard parts.count == 4, let parent = Int32(parts[0]), let pid = Int32(parts[1]),
      let columns = Int(parts[2])
    else { return nil }
    self.init(parent: parent, pid: pid, columns: columns, name: String(parts[3]))
  }

  /// As the environment has it.
  var assignment: String { "\(Self.variable)=\(parent) \(pid) \(columns) \(name)" }

  /// From now on this process ends when the one that collects the answers ends, even by kill -9.
  func endWithParent() {
    guestscope_end_with_parent()
    if getppid() != parent { kill(getpid(), SIGTERM) }
  }

  /// The name as a part of a file's name; the number of the process where it cannot be one, as no other
  /// guest has that.
  private var fileName: String {
    name.isEmpty || name.hasPrefix(".") || name.contains("/") ? "pid-\(pid)" : name
  }

  /// A file of this guest alone: `guests.web1.prom` for `guests.prom`.
  func file(_ path: String) throws(UsageError) -> String {
    guard path != "-" else {
      throw UsageError("with -c all --openmetrics takes a file: each guest gets one beside it")
    }
    let start = path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex
    guard let point = path[start...].lastIndex(of: "."), point > start else {
      return path + "." + fileName
    }
    return path[..<point] + "." + fileName + path[point...]
  }

  /// A folder of this guest alone, in one that is made where it is not there.
  func folder(in path: String) -> String {
    // An error here occurs again where the folder is used, and is reported there.
    mkdir(path, 0o777)
    return path + "/" + fileName
  }
}
