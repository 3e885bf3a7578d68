import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelBPF

/// Shows entries of maps in both forms: by the types of their map, and with names for what they lead
/// to.
struct MapEntryForm {
  /// Nil shows bytes, and nothing by its type.
  var formatter: ValueFormatter?
  /// The symbol of an address in a stack.
  var symbol: (UInt64) -> String? = { _ in nil }
  /// Names of what pointers in values lead to; nil where values are not shown as they are in memory.
  var pointerNames: PointerNames?
  /// The processes that hold sockets, by their files; nil where nobody asked for them.
  var holders: [KernelVirtualAddress: [FileHolder]]?

  func json(_ entry: MapEntry, of contents: MapContents) -> JSON {
    var json = entry.json(formatted(entry, contents))
    let pointers = pointers(entry, contents)
    if !pointers.isEmpty { json = json.adding(["pointers": .array(pointers.map(\.json))]) }
    if let holders = holders(entry) { json = json.adding(["pids": .array(holders.map(\.json))]) }
    guard let frames = entry.frames(in: contents.map) else { return json }
    return json.adding(["frames": .array(frames.map(self.json))])
  }

  func lines(_ entry: MapEntry, of contents: MapContents) -> [String] {
    ownLines(entry, contents) + pointers(entry, contents).map { "  \($0.text)" }
      + [holders(entry)?.text].compactMap { $0 }
  }

  private func pointers(_ entry: MapEntry, _ contents: MapContents) -> [MapPointer] {
    guard let names = pointerNames, let types = contents.types else { return [] }
    return entry.pointers(types, names.text)
  }

  /// Nil for what is not a socket.
  private func holders(_ entry: MapEntry) -> [FileHolder]? {
    guard let holders, case .socket(let socket)? = entry.slot else { return nil }
    return socket.file.flatMap { holders[$0] } ?? []
  }

  private func ownLines(_ entry: MapEntry, _ contents: MapContents) -> [String] {
    if let frames = entry.frames(in: contents.map) {
      return ["key: \((entry.key ?? []).spacedHex)"] + frames.map { "  " + text($0) }
    }
    guard let formatted = formatted(entry, contents) else { return entry.lines }
    return formatted.text(pretty: true).split(separator: "\n").map(String.init)
      + [sum(formatted)].compactMap { $0 }
  }

  private func formatted(_ entry: MapEntry, _ contents: MapContents) -> JSON? {
    contents.types.flatMap { types in formatter?.formatted(entry, types) }
  }

  // MARK: Sums

  /// All CPUs together, where a value is a number or is made of numbers; else nil.
  private func sum(_ formatted: JSON) -> String? {
    guard case .array(let copies)? = formatted["values"] else { return nil }
    let values = copies.compactMap { $0["value"] }
    guard let first = values.first, values.count == copies.count else { return nil }
    var sum = first
    for value in values.dropFirst() {
      guard let next = sum + value else { return nil }
      sum = next
    }
    return sum.isNumeric ? "sum: \(sum.text(pretty: false))" : nil
  }

  // MARK: Stacks

  private func json(_ frame: StackFrame) -> JSON {
    switch frame {
    case .address(let address): ["address": .unsigned(address), "symbol": JSON(symbol(address))]
    case .file(let buildID, let offset):
      ["build_id": .string(buildID.hex), "offset": .unsigned(offset)]
    }
  }

  private func text(_ frame: StackFrame) -> String {
    switch frame {
    case .address(let address): address.hex + (symbol(address).map { " \($0)" } ?? "")
    case .file(let buildID, let offset): "\(offset.hex) in the file with build-id \(buildID.hex)"
    }
  }
}

extension FileHolder {
  fileprivate var json: JSON {
    ["pid": JSON(pid), "comm": .string(comm), "fd": JSON(descriptor)]
  }
}

extension [FileHolder] {
  fileprivate var text: String {
    let names = map { "\($0.comm) (pid \($0.pid), fd \($0.descriptor))" }
    return "  held by " + (isEmpty ? "no process" : names.joined(separator: ", "))
  }
}

extension Session {
  /// - Parameters:
  ///   - formatter: nil for bytes.
  ///   - namesPointers: says what pointers in values lead to.
  func form(
    of map: MapContents, _ formatter: ValueFormatter?, namesPointers: Bool = false
  ) throws -> MapEntryForm {
    var form = try form(ofFramesIn: map, formatter)
    if namesPointers { form.pointerNames = try pointerNames(of: map) }
    return form
  }

  private func form(
    ofFramesIn map: MapContents, _ formatter: ValueFormatter?
  ) throws -> MapEntryForm {
    let addresses = map.entries.flatMap { $0.frames(in: map.map) ?? [] }.compactMap { frame in
      if case .address(let address) = frame { address } else { nil as UInt64? }
    }
    guard !addresses.isEmpty else { return MapEntryForm(formatter: formatter) }
    let names = symbolNames(of: addresses, in: try kernel)
    // Below the kernel's half no symbol of the kernel is meant.
    return MapEntryForm(formatter: formatter) { $0 >> 63 == 1 ? names.text($0) : nil }
  }
}
