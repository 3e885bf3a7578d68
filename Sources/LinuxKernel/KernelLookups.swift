import GuestScopeBTF
import GuestScopeBytes
import GuestScopeGuestMemory

/// What was looked up in one kernel's symbols and types: a look takes a pass over some 200,000 of
/// them, and a walker asks again in each of its passes.
final class KernelLookups: Sendable {
  let layouts: StructLayouts
  private let addresses = Locked<[String: KernelVirtualAddress]>([:])
  private let enumerations = Locked<[String: EnumNames]>([:])
  private let enumerators = Locked<[String: Int128?]>([:])
  private let prepared = Locked<[ObjectIdentifier: any Sendable]>([:])

  init(_ btf: BTF) { layouts = StructLayouts(btf) }

  func address(
    of symbol: String, _ find: () throws(KernelError) -> KernelVirtualAddress
  ) throws(KernelError) -> KernelVirtualAddress {
    if let known = addresses.withLock({ $0[symbol] }) { return known }
    let address = try find()
    addresses.withLock { $0[symbol] = address }
    return address
  }

  func prepared<T: Sendable>(_ make: () throws(KernelError) -> T) throws(KernelError) -> T {
    let key = ObjectIdentifier(T.self)
    if let known = prepared.withLock({ $0[key] }), let value = known as? T { return value }
    let value = try make()
    prepared.withLock { $0[key] = value }
    return value
  }

  func enumerator(named name: String, _ find: () -> Int128?) -> Int128? {
    if let known = enumerators.withLock({ $0[name] }) { return known }
    let value = find()
    enumerators.withLock { $0[name] = .some(value) }
    return value
  }

  func words(of enumeration: String, _ find: () -> EnumNames) -> EnumNames {
    if let known = enumerations.withLock({ $0[enumeration] }) { return known }
    let words = find()
    enumerations.withLock { $0[enumeration] = words }
    return words
  }
}
