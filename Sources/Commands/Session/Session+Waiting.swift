import Glibc
import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeKernelImage
import GuestScopeLinuxKernel

/// `--wait` and `--wait-for`: a script that starts QEMU itself need not know when its guest is up.
extension Session {
  /// How far the wait for the guest is. It happens once, before the first command that needs the
  /// guest.
  enum Waiting { case due, underWay, over }

  /// Waits until the guest is as the options want it.
  ///
  /// - Throws: what waiting cannot mend, at once; when the time is over, what was seen last.
  func waitForGuest() throws {
    guard var patience = options.patience else {
      waiting = .over
      return
    }
    waiting = .underWay
    do {
      let start = ContinuousClock.now
      while let lack = try lack() {
        let elapsed = ContinuousClock.now - start
        guard let rest = patience.rest(after: lack.text, at: elapsed) else {
          throw CommandError("waited \(fixed(elapsed / .seconds(1), 1)) s: \(lack.text)")
        }
        console.show(status: "waiting for \(lack.of), \(elapsed.components.seconds) s…")
        try self.rest(rest)
      }
    } catch {
      // Ctrl-C at the prompt: the next command waits.
      waiting = (error as? any GuestFailure)?.sourceKind == .interrupted ? .due : .over
      // The next connection begins with the hold that was asked for.
      if options.hold { disconnect() }
      throw error
    }
    waiting = .over
    if options.hold { try connection?.source.hold() }
  }

  /// What is not there yet, in the words of a status line, and what was seen instead.
  private typealias Lack = (of: String, text: String)

  private func lack() throws -> Lack? {
    connection?.beginCommand()
    do {
      _ = try kernel
      guard let name = options.waitFor else { return nil }
      let programs = try ofThisBoot { try bpf(of: $0).programs(BPFProgramQuery()) }.value.objects
      let glob = Glob(name)
      if programs.contains(where: { glob.matches($0.name) }) { return nil }
      return (
        "a program \(name)",
        programs.isEmpty
          ? "the guest has no BPF programs yet, so none is called \(name)"
          : "the guest has \(counted(programs.count, "BPF program")), and none "
            + "is called \(name)"
      )
    } catch let error as any GuestFailure where error.isTransient {
      // What comes back may be another machine.
      if error.sourceKind == .lost { disconnect() }
      return (isConnected ? "a kernel" : sourceName, "\(error)")
    }
  }

  /// Ctrl-C ends it.
  func rest(_ duration: Duration) throws(GuestMemError) {
    let end = ContinuousClock.now + duration
    while ContinuousClock.now < end {
      if interrupts.isCancelled { throw .interrupted }
      sleep(for: .milliseconds(20))
    }
  }
}

extension GuestFailure {
  /// True when a later look may succeed, with nothing changed but the guest.
  var isTransient: Bool {
    switch self {
    case let error as KernelError: error.isTransient
    case let error as SnapshotError: error.isTransient
    case let error as GuestMemError: error.isTransient
    case let object as UnreadableObject: SnapshotError.unreadable(object.cause).isTransient
    default: false
    }
  }

  /// The same for a guest that is there: it is busy, or boots.
  var isMomentary: Bool { isTransient && !isOfConnection }
}
