import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeKernelLog
import GuestScopeKernelTasks
import GuestScopeLinuxKernel

/// What one walk reads for a report: parts that take no other with them.
struct ReportReading {
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
  var log: AnswerPart<KernelLog?>
  var programs: AnswerPart<BPFObjects.Programs>

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
          walk.part("kernel log") { () throws(ReadFault) in
            try walk.ifKnown(walk.kernelLog(ReportReading.logQuery))
          },
          walk.part("programs", by: programs))
        return ReportReading(
          panicCPU: panicCPU, systemState: boot, taint: taint, log: log, programs: programs)
      }
    }
  }
}
