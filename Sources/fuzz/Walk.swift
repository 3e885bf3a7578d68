import Glibc
import GuestScopeKernelImage
import GuestScopeLinuxKernel

@testable import Commands
@testable import GuestScopeGuestMemory

/// A command whose walk of a recorded guest is damaged where it reads.
struct DamagedWalk {
  let line: String
  let recording: Recording
  private let command: any GuestCommand
  /// Made for each run: what is read of a guest's memory is kept with it.
  private let facts: () -> any KernelFactsSource
  /// Nil where finding it is part of the walk.
  private let kernel: GuestKernel?
  /// Words that the walk of the undamaged guest has read, and what may be pointers among them.
  private var places: [UInt64] = []
  private var pointers: [UInt64] = []
  /// Those that are damaged, too.
  private let registers: [RegisterKey]
  /// What was read of the undamaged guest.
  private var plan: [PhysicalRange] = []

  /// More than any whole answer takes.
  private static let sampleLimit = 20_000
  private static let byteLimit = 1 << 30
  private static let answerLimit = 1 << 28
  private static let streamLimit = 1 << 24
  /// A long stretch, as of the log, would leave little damage for all else.
  private static let wordsOfRange = 512

  /// Bytes of an answer, as of all types of the kernel, that takes as long as a thousand others.
  static let longAnswer = 2 << 20

  /// Nil where this guest has no answer, or one of more than `mostBytes`.
  init?(
    _ line: String, _ recording: Recording, kernel: GuestKernel?, damagesRegisters: Bool = false,
    mostBytes: Int = longAnswer, facts: (() -> any KernelFactsSource)? = nil
  ) throws {
    let words = line.split(separator: " ").map(String.init)
    guard let command = try Root.parse(words: words) as? any GuestCommand else { return nil }
    (self.line, self.recording, self.command, self.kernel) = (line, recording, command, kernel)
    self.facts = facts ?? { recording.facts }
    registers =
      damagesRegisters
      ? recording.registers.keys.sorted { ($0.cpu, $0.name) < ($1.cpu, $1.name) } : []
    let good = Replay(recording, notesPlaces: true)
    guard let answer = document(of: good),
      answer.text(pretty: false).utf8.count <= mostBytes
    else { return nil }
    plan = recording.ram.coalesce(good.places.filter(recording.ram.contains))
    places = Set(
      good.places.filter(recording.ram.contains).flatMap { range in
        stride(from: range.start.rawValue & ~7, to: range.end.rawValue, by: 8)
          .prefix(Self.wordsOfRange)
      }
    ).sorted()
    pointers = places.map { recording[$0] }.filter { $0 > 4096 }
    if places.isEmpty || pointers.isEmpty { return nil }
  }

  /// What the command answers; nil where it has no answer, which it may not have of a damaged guest.
  func document(of source: Replay) -> JSON? {
    answer(of: source) { try $0.answer(in: $1).document }
  }

  /// How long the answer is, in bytes of both its forms, neither of which is kept; nil where it has none.
  ///
  /// - Parameter isPrepared: the session begins with the memory that the answer of the undamaged guest was
  ///   made of, as it is now. Where no damage leads elsewhere, it needs no wave then, and is faster.
  private func length(of source: Replay, isPrepared: Bool) -> Int? {
    answer(of: source, isPrepared: isPrepared) { command, session in
      var count = 0
      if let command = command as? any StreamedCommand {
        let writers = [OutputForm.screen, .json].map { form in
          AnswerWriter(form) { text in
            count += text.utf8.count
            // As long as a damaged number says: it comes in parts, and this reader has enough.
            if count > Self.streamLimit { throw BrokenPipe() }
          }
        }
        _ = try command.answer(in: session, to: TwoForms(writers[0], writers[1]))
        return count
      }
      let answer = try command.answer(in: session)
      count += answer.screen.drawn(silence.style(isWide: true)).lines.reduce(0) {
        $0 + $1.utf8.count
      }
      return count + answer.document.text(pretty: false).utf8.count
    }
  }

  private func answer<T>(
    of source: Replay, isPrepared: Bool = false, _ ask: (any GuestCommand, Session) throws -> T
  ) -> T? {
    let session = silentSession(asking: source, facts: facts(), kernel: kernel)
    if isPrepared, let engine = session.connection?.boot.engine {
      for range in plan {
        guard let bytes = recording.bytes(of: range) else { continue }
        engine.guide.store(bytes, at: range.start)
      }
    }
    session.beginCommand()
    defer { session.endCommand() }
    return try? ask(command, session)
  }

  /// - Parameter way: two bits: whether the guest runs on, and whether the session knows nothing of it.
  func run(_ edits: [Edit], way: UInt8) {
    let guest = Replay(recording, isFrozen: way & 1 == 0)
    for edit in edits { edit.apply(to: guest, places, registers, pointers) }
    if Self.isExplained { explain(guest, way: way) }
    defer { guest.restore() }
    let count = length(of: guest, isPrepared: way & 2 == 0)
    precondition(count ?? 0 < Self.answerLimit)
    precondition(guest.samples < Self.sampleLimit && guest.bytes < Self.byteLimit)
    precondition(!guest.isHeld)
  }

  /// `GUESTSCOPE_FUZZ_EXPLAINS` is set, as it is for an input that is run alone.
  private static let isExplained = getenv("GUESTSCOPE_FUZZ_EXPLAINS") != nil

  private func explain(_ guest: Replay, way: UInt8) {
    print(
      "\(line), of \(recording.name), which \(way & 1 == 0 ? "stands still" : "runs")"
        + (way & 2 == 0 ? "; what the undamaged guest's answer was made of is known" : ""))
    for (address, old) in guest.changed {
      print("  \(PhysicalAddress(address)): \(hexText(old)) is \(hexText(recording[address]))")
    }
    for (register, value) in guest.changedRegisters {
      print(
        "  \(register): \(recording.registers[register].map(hexText) ?? "-") is \(hexText(value))")
    }
    // A run that does not end shows this, too.
    fflush(nil)
  }

  private func hexText(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }
}
