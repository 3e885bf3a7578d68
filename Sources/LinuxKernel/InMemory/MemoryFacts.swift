import GuestScopeGuestMemory
import GuestScopeKernelImage

/// Reads the facts of a guest's kernels from its own memory, and knows those that were read before:
/// a kernel with a build-id that is known is not read again.
public final class MemoryFacts: KernelFactsSource {
  public let architecture: KernelFacts.Architecture
  private let recipes: [SymbolRecipe]
  private var known: [KnownKernel]
  /// Called with the facts of a kernel that was read.
  private let learn: (KernelFacts) -> Void

  /// - Parameters:
  ///   - recipes: how to find what kallsyms may lack.
  ///   - known: kernels that need not be read.
  public init(
    _ architecture: KernelFacts.Architecture, recipes: [SymbolRecipe] = [],
    known: [KnownKernel] = [], learn: @escaping (KernelFacts) -> Void = { _ in }
  ) {
    (self.architecture, self.recipes) = (architecture, recipes)
    (self.known, self.learn) = (known, learn)
  }

  /// The same of the kernels of a guest.
  ///
  /// - Throws: `KernelError.noKernel` for an architecture that is not supported.
  public convenience init(
    of source: any GuestSource, recipes: [SymbolRecipe] = [], known: [KnownKernel] = [],
    learn: @escaping (KernelFacts) -> Void = { _ in }
  ) throws(KernelError) {
    guard let architecture = KernelFacts.Architecture(ofSource: source.architecture) else {
      throw .noKernel(
        "the guest's architecture is \(source.architecture): only x86-64 and arm64 are supported")
    }
    self.init(architecture, recipes: recipes, known: known, learn: learn)
  }

  public func facts(
    of location: KernelLocation, in engine: SnapshotEngine
  ) throws(KernelError) -> KernelFacts {
    guard let image = ImageReader(location, engine) else { throw .booting }
    if let facts = try knownFacts(at: image) { return facts }
    let facts = try KernelFacts(in: image, architecture, recipes)
    if let kernel = KnownKernel(facts) { known.insert(kernel, at: 0) }
    learn(facts)
    return facts
  }

  /// The facts whose build-id is in the image, where its kernel has it.
  private func knownFacts(at image: ImageReader) throws(KernelError) -> KernelFacts? {
    guard let code = image.location.segments.first(where: \.isExecutable)?.virtual.rawValue else {
      return nil
    }
    let places = known.filter { $0.architecture == architecture }.flatMap { kernel in
      kernel.noteDistances.map { distance in
        (kernel, code &+ distance..<code &+ distance &+ UInt64(kernel.noteSize))
      }
    }.filter { image.holds($0.1) }
    let notes = try image.regions(places.map(\.1))
    for ((kernel, _), note) in zip(places, notes) {
      if let note, gnuBuildID(inNotes: note.bytes) == kernel.buildID, let facts = kernel.facts() {
        return facts
      }
    }
    return nil
  }
}

/// A kernel whose facts are there to be had: how to recognize it in memory.
public struct KnownKernel {
  public var architecture: KernelFacts.Architecture
  public var buildID: [UInt8]
  /// How far its notes may be from the first byte of its code.
  public var noteDistances: [UInt64]
  /// Bytes of the notes.
  public var noteSize: Int
  /// Nil where they are not there any more.
  public var facts: () -> KernelFacts?

  public init(
    _ architecture: KernelFacts.Architecture, buildID: [UInt8], noteDistances: [UInt64],
    noteSize: Int, facts: @escaping () -> KernelFacts?
  ) {
    (self.architecture, self.buildID) = (architecture, buildID)
    (self.noteDistances, self.noteSize, self.facts) = (noteDistances, noteSize, facts)
  }

  /// Nil for a kernel without a build-id.
  public init?(_ facts: KernelFacts) {
    guard let buildID = facts.buildID, let note = facts.buildIDNote else { return nil }
    self.init(
      facts.architecture, buildID: buildID, noteDistances: facts.noteDistances,
      noteSize: note.count, facts: { facts })
  }
}
