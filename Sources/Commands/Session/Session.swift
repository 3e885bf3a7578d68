import GuestScopeGDBStub
import GuestScopeGuestMemory
import GuestScopeKernelCache
import GuestScopeKernelImage
import GuestScopeLinuxKernel

/// What the commands of one run share: the connection, the guest's kernel, what was learnt.
/// Nothing is read before a command needs it.
final class Session {
  let options: SessionOptions
  let console: Console
  /// Of the command that runs.
  let progress: ReadingProgress
  let interrupts: Interrupts
  /// Several commands share it: what one does to the guest lasts for the next.
  let isShared: Bool
  let debt: ResumeDebt
  let guardian: String?
  /// What earlier runs have learnt; nil where there is none.
  let cache: KernelCache?
  /// Why the guest has stopped, until somebody says it.
  var stopReason: String?
  private(set) var connection: GuestConnection?
  /// The gdbserver of the guest that the options name, once it was looked for.
  var knownTarget: StubTarget?
  var waiting = Waiting.due
  /// What earlier sessions have left of guests is of use.
  var recallsGuests = true
  /// What an earlier session has left of this guest.
  var recalled: GuestRecord?
  /// The notes that were already shown in this session.
  var said: Set<String> = []
  /// No connection was made yet.
  var isFirstContact = true
  private var knownFacts: (any KernelFactsSource)?
  /// What is asked in place of the guest that the options name.
  private var given: (source: any GuestSource, facts: any KernelFactsSource)?
  /// What was spent since it was taken last, but for what the connection counts.
  private var statistics = SessionStatistics()

  /// - Parameters:
  ///   - debt: what a signal path pays before the program ends.
  ///   - guardian: see `StubOptions`.
  init(
    _ options: SessionOptions, console: Console, debt: ResumeDebt, guardian: String? = nil,
    interrupts: Interrupts = Interrupts(), isShared: Bool = false, cache: KernelCache? = nil
  ) {
    self.guardian = guardian
    self.cache = cache
    self.options = options
    self.console = console
    progress = ReadingProgress(console)
    self.debt = debt
    self.interrupts = interrupts
    self.isShared = isShared
  }

  /// The connection, which is opened when a command first needs it.
  var openConnection: GuestConnection {
    get throws {
      if let connection { return connection }
      // While a line is edited nothing may take long.
      if given == nil, waiting == .due, !interrupts.isEditing { try waitForGuest() }
      if let connection {
        noteHold()
        return connection
      }
      // The file first: reading it takes long, and stops nobody.
      if options.kernelFile != nil { _ = try kernelFacts }
      let opened = GuestConnection(try given?.source ?? openSource(), progress, interrupts)
      connection = opened
      noteHold()
      return opened
    }
  }

  /// Asks a guest that no options name, a recording, for as long as this session lasts. To be called before
  /// any command.
  ///
  /// - Parameter kernel: the guest's, where that was found already.
  func use(
    _ source: any GuestSource, _ facts: any KernelFactsSource, kernel: GuestKernel? = nil
  ) {
    given = (source, facts)
    let opened = GuestConnection(source, progress, interrupts)
    opened.boot.kernel = kernel
    connection = opened
  }

  /// The guest that commands ask.
  var source: any GuestSource { get throws { try openConnection.source } }

  var engine: SnapshotEngine { get throws { try openConnection.boot.engine } }

  /// What says which kernel the guest runs: the file of `--kernel`, or else the guest's memory.
  var kernelFacts: any KernelFactsSource {
    get throws {
      if let known = knownFacts ?? given?.facts { return known }
      let facts: any KernelFactsSource =
        if let path = options.kernelFile { try self.facts(ofFile: path) } else { try memoryFacts() }
      knownFacts = facts
      return facts
    }
  }

  /// The instants that the answers of this run are from, up to now; to take differences of.
  private(set) var stopsOfAnswers = 0

  /// Adds what a snapshot cost to the session's statistics.
  func count<T>(_ snapshot: Snapshot<T>) -> Snapshot<T> {
    statistics.waves += snapshot.waves
    statistics.closingStops += snapshot.stops
    stopsOfAnswers += snapshot.stops
    statistics.closingReads += snapshot.closing.reads
    statistics.closingBytes += snapshot.closing.bytes
    statistics.time = max(statistics.time, snapshot.time)
    return snapshot
  }

  /// Lets the guest go on that `--hold` or `hold` stopped.
  func close() throws {
    defer { noteHold() }
    try connection?.source.release()
  }

  /// Tells the signal thread whether the guest is held because the user wants it so.
  private func noteHold() { interrupts.isHolding = isHeld }

  /// Forgets the connection and all that came over it; the next command opens a new one.
  func disconnect() {
    statistics = takeStatistics()
    connection = nil
    // A guest that starts again has another process, and perhaps another port.
    knownTarget = nil
    // The next guest may be of another architecture.
    if options.kernelFile == nil { knownFacts = nil }
    noteHold()
  }

  var isConnected: Bool { connection != nil }

  /// True while `hold` stops the guest.
  var isHeld: Bool { connection?.source.isHeld ?? false }

  /// Whether the guest runs between commands, in a word or two.
  var runState: String { isHeld ? "held" : connection?.source.runState.text ?? "unknown" }

  /// Refuses options of a line that only the command line can set.
  func admit(_ line: SessionOptions) throws {
    guard isShared, line.opensSession else { return }
    throw UsageError(
      "an option that opens a session, such as -c or -k, stands before the session's commands: quit, and "
        + "start guestscope with it")
  }

  /// Takes the sentence on why the guest has stopped, if that is new.
  func takeStopReason() -> String? {
    defer { stopReason = nil }
    return stopReason
  }

  /// Says what is being done, should it take long.
  func doing<T>(_ activity: String, _ work: () throws -> T) throws -> T {
    try openConnection.doing(activity, work)
  }

  /// A new command begins: what it reads is counted from here.
  func beginCommand() {
    progress.begin()
    connection?.beginCommand()
  }

  /// A command has ended, and may have begun or ended a hold.
  func endCommand() { noteHold() }

  /// What was spent since the last call.
  func takeStatistics() -> SessionStatistics {
    var taken = statistics
    statistics = SessionStatistics()
    connection?.takeStatistics(into: &taken)
    return taken
  }
}

/// A command cannot be carried out; the text says why, and the way out.
struct CommandError: Error, CustomStringConvertible {
  var description: String
  /// It is not the guest that is lacking, but what the answer is written to.
  var isOfOutput = false
  /// Nothing that was selected is there.
  var isOfSelection = false
  init(_ description: String) { self.description = description }
}
