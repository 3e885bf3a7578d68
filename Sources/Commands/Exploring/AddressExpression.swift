import ArgumentParser
import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// An address as a user writes it: a number, a symbol, either with an offset behind, and for a
/// per-CPU variable `@` and the CPU: `init_task`, `jiffies+8`, `runqueues@1+0x40`.
struct AddressExpression: ExpressibleByArgument {
  enum Base: Equatable {
    case number(UInt64)
    case symbol(String)
  }

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
    } else {
      guard !first.isNumber else { return nil }
      base = .symbol(String(rest))
    }
  }

  var isSymbol: Bool { if case .symbol = base { true } else { false } }

  /// The address in a kernel, but for the offset of a CPU.
  func resolved(in kernel: GuestKernel) throws -> ResolvedAddress {
    let start: UInt64
    switch base {
    case .number(let number): start = number
    case .symbol(let name):
      let found = Set(try kernel.symbols.named(name).map(\.address)).sorted()
      guard let first = found.first else {
        throw CommandError("this guest's kernel has no symbol \(name)")
      }
      guard found.count == 1 else {
        throw CommandError(
          "\(found.count) symbols are called \(name): \(found.map(\.hex).joined(separator: ", "))")
      }
      start = first
    }
    if let cpu {
      guard cpu < kernel.cpuIDs else { throw CommandError("the guest has no CPU \(cpu)") }
      _ = try kernel.address(of: GuestKernel.perCPUOffsets)
    }
    if cpu == nil, isSymbol, kernel.perCPUVariables?.contains(start) == true {
      let name = text.prefix { $0 != "+" && $0 != "-" }
      throw UsageError(
        "\(name) is a per-CPU variable: name a CPU's copy of it, as in "
          + "\(name)@0\(text.dropFirst(name.count))")
    }
    if cpu != nil, isSymbol, kernel.perCPUVariables?.contains(start) == false {
      throw UsageError("\(text) is no CPU's own: only a per-CPU variable has a copy for each")
    }
    return ResolvedAddress(value: start &+ offset, cpu: cpu)
  }
}

/// What an address expression means in one kernel.
struct ResolvedAddress {
  var value: UInt64
  var cpu: Int?

  func address(in walk: Walk) throws(ReadFault) -> KernelVirtualAddress {
    guard let cpu else { return KernelVirtualAddress(value) }
    guard let owner = try walk.cpus.first(where: { $0.id == cpu }) else {
      throw .unreadable(Unreadable(.corrupt("CPU \(cpu) has no per-CPU area"), at: value))
    }
    return owner.address(of: KernelVirtualAddress(value))
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
    guard let image = addressSpace.windows.first(where: { $0.name == "kernel image" }),
      image.virtual.contains(address),
      let (symbol, offset) = symbols.nearest(to: address)
    else { return nil }
    return (symbol.name, offset)
  }
}
