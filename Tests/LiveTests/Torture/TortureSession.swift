import Foundation
import TestSupport

/// One session that ends badly: what it is and what happens to it, all drawn from one seed.
struct TortureSession {
  enum Use: CaseIterable { case registers, programs, batch, hold }

  let seed: UInt64
  let way: TortureWay
  let use: Use
  /// The guest runs before, or somebody has stopped it.
  let runs: Bool
  /// The physical memory mode before.
  let physicalMemoryMode: Bool
  /// The client before lets the guest go on by `c`, after which QEMU reports the next stop, or
  /// detaches.
  let isReported: Bool
  /// The program is killed, too, on a link that changes what it carries.
  let isKilledBesides: Bool
  /// When it ends: a part of the time that this use takes to answer.
  let moment: Double
  /// For what is drawn later.
  let random: SplitMix

  /// Seeds so far apart have one way.
  static let ways = UInt64(TortureWay.allCases.count)

  /// The first seed of a way from another seed on; that seed itself for nil.
  static func seed(of way: TortureWay?, from seed: UInt64) -> UInt64 {
    guard let way, let index = TortureWay.allCases.firstIndex(of: way) else { return seed }
    return seed &+ (UInt64(index) + ways - seed % ways) % ways
  }

  init(seed: UInt64) {
    self.seed = seed
    var random = SplitMix(state: seed)
    way = TortureWay.allCases[Int(seed % Self.ways)]
    use = Use.allCases.randomElement(using: &random)!
    // What gdb detaches from runs.
    runs = way == .gdbBeside || Int.random(in: 0..<4, using: &random) != 0
    physicalMemoryMode = Int.random(in: 0..<4, using: &random) == 0
    isReported = Bool.random(using: &random)
    isKilledBesides = Int.random(in: 0..<4, using: &random) == 0
    moment = Double.random(in: 0..<1, using: &random)
    self.random = random
  }

  var tampering: Tampering? {
    var random = random
    return way.tampering.map { Tampering($0, using: &random) }
  }

  /// The signal that ends it.
  var signal: Int32? {
    way.signal ?? (isKilledBesides && (tampering != nil || way.isBesideAnother) ? SIGKILL : nil)
  }

  func arguments(_ target: String, _ guest: LiveGuest) -> [String] {
    let state = runs ? [] : ["--leave-stopped"]
    let connect = ["-c", target, "--timeout", "0.6"] + state
    switch use {
    case .registers: return connect + ["regs", "0", "-j"]
    case .programs: return connect + ["-k", guest.kernel, "prog", "list", "-j"]
    case .batch: return connect + ["-k", guest.kernel, "--keep-going", "-f", "-"]
    case .hold: return connect + ["--hold", "-f", "-"]
    }
  }

  /// For a signal more than it will live to read.
  var script: String {
    let lines = String(repeating: "regs 0 -j\n", count: signal == nil ? 4 : 10_000)
    return use == .batch ? lines + "prog list -j\n" : lines
  }

  /// What a table and a log call it.
  var name: String { "\(way) \(use)\(runs ? "" : " stopped")" }
}
