import Glibc
import GuestScopeBytes
import GuestScopeKernelImage

/// What was learnt of kernels and guests, kept on disk between runs, in a form that is mapped and not
/// decoded:
///
/// - `kernels/BUILDID`: the facts of a kernel;
/// - `notes/BUILDID`: what it is recognized by in the memory of a guest;
/// - `files/KEY`: which kernel a file holds;
/// - `guests/KEY`: a record of bytes by name.
///
/// Nothing of it is needed: what cannot be read or written is reported once, and the caller goes on
/// without. A file that is damaged, or of another version, is replaced by the next that is stored.
/// Processes may share a cache: a file appears whole or not at all.
public final class KernelCache {
  public let path: String
  /// Bytes of all files; those that were used longest ago go first.
  let limit: Int
  private let notice: (String) -> Void
  private var noticed: Set<String> = []

  static let usualLimit = 256 << 20

  /// - Parameters:
  ///   - path: of the folder, which is made when something is stored.
  ///   - notice: takes a sentence on why the cache is of no use, each once.
  public convenience init(path: String, notice: @escaping (String) -> Void) {
    self.init(path: path, limit: Self.usualLimit, notice: notice)
  }

  init(path: String, limit: Int, notice: @escaping (String) -> Void) {
    (self.path, self.limit, self.notice) = (path, limit, notice)
  }

  /// The usual folder, `$XDG_CACHE_HOME/guestscope` or `$HOME/.cache/guestscope` (XDG Base Directory
  /// Specification); nil without either.
  public static func usualPath(_ environment: (String) -> String?) -> String? {
    if let cache = environment("XDG_CACHE_HOME"), cache.hasPrefix("/") {
      return cache + "/guestscope"
    }
    guard let home = environment("HOME"), home.hasPrefix("/") else { return nil }
    return home + "/.cache/guestscope"
  }

  /// The folders in the cache.
  enum Part: String, CaseIterable {
    case kernels, notes, files, guests

    var kind: CacheFile.Kind {
      switch self {
      case .kernels: .kernel
      case .notes: .note
      case .files: .file
      case .guests: .guest
      }
    }
  }

  /// The contents of a file; nil when there is none that can be used.
  func read(_ part: Part, _ name: String) -> SharedBytes? {
    reporting { () throws(CacheError) in
      guard let folder = try CacheFolder(path: path)?.folder(part.rawValue) else { return nil }
      return try contents(part, name, in: folder)
    } ?? nil
  }

  /// - Parameter isUse: what was used goes last when the cache is full.
  func contents(
    _ part: Part, _ name: String, in folder: CacheFolder, isUse: Bool = true
  ) throws(CacheError) -> SharedBytes? {
    guard let file = try folder.map(name, isUse: isUse) else { return nil }
    do throws(CacheError.Flaw) {
      return try CacheFile.contents(of: file, part.kind)
    } catch {
      throw .unreadable(path: folder.path + "/" + name, error)
    }
  }

  /// Writes a file, and removes others where there are too many.
  ///
  /// - Returns: whether it is there now.
  @discardableResult
  func write(_ part: Part, _ name: String, _ contents: SharedBytes) -> Bool {
    let header = CacheFile.header(part.kind, contents)
    let root = reporting { () throws(CacheError) in
      let root = try CacheFolder.making(path)
      try root.making(part.rawValue).write([header, contents], name)
      return root
    }
    guard let root else { return false }
    reporting { () throws(CacheError) in try shrink(root, keeping: (part, name)) }
    return true
  }

  /// Does something for which the answer does not wait; reports why it could not, once.
  @discardableResult
  func reporting<T>(_ work: () throws(CacheError) -> T) -> T? {
    do throws(CacheError) { return try work() } catch {
      report(error)
      return nil
    }
  }

  func report(_ error: CacheError) {
    let text =
      switch error {
      case .unreadable: "\(error); it is ignored, and written again"
      default: "\(error); the answer comes without the cache"
      }
    // One folder that cannot be written to is one reason, whatever was to be written.
    let reason =
      if case .system(let doing, _, let errno) = error { "\(doing) \(errno)" } else { text }
    if noticed.insert(reason).inserted { notice(text) }
  }
}
