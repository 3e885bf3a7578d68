import ArgumentParser
import Glibc
import GuestScopeGDBStub
import GuestScopeGuestMemory

/// `-c all`: a command, a batch or `watch` for every guest of this host at once. Each guest gets a process
/// of this program, so that none waits for another; their answers become one.
struct AllGuests {
  /// No more processes than this run at a time.
  static let mostAtOnce = 16

  let console: Console
  let form: OutputForm
  /// The command goes on until it is ended: its answers are shown as they come.
  var isLive = false
  /// An answer is a list of those of several commands.
  var isBatch = false
  let guests: [HostGuest]
  /// The path of the program that each process runs.
  let program: String
  let arguments: [String]
  /// The most bytes of all guests' answers that are kept until they are complete.
  var mostBytes = 256 << 20
  /// What a process reads from standard input.
  var input: String?
  /// Ctrl-C is passed on to the processes; the second one ends all.
  var interrupts = Interrupts()

  /// Runs it all.
  ///
  /// - Returns: the worst exit status of any guest.
  func run() throws -> Int32 { try interrupts.withCancelling { try ask() } }

  private func ask() throws -> Int32 {
    guard !guests.isEmpty else { throw CommandError("no QEMU runs on this host") }
    if isLive, guests.count > Self.mostAtOnce {
      throw CommandError(
        "\(guests.count) guests run on this host, and no more than \(Self.mostAtOnce) can be watched at "
          + "once: name one with -c")
    }
    let input = try input.map { try InputFile($0) }
    let output = output
    var (worst, done) = (Status.answered, 0)
    var waiting = guests[...]
    var running: [GuestProcess] = []
    let start = ContinuousClock.now
    var isEnding = false
    func fail(_ guest: String, _ error: any Error) throws {
      console.note("\(guest): \(error)")
      worst = Status.worse(worst, Status.failed)
      done += 1
      try output.lacks(guest, "\(error)")
    }
    while !waiting.isEmpty || !running.isEmpty {
      while running.count < Self.mostAtOnce, let guest = waiting.popFirst() {
        do {
          running.append(try self.process(for: guest, input))
        } catch {
          try fail(guests.key(of: guest), error)
        }
      }
      GuestProcess.wait(for: running, atMost: .milliseconds(100))
      if interrupts.isCancelled, !isEnding {
        isEnding = true
        for guest in waiting {
          try fail(guests.key(of: guest), CommandError("it was not asked: interrupted"))
        }
        waiting = []
        for process in running { process.interrupt() }
      }
      for process in running {
        let (bytes, end) = try process.read()
        do { try output.add(bytes, of: process.name) } catch let error as TooLong {
          process.end()
          try fail(process.name, error)
        }
        guard let end else { continue }
        worst = Status.worse(worst, end)
        done += 1
        try output.end(of: process.name, end)
      }
      running.removeAll { $0.hasEnded }
      if !isLive, ContinuousClock.now - start > .milliseconds(500), done < guests.count {
        console.show(status: "asking \(guests.count) guests: \(done) of them done…")
      }
    }
    console.clearStatus()
    try output.finish(guests.map { guests.key(of: $0) })
    return worst
  }

  private var output: any AllGuestsOutput {
    if isLive { return LiveOutput(console, form) }
    if form == .screen { return ScreenOutput(console, limit: mostBytes) }
    return DocumentOutput(console, form, isBatch: isBatch, limit: mostBytes)
  }

  private func process(for guest: HostGuest, _ input: InputFile?) throws -> GuestProcess {
    // A guest that cannot be asked needs no process.
    _ = try GuestAddress.process(guest.pid).target(among: guests)
    let one = OneOfAll(
      parent: getpid(), pid: guest.pid, columns: console.columns ?? 0, name: guests.key(of: guest))
    return try GuestProcess(one, program, arguments, input: input, errors: console.errors)
  }
}

extension [HostGuest] {
  /// What answers call a guest: its name, or `pid:N` where it has none that no other has.
  func key(of guest: HostGuest) -> String {
    let address = address(of: guest)
    return address.hasPrefix("guest:") ? String(address.dropFirst("guest:".count)) : address
  }
}
