import ArgumentParser
import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelImage
import GuestScopeLinuxKernel

/// An address as a user writes it: a number, a symbol, or an object by its number, each with an
/// offset after it if need be, and for a per-CPU variable `@` and the CPU: `init_task`, `jiffies+8`,
/// `runqueues@1+0x40`, `prog:21`.
struct AddressExpression: ExpressibleByArgument {
  enum Base: Equatable {
    case number(UInt64)
    case symbol(String)
    case object(ObjectTable.Kind, id: UInt64)
  }

  /// For the help of commands that take one.
  static let help: ArgumentHelp =
    """
    A number (decimal, with 0x, or sixteen hexadecimal digits), a symbol, symbol+offset, symbol@CPU for a per-CPU variable, or an object: prog:ID, \
    map:ID, link:ID, btf:ID, task:PID.
    """

  var text: String
  var base: Base
  var cpu: Int?
  /// Bytes to add, modulo 2^64.
  var offset: UInt64 = 0

  init?(argument text: String) {
    self.text = text
    var rest = text[...]
    if let sign = rest.lastIndex(where: { $0 == "+" || $0 == "-" }), sign > rest.startIndex {
      guard let number = UInt64(userText: rest[rest.index(after: sign)...]) else { return nil }
      offset = rest[sign] == "+" ? number : 0 &- number
      rest = rest[..<sign]
    }
    if let at = rest.lastIndex(of: "@") {
      guard let number = Int(rest[rest.index(after: at)...]), number >= 0 else { return nil }
      cpu = number
      rest = rest[..<at]
    }
    guard let first = rest.first, first != "+", first != "-" else { return nil }
    if let number = UInt64(userText: rest) {
      base = .number(number)
    } else if let colon = rest.firstIndex(of: ":") {
      // No symbol has a colon.
      guard let kind = ObjectTable.Kind(rawValue: String(rest[..<colon])), cpu == nil,
        let id = UInt64(rest[rest.index(after: colon)...])
      else { return nil }
      base = .object(kind, id: id)
    } else {
      guard !first.isNumber else { return nil }
      base = .symbol(String(rest))
    }
  }

  /// True for all but a number.
  var isNamed: Bool { if case .number = base { false } else { true } }

  /// The address in a kernel, but for what only its memory says: the offset of a CPU, the place of
  /// an object.
  func resolved(in kernel: GuestKernel) throws -> ResolvedAddress {
    switch base {
    case .number(let number):
      try admit(cpu, in: kernel)
      return ResolvedAddress(
        start: cpu.map { .perCPU(number, $0) } ?? .fixed(number), offset: offset)
    case .symbol(let name):
      let start = try address(of: name, in: kernel.symbols)
      try admit(cpu, in: kernel)
      try admitSymbol(at: start, in: kernel)
      return ResolvedAddress(start: cpu.map { .perCPU(start, $0) } ?? .fixed(start), offset: offset)
    case .object(let kind, let id):
      return ResolvedAddress(start: .object(try ObjectTable(kind, kernel), id: id), offset: offset)
    }
  }

  /// The address in a kernel that no guest runs; nil for what only a guest's memory says.
  func linked(in symbols: KernelSymbols) throws -> UInt64? {
    switch base {
    case _ where cpu != nil: nil
    case .number(let number): number &+ offset
    case .symbol(let name): try address(of: name, in: symbols) &+ offset
    case .object: nil
    }
  }

  private func address(of name: String, in symbols: KernelSymbols) throws -> UInt64 {
    let found = Set(try symbols.named(name).map(\.address)).sorted()
    guard let first = found.first else { throw CommandError("the kernel has no symbol \(name)") }
    guard found.count == 1 else {
      throw CommandError(
        "\(found.count) symbols are called \(name): \(found.map(\.hex).joined(separator: ", "))")
    }
    return first
  }

  private func admit(_ cpu: Int?, in kernel: GuestKernel) throws {
    guard let cpu else { return }
    guard cpu < kernel.cpuIDs else { throw CommandError("the guest has no CPU \(cpu)") }
    _ = try kernel.address(of: GuestKernel.perCPUOffsets)
  }

  /// Refuses a per-CPU variable without a CPU, and a CPU's copy of any other.
  private func admitSymbol(at start: UInt64, in kernel: GuestKernel) throws {
    let isPerCPU = kernel.perCPUVariables?.contains(start)
    if cpu == nil, isPerCPU == true {
      let name = text.prefix { $0 != "+" && $0 != "-" }
      throw UsageError(
        "\(name) is a per-CPU variable: name a CPU's copy of it, as in "
          + "\(name)@0\(text.dropFirst(name.count))")
    }
    if cpu != nil, isPerCPU == false {
      throw UsageError("\(text) is not a per-CPU variable: only those have a copy for each CPU")
    }
  }
}

/// What an address expression means in one kernel.
struct ResolvedAddress {
  enum Start {
    case fixed(UInt64)
    /// A per-CPU pointer, and the CPU whose copy is meant.
    case perCPU(UInt64, Int)
    case object(ObjectTable, id: UInt64)
  }

  var start: Start
  /// Bytes to add, modulo 2^64.
  var offset: UInt64 = 0

  /// The address where the guest's memory has no say in it.
  var fixed: UInt64? { if case .fixed(let value) = start { value &+ offset } else { nil } }

  /// The address at the instant of the walk. An object is found by reads of the walk: what is read
  /// of it then is of the same instant.
  ///
  /// - Throws: `ReadFault.missing` for an object that does not exist.
  func address(in walk: Walk) throws(ReadFault) -> KernelVirtualAddress {
    switch start {
    case .fixed(let value): return KernelVirtualAddress(value &+ offset)
    case .object(let table, let id): return try table.address(of: id, in: walk.view) + offset
    case .perCPU(let value, let cpu):
      guard let owner = try walk.cpus.first(where: { $0.id == cpu }) else {
        throw .unreadable(Unreadable(.corrupt("CPU \(cpu) has no per-CPU area"), at: value))
      }
      return owner.address(of: KernelVirtualAddress(value &+ offset))
    }
  }
}

extension UInt64 {
  /// A number as a user writes it: decimal, hex with `0x`, or the sixteen bare hex digits of an
  /// oops or of /proc/kallsyms.
  init?(userText text: some StringProtocol) {
    if text.hasPrefix("0x") || text.hasPrefix("0X") {
      self.init(text.dropFirst(2), radix: 16)
    } else if text.count == 16 {
      // Digits only, too: dumps and `sym` show addresses so.
      self.init(text, radix: 16)
    } else {
      self.init(text, radix: 10)
    }
  }
}

extension GuestKernel {
  /// `init_task+0x40` for an address in the kernel image; nil elsewhere.
  func symbolText(_ address: UInt64) -> String? {
    nearestSymbol(to: address).map { name, offset in
      offset == 0 ? name : "\(name)+\(offset.hex)"
    }
  }

  func nearestSymbol(to address: UInt64) -> (name: String, offset: UInt64)? {
    imageSymbol(at: address).map { ($0.symbol.name, $0.offset) }
  }
}
