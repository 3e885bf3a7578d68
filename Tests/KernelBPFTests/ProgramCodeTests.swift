import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeLinuxKernel
import TestSupport
import Testing

/// The code of programs, from what the kernel keeps of it.
@Suite struct ProgramCodeTests {
  private func code(_ guest: CodeGuest) throws -> Snapshot<[ProgramCode]> {
    try guest.guest.bpf().code(CodeGuest.query)
  }

  @Test func instructionsHaveTheirNamesFunctionsAndLines() throws {
    let snapshot = try code(try CodeGuest())
    let code = try #require(snapshot.value.first)
    #expect(snapshot.unreadable.isEmpty)
    #expect(!code.isBlinded)
    let listing = code.listing
    #expect(
      listing.map(\.text) == [
        "(18) r1 = map[id:9][0]+4", "(79) r2 = *(u64 *)(r1 +8)", "(85) call lab_helper#256",
        "(85) call pc+2#0xffffffffc0002000", "(85) call 0xffffffff9e00010c#12", "(95) exit",
        "(b7) r0 = 3", "(95) exit",
      ])
    #expect(listing.map(\.index) == [0, 2, 3, 4, 5, 6, 7, 8])
    #expect(listing.map(\.prototype) == ["int lab()", nil, nil, nil, nil, nil, "int inner()", nil])
    #expect(
      listing.compactMap(\.line) == [
        SourceLine(start: 0, text: "return inner();", file: "lab.c", line: 20, column: 3),
        SourceLine(start: 7, text: "three = 3;", file: "lab.c", line: 30, column: 0),
        // An offset beyond the strings is no text.
        SourceLine(start: 8, text: nil, file: "", line: 0, column: 0),
      ])
  }

  /// The instructions, types and lines of a program that lives never change.
  @Test func codeIsReadOnce() throws {
    let guest = try CodeGuest()
    let recorded = ScriptedMemory(guest.guest.memory)
    let bpf = try BPFObjects(recorded, kernel: guest.guest.image())
    _ = try bpf.code(CodeGuest.query)
    let before = recorded.samples.count
    _ = try bpf.code(CodeGuest.query)
    #expect(recorded.samples.count == before + 1)
    let types = guest.guest.types
    let second = guest.places.head + (types["bpf_prog.insnsi"] + BPFInstruction.size)
    #expect(!recorded.samples.last!.contains { $0.start <= second && second < $0.end })
  }

  @Test func aLengthBeyondTheProgramsPagesIsRefused() throws {
    let guest = try CodeGuest()
    guest.guest.ram.write(
      520 as UInt32, at: guest.places.head + guest.guest.types["bpf_prog.len"])
    let snapshot = try code(guest)
    #expect(snapshot.value.isEmpty)
    #expect(
      "\(snapshot.unreadable)".contains("a program of 520 instructions in 1 pages"))
  }

  /// What damage makes of it: an answer or an error within bounds.
  @Test func damagedCodeIsAnsweredOrRefused() throws {
    let code = try CodeGuest()
    let image = try code.guest.image()
    let recorded = ScriptedMemory(code.guest.memory)
    let kernel = try GuestKernel(image, in: SnapshotEngine(recorded))
    _ = try BPFObjects(kernel, SnapshotEngine(recorded)).code(CodeGuest.query)
    let corruptible = try CorruptibleGuest(
      code.guest.memory, read: Array(recorded.samples.joined()))
    print("damaged code: seed \(Fuzz.seed), \(Fuzz.rounds) rounds")
    var (whole, partial, failed) = (0, 0, 0)
    for round in 0..<Fuzz.rounds {
      var random = SplitMix(state: Fuzz.seed &+ UInt64(round))
      let memory = ScriptedMemory(corruptible.corrupted(using: &random))
      let engine = SnapshotEngine(memory)
      engine.stepLimit = 100_000
      let comment = Comment(rawValue: "seed \(Fuzz.seed), round \(round)")
      do throws(KernelError) {
        let snapshot = try BPFObjects(kernel, engine).code(CodeGuest.query)
        if snapshot.unreadable.isEmpty { whole += 1 } else { partial += 1 }
        for program in snapshot.value {
          #expect(program.listing.count <= program.instructions.count, comment)
        }
      } catch {
        failed += 1
      }
      #expect(memory.samples.count <= 2 * Fuzz.mostSamples, comment)
      #expect(memory.samples.joined().reduce(0) { $0 + $1.count } < 64 << 20, comment)
      #expect(!memory.isHeld, comment)
    }
    print("damaged code: \(whole) whole, \(partial) partial, \(failed) failed")
    #expect(whole > 0 && partial > 0)
  }
}
