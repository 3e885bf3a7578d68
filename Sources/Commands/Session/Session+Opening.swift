import GuestScopeGDBStub
import GuestScopeGuestMemory
import GuestScopeRemoteProtocol

/// What a session does that only QEMU's gdbserver can be asked for: finding it, and opening it. All
/// else asks a `GuestSource`.
extension Session {
  /// Opens the source that the options name. With `--hold` its guest is held from then on.
  func openSource() throws -> any GuestSource {
    let target = try target
    var stubOptions = StubOptions()
    stubOptions.timeout = .nanoseconds(Int64(options.timeout * 1e9))
    stubOptions.maxPause = .nanoseconds(Int64(options.maxPause * 1e6))
    // What the user knew when the program began says nothing of what comes later.
    stubOptions.leaveStopped = options.leaveStopped && isFirstContact
    stubOptions.guardian = options.noGuardian ? nil : guardian
    readRecord()
    stubOptions.knownMachine = recalled?.machine
    stubOptions.remembersMachine = cache != nil && options.vcpu == nil
    stubOptions.notice = { [console] in console.note($0) }
    stubOptions.stopReason = { [weak self] in self?.stopReason = $0 }
    stubOptions.isInterrupted = { [interrupts] in interrupts.isCancelled }
    stubOptions.waits = { [progress] silence in progress.wait(for: "\(target)", silence) }
    if options.trace {
      stubOptions.trace = { [console] way, bytes in
        for line in TraceLine.lines(way == .sent ? .sent : .received, bytes) {
          console.trace("\(line)")
        }
      }
    }
    let stub = try connect(target, stubOptions)
    isFirstContact = false
    // A guest that stands still does not come up.
    if options.hold, waiting != .underWay { try stub.hold() }
    return stub
  }

  /// Where nobody has said which guest is meant, an error names those that there are.
  private func connect(
    _ target: StubTarget, _ stubOptions: StubOptions
  ) throws(GuestMemError) -> QEMUStub {
    do {
      return try QEMUStub(target, options: stubOptions, debt: debt)
    } catch {
      guard !options.namesGuest, error.kind == .absent else { throw error }
      throw error.naming(HostGuest.all()).naming(file: fileWithoutGuest)
    }
  }

  /// The gdbserver of the guest that the options name.
  private var target: StubTarget {
    get throws {
      if let knownTarget { return knownTarget }
      let target = try options.address.target()
      knownTarget = target
      return target
    }
  }

  /// What the source is called, connected or not.
  var sourceName: String {
    knownTarget.map { "\($0)" } ?? (try? options.address).map { "\($0)" } ?? ""
  }

  /// Whether the source is there, found out without disturbing its guest; nil where this cannot be
  /// known.
  var isSourceThere: Bool? {
    if case .stub(let target)? = try? options.address { return target.isOpen }
    // To look for a guest by its name takes long for a question that is asked again and again.
    return knownTarget?.isOpen
  }
}

extension GuestMemError {
  /// The error with a list of the guests of this host, for a user who has not named one. No guest is stopped
  /// unasked.
  func naming(_ guests: [HostGuest]) -> GuestMemError {
    guard !guests.isEmpty else { return self }
    return GuestMemError(
      kind,
      "nothing listens on port 1234, as QEMU's -s does; the guests of this host are:\n"
        + guests.listing)
  }
}
