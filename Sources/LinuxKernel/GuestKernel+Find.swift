import BTF
import Bytes
import GuestMemory
import KernelImage
import Paging

extension GuestKernel {
  /// Finds a guest's kernel, and checks that a kernel file is the one it runs.
  ///
  /// - Parameters:
  ///   - image: the guest's vmlinux or vmlinuz.
  ///   - registers: of vCPU 0, where the caller has them; else they are read.
  public init(
    _ image: KernelImage, in engine: SnapshotEngine, registers: [RegisterKey: UInt64]? = nil
  ) throws(KernelError) {
    let location: KernelLocation
    if let registers {
      location = try .x86(registers, engine)
    } else {
      location = try .x86(try Self.read(KernelLocation.x86Registers, engine.memory), engine)
    }
    let linked: KernelSymbols
    do { linked = try image.symbols } catch { throw .image(error) }

    let slide = location.textBase.rawValue &- image.baseAddress
    let symbols = linked.slid(by: slide)
    let values = try ImageValues(symbols, location, engine.memory)
    guard try values.isKernel(of: image) else {
      throw .wrongFile(
        file: image.name, fileKernel: image.banner?.kernelName ?? "unknown",
        guestKernel: try location.banner(in: engine.memory)?.kernelName ?? "another one")
    }
    guard let blob = image.btf else { throw .noBTF(file: image.name) }
    do { btf = try BTF(blob) } catch { throw .btf(error) }

    file = image.name
    architecture = image.architecture
    banner = values.banner ?? image.banner ?? "Linux"
    self.symbols = symbols
    textBase = location.textBase
    self.slide = slide
    physBase = location.displacement &+ startKernelMap
    livenessRegisters = ["gs_base", "k_gs_base"].map { RegisterKey(cpu: 0, name: $0) }

    func needed(_ symbol: String, _ value: UInt64?) throws(KernelError) -> UInt64 {
      guard let value else { throw .symbolNotFound(symbol, file: image.name) }
      return value
    }
    guard try needed("phys_base", values.physBase) == physBase else {
      throw .noKernel(
        "the guest's kernel contradicts its page tables: phys_base is "
          + "\(values.physBase!.hex), the tables say \(physBase!.hex)")
    }
    let root = try needed("init_top_pgt", symbols.address(of: "init_top_pgt"))
    let pageOffset = try needed("page_offset_base", values.pageOffset)
    context = WalkContext(
      root: PhysicalAddress(root &+ location.displacement),
      pageOffset: KernelVirtualAddress(pageOffset), isFiveLevel: location.format.levels.count == 5)
    let (lastMapped, isBeyondAll) = pageOffset.addingReportingOverflow(
      max(engine.memory.ram.end, 1) - 1)
    guard pageOffset >= location.format.firstKernelAddress, !isBeyondAll else {
      throw .noKernel(
        "the guest's kernel has page_offset_base \(pageOffset.hex), where no direct map can be: "
          + "it is booting, or not this file's")
    }
    let directMap = KernelAddressSpace.Window(
      name: "direct map", virtual: pageOffset...lastMapped,
      displacement: 0 &- pageOffset)
    addressSpace = KernelAddressSpace(
      windows: [directMap, location.window], tables: context.tables)
    // NR_CPUS of the largest configuration; more is garbage.
    cpuIDs = Int(try needed("nr_cpu_ids", values.cpuIDs.map(UInt64.init)))
    guard (1...8192).contains(cpuIDs) else {
      throw .noKernel("the guest's kernel has \(cpuIDs) CPUs: it is booting, or not this file's")
    }
  }

  private static func read(
    _ keys: [RegisterKey], _ memory: any GuestMem
  ) throws(KernelError) -> [RegisterKey: UInt64] {
    do {
      let sample = try memory.sample(ranges: [], registers: keys)
      return sample.registers.compactMapValues { try? $0.get() }
    } catch {
      throw .snapshot(.source(error))
    }
  }
}

/// Values of the kernel image that are set once, at boot, as the guest has them.
private struct ImageValues {
  var notes: [UInt8]?
  var banner: String?
  var physBase: UInt64?
  var pageOffset: UInt64?
  var cpuIDs: UInt32?

  init(
    _ symbols: KernelSymbols, _ location: KernelLocation, _ memory: any GuestMem
  ) throws(KernelError) {
    func range(_ symbol: String, _ count: Int) -> PhysicalRange {
      guard let address = symbols.address(of: symbol) else {
        return PhysicalRange(PhysicalAddress(.max), count: 1)
      }
      return location.physical(KernelVirtualAddress(address), count: count)
    }
    var notesSize = 0
    if let start = symbols.address(of: "__start_notes"),
      let stop = symbols.address(of: "__stop_notes"), start < stop
    {
      notesSize = Int(min(stop - start, 4096))
    }
    let wanted = [
      range("__start_notes", max(notesSize, 1)), range("linux_banner", 256), range("phys_base", 8),
      range("page_offset_base", 8), range("nr_cpu_ids", 4),
    ]
    let outcomes: [[UInt8]?]
    do { outcomes = try memory.readStatic(wanted).map { try? $0.get() } } catch {
      throw .snapshot(.source(error))
    }
    notes = notesSize > 0 ? outcomes[0] : nil
    banner = outcomes[1].flatMap { bytes in
      let text = bytes.nulTerminatedText
      return text.hasPrefix(linuxBannerStart) ? text.split(separator: "\n").first.map(String.init) : nil
    }
    physBase = outcomes[2]?.u64(at: 0)
    pageOffset = outcomes[3]?.u64(at: 0)
    cpuIDs = outcomes[4]?.u32(at: 0)
  }

  /// True when the guest's kernel is the file's: by build-id, or by the banner where one of them
  /// has none.
  func isKernel(of image: KernelImage) throws(KernelError) -> Bool {
    if let fileID = image.buildID, let guestID = notes.flatMap(gnuBuildID(inNotes:)) {
      return fileID == guestID
    }
    guard let banner, let fileBanner = image.banner else { return false }
    return banner == fileBanner
  }
}

private let linuxBannerStart = "Linux version "

extension String {
  /// `Linux 6.1.0-50-cloud-amd64 (#1 SMP … Debian 6.1.176-1 (2026-07-02))` of a banner.
  fileprivate var kernelName: String {
    let words = split(separator: " ")
    guard words.count > 2 else { return self }
    let version = firstIndex(of: "#").map { " (" + self[$0...] + ")" } ?? ""
    return "Linux " + words[2] + version
  }
}

extension KernelLocation {
  /// The guest's own banner, searched for without any symbol.
  func banner(in memory: any GuestMem) throws(KernelError) -> String? {
    guard let data = readOnlyData else { return nil }
    let needle = Array(linuxBannerStart.utf8)
    let chunk = 128 << 10
    for start in stride(from: 0, to: Int(data.count), by: chunk) {
      let count = min(chunk + 512, Int(data.count) - start)
      let range = PhysicalRange(data.physical + start, count: count)
      let bytes: [UInt8]
      do {
        guard case .success(let found)? = try memory.readStatic([range]).first else { continue }
        bytes = found
      } catch {
        throw .snapshot(.source(error))
      }
      var at = bytes.startIndex
      while let hit = bytes[at...].firstIndex(of: needle[0]) {
        if bytes[hit...].starts(with: needle), bytes[hit...].prefix(512).contains(0) {
          return bytes[hit...].prefix(512).nulTerminatedText.split(separator: "\n").first
            .map(String.init)
        }
        at = hit + 1
      }
    }
    return nil
  }
}
