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
    let rules = image.architecture.kernel
    let location = try Self.locate(image, registers, rules, engine)
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
        file: image.name, fileKernel: image.banner?.kernelName ?? "unknown",
        guestKernel: try location.banner(in: engine.memory)?.kernelName ?? "another one")
    }
    guard let blob = image.btf else { throw .noBTF(file: image.name) }
    do { btf = try BTF(blob) } catch { throw .btf(error) }

    file = image.name
    architecture = image.architecture
    banner = values.banner ?? image.banner ?? "Linux"
    self.symbols = symbols
    textBase = KernelVirtualAddress(image.baseAddress &+ slide)
    self.slide = slide
    variables = values.variables
    livenessRegisters = rules.livenessRegisters.map { RegisterKey(cpu: 0, name: $0) }

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
    // NR_CPUS of the largest configuration; more is garbage.
    guard (1...8192).contains(cpuIDs) else {
      throw .noKernel("the guest's kernel has \(cpuIDs) CPUs: it is booting, or not this file's")
    }
  }

  /// A process that ends may take the tables with it that its vCPU's register led to: then another
  /// look at the registers leads to others.
  private static let attempts = 3

  private static func locate(
    _ image: KernelImage, _ given: [RegisterKey: UInt64]?, _ rules: any KernelArchitecture,
    _ engine: SnapshotEngine
  ) throws(KernelError) -> KernelLocation {
    var attempt = 1
    while true {
      // What was read before may be of another boot, or of a moment of this one that has passed.
      // Later walks read everything again in their closing samples; this one does not.
      engine.forget()
      let values: [RegisterKey: UInt64]
      if let given {
        values = given
      } else {
        values = try read(
          rules.locatingRegisters.map { RegisterKey(cpu: 0, name: $0) }, engine.memory)
      }
      guard !values.isEmpty else {
        throw .noKernel(
          "\(image.name) is a kernel for \(image.architecture), and the guest's CPUs have none of "
            + "the registers of that")
      }
      do throws(KernelError) {
        return try rules.locate(VCPURegisters(values), engine)
      } catch .noKernel(let reason) {
        guard given == nil, attempt < attempts else { throw .noKernel(reason) }
        attempt += 1
      }
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
  var cpuIDs: UInt32?
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
      [range(notes?.start, notes?.count ?? 1), range("linux_banner", 256), range("nr_cpu_ids", 4)]
      + names.map { range($0, 8) }
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
    for (name, bytes) in zip(names, outcomes.dropFirst(3)) { variables[name] = bytes?.u64(at: 0) }
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
