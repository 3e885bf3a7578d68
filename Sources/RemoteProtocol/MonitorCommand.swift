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

  /// What one would type.
  public var text: String {
    switch self {
    case .status: "info status"
    case .version: "info version"
    case .memoryTree: "info mtree -f"
    case .memoryBackends: "info memdev"
    case .cpus: "info cpus"
    }
  }
}
