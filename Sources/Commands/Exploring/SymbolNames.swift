import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeLinuxKernel

/// Symbols of addresses as text: `init_task+0x40`, and outside of the kernel image
/// `cubictcp_init+0x8 [tcp_cubic]`, as an oops has it.
struct SymbolNames {
  fileprivate let kernel: GuestKernel
  fileprivate var loaded: [UInt64: LoadedSymbol] = [:]

  /// Nil for an address without a symbol.
  func text(_ address: UInt64) -> String? {
    kernel.symbolText(address) ?? loaded[address]?.text(at: address)
  }
}

extension LoadedSymbol {
  func text(at place: UInt64) -> String {
    let offset = place &- address.rawValue
    return name + (offset == 0 ? "" : "+\(offset.hex)") + " [\(module)]"
  }
}

extension Session {
  /// More addresses than this of one answer are left without a name from outside of the image.
  private static let mostNames = 4096

  /// The names of addresses that an answer has. Those that may be outside of the kernel image are
  /// looked up together, in a snapshot of their own. The answer is there already: it does not fail
  /// for a name.
  func symbolNames(
    of addresses: some Sequence<UInt64>, in kernel: GuestKernel
  ) -> SymbolNames {
    var names = SymbolNames(kernel: kernel)
    let places = Set(addresses.lazy.map { KernelVirtualAddress($0) }.filter(kernel.isLoadable))
    guard !places.isEmpty else { return names }
    let wanted = places.sorted().prefix(Self.mostNames)
    let snapshot = try? walk(kernel) { walk throws(ReadFault) in
      try walk.view.each(wanted) { place throws(ReadFault) in try walk.readableSymbol(at: place) }
    }
    guard let snapshot else { return names }
    for (place, symbol) in zip(wanted, count(snapshot).value) {
      names.loaded[place.rawValue] = symbol
    }
    return names
  }
}

extension Walk {
  /// The symbol outside of the kernel image that an address is in; nil, too, where what would say
  /// it is damaged.
  func readableSymbol(at address: KernelVirtualAddress) throws(ReadFault) -> LoadedSymbol? {
    do throws(ReadFault) { return try loadedSymbol(at: address) } catch {
      guard case .unreadable = error else { throw error }
      return nil
    }
  }
}

extension KernelValue {
  /// The addresses that the value has, in pointers or in numbers that look like them.
  var addresses: [UInt64] {
    switch self {
    case .pointer(let pointer): [pointer.address.rawValue]
    case .unsigned(let number): number.isAddressLike ? [number] : []
    case .fields(let fields): fields.flatMap(\.value.addresses)
    case .elements(let elements): elements.flatMap(\.addresses)
    case .signed, .bool, .enumerator, .text, .bytes, .absent, .opaque, .damaged: []
    }
  }
}

extension UInt64 {
  /// A kernel address in disguise; in decimal nobody would know it.
  var isAddressLike: Bool { self >> 47 == 0x1ffff }
}
