import GuestScopeGuestMemory
import GuestScopeKernelImage

extension GuestKernel {
  /// A process that ends may take the tables with it that its vCPU's register led to: then another
  /// look at the registers leads to others.
  private static let attempts = 3

  /// Finds a guest's kernel, and checks that it is the one that is known.
  ///
  /// Where the vCPUs are in several kernels of this build, it is the one that crashed, or else the
  /// one that most of them are in; `vcpus` says where each is.
  ///
  /// - Parameters:
  ///   - facts: those of the guest's vmlinux or vmlinuz, or `MemoryFacts`.
  ///   - registers: where the caller has them, of one vCPU or of several; else all are read.
  ///   - vcpu: find the kernel that this vCPU is in.
  public init(
    _ facts: any KernelFactsSource, in engine: SnapshotEngine,
    registers: [RegisterKey: UInt64]? = nil,
    vcpu: Int? = nil
  ) throws(KernelError) {
    var attempt = 1
    while true {
      // What was read before may be of another boot, or of a moment of this one that has passed.
      // Later walks read everything again in their closing samples; a search does not.
      engine.forget()
      var search = KernelSearch(facts, engine)
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

  /// Checks that the image at a place is the known kernel's, and reads what it says of itself.
  init(
    _ facts: KernelFacts, at location: KernelLocation, watching cpu: Int, in engine: SnapshotEngine
  ) throws(KernelError) {
    let rules = facts.architecture.rules
    let linked: KernelSymbols
    do { linked = try facts.symbols } catch { throw .image(error) }

    var confirmed: ImageInGuest?
    for slide in rules.slides(of: linked, base: facts.baseAddress, at: location) {
      let image = try ImageInGuest(
        facts, slide, linked.slid(by: slide), rules.placeVariables, location, engine)
      if image.isConfirmed(by: facts) {
        confirmed = image
        break
      }
    }
    let hasBooted = location.readOnlyData != nil
    guard let image = confirmed else {
      guard hasBooted else { throw .booting }
      throw .wrongFile(
        file: facts.origin.name, fileBanner: facts.banner,
        guestBanner: try location.banner(engine))
    }
    // Before its scheduler runs, not all that is read of it here is set.
    guard hasBooted || image.isScheduling else { throw .booting }
    do { btf = try facts.types() } catch { throw .image(error) }
    lookups = KernelLookups(btf)

    origin = facts.origin
    (architecture, buildID) = (facts.architecture, facts.buildID)
    banner = image.banner ?? facts.banner ?? "Linux"
    symbols = image.symbols
    textBase = KernelVirtualAddress(facts.baseAddress &+ image.slide)
    slide = image.slide
    variables = image.variables
    self.location = location
    panicCPU = image.panicCPU
    isCrashKernel = image.isCrashKernel
    (cpus, seen) = (image.cpus, image.seen)
    watchedCPU = cpu
    addressSpace = try rules.addressSpace(of: image, engine)
    _ = try image.symbols.required("nr_cpu_ids", in: facts.origin.name)
    guard let cpuIDs = image.cpuIDs.map(Int.init) else {
      throw .unreadableVariable("nr_cpu_ids")
    }
    self.cpuIDs = cpuIDs
    guard (1...Int(Self.cpuLimit)).contains(cpuIDs) else {
      throw .noKernel("the guest's kernel has \(cpuIDs) CPUs: it is booting, or not this file's")
    }
  }
}
