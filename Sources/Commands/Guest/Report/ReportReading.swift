import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeKernelLog
import GuestScopeKernelTasks
import GuestScopeLinuxKernel

/// What one walk reads for a report: parts that take no other with them.
struct ReportReading {
  /// What was read, or why it could not be.
  typealias Part<T> = Result<T, any Error>

  /// How many of the newest records are searched for trouble, and how many are shown.
  static let newestRecords = 1024
  static let shownRecords = 20
  static let logQuery = LogQuery(
    level: .warning, anyLevel: shownRecords, newest: newestRecords)

  var panicCPU: Int?
  /// Nil where the kernel does not show it.
  var systemState: SystemState?
  var taint: Taint?
  /// Nil for a kernel that does not show it.
  var log: Part<KernelLog?>
  var programs: Part<BPFObjects.Programs>

  /// The parts that could not be read, by name and reason.
  var unreadable: [(part: String, reason: String)] {
    var unreadable: [(String, String)] = []
    if let error = log.failure { unreadable.append(("kernel log", "\(error)")) }
    if let error = programs.failure { unreadable.append(("BPF programs", "\(error)")) }
    return unreadable
  }
}

extension Session {
  /// Reads the first part of a report from one instant, where it fits into one stop.
  func readReport() throws -> Snapshot<ReportReading> {
    let query = BPFProgramQuery(ObjectQuery(type: structOpsType), runtime: true)
    return try ofThisBoot { kernel in
      // Without programs the kernel is still something.
      let programs = Result { try bpf(of: kernel).programWalker(query) }
      return try walk(kernel, vcpus: kernel.allVCPUs(try engine)) { walk throws(ReadFault) in
        let ((panicCPU, boot), taint, log, programs) = try walk.view.together(
          walk.view.together(kernel.panicCPU(in: walk.view), walk.systemState()), walk.taint(),
          walk.part { () throws(ReadFault) in
            try walk.ifKnown(walk.kernelLog(ReportReading.logQuery))
          },
          walk.part(programs))
        return ReportReading(
          panicCPU: panicCPU, systemState: boot, taint: taint, log: log, programs: programs)
      }
    }
  }
}

extension Walk {
  /// Reads a part of something larger. When the part is unreadable, the others still count.
  func part<T>(
    _ read: () throws(ReadFault) -> T
  ) throws(ReadFault) -> ReportReading.Part<T> {
    do throws(ReadFault) { return .success(try read()) } catch .unreadable(let cause) {
      return .failure(cause)
    }
  }

  func part<T>(
    _ read: Result<(Walk) throws(ReadFault) -> T, any Error>
  ) throws(ReadFault) -> ReportReading.Part<T> {
    try part(read) { read throws(ReadFault) in try read(self) }
  }

  /// - Parameter reader: what reads it, where this kernel has what it takes.
  func part<Reader, T>(
    _ reader: Result<Reader, any Error>, _ read: (Reader) throws(ReadFault) -> T
  ) throws(ReadFault) -> ReportReading.Part<T> {
    switch reader {
    case .success(let reader): try part { () throws(ReadFault) in try read(reader) }
    case .failure(let error): .failure(error)
    }
  }
}

extension Result {
  var failure: Failure? { if case .failure(let error) = self { error } else { nil } }
}
