import Foundation
import GuestScopeGDBStub
import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeLinuxKernel
import TestSupport
import Testing

/// A kernel that is read from guest memory, with its tables damaged: the right answer, or a refusal.
///
/// `GUESTSCOPE_FUZZ_ROUNDS` and `GUESTSCOPE_FUZZ_SEED` make a run longer and repeat it.
@Suite struct DamagedImageTests {
  /// A kernel whose kallsyms has all symbols, and one that keeps those of functions only.
  static let guests = ["x86-6.1", "arm64-6.1"].filter { guest in
    Fuzz.liveFolder.map { FileManager.default.fileExists(atPath: "\($0)/\(guest)") } ?? false
  }

  /// What came of a damage.
  enum Outcome: String, CaseIterable {
    case same
    case refused
    /// Objects are named as unreadable, and the others are as they were.
    case unreadable
    /// Members that a kernel need not have are absent, and all else is as it was: nothing in a kernel
    /// says a second time what the names of its types and of its variables are.
    case absent
    /// Words are others that are taken from the names of types, and all else is as it was.
    case renamed
    /// Statistics are said to be off, or times of loading are others: a variable is read beside its
    /// place, for an offset of kallsyms may be any between its neighbours', and so may one of a
    /// member beside a hole.
    case misplaced
    /// There are no programs: what an idr without its head says, to the guest as well.
    case empty
    case wrong
  }

  @Test(
    .enabled(if: !guests.isEmpty, "set GUESTSCOPE_LIVE to a folder of guests that run"),
    arguments: guests)
  func aDamagedImageIsReadRightOrRefused(guest: String) throws {
    let dump = try KernelDump(try QEMUStub(try Fuzz.target(guest)))
    let truth = try KernelDump.list(dump.memory, dump.architecture)
    try #require(truth.unreadable.isEmpty && !truth.value.objects.isEmpty)
    let rounds = max(Fuzz.rounds / 16, 2 * dump.areas.count)
    print("damaged image of \(guest): seed \(Fuzz.seed), \(rounds) rounds")
    var tally: [String: [Outcome: Int]] = [:]
    for round in 0..<rounds {
      // A seed a round, so that a round can be repeated alone.
      var random = SplitMix(state: Fuzz.seed &+ UInt64(round))
      let memory = dump.memory
      let area = dump.areas[round % dump.areas.count]
      let damage = Damage(to: area.places, using: &random)
      damage.apply(to: memory)
      let outcome: Outcome
      do throws(KernelError) {
        outcome = Self.outcome(try KernelDump.list(memory, dump.architecture), truth)
      } catch {
        outcome = .refused
        #expect("\(error)".contains(" "))
      }
      tally[area.name, default: [:]][outcome, default: 0] += 1
      #expect(outcome != .empty || area.name == "prog_idr")
      #expect(outcome != .renamed || area.isOfTypes)
      #expect(outcome != .misplaced || area.isOfTypes || area.name.hasSuffix("offsets"))
      #expect(
        outcome != .wrong, "\(guest), seed \(Fuzz.seed), round \(round): \(area.name), \(damage)")
    }
    for area in dump.areas {
      let counts = Outcome.allCases.compactMap { outcome in
        tally[area.name]?[outcome].map { "\($0) \(outcome)" }
      }
      print("  \(area.name): \(counts.joined(separator: ", "))")
    }
    // Damage that nobody notices would test little.
    let refused = tally.values.reduce(0) { $0 + ($1[.refused] ?? 0) }
    #expect(refused > rounds / 4)
  }

  private static func outcome(
    _ answer: Snapshot<BPFObjects.Programs>, _ truth: Snapshot<BPFObjects.Programs>
  ) -> Outcome {
    if answer.value.objects.isEmpty, answer.unreadable.isEmpty { return .empty }
    var outcome = Outcome.same
    func lower(to other: Outcome) { if outcome == .same { outcome = other } }
    if let isOn = answer.value.statsEnabled {
      if isOn != truth.value.statsEnabled { lower(to: .misplaced) }
    } else {
      lower(to: .absent)
    }
    if !answer.unreadable.isEmpty { lower(to: .unreadable) }
    let ours = Dictionary(uniqueKeysWithValues: answer.value.objects.map { ($0.id, $0) })
    for program in truth.value.objects {
      guard let other = ours[program.id] else {
        if answer.unreadable.isEmpty { return .wrong }
        continue
      }
      let (expected, values) = (leaves(of: program), leaves(of: other))
      guard values != expected else { continue }
      let different = values.filter { path, value in
        // Without counters there are none of a CPU either.
        let isAbsent = value == "nil" || path == ".perCPU" && other.runtime == nil
        return expected[path] != value && !isAbsent
      }
      guard different.keys.allSatisfy({ [".typeName", ".details.loadedAt"].contains($0) }) else {
        if Fuzz.environment["GUESTSCOPE_FUZZ_VERBOSE"] != nil {
          print("true: \(program)\nread: \(other)")
        }
        return .wrong
      }
      let isLate = different[".details.loadedAt"] != nil
      lower(to: different.isEmpty ? .absent : isLate ? .misplaced : .renamed)
    }
    return ours.count > truth.value.objects.count ? .wrong : outcome
  }

  /// Everything that a value is made of, by where it is in it.
  private static func leaves(of value: Any) -> [String: String] {
    let mirror = Mirror(reflecting: value)
    if mirror.displayStyle == .optional, mirror.children.isEmpty { return ["": "nil"] }
    guard !mirror.children.isEmpty else { return ["": "\(value)"] }
    var leaves: [String: String] = [:]
    for (index, child) in mirror.children.enumerated() {
      let name = mirror.displayStyle == .optional ? "" : "." + (child.label ?? "\(index)")
      for (path, leaf) in self.leaves(of: child.value) { leaves[name + path] = leaf }
    }
    return leaves
  }
}

extension KernelDump.Area {
  fileprivate var isOfTypes: Bool { name.hasPrefix("BTF") || name.hasPrefix("needed type") }
}
