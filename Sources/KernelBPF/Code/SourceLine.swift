/// `struct bpf_line_info`: from this instruction on, a line of the source counts.
public struct SourceLine: Hashable, Sendable {
  /// The index of the first instruction.
  public var start: Int
  /// Without the blanks before it; nil, as for the file, where the BTF has no such text.
  public var text: String?
  public var file: String?
  /// From 1; 0 where the compiler did not say it.
  public var line: UInt32
  public var column: UInt32

  public init(start: Int, text: String?, file: String?, line: UInt32, column: UInt32) {
    (self.start, self.text, self.file) = (start, text, file)
    (self.line, self.column) = (line, column)
  }
}

/// Lines of the source by where their first instructions are, in the order of those.
public struct SourceLines: Sendable {
  /// The place is an index of a BPF instruction, or an address of machine code.
  public private(set) var all: [(place: UInt64, line: SourceLine)]

  init(_ lines: [(place: UInt64, line: SourceLine)]) { all = lines }

  init(_ lines: [SourceLine]) { all = lines.map { (UInt64($0.start), $0) } }

  /// Takes lines one after the other, as a listing comes to their instructions.
  public struct Cursor {
    private let lines: SourceLines
    private var index = 0

    init(_ lines: SourceLines) { self.lines = lines }

    /// The line that begins at or before a place and has not been taken; nil for none. Of several
    /// it is the last, and the others remain for the instructions that follow
    /// (`bpf_prog_linfo__lfind()` of tools/lib/bpf/bpf_prog_linfo.c).
    public mutating func next(at place: UInt64) -> SourceLine? {
      guard let last = lines.all[index...].prefix(while: { $0.place <= place }).last else {
        return nil
      }
      index += 1
      return last.line
    }
  }

  public var cursor: Cursor { Cursor(self) }
}
