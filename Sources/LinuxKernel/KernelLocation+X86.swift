import Bytes
import GuestMemory
import Paging

/// `__START_KERNEL_map` of arch/x86/include/asm/page_64_types.h: where the image window begins.
/// KASLR moves the image within the first GiB (KERNEL_IMAGE_SIZE) of it.
let startKernelMap: UInt64 = 0xffff_ffff_8000_0000
private let kernelImageSize: UInt64 = 1 << 30

extension KernelLocation {
  /// The registers that say where an x86-64 kernel is.
  static let x86Registers = ["cr0", "cr3", "cr4", "efer", "rip"].map { RegisterKey(cpu: 0, name: $0) }

  /// Finds the image from a vCPU's registers.
  ///
  /// - Throws: `KernelError.noKernel` with what the guest does instead: firmware, a boot loader,
  ///   another system.
  static func x86(
    _ registers: [RegisterKey: UInt64], _ engine: SnapshotEngine
  ) throws(KernelError) -> KernelLocation {
    func register(_ name: String) -> UInt64 { registers[RegisterKey(cpu: 0, name: name)] ?? 0 }
    let (cr3, cr4, rip) = (register("cr3"), register("cr4"), register("rip"))
    // Intel SDM vol. 3: CR0.PG, EFER.LMA, CR4.LA57.
    guard register("cr0") >> 31 & 1 == 1 else {
      throw .noKernel(
        "the guest is still in firmware or a boot loader (paging is off): try again when it has "
          + "booted")
    }
    guard register("efer") >> 10 & 1 == 1 else {
      throw .noKernel("the guest runs in 32-bit mode: only 64-bit kernels are supported")
    }
    let format = PageTableFormat.x86_64(fiveLevel: cr4 >> 12 & 1 == 1)
    // Bits 11:0 are flags or a PCID. With page-table isolation the user's table is the odd page of
    // a pair, but without it any table may be: bit 12 alone proves nothing.
    let given = PhysicalAddress(cr3 & 0x000f_ffff_ffff_f000)
    let even = PhysicalAddress(given.rawValue & ~0x1000)
    let window = startKernelMap...(startKernelMap + (kernelImageSize - 1))
    // A vCPU in user mode shows one segment there, the entry text. The kernel's table has data.
    let segments = try engine.walk { view throws(ReadFault) in
      let shown = try PageTables(format, root: given).segments(in: window, in: view)
      if given == even || shown.contains(where: { $0.isWritable && !$0.isExecutable }) {
        return shown
      }
      let other = try PageTables(format, root: even).segments(in: window, in: view)
      return other.isEmpty ? shown : other
    }
    guard let first = segments.first else {
      throw .noKernel(
        rip >> 32 == 0
          ? "the guest's kernel is still being unpacked, or a boot loader runs: try again when it "
            + "has booted"
          : "no Linux kernel is mapped at \(startKernelMap.hex) (CR3 \(cr3.hex), RIP \(rip.hex)): "
            + "only Linux guests are supported")
    }
    // One displacement for all of the image: it is physically contiguous.
    let displacement = first.physical.rawValue &- first.virtual.rawValue
    let location = KernelLocation(
      textBase: first.virtual, displacement: displacement,
      segments: segments.filter { $0.physical.rawValue &- $0.virtual.rawValue == displacement },
      format: format)
    // mark_rodata_ro() runs just before init starts.
    guard location.readOnlyData != nil else {
      throw .noKernel("the guest is booting: its kernel has not set itself up yet; try again soon")
    }
    return location
  }
}
