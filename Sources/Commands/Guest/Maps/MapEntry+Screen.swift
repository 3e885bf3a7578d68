import GuestScopeBytes
import GuestScopeKernelBPF

extension MapEntry {
  /// What fits on a line beside a key, as in bpftool.
  private static let mostOnALine = 24

  /// As `bpftool map dump` shows it: a line, or several for what is longer.
  var lines: [String] {
    switch value {
    case .bytes(let bytes): return withSlot(lines("value", bytes))
    case .perCPU(let values):
      return [keyText]
        + values.enumerated().flatMap { cpu, bytes in
          Self.lines("value (CPU \(cpu < 10 ? "0" : "")\(cpu))", bytes)
        }
    case .program(let id): return ["\(keyText)  \(slot?.text ?? "program \(id)")"]
    case .map(let id): return ["\(keyText)  \(slot?.text ?? "map \(id)")"]
    case .error(let number):
      if let slot { return ["\(keyText)  \(slot.text)"] }
      // bpftool has the text of the error here; what it means is that nothing is in the slot.
      let text = Self.errorsOfEmptySlots.contains(number) ? "<no entry>" : errorText(number)
      return ["\(keyText)  value: \(text)"]
    case .owned(let owner, let bytes): return Self.lines(owner.text, bytes)
    case .bloom(let fill): return [fill.text]
    case .page(let page):
      return ["page \(page.index) at \(page.address.hex):"] + page.data.hexdump(at: page.address)
    case .queued(let index, let bytes): return Self.lines("\(index)", bytes)
    case .record(let record):
      let state = (record.isBusy ? ", busy" : "") + (record.isDiscarded ? ", discarded" : "")
      return Self.lines("\(record.offset): \(record.length) bytes\(state)", record.data)
    }
  }

  /// ENOENT, ENOSPC, EOPNOTSUPP, and the kernel's own ENOTSUPP.
  private static let errorsOfEmptySlots: Set<Int32> = [2, 28, 95, 524]

  /// With what the value is a number of.
  private func withSlot(_ lines: [String]) -> [String] {
    guard let slot else { return lines }
    return lines.count == 1 ? ["\(lines[0])  \(slot.text)"] : lines + ["  \(slot.text)"]
  }

  private var keyText: String { "key: " + (key ?? []).spacedHex }

  private func lines(_ name: String, _ bytes: [UInt8]) -> [String] {
    guard (key?.count ?? 0) + bytes.count > Self.mostOnALine else {
      return ["\(keyText)  \(name): \(bytes.spacedHex)"]
    }
    return [keyText] + Self.lines(name, bytes)
  }

  /// On a line, or as a hexdump under it.
  private static func lines(_ name: String, _ bytes: [UInt8]) -> [String] {
    bytes.count <= mostOnALine
      ? ["\(name): \(bytes.spacedHex)"] : ["\(name):"] + bytes.hexdump(at: 0)
  }
}

extension BloomFill {
  fileprivate var text: String {
    let share = fixed(falsePositives * 100, 2)
    return "\(set) of \(bits) bits set, \(hashes) for each element: "
      + (estimate.map { "about \(counted($0, "element")), " } ?? "no bit is left, ")
      + "\(share) % of others are found by mistake"
  }
}

extension [UInt8] {
  /// `0a 00 ff`
  var spacedHex: String { map { UInt64($0).paddedHex(2) }.joined(separator: " ") }
}
