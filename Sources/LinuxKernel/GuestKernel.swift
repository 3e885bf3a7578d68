import BTF
import GuestMemory
import KernelImage

/// The kernel of one boot of a guest: where it is, what its symbols and types are.
///
/// All that is in here stays the same until the guest resets. What changes is read through a view.
public struct GuestKernel: Sendable {
  /// The file that symbols and types are from.
  public var file: String
  public var architecture: KernelImage.Architecture
  /// `Linux version 6.1.0-…`, as the guest has it.
  public var banner: String
  /// Symbols at the addresses of this boot.
  public var symbols: KernelSymbols
  public var btf: BTF
  /// The address of `_text`, KASLR included.
  public var textBase: KernelVirtualAddress
  /// How far KASLR moved the image from where it was linked, modulo 2^64.
  public var slide: UInt64
  public var context: WalkContext
  public var addressSpace: KernelAddressSpace
  /// What the kernel itself says of where it is, either of which may be "negative": `phys_base`
  /// and `page_offset_base` (x86-64), `kimage_voffset` and `memstart_addr` (arm64).
  public var variables: [String: UInt64]
  /// CPU ids end below this.
  public var cpuIDs: Int
  /// Registers that show which kernel a vCPU runs, of vCPU 0.
  public var livenessRegisters: [RegisterKey]

  /// The guest's release, as `uname -r` says it.
  public var release: String {
    let words = banner.split(separator: " ")
    return words.count > 2 ? String(words[2]) : banner
  }

  /// The array that tells where each CPU's variables are. Without its address no CPU is known, and
  /// a reset of the guest goes unnoticed.
  public static let perCPUOffsets = "__per_cpu_offset"

  /// The address of a symbol that this kernel must have.
  public func address(of symbol: String) throws(KernelError) -> KernelVirtualAddress {
    KernelVirtualAddress(try symbols.required(symbol, in: file))
  }

  /// Walks this kernel's memory; the answer is from one instant, and from this boot.
  ///
  /// After a reset or a kexec the old kernel still lies in RAM, readable and dead: the per-CPU base
  /// in the registers of a vCPU must be among the offsets that the walked memory has.
  ///
  /// - Throws: `SnapshotError.unreadable` with `Unreadable.Reason.kernelChanged` when it is not.
  public func snapshot<T>(
    _ engine: SnapshotEngine,
    _ walk: @escaping (MemoryView, [CPU]) throws(ReadFault) -> T
  ) throws(SnapshotError) -> Snapshot<T> {
    let offsets = symbols.address(of: Self.perCPUOffsets).map(KernelVirtualAddress.init)
    return try engine.snapshot(in: addressSpace, registers: livenessRegisters) {
      view throws(ReadFault) in
      guard let offsets else { return try walk(view, []) }
      // The walk must not wait a wave for the offsets when it does not need them yet.
      var cpus: [CPU]?
      do throws(ReadFault) {
        cpus = try CPU.all(at: offsets, count: cpuIDs, in: view)
      } catch .miss {}
      if let cpus { try checkAlive(cpus, view) }
      let value = try walk(view, cpus ?? [])
      guard cpus != nil else { throw .miss }
      return value
    }
  }

  private func checkAlive(_ cpus: [CPU], _ view: MemoryView) throws(ReadFault) {
    guard view.isSnapshot, !view.registers.isEmpty else { return }
    let values = VCPURegisters(view.registers.compactMapValues { try? $0.get() })
    // A source without registers, a memory dump, cannot be of another boot than it is.
    guard !values.isEmpty,
      !architecture.kernel.isAlive(values, cpus: cpus, context: context)
    else { return }
    throw .unreadable(
      Unreadable(
        .kernelChanged(
          "the guest no longer runs the kernel that was found: it was reset, or it booted another"),
        at: textBase.rawValue))
  }
}

extension KernelImage.Architecture: CustomStringConvertible {
  public var description: String { rawValue }
}
