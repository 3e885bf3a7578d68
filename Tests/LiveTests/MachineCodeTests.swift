import Foundation
import TestSupport
import Testing

extension LiveTests {
  /// The machine code of programs against what the kernel says of it, and its text against
  /// llvm-mc(1). Debian's bpftool has no disassembler to compare with.
  @Suite(.timeLimit(.minutes(5))) struct MachineCodeTests {
    /// An instruction as `prog dump jited` shows it.
    private struct Instruction {
      var place: UInt64
      var bytes: [UInt8]
      var operation: String
      var line: [Int]?
    }

    private struct Function {
      var name: String
      var instructions: [Instruction]
    }

    private func functions(_ document: Any, _ truth: [[String: Any]]) throws -> [Function] {
      let functions = try #require(document as? [[String: Any]], "\(document)")
      try #require(functions.count == truth.count)
      return try zip(functions, truth).map { function, truth in
        let start = try number(truth["address"])
        let rows = try #require(function["insns"] as? [[String: Any]])
        let instructions = try rows.map { row in
          let bytes = try (row["opcodes"] as? [String] ?? []).map { UInt8(try number($0)) }
          return Instruction(
            place: start + (try number(row["pc"])), bytes: bytes,
            operation: row["operation"] as? String ?? "",
            line: row["src"] == nil
              ? nil : [row["line_num"] as? Int ?? 0, row["line_col"] as? Int ?? 0])
        }
        return Function(name: function["name"] as? String ?? "", instructions: instructions)
      }
    }

    /// In hex.
    private func number(_ text: Any?) throws -> UInt64 {
      let digits = (text as? String ?? "").replacingOccurrences(of: "0x", with: "")
      return try #require(UInt64(digits, radix: 16), "\(text ?? "")")
    }

    private func code(
      _ guest: LiveGuest
    ) throws -> [(truth: [String: Any], functions: [Function])] {
      let truth = try guest.truth("jited")
      try #require(truth.count > 15)
      let result = try Program(
        guest,
        ["-j", "--keep-going"]
          + truth.flatMap { ["-e", "prog dump jited id \($0["id"] ?? "") opcodes linum"] }
      ).run()
      let lines = result.out.split(separator: "\n")
      try #require(lines.count == truth.count, "\(result.err)")
      return try zip(truth, lines).map { truth, line in
        let document = try JSONSerialization.jsonObject(with: Data(line.utf8))
        return (
          truth, try functions(document, try #require(truth["functions"] as? [[String: Any]]))
        )
      }
    }

    @Test(arguments: LiveGuest.withBpftool.filter { !$0.hasCrashed })
    func bytesAndLinesAreTheKernels(guest: LiveGuest) throws {
      for (truth, functions) in try code(guest) {
        let comment = Comment(rawValue: "program \(truth["id"] ?? "")")
        let bytes = functions.flatMap { $0.instructions.flatMap(\.bytes) }
        let digits = bytes.map { String(format: "%02x", $0) }.joined()
        #expect(digits == truth["bytes"] as? String, comment)
        // Where an instruction begins, the last line counts.
        var lines: [UInt64: [Int]] = [:]
        for line in truth["lines"] as? [[String: Any]] ?? [] {
          lines[try number(line["address"])] = [
            line["line"] as? Int ?? 0, line["column"] as? Int ?? 0,
          ]
        }
        for instruction in functions.flatMap(\.instructions) {
          guard let line = lines[instruction.place] else { continue }
          #expect(instruction.line == line, comment)
        }
      }
    }

    @Test(arguments: LiveGuest.withBpftool.filter { !$0.hasCrashed })
    func functionsHaveTheNamesOfTheirPrograms(guest: LiveGuest) throws {
      let programs = try guest.bpftool("prog")
      for (truth, functions) in try code(guest) {
        let program = programs.first { $0["id"] as? Int == truth["id"] as? Int }
        let tag = program?["tag"] as? String ?? ""
        #expect(functions.first?.name.hasPrefix("bpf_prog_\(tag)") == true)
      }
    }

    // MARK: llvm-mc

    /// libcapstone 4 has older names for some instructions of arm64, and none for its atomics.
    private static func isSame(_ found: String, _ expected: String) -> Bool {
      switch found {
      case "movz", "movn", "orr": expected == found || expected == "mov"
      case "hint": ["paci", "auti", "bti", "hint"].contains { expected.hasPrefix($0) }
      case "(unknown)":
        ["ld", "st", "cas", "swp"].contains { expected.hasPrefix($0) }
      default: found == expected
      }
    }

    static let assembler = "/usr/bin/llvm-mc"

    /// The mnemonics of code, by llvm-mc(1).
    private func mnemonics(_ code: [UInt8], _ guest: LiveGuest) throws -> [String] {
      let options =
        guest.label.hasPrefix("arm64")
        ? ["--triple=aarch64", "--mattr=+v8.5a,+lse"] : ["--triple=x86_64"]
      let answer = try ChildProcess.run(
        Self.assembler, ["--disassemble"] + options,
        input: code.map { String(format: "0x%02x", $0) }.joined(separator: " "))
      return answer.out.split(separator: "\n").map { $0.split { " \t".contains($0) } }
        .compactMap { $0.first.map(String.init) }.filter { !$0.hasPrefix(".") }
    }

    @Test(
      .enabled(if: FileManager.default.isExecutableFile(atPath: assembler), "no \(assembler)"),
      arguments: LiveGuest.withBpftool.filter { !$0.hasCrashed })
    func mnemonicsAreThoseOfLLVM(guest: LiveGuest) throws {
      var checked: Set<String> = []
      for (_, functions) in try code(guest) {
        for function in functions {
          let expected = try mnemonics(function.instructions.flatMap(\.bytes), guest)
          // LLVM writes the prefix of an instruction in a line of its own.
          let found = function.instructions.flatMap {
            $0.operation.split(separator: " ").map(String.init)
          }
          try #require(found.count == expected.count)
          let isSame = zip(found, expected).allSatisfy { Self.isSame($0, $1) }
          #expect(isSame, "\(function.name): \(found) is not \(expected)")
          checked.formUnion(found)
        }
      }
      #expect(checked.count > 15)
    }
  }
}
