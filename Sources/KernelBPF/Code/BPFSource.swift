import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

extension Walk {
  /// The line of the source that an instruction of a BPF program's machine code is of; nil for
  /// other code, and where the program brought no source.
  public func bpfSource(at address: KernelVirtualAddress) throws(ReadFault) -> SourceLine? {
    guard kernel.isLoadable(address), let (aux, start) = try programAux(at: address) else {
      return nil
    }
    // The program's lines stay as they are; its symbol shows that it lives.
    let key = ObjectKey("source of machine code", id: address.rawValue, at: aux)
    return try view.constant(key) { () throws(ReadFault) in
      try read(BPFProgAuxCode.self, at: aux).sourceLine(in: start...address.rawValue)
    }
  }
}

extension KernelObject<BPFProgAuxCode> {
  /// `bpf_get_linfo_file_line()` of kernel/bpf/core.c: the last line that begins at or before the
  /// instruction. Subprograms share the array of all lines with their program.
  fileprivate func sourceLine(
    in stretch: ClosedRange<UInt64>
  ) throws(ReadFault) -> SourceLine? {
    let (btf, lines) = try view.together(self.btf, self.linfo)
    guard let lines, !lines.isEmpty, let array = self.jitedLinfo, array.rawValue != 0 else {
      return nil
    }
    let (types, places) = try view.together(
      btf?.types(), view.bytes(at: array, count: 8 * lines.count))
    guard let types else { return nil }
    var best: (place: UInt64, line: SourceLine)?
    for (index, line) in lines.enumerated() {
      let place = places.u64(at: 8 * index)!
      guard stretch.contains(place), place >= best?.place ?? 0 else { continue }
      best = (place, SourceLine(line, types))
    }
    return best?.line
  }
}
