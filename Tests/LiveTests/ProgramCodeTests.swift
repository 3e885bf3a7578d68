import Foundation
import Testing

/// What bpftool's batch says of one command.
struct BatchAnswer {
  let words: [String]
  let output: Any

  /// The answers of a batch in a guest.
  ///
  /// bpftool escapes `'` in JSON, which is not JSON; and on 5.10 it writes, before the types of an
  /// object, that the kernel does not say its name.
  static func all(_ guest: LiveGuest, _ kind: String) throws -> [BatchAnswer] {
    let text = try String(contentsOfFile: guest.path("bpftool-\(kind).json"), encoding: .utf8)
      .replacingOccurrences(of: "\\'", with: "'")
      .replacingOccurrences(
        of: #"\{"error":"can't get BTF \(ID \d+\) object info: [^"]*"\},"#, with: "",
        options: .regularExpression)
    let answers = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]]
    // What has no command is of the batch itself.
    return try #require(answers).compactMap { answer in
      (answer["command"] as? [String]).map {
        BatchAnswer(words: $0, output: answer["output"] ?? NSNull())
      }
    }
  }
}

extension LiveTests {
  /// The code of every program of every guest, against what bpftool says of it in the guest.
  @Suite(.timeLimit(.minutes(5))) struct ProgramCodeTests {
    /// A line an instruction.
    private func rows(_ document: Any) throws -> [String] {
      try #require(document as? [[String: Any]], "\(document)").map { try jsonText($0) }
    }

    @Test(arguments: LiveGuest.withBpftool)
    func everyInstructionOfEveryProgramEqualsBpftools(guest: LiveGuest) throws {
      let theirs = try BatchAnswer.all(guest, "xlated")
      try #require(theirs.count == (try guest.truth("prog").count))
      let ours = try guest.answers(theirs.map { $0.words.joined(separator: " ") })
      for (our, their) in zip(ours, theirs) {
        let (found, expected) = (try rows(our), try rows(their.output))
        #expect(found == expected, "\(their.words)")
      }
    }

    /// What the words after the selection add, and nothing else.
    @Test(arguments: LiveGuest.withBpftool.prefix(1))
    func wordsAddTheirKeys(guest: LiveGuest) throws {
      let id = try #require(
        try guest.truth("prog").first { $0["name"] as? String == "cls_subprogs" }?["id"])
      let answers = try guest.answers(
        ["", " linum", " opcodes", " opcodes linum"].map { "prog dump xlated id \(id)\($0)" }
      )
      let lists = try answers.map { try #require($0 as? [[String: Any]]) }
      let opcodes: Set = ["opcodes"]
      let linum: Set = ["file", "line_num", "line_col"]
      for row in lists[3].indices {
        func keys(without: Set<String>) -> Set<String> {
          Set(lists[3][row].keys).subtracting(without)
        }
        #expect(Set(lists[0][row].keys) == keys(without: opcodes.union(linum)))
        #expect(Set(lists[1][row].keys) == keys(without: opcodes))
        #expect(Set(lists[2][row].keys) == keys(without: linum))
      }
    }

    /// Of several programs each has its header around its code.
    @Test(arguments: LiveGuest.withBpftool.prefix(1))
    func severalProgramsHaveTheirHeaders(guest: LiveGuest) throws {
      let names = ["reno_init", "reno_release"]
      let programs = try guest.truth("prog").filter { names.contains($0["name"] as? String ?? "") }
      let found =
        try guest.answers(["prog dump xlated name reno_init name reno_release"])[0]
        as? [[String: Any]]
      try #require(found?.count == 2)
      for (program, truth) in zip(found ?? [], programs) {
        for key in ["id", "type", "name", "tag", "gpl_compatible", "run_cnt"] {
          #expect("\(program[key] ?? "")" == "\(truth[key] ?? "")")
        }
        #expect((program["insns"] as? [Any])?.isEmpty == false)
      }
    }
  }
}
