import GDBStub
import GuestMemory
import KernelBPF
import KernelImage
import LinuxKernel
import RemoteProtocol

/// What the commands of one run share: the connection, the guest's kernel, what was learnt.
/// Nothing is read before a command needs it.
public final class Session {
  let options: SessionOptions
  let console: Console
  private let debt: ResumeDebt
  private var openStub: QEMUStub?
  private var openEngine: SnapshotEngine?
  private(set) var memory: CountingMemory?
  private var image: KernelImage?
  private var foundPrograms: BPFPrograms?
  private var countedReads = 0
  private var countedBytes = 0
  private(set) var statistics = SessionStatistics()

  /// - Parameter debt: what a signal path pays before the program ends.
  public init(_ options: SessionOptions, console: Console, debt: ResumeDebt) {
    self.options = options
    self.console = console
    self.debt = debt
  }

  var stub: QEMUStub {
    get throws {
      if let openStub { return openStub }
      // The file first: reading it takes long, and stops nobody.
      if options.kernel != nil { _ = try kernelImage }
      var stubOptions = StubOptions()
      stubOptions.timeout = .nanoseconds(Int64(options.timeout * 1e9))
      stubOptions.maxPause = .nanoseconds(Int64(options.maxPause * 1e6))
      stubOptions.leaveStopped = options.leaveStopped
      stubOptions.notice = { [console] in console.note($0) }
      if options.trace {
        stubOptions.trace = { [console] way, bytes in
          for line in TraceLine.lines(way == .sent ? .sent : .received, bytes) {
            console.trace("\(line)")
          }
        }
      }
      let stub = try QEMUStub(options.connect, options: stubOptions, debt: debt)
      if options.hold { try stub.hold() }
      openStub = stub
      return stub
    }
  }

  var engine: SnapshotEngine {
    get throws {
      if let openEngine { return openEngine }
      let memory = CountingMemory(try stub)
      let engine = SnapshotEngine(memory)
      self.memory = memory
      openEngine = engine
      return engine
    }
  }

  var kernelImage: KernelImage {
    get throws {
      if let image { return image }
      guard let path = options.kernel else {
        throw CommandError(
          "which kernel does the guest run? Give its vmlinuz or vmlinux with -k FILE")
      }
      let read = try KernelImage(path: path)
      image = read
      return read
    }
  }

  /// The guest's BPF programs.
  var programs: BPFPrograms {
    get throws {
      if let foundPrograms { return foundPrograms }
      let engine = try engine
      let programs = try BPFPrograms(try GuestKernel(try kernelImage, in: engine), engine)
      foundPrograms = programs
      if options.stats { console.trace("stats: set-up: \(takeStatistics())") }
      return programs
    }
  }

  /// Takes a snapshot of the guest's programs. After a reset of the guest everything that was
  /// learnt of it is dropped and found anew, once.
  func list(_ query: BPFProgramQuery) throws -> Snapshot<BPFPrograms.Listing> {
    do {
      return count(try programs.list(query))
    } catch let error as KernelError where error.isAnotherKernel {
      console.note("\(error); looking for it anew")
      foundPrograms = nil
      try engine.forget()
      return count(try programs.list(query))
    }
  }

  private func count<T>(_ snapshot: Snapshot<T>) -> Snapshot<T> {
    statistics.waves += snapshot.waves
    statistics.closingStops += snapshot.stops
    statistics.closingReads += snapshot.closing.reads
    statistics.closingBytes += snapshot.closing.bytes
    return snapshot
  }

  /// Lets the guest go on that `--hold` stopped.
  public func close() throws {
    try openStub?.release()
  }

  /// What was spent since the last call.
  func takeStatistics() -> SessionStatistics {
    var taken = statistics
    taken.stops = openStub?.takeStatistics() ?? StopStatistics()
    taken.reads = (memory?.reads ?? 0) - countedReads
    taken.bytes = (memory?.bytes ?? 0) - countedBytes
    (countedReads, countedBytes) = (countedReads + taken.reads, countedBytes + taken.bytes)
    statistics = SessionStatistics()
    return taken
  }
}

/// A command cannot be carried out; the text says why, and the way out.
struct CommandError: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}
