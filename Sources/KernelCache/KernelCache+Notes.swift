import GuestScopeBytes
import GuestScopeKernelImage

/// What a kernel of the cache is recognized by in the memory of a guest.
public struct KernelNote: Sendable {
  public var architecture: KernelFacts.Architecture
  public var buildID: [UInt8]
  /// How far its notes may be from the first byte of its code.
  public var distances: [UInt64]
  /// Bytes of the notes.
  public var count: Int
}

enum NoteField: UInt32 {
  case architecture = 1
  case buildID
  case distances
  case count
}

/// A small file for each kernel: to find the one that a guest runs, the kernels themselves need not be
/// mapped.
extension KernelCache {
  /// The notes of all kernels that are kept.
  public func notes() -> [KernelNote] {
    reporting { () throws(CacheError) in
      guard let folder = try CacheFolder(path: path)?.folder(Part.notes.rawValue) else { return [] }
      var notes: [KernelNote] = []
      for entry in try folder.entries() where !entry.isTemporary {
        if let contents = try contents(.notes, entry.name, in: folder),
          let note = KernelNote(contents)
        {
          notes.append(note)
        }
      }
      return notes
    } ?? []
  }

  /// Keeps what a kernel is recognized by.
  func keepNote(of facts: KernelFacts, _ name: String) {
    guard let buildID = facts.buildID, let note = facts.buildIDNote else { return }
    var fields = TaggedFields<NoteField>()
    fields[text: .architecture] = facts.architecture.rawValue
    fields[.buildID] = SharedBytes(buildID)
    fields[.distances] = SharedBytes(count: 8 * facts.noteDistances.count) {
      $0.append(littleEndian: facts.noteDistances)
    }
    fields[number: .count] = UInt64(note.count)
    write(.notes, name, fields.bytes)
  }
}

extension KernelNote {
  init?(_ contents: SharedBytes) {
    guard let fields = TaggedFields<NoteField>(contents),
      let architecture = fields[text: .architecture].flatMap(
        KernelFacts.Architecture.init(rawValue:)),
      let buildID = fields[.buildID], let distances = fields[.distances],
      let count = fields[number: .count], count < 1 << 16
    else { return nil }
    (self.architecture, self.buildID, self.count) = (architecture, Array(buildID), Int(count))
    self.distances = (0..<distances.count / 8).compactMap { distances.u64(at: 8 * $0) }
  }
}
