import ArgumentParser
import GuestScopeBytes
import GuestScopeKernelBPF

/// `prog dump`: the code of BPF programs.
struct ProgDump: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dump", abstract: "The code of BPF programs: xlated, jited.",
    subcommands: [ProgDumpXlated.self, ProgDumpJited.self])
}

extension ObjectKind {
  /// Selected by what bpftool selects them by: a type names too many to read the code of all.
  static let programCode = ObjectKind(
    noun: "program", plural: "BPF programs", keys: ["id", "name"],
    all: { try $0.programs(BPFProgramQuery()).map(\.objects) })
}

/// A command that shows the code of the programs that its words select.
protocol CodeCommand: SelectingCommand {}

extension CodeCommand {
  static var objects: ObjectKind { .programCode }
  static var flags: [String] { ["opcodes", "linum"] }

  func validate() throws {
    guard try selection.isNarrow else {
      throw ValidationError("prog dump takes the programs to show: id N or name GLOB")
    }
  }

  /// The query for the programs that are selected.
  var query: ProgramCodeQuery {
    get throws {
      let selection = try selection
      let globs = selection.globs
      // Of a single program no more than its code is shown.
      let isOne = selection.onlyIDs?.count == 1
      return ProgramCodeQuery(
        BPFProgramQuery(
          ObjectQuery(ids: selection.onlyIDs), runtime: !isOne, details: !isOne)
      ) { selection.matches(id: $0, name: $1, globs) }
    }
  }
}

extension BPFProgram {
  /// The line that bpftool prints before one of several programs.
  var codeHeader: String {
    var line = "\(id): \(shownType)  "
    if !name.isEmpty { line += "name \(name)  " }
    line += "tag " + (details?.tag?.hex ?? "-")
    if details?.isGPLCompatible == true { line += "  gpl" }
    if let runtime, runtime.nsecs > 0 {
      line += " run_time_ns \(runtime.nsecs) run_cnt \(runtime.cnt)"
    }
    if let misses = runtime?.misses, misses > 0 { line += " recursion_misses \(misses)" }
    return line
  }

  /// The keys that bpftool has beside the code of one of several programs.
  func codeDocument(_ code: JSON) -> JSON {
    let keys: Set = [
      "id", "type", "name", "tag", "gpl_compatible", "run_time_ns", "run_cnt", "recursion_misses",
    ]
    let header = ProgList.fields.filter { $0.key.map(keys.contains) ?? false }
    return JSON(self, header).adding(["insns": code])
  }
}
