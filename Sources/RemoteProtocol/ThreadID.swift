/// A thread of the stub: for QEMU a vCPU, numbered from 1 (`gdb_get_cpu_index` in
/// `gdbstub/system.c`).
public struct ThreadID: Sendable, Hashable {
  /// The process, only in the `multiprocess` form; for QEMU a cluster of CPUs.
  public var process: Int?
  /// The thread; -1 means all, 0 any.
  public var thread: Int

  public init(process: Int? = nil, _ thread: Int) {
    self.process = process
    self.thread = thread
  }

  /// Reads `1`, `-1` or `p1.2`, the numbers in hex, or returns nil.
  public init?(_ text: some StringProtocol) {
    guard text.first == "p" else {
      guard let thread = Int(text, radix: 16), thread >= -1 else { return nil }
      self.init(thread)
      return
    }
    let parts = text.dropFirst().split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, let process = Int(parts[0], radix: 16), process >= -1,
      let thread = Int(parts[1], radix: 16), thread >= -1
    else { return nil }
    self.init(process: process, thread)
  }
}

extension ThreadID: CustomStringConvertible {
  /// As in a packet: `1`, `-1` or `p1.2`.
  public var description: String {
    let thread = String(thread, radix: 16)
    return process.map { "p\(String($0, radix: 16)).\(thread)" } ?? thread
  }
}
