import GuestScopeBTF
import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelImage
import GuestScopePaging

extension GuestKernel {
  /// A process that ends may take the tables with it that its vCPU's register led to: then another
  /// look at the registers leads to others.
  private static let attempts = 3

  /// Finds a guest's kernel, and checks that a kernel file is the one it runs.
  ///
  /// Where the vCPUs are in several kernels of this file, it is the one that crashed, or else the
  /// one that most of them are in; `vcpus` says where each is.
  ///
  /// - Parameters:
  ///   - image: the guest's vmlinux or vmlinuz.
  ///   - registers: where the caller has them, of one vCPU or of several; else all are read.
  ///   - vcpu: find the kernel that this vCPU is in.
  public init(
    _ image: KernelImage, in engine: SnapshotEngine, registers: [RegisterKey: UInt64]? = nil,
    vcpu: Int? = nil
  ) throws(KernelError) {
    var attempt = 1
    while true {
      // What was read before may be of another boot, or of a moment of this one that has passed.
      // Later walks read everything again in their closing samples; a search does not.
      engine.forget()
      var search = KernelSearch(image, engine)
      if let registers {
        try search.look(at: VCPURegisters.all(in: registers))
      } else {
        try search.lookAtAll()
      }
      do throws(KernelError) {
        self = try search.kernel(of: vcpu)
        return
      } catch .noKernel(let reason) {
        guard registers == nil, search.isFruitless, attempt < Self.attempts else {
          throw .noKernel(reason)
        }
        attempt += 1
      }
    }
  }

  /// Checks that the image at a place is the file's, and reads what the kernel says of itself.
  init(
    _ image: KernelImage, at location: KernelLocation, watching cpu: Int, in engine: SnapshotEngine
  ) throws(KernelError) {
    let rules = image.architecture.kernel
    guard location.readOnlyData != nil else {
      throw .noKernel(
        "the guest is booting: its kernel has not set itself up yet; try again soon (with "
          + "rodata=off on its command line it looks so for ever)")
    }
    let linked: KernelSymbols
    do { linked = try image.symbols } catch { throw .image(error) }

    var match: (slide: UInt64, symbols: KernelSymbols, values: ImageValues)?
    for slide in rules.slides(of: linked, base: image.baseAddress, at: location) {
      let symbols = linked.slid(by: slide)
      let values = try ImageValues(
        image, slide, symbols, rules.placeVariables, location, engine.memory)
      if values.isKernel(of: image) {
        match = (slide, symbols, values)
        break
      }
    }
    guard let (slide, symbols, values) = match else {
      throw .wrongFile(
        file: image.name, fileBanner: image.banner,
        guestBanner: try location.banner(in: engine.memory))
    }
    do { btf = try image.types() } catch { throw .image(error) }
    lookups = KernelLookups(btf)

    file = image.name
    architecture = image.architecture
    banner = values.banner ?? image.banner ?? "Linux"
    self.symbols = symbols
    textBase = KernelVirtualAddress(image.baseAddress &+ slide)
    self.slide = slide
    variables = values.variables
    self.location = location
    panicCPU = values.panicCPU
    isCrashKernel = values.isCrashKernel
    cpus = values.cpus
    watchedCPU = cpu

    let place = KernelPlace(
      file: image.name, location: location, symbols: symbols, variables: values.variables)
    let map = try rules.map(place, engine)
    context = map.context
    addressSpace = KernelAddressSpace(
      windows: [map.directMap, location.window].compactMap { $0 }, tables: context.tables)
    _ = try symbols.required("nr_cpu_ids", in: file)
    guard let cpuIDs = values.cpuIDs.map(Int.init) else {
      throw .unreadableVariable("nr_cpu_ids")
    }
    self.cpuIDs = cpuIDs
    guard (1...Int(Self.cpuLimit)).contains(cpuIDs) else {
      throw .noKernel("the guest's kernel has \(cpuIDs) CPUs: it is booting, or not this file's")
    }
  }
}

/// Values of the kernel image as the guest has them. All but `panicCPU` are set once, at boot.
private struct ImageValues {
  var notes: [UInt8]?
  var banner: String?
  var cpuIDs: UInt32?
  var panicCPU: Int?
  var isCrashKernel: Bool
  /// As many as the guest has vCPUs, at most.
  var cpus: [CPU] = []
  var variables: [String: UInt64] = [:]

  init(
    _ image: KernelImage, _ slide: UInt64, _ symbols: KernelSymbols, _ names: [String],
    _ location: KernelLocation, _ memory: any GuestMem
  ) throws(KernelError) {
    func range(_ address: UInt64?, _ count: Int) -> PhysicalRange {
      guard let address else { return PhysicalRange(PhysicalAddress(.max), count: 1) }
      return location.physical(KernelVirtualAddress(address), count: count)
    }
    func range(_ symbol: String, _ count: Int) -> PhysicalRange {
      range(symbols.address(of: symbol), count)
    }
    var notes = image.buildIDNote.map { (start: $0.address &+ slide, count: $0.count) }
    if let start = symbols.address(of: "__start_notes"),
      let stop = symbols.address(of: "__stop_notes"), start < stop
    {
      notes = (start, Int(min(stop - start, 4096)))
    }
    let wanted =
      [
        range(notes?.start, notes?.count ?? 1), range("linux_banner", 256), range("nr_cpu_ids", 4),
        range(GuestKernel.panicCPUSymbol, 4), range("elfcorehdr_addr", 8),
        range(GuestKernel.perCPUOffsets, 8 * memory.cpuCount),
      ] + names.map { range($0, 8) }
    let outcomes: [[UInt8]?]
    do { outcomes = try memory.readStatic(wanted).map { try? $0.get() } } catch {
      throw .snapshot(.source(error))
    }
    self.notes = outcomes[0]
    banner = outcomes[1].flatMap { bytes in
      let text = bytes.nulTerminatedText
      guard text.hasPrefix(linuxBannerStart) else { return nil }
      return text.split(separator: "\n").first.map(String.init)
    }
    cpuIDs = outcomes[2]?.u32(at: 0)
    panicCPU = outcomes[3]?.u32(at: 0).flatMap { GuestKernel.panicCPU($0) }
    // ELFCORE_ADDR_MAX in a kernel that was not booted after a crash (is_kdump_kernel()).
    isCrashKernel = outcomes[4]?.u64(at: 0).map { $0 != .max } ?? false
    // What follows the CPUs that there are is junk.
    if let cpuIDs, let offsets = outcomes[5] {
      cpus = CPU.all(in: Array(offsets.prefix(8 * Int(cpuIDs))))
    }
    for (name, bytes) in zip(names, outcomes.dropFirst(6)) { variables[name] = bytes?.u64(at: 0) }
  }

  /// True when the guest's kernel is the file's: by build-id, or by the banner where one of them
  /// has none.
  func isKernel(of image: KernelImage) -> Bool {
    if let fileID = image.buildID, let guestID = notes.flatMap(gnuBuildID(inNotes:)) {
      return fileID == guestID
    }
    guard let banner, let fileBanner = image.banner else { return false }
    return banner == fileBanner
  }
}

private let linuxBannerStart = "Linux version "

extension KernelLocation {
  /// The guest's own banner, searched for without any symbol.
  ///
  /// Since 6.1 (commit 2df8220cc511) an image has two. The first is of init/version.o, which is
  /// built before the build's number and time are known, and says `# SMP` where the other one, of
  /// init/version-timestamp.o, says `#1 SMP`.
  func banner(in memory: any GuestMem) throws(KernelError) -> String? {
    guard let data = readOnlyData else { return nil }
    let needle = Array(linuxBannerStart.utf8)
    let chunk = 128 << 10
    // Another system's memory may be anything; a kernel's read-only data is smaller.
    let end = Int(min(data.count, 64 << 20))
    var unnumbered: String?
    for start in stride(from: 0, to: end, by: chunk) {
      let count = min(chunk + 512, end - start)
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
        if bytes[hit...].starts(with: needle), bytes[hit...].prefix(512).contains(0),
          let line = bytes[hit...].prefix(512).nulTerminatedText.split(separator: "\n").first
        {
          if line.contains(/#[0-9]/) { return String(line) }
          unnumbered = unnumbered ?? String(line)
        }
        at = hit + 1
      }
    }
    return unnumbered
  }
}
