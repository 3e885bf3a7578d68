import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeKernelImage
import GuestScopeLinuxKernel

/// The kernel that a question of names and types is about. Its file answers such a question as well as
/// a guest does.
enum NamedKernel {
  case guest(GuestKernel)
  /// That of `--kernel`, at the addresses that it was linked to.
  case file(KernelFacts)

  var symbols: KernelSymbols {
    get throws {
      switch self {
      case .guest(let kernel): kernel.symbols
      case .file(let facts): try facts.symbols
      }
    }
  }

  var btf: BTF {
    get throws {
      switch self {
      case .guest(let kernel): kernel.btf
      case .file(let facts): try facts.types()
      }
    }
  }

  /// The name of the file that symbols and types are from.
  var file: String {
    switch self {
    case .guest(let kernel): kernel.file
    case .file(let facts): facts.origin.name
    }
  }

  /// Nil where no guest is there.
  var guest: GuestKernel? { if case .guest(let kernel) = self { kernel } else { nil } }
}

extension Session {
  /// The guest's kernel, or, where no guest was named and nothing listens where `qemu -s` does, that of
  /// `--kernel`.
  ///
  /// - Parameter ofGuest: finds the guest's.
  func namedKernel(_ ofGuest: @autoclosure () throws -> GuestKernel) throws -> NamedKernel {
    do { return .guest(try ofGuest()) } catch let error as GuestMemError
      where error.kind == .absent && fileWithoutGuest != nil
    {
      guard let facts = try kernelFacts as? KernelFacts else { throw error }
      return .file(facts)
    }
  }

  /// The file of `--kernel`, where it may answer alone: a guest that was named, or waited for, is to be
  /// asked.
  var fileWithoutGuest: String? {
    options.namesGuest || options.patience != nil ? nil : options.kernelFile
  }

  /// Says once in a session what the user must know of the answers.
  func noteOnce(_ text: String) {
    if said.insert(text).inserted { console.note(text) }
  }
}

extension GuestMemError {
  /// The error with what needs no guest, for a user who has given a kernel's file.
  func naming(file: String?) -> GuestMemError {
    guard let file else { return self }
    return GuestMemError(
      kind, "\(self)\nwithout a guest, \(file) answers type, sym and btf dump kernel")
  }
}
