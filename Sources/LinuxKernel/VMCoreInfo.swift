import GuestScopeBytes
import GuestScopeGuestMemory

/// What a kernel writes down for whoever reads a dump of it: lines of `KEY=VALUE`
/// (kernel/vmcore_info.c, kernel/crash_core.c before 6.9), in a page of their own.
public struct VMCoreInfo: Sendable {
  private let lines: [Substring]

  /// How far KASLR moved the image from where it was linked; nil where the kernel does not say.
  public var kernelOffset: UInt64? { self["KERNELOFFSET"].flatMap { UInt64($0, radix: 16) } }

  public subscript(key: String) -> String? {
    let prefix = key + "="
    return lines.first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
  }

  /// VMCOREINFO_BYTES is a page, and the text is shorter.
  fileprivate static let size = 4096

  fileprivate init?(_ text: String) {
    guard text.hasPrefix("OSRELEASE=") else { return nil }
    lines = text.split(separator: "\n")
  }
}

extension Walk {
  /// How far KASLR moved the image from where it was linked; nil where nothing says it.
  public func kaslrOffset() throws(ReadFault) -> UInt64? {
    if let known = kernel.kaslrOffset { return known }
    return try vmcoreinfo()?.kernelOffset
  }

  /// Nil for a kernel that has none (CONFIG_VMCORE_INFO=n), or does not show it.
  public func vmcoreinfo() throws(ReadFault) -> VMCoreInfo? {
    guard let pointer = kernel.symbols.address(of: "vmcoreinfo_data") else { return nil }
    do throws(ReadFault) {
      let page = try view.pointer(at: KernelVirtualAddress(pointer))
      return VMCoreInfo(try view.bytes(at: page, count: VMCoreInfo.size).nulTerminatedText)
    } catch .unreadable {
      return nil
    }
  }
}
