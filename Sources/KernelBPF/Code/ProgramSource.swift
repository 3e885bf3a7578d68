import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// What a program brought of its source.
struct ProgramSource: Sendable {
  /// Indices of the first instruction of each function; none for a program without BTF.
  var starts: [Int]
  /// None, as lines, for a program whose types are not there.
  var functions: [ProgramCode.Function]
  var lines: [SourceLine]
}

extension KernelObject<BPFProgCode> {
  func source() throws(ReadFault) -> ProgramSource {
    let aux = try self.aux
    let (records, lines, btf) = try view.together(aux.funcInfo, aux.linfo, aux.btf)
    var source = ProgramSource(
      starts: (records ?? []).map { Int($0.insnOff) }, functions: [], lines: [])
    guard let types = try btf?.types() else { return source }
    source.functions = (records ?? []).map { record in
      let prototype = types.prototype(of: BTF.TypeID(record.typeID)) ?? ""
      return .init(start: Int(record.insnOff), prototype: prototype.isEmpty ? nil : prototype)
    }
    source.lines = (lines ?? []).map { SourceLine($0, types) }
    return source
  }
}

extension SourceLine {
  init(_ record: KernelObject<BPFLineRecord>, _ types: BTF) {
    self.init(
      start: Int(record.insnOff),
      text: types.text(at: record.lineOff).map { String($0.drop(while: \.isWhitespace)) },
      file: types.text(at: record.fileNameOff),
      // BPF_LINE_INFO_LINE_NUM, BPF_LINE_INFO_LINE_COL
      line: record.lineCol >> 10, column: record.lineCol & 0x3ff)
  }
}
