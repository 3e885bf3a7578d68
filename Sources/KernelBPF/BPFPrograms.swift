import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeKernelImage
import GuestScopeLinuxKernel

/// The BPF programs of a guest: finds `prog_idr` and takes snapshots of what it leads to.
public final class BPFPrograms {
  public let kernel: GuestKernel
  public let layout: BPFLayout
  public let engine: SnapshotEngine
  private let walker: BPFProgramWalker
  private let bootTime: BootTime?
  private let statisticsSwitch: StatisticsSwitch?

  /// - Parameter layout: offsets that the caller has; nil for those of the kernel's own BTF.
  /// - Throws: `KernelError.symbolNotFound` for a kernel without `prog_idr`.
  public init(
    _ kernel: GuestKernel, _ engine: SnapshotEngine, layout: BPFLayout? = nil
  ) throws(KernelError) {
    self.kernel = kernel
    self.engine = engine
    let programs = try kernel.address(of: "prog_idr")
    if let layout {
      self.layout = layout
    } else {
      do { self.layout = try BPFLayout(kernel.btf) } catch { throw .btf(error) }
    }
    walker = BPFProgramWalker(self.layout, programs: programs)
    bootTime = BootTime(kernel)
    statisticsSwitch = StatisticsSwitch(kernel)
  }

  /// Programs, and what the guest says of them all.
  public struct Listing {
    public var programs: [BPFProgram]
    /// How many programs are of another type than the query asks for.
    public var otherTypes: Int
    /// Whether the guest counts runs; nil when it was not asked for or cannot be read.
    public var statsEnabled: Bool?
    /// Nanoseconds of CLOCK_REALTIME at boot; nil when it was not asked for or cannot be read.
    public var bootTime: UInt64?
    /// The CPU that panicked; nil when none did, or it was not asked for.
    public var panicCPU: Int?
  }

  /// The programs that a query asks for, from one instant.
  public func list(_ query: BPFProgramQuery) throws(KernelError) -> Snapshot<Listing> {
    // Without it every counter would be 0.
    if query.wantsRuntime { _ = try kernel.address(of: GuestKernel.perCPUOffsets) }
    let (kernel, walker, bootTime) = (kernel, walker, query.wantsDetails ? bootTime : nil)
    let statisticsSwitch = query.wantsRuntime ? statisticsSwitch : nil
    do {
      return try kernel.snapshot(engine, vcpus: query.vcpus) { view, cpus throws(ReadFault) in
        // None needs another. A time that cannot be read takes nothing from the programs.
        var offset: UInt64?
        var statsEnabled: Bool?
        var panicCPU: Int?
        let found = try view.gather { () throws(ReadFault) in
          statsEnabled = try statisticsSwitch?.isOn(in: view) ?? nil
          do throws(ReadFault) {
            offset =
              try view.branch { () throws(ReadFault) in
                try bootTime?.offset(in: view)
              } ?? nil
          } catch .unreadable {}
          if query.wantsPanic { panicCPU = try kernel.panicCPU(in: view) }
          return try view.branch { () throws(ReadFault) in
            try walker.programs(query, cpus: cpus, in: view)
          }
        }
        let programs = (found ?? []).compactMap {
          if case .program(let own) = $0 { own } else { nil }
        }
        return Listing(
          programs: programs, otherTypes: (found?.count ?? 0) - programs.count,
          statsEnabled: statsEnabled, bootTime: offset, panicCPU: panicCPU)
      }
    } catch {
      throw .snapshot(error)
    }
  }

  /// `BPF_PROG_TYPE_…` of the kernel's own enumeration, as bpftool prints it: `struct_ops`.
  public func typeName(_ type: UInt32) -> String {
    typeNames[type] ?? "type \(type)"
  }

  /// The number of a type that bpftool would print so; nil when this kernel has no such type.
  public func type(named name: String) -> UInt32? {
    typeNames.first { $0.value == name }?.key
  }

  /// All types of this kernel by number.
  public private(set) lazy var typeNames: [UInt32: String] = {
    let prefix = "BPF_PROG_TYPE_"
    var names: [UInt32: String] = [:]
    for (name, value) in kernel.btf.enumerators(ofEnum: "bpf_prog_type") ?? []
    where name.hasPrefix(prefix) {
      names[UInt32(truncatingIfNeeded: value)] = name.dropFirst(prefix.count).lowercased()
    }
    return names
  }()
}
