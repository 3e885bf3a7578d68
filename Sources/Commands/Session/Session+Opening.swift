import GuestScopeGDBStub
import GuestScopeGuestMemory
import GuestScopeRemoteProtocol

/// What a session does that only QEMU's gdbserver can be asked for: finding it, and opening it. All
/// else asks a `GuestSource`.
extension Session {
  /// Opens the source that the options name. With `--hold` its guest is held from then on.
  func openSource() throws -> any GuestSource {
    var stubOptions = StubOptions()
    stubOptions.timeout = .nanoseconds(Int64(options.timeout * 1e9))
    stubOptions.maxPause = .nanoseconds(Int64(options.maxPause * 1e6))
    // What the user knew when the program began says nothing of what comes later.
    stubOptions.leaveStopped = options.leaveStopped && isFirstContact
    stubOptions.guardian = options.noGuardian ? nil : guardian
    readRecord()
    stubOptions.knownRegisters = recalled.map {
      KnownRegisters(documents: $0.documents, threads: $0.incarnation)
    }
    stubOptions.notice = { [console] in console.note($0) }
    stubOptions.stopReason = { [weak self] in self?.stopReason = $0 }
    stubOptions.isInterrupted = { [interrupts] in interrupts.isCancelled }
    if options.trace {
      stubOptions.trace = { [console] way, bytes in
        for line in TraceLine.lines(way == .sent ? .sent : .received, bytes) {
          console.trace("\(line)")
        }
      }
    }
    let stub = try QEMUStub(try options.target, options: stubOptions, debt: debt)
    isFirstContact = false
    // A guest that stands still does not come up.
    if options.hold, waiting != .underWay { try stub.hold() }
    return stub
  }

  /// What the source is called, connected or not.
  var sourceName: String { (try? options.target).map { "\($0)" } ?? "" }

  /// Whether the source is there, found out without disturbing its guest; nil where this cannot be
  /// known.
  var isSourceThere: Bool? { try? options.target.isOpen }
}
