import GuestScopeGuestMemory
import GuestScopeKernelImage

/// Looks for the kernels that the vCPUs of a guest are in. One of them may be in firmware, in a
/// crash kernel or in a guest of the guest: none stands for the machine.
struct KernelSearch {
  /// A kernel image that a vCPU's tables led to, and what came of looking at it.
  fileprivate struct Find {
    var location: KernelLocation
    var outcome: Result<GuestKernel, KernelError>

    var kernel: GuestKernel? { try? outcome.get() }
  }

  private let facts: any KernelFactsSource
  private let engine: SnapshotEngine
  /// In the order to try.
  private let locators: [any KernelLocator]
  private var finds: [Find] = []
  /// What each vCPU's registers led to: an index into `finds`.
  private var places: [(cpu: Int, find: Result<Int, KernelError>)] = []

  /// - Parameter known: a kernel that was found before; becomes the first of the finds.
  init(_ facts: any KernelFactsSource, _ engine: SnapshotEngine, known: GuestKernel? = nil) {
    self.facts = facts
    self.engine = engine
    locators = [PageTableLocator(architecture: facts.architecture.rules)]
    if let known { finds = [Find(location: known.location, outcome: .success(known))] }
  }

  // MARK: Looking

  /// Registers, four or five levels of tables, notes and variables.
  private static let usualWaves = 7

  mutating func lookAtAll() throws(KernelError) {
    var search = self
    self = try engine.inOneStop(waves: Self.usualWaves) { () throws(KernelError) in
      try search.lookAtEach()
      return search
    } failure: {
      .snapshot(.source($0))
    }
  }

  private mutating func lookAtEach() throws(KernelError) {
    let rules = facts.architecture.rules
    let vcpus: [VCPURegisters]
    do {
      vcpus = try engine.registersOfAll(rules.locatingRegisters + rules.livenessRegisters)
    } catch {
      throw .snapshot(.source(error))
    }
    try look(at: vcpus)
  }

  mutating func look(at vcpus: [VCPURegisters]) throws(KernelError) {
    for registers in vcpus { places.append((registers.cpu, try find(registers))) }
    // One that came before its kernel was known may have led to little: to the tables of a process.
    for (index, registers) in vcpus.enumerated() {
      if let find = find(showing: registers) { places[index].find = .success(find) }
    }
  }

  private func find(showing registers: VCPURegisters) -> Int? {
    finds.firstIndex { $0.kernel?.isIn(registers) ?? false }
  }

  private mutating func find(
    _ registers: VCPURegisters
  ) throws(KernelError) -> Result<Int, KernelError> {
    // Then its tables need not be walked, which costs waves.
    if let find = find(showing: registers) { return .success(find) }
    var failure = KernelError.noKernel("vCPU \(registers.cpu) leads to no kernel")
    var refused: Int?
    for locator in locators {
      let candidates: [KernelLocation]
      do throws(KernelError) {
        candidates = try locator.candidates(for: registers, engine)
      } catch {
        failure = try error.ofGuest
        continue
      }
      for location in candidates {
        let find = try look(at: location, registers.cpu)
        if finds[find].kernel != nil { return .success(find) }
        refused = refused ?? find
      }
    }
    return refused.map { .success($0) } ?? .failure(failure)
  }

  /// Looks at a candidate, unless that was done; the index of what was found.
  private mutating func look(at location: KernelLocation, _ cpu: Int) throws(KernelError) -> Int {
    guard let known = finds.firstIndex(where: { $0.location.isSameImage(as: location) }) else {
      finds.append(try find(at: location, cpu))
      return finds.count - 1
    }
    // Not all tables show all of an image.
    if finds[known].location.readOnlyData == nil, location.readOnlyData != nil {
      finds[known] = try find(at: location, cpu)
    }
    return known
  }

  private func find(at location: KernelLocation, _ cpu: Int) throws(KernelError) -> Find {
    do throws(KernelError) {
      let kernel = try GuestKernel(
        try facts.facts(of: location, in: engine), at: location, watching: cpu, in: engine)
      return Find(location: location, outcome: .success(kernel))
    } catch {
      return Find(location: location, outcome: .failure(try error.ofGuest))
    }
  }

  /// Nothing that could be a kernel was found.
  var isFruitless: Bool { finds.isEmpty }

  // MARK: Choosing

  /// The kernel that a vCPU is in; without a vCPU the one that crashed, where another one runs now,
  /// or else the one that most vCPUs are in.
  func kernel(of vcpu: Int?) throws(KernelError) -> GuestKernel {
    let index: Int
    if let vcpu {
      guard let place = places.first(where: { $0.cpu == vcpu }) else {
        throw .noVCPU(vcpu, known: places.map(\.cpu))
      }
      index = try place.find.get()
    } else {
      index = try best
    }
    var kernel = try finds[index].outcome.get()
    kernel.vcpus = vcpus(of: index)
    kernel.watchedCPU = vcpu ?? kernel.vcpus.first { $0.place == .kernel }?.id ?? kernel.watchedCPU
    kernel.isBoundToVCPU = vcpu != nil
    return kernel
  }

  private var best: Int {
    get throws(KernelError) {
      func vcpus(_ isCounted: (Int) -> Bool) -> Int {
        places.count { place in (try? place.find.get()).map(isCounted) ?? false }
      }
      /// Compared from left to right.
      func merit(_ index: Int) -> (Int, Int) {
        let runsAnother = vcpus { $0 != index } > 0
        let hasCrashed = finds[index].kernel?.panicCPU != nil
        return (hasCrashed && runsAnother ? 1 : 0, vcpus { $0 == index })
      }
      let kernels = finds.indices.filter { finds[$0].kernel != nil }
      guard var best = kernels.first else {
        // An image that is not the file's explains more than firmware does.
        guard finds.isEmpty else { return 0 }
        guard let place = places.first else {
          throw .noKernel("the registers of no vCPU can be read, and only they lead to a kernel")
        }
        return try place.find.get()
      }
      for index in kernels where merit(index) > merit(best) { best = index }
      return best
    }
  }

  /// What each vCPU is in, as seen from one find.
  func vcpus(of index: Int) -> [VCPU] {
    places.map { cpu, find in
      switch find {
      case .success(index): VCPU(id: cpu, place: .kernel)
      case .success(let other): VCPU(id: cpu, place: finds[other].place)
      case .failure(let error): VCPU(id: cpu, place: .noKernel(reason: "\(error)"))
      }
    }
  }
}

extension KernelSearch.Find {
  /// As another kernel than the one that was asked for.
  fileprivate var place: VCPU.Place {
    let release: String?
    switch outcome {
    case .success(let kernel): release = kernel.release
    case .failure(.wrongFile(_, _, let banner)): release = banner?.kernelRelease
    case .failure(.inMemory(_, let known)): release = known
    case .failure: release = nil
    }
    return .anotherKernel(release: release, textBase: location.start)
  }
}

extension KernelError {
  /// This error, where it says something of the guest; one of the source concerns all vCPUs.
  fileprivate var ofGuest: KernelError {
    get throws(KernelError) {
      if case .snapshot(.source) = self { throw self }
      return self
    }
  }
}
