import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `atomic_t` of include/linux/types.h.
private struct Atomic: KernelStruct {
  static let kernelName = "atomic_t"
  let counter = Member<UInt32>("counter")
}

/// `atomic64_t`, which `atomic_long_t` is.
private struct AtomicLong: KernelStruct {
  static let kernelName = "atomic64_t"
  let counter = Member<UInt64>("counter")
}

/// `struct static_key` of include/linux/jump_label.h, with which all static keys begin.
private struct StaticKey: KernelStruct {
  static let kernelName = "static_key"
  let enabled = Member<UInt32>("enabled.counter")
}

extension Walk {
  /// Ticks since boot, and some more: the kernel begins five minutes before 0. Nil for a kernel that
  /// does not show them.
  public func jiffies() throws(ReadFault) -> UInt64? {
    try long(variable("jiffies_64", "jiffies"))
  }
}

/// Variables of which some kernels have one name, some another, and some none.
extension Walk {
  /// The address of the first variable that this kernel has; nil for none.
  func variable(_ names: String...) throws(ReadFault) -> KernelVirtualAddress? {
    for name in names {
      if let address = try ifKnown(symbol(name)) { return address }
    }
    return nil
  }

  func atomic(_ address: KernelVirtualAddress?) throws(ReadFault) -> UInt32? {
    try address.map { address throws(ReadFault) in try read(Atomic.self, at: address).counter }
  }

  func atomicLong(_ address: KernelVirtualAddress?) throws(ReadFault) -> UInt64? {
    try address.map { address throws(ReadFault) in try read(AtomicLong.self, at: address).counter }
  }

  /// A key that is just being enabled is below zero (`static_key_count()` of kernel/jump_label.c).
  func isKeyOn(_ address: KernelVirtualAddress?) throws(ReadFault) -> Bool? {
    try address.map { address throws(ReadFault) in
      try read(StaticKey.self, at: address).enabled != 0
    }
  }

  func bool(_ address: KernelVirtualAddress?) throws(ReadFault) -> Bool? {
    try address.map { address throws(ReadFault) in
      try view.bytes(at: address, count: 1).first != 0
    }
  }

  func int(_ address: KernelVirtualAddress?) throws(ReadFault) -> Int? {
    try address.map { address throws(ReadFault) in
      Int(Int32(bitPattern: try view.u32(at: address)))
    }
  }

  func long(_ address: KernelVirtualAddress?) throws(ReadFault) -> UInt64? {
    try address.map { address throws(ReadFault) in try view.pointer(at: address).rawValue }
  }
}
