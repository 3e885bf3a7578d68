import Foundation
import TestSupport
import Testing

/// A guest that sessions are tried on, and what is checked of it after each.
final class TortureBench {
  /// What became of a session.
  struct Outcome {
    /// Where the promise was not kept.
    var exceptions: [String] = []
    /// What says whether the guest ran was changed on the way.
    var hasChangedRunState = false
    /// As that had it, the guest is not as it was.
    var isOtherwise = false
  }

  private let guest: LiveGuest
  private let port: Int
  private let qmp: QMP
  private var longest: [TortureSession.Use: Double] = [:]

  init(_ guest: LiveGuest) throws {
    self.guest = guest
    port = try #require(guest.port)
    qmp = try guest.qmp
  }

  func run(_ session: TortureSession) throws -> Outcome {
    try prepare(session)
    _ = try qmp.events()
    let tamperer = session.tampering.map { Tamperer($0, using: session.random) }
    let proxy = tamperer.map { Proxy(to: port, Proxy.Behaviour(tamperer: $0)) }
    let end = try torment(session, proxy?.target ?? guest.target)

    var outcome = Outcome()
    outcome.exceptions += judge(end, session)
    let isAsItWas = try isAsBefore(session)
    // A guardian goes on when the program has ended, on the same link or on a new one.
    outcome.hasChangedRunState = tamperer?.hasChangedRunState ?? false
    proxy?.end()
    if outcome.hasChangedRunState, !isAsItWas {
      outcome.isOtherwise = true
      // The report was changed on the way, so the program must say what it assumed, unless a stop was
      // reported to it.
      if end.signal == nil, end.err.isEmpty, session.way != .endlessStops {
        outcome.exceptions.append("the guest is \(try qmp.status), and nothing says so")
      }
      try qmp.execute(session.runs ? "cont" : "stop")
    } else if !isAsItWas {
      outcome.exceptions.append(
        "the guest is \(try qmp.status): \(end.err.split(separator: "\n").last ?? "")")
      try qmp.execute(session.runs ? "cont" : "stop")
    }
    outcome.exceptions += try checkMode(session)
    outcome.exceptions += try checkNext(session)
    if !session.runs { try qmp.execute("cont") }
    if try !qmp.runs(within: 5) {
      outcome.exceptions.append("the guest stands still after the next session")
      try qmp.execute("cont")
    }
    return outcome
  }

  // MARK: Before

  private func prepare(_ session: TortureSession) throws {
    if try qmp.status != "running" { try qmp.execute("cont") }
    let mode = session.physicalMemoryMode ? "$Qqemu.PhyMemMode:1#77" : "$Qqemu.PhyMemMode:0#76"
    _ = try talk(mode, until: "$OK", leavingBy: session.isReported ? "$c#63" : "$D;1#b0")
    guard try qmp.runs(within: 5) else { throw QMP.Failure(text: "it does not run") }
    if !session.runs { try qmp.execute("stop") }
  }

  /// One packet in a connection of its own.
  private func talk(_ packet: String, until end: String, leavingBy last: String) throws -> String {
    let socket = TCPSocket()
    socket.limitWaits(toSeconds: 10)
    try #require(socket.connect(to: port))
    socket.send("$#00" + packet)
    let answer = socket.receive(until: end)
    if last.isEmpty { return answer }
    socket.send(last)
    if last.hasPrefix("$D") { _ = socket.receive(until: "$OK#9a") }
    return answer
  }

  // MARK: The session

  private struct End {
    var status: Int32?
    var out = ""
    var err = ""
    /// The signal that was sent.
    var signal: Int32?
  }

  private func torment(_ session: TortureSession, _ target: String) throws -> End {
    var random = session.random
    let beside = session.way.isBesideAnother
    let other = beside ? try Company(session, port, using: &random) : nil
    let child = try Program(session.arguments(target, guest)).start(input: session.script)
    let start = Date()
    var end = End()
    if let signal = session.signal {
      let span = longest[session.use] ?? 0.3
      wait(for: child, until: start + session.moment * span)
      learn(session.use, span, session.moment, child)
      if session.way == .stopAndKill || session.way == .stopAndContinue {
        kill(child.identifier, SIGSTOP)
        usleep(.random(in: 0..<300_000, using: &random))
        if session.way == .stopAndContinue {
          kill(child.identifier, SIGCONT)
          usleep(.random(in: 0..<200_000, using: &random))
        }
      }
      kill(child.identifier, signal)
      end.signal = signal
    }
    other?.leave()
    // Longer than any: that of a slow link whose every answer is late.
    wait(for: child, until: start + 60)
    if child.isRunning {
      kill(child.identifier, SIGKILL)
      _ = child.wait()
    } else {
      end.status = child.wait()
    }
    (end.out, end.err) = (child.out, child.err)
    return end
  }

  private func wait(for child: ChildProcess, until deadline: Date) {
    while child.isRunning, Date() < deadline { usleep(500) }
  }

  /// Moments are to lie before the first answer, and a little beyond.
  private func learn(
    _ use: TortureSession.Use, _ span: Double, _ moment: Double, _ child: ChildProcess
  ) {
    if child.out.contains("\n") || !child.isRunning {
      longest[use] = max(0.02, min(span, moment * span * 1.1))
    } else {
      longest[use] = min(2, span * 1.1)
    }
  }

  // MARK: After

  private func judge(_ end: End, _ session: TortureSession) -> [String] {
    guard let status = end.status else { return ["it hangs"] }
    if let signal = end.signal, status == 128 + signal { return [] }
    guard (0...2).contains(status) else { return ["exit status \(status): \(end.err.suffix(300))"] }
    if status == 1, end.err.isEmpty { return ["exit status 1 without a word"] }
    // Nothing is wrong with its link, nor is anybody in its way.
    if status == 1, session.tampering == nil, !session.way.isBesideAnother {
      return ["exit status 1: \(end.err.suffix(300))"]
    }
    return []
  }

  /// Whether the guest is in the state in which the session found it.
  private func isAsBefore(_ session: TortureSession) throws -> Bool {
    if session.runs { return try qmp.runs(within: 5) }
    let events = try qmp.events()
    return try !events.contains("RESUME") && qmp.status == "paused"
  }

  private func checkMode(_ session: TortureSession) throws -> [String] {
    let answer = try talk(
      "$qqemu.PhyMemMode#2c", until: "#3", leavingBy: session.runs ? "$c#63" : "")
    let mode = session.physicalMemoryMode ? "$1#31" : "$0#30"
    return answer.contains(mode) ? [] : ["the physical memory mode is not \(mode): \(answer)"]
  }

  /// Another session, which has nothing in its way.
  private func checkNext(_ session: TortureSession) throws -> [String] {
    let next = try Program(
      ["-c", guest.target] + (session.runs ? [] : ["--leave-stopped"]) + ["regs", "0", "-j"]
    ).run()
    var exceptions: [String] = []
    if next.status != 0 {
      exceptions.append("the next session: exit status \(next.status): \(next.err.suffix(300))")
    }
    let isAsBefore = session.runs ? try qmp.runs(within: 5) : try qmp.status == "paused"
    if !isAsBefore { exceptions.append("the guest is \(try qmp.status) after the next session") }
    return exceptions
  }
}
