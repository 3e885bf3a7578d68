import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel
import TestSupport
import Testing

@testable import GuestScopeKernelBPF

/// The code of programs, from what the kernel keeps of it.
@Suite struct ProgramCodeTests {
  private func code(_ guest: CodeGuest) throws -> Snapshot<[ProgramCode]> {
    try guest.guest.bpf().code(CodeGuest.query)
  }

  @Test func instructionsHaveTheirNamesFunctionsAndLines() throws {
    let guest = try CodeGuest()
    let snapshot = try code(guest)
    let code = try #require(snapshot.value.first)
    #expect(snapshot.unreadable.isEmpty)
    #expect(!code.isBlinded)
    let listing = code.listing
    #expect(
      listing.map(\.text) == [
        "(18) r1 = map[id:9][0]+4", "(79) r2 = *(u64 *)(r1 +8)", "(85) call lab_helper#256",
        "(85) call pc+2#\(guest.code[1].hex)", "(85) call 0xffffffff9e00010c#12", "(95) exit",
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

  // MARK: Machine code

  @Test func eachFunctionHasItsCodeAndItsLines() throws {
    let guest = try CodeGuest()
    let snapshot = try guest.guest.bpf().machineCode(CodeGuest.query)
    let program = try #require(snapshot.value.first)
    let functions = try #require(program.functions)
    #expect(functions.map(\.bytes) == CodeGuest.machineCode)
    #expect(functions.map(\.address) == guest.code)
    #expect(functions.map(\.name) == guest.code.map { "0x" + $0.paddedHex(16) })
    #expect(functions.map(\.prototype) == ["int lab()", "int inner()"])
    #expect(
      functions.map { $0.lines.all.map(\.place) } == [
        [guest.code[0]], [guest.code[1], guest.code[1] + 1],
      ])
    #expect(functions[1].lines.all.map(\.line.text) == ["three = 3;", nil])
    #expect(program.symbols[guest.guest.textBase + 0x200] == "lab_helper")
  }

  @Test func anInterpretedProgramHasNoMachineCode() throws {
    let guest = try CodeGuest()
    guest.guest.ram.write(
      0b100 as UInt16, at: guest.places.head + guest.guest.types["bpf_prog.jited"])
    let snapshot = try guest.guest.bpf().machineCode(CodeGuest.query)
    #expect(snapshot.value.map { $0.functions == nil } == [true])
  }

  /// One that cannot be read takes no other with it.
  @Test func aFunctionThatIsNotThereIsNamed() throws {
    let guest = try CodeGuest()
    let aux = guest.places.aux + guest.guest.types["bpf_prog_aux.func"]
    let memory = guest.guest.memory
    let array = guest.guest.physical(try memory.u64(at: aux))
    let second = guest.guest.physical(try memory.u64(at: array + 8))
    guest.guest.ram.write(
      0xffff_ffff_c000_0000 as UInt64, at: second + guest.guest.types["bpf_prog.bpf_func"])
    let snapshot = try guest.guest.bpf().machineCode(CodeGuest.query)
    #expect(snapshot.value.first?.functions?.map(\.address) == [guest.code[0]])
    #expect(snapshot.unreadable.map(\.key.kind) == ["function"])
  }

  @Test func linesAreTakenOneAfterTheOther() {
    func line(_ start: Int) -> SourceLine {
      SourceLine(start: start, text: "\(start)", file: nil, line: 1, column: 1)
    }
    // Two begin at 4, where there is one instruction: the second remains for the next one.
    var cursor = SourceLines([line(2), line(4), line(4), line(9)]).cursor
    let found = [0, 2, 3, 4, 5, 6, 9].map { cursor.next(at: $0)?.text }
    #expect(found == [nil, "2", nil, "4", "4", nil, "9"])
  }

  // MARK: Damage

  /// What damage makes of it: an answer or an error within bounds.
  @Test func damagedCodeIsAnsweredOrRefused() throws {
    let code = try CodeGuest()
    let tally = try Fuzz.damage(code.guest, "code", answers: 2) {
      objects, comment throws(KernelError) in
      let snapshot = try objects.code(CodeGuest.query)
      let machine = try objects.machineCode(CodeGuest.query)
      #expect((machine.value.first?.functions?.count ?? 0) <= 4096, comment)
      for program in snapshot.value {
        #expect(program.listing.count <= program.instructions.count, comment)
      }
      return snapshot.unreadable.count
    }
    #expect(tally.whole > 0 && tally.partial > 0)
  }
}
