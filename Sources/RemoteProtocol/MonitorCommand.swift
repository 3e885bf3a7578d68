/// A command of QEMU's human monitor that only looks.
///
/// The list is closed because the monitor can write host files, start programs and end the guest.
public enum MonitorCommand: Sendable, Equatable {
  /// `info status`; see ``RunStatus``.
  case status
  /// `info version`; see ``QEMUVersion``.
  case version
  /// `info mtree -f`; see ``SystemMemory``.
  case memoryTree
  /// `info memdev`; see ``MemoryBackends``.
  case memoryBackends
  /// `info cpus`; see ``HostThread``.
  case cpus
  /// `gpa2hva`: the host virtual address that backs a guest physical address; RAM only.
  case hostAddress(UInt64)

  /// What one would type.
  public var text: String {
    switch self {
    case .status: "info status"
    case .version: "info version"
    case .memoryTree: "info mtree -f"
    case .memoryBackends: "info memdev"
    case .cpus: "info cpus"
    case .hostAddress(let address): "gpa2hva 0x\(String(address, radix: 16))"
    }
  }
}
