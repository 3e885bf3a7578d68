/// The memory that QEMU's machine, its NUMA nodes and its DIMMs have as RAM, as
/// ``MonitorCommand/memoryBackends`` prints it (`hmp_info_memdev` in QEMU's
/// `hw/core/machine-hmp-cmds.c`).
///
/// Memory of devices, such as the 16 MiB of a VGA, is RAM to QEMU as well, and no backend.
public struct MemoryBackends: Sendable, Equatable {
  /// The ids: the machine's own (`pc.ram`, `mach-virt.ram`) or those of `-object memory-backend-…`.
  public let ids: Set<String>

  /// Reads lines like `memory backend: pc.ram`; others are left out.
  public init(monitorText text: String) {
    let label = "memory backend: "
    ids = Set(
      text.split(whereSeparator: \.isNewline).filter { $0.hasPrefix(label) }
        .map { String($0.dropFirst(label.count)) })
  }

  /// Whether a backend is what QEMU calls by this name in the memory tree.
  ///
  /// A region has its backend's id for a name; a memory-backend-file or -memfd on a machine up to
  /// version 3.1 has its path in the object tree, `/objects/ID` (`host_memory_backend_get_name` in
  /// `backends/hostmem.c`). Under KVM the line goes on: `pc.ram KVM`. An id has no blank.
  func contains(regionNamed name: String) -> Bool {
    let word = name.prefix { $0 != " " }
    let path = "/objects/"
    return ids.contains(String(word.hasPrefix(path) ? word.dropFirst(path.count) : word))
  }
}
