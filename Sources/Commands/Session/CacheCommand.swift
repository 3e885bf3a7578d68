import ArgumentParser
import Glibc
import GuestScopeBytes
import GuestScopeKernelCache
import GuestScopeKernelImage

/// `cache`: what earlier runs have learnt.
struct CacheCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cache", abstract: "What is kept of kernels and guests between runs: list, clear.",
    subcommands: [CacheList.self, CacheClear.self], defaultSubcommand: CacheList.self)
}

/// `cache list`: the kernels and guests that are known from earlier runs.
struct CacheList: GuestCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "The kernels and guests that are known from earlier runs.",
    discussion: """
      Kept in $XDG_CACHE_HOME/guestscope (~/.cache without it), up to 256 MiB; what was used \
      longest ago goes first. A kernel that is known needs no time to read its file. --no-cache \
      goes without. Asks no guest.
      """)

  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static let kernels: [Field<KernelCache.Kernel>] = [
    Field("build_id", .text("BUILD_ID")) { JSON($0.facts.buildID?.hex) },
    Field("release", .text("RELEASE")) { JSON($0.facts.release) },
    Field("architecture", .text("ARCHITECTURE")) { .string($0.facts.architecture.rawValue) },
    Field("source", .text("SOURCE")) { .string($0.facts.origin.name) },
    Field("symbols", .number("SYMBOLS")) { JSON((try? $0.facts.symbols)?.count) },
    Field("types", .number("TYPES")) { JSON((try? $0.facts.types()).map(\.typeCount)) },
    Field("bytes", .number("BYTES")) { JSON($0.bytes) },
    Field("last_used") { JSON($0.lastUsed) },
    .onScreen(.text("LAST_USED")) { localTime($0.lastUsed) },
  ]

  static let guests: [Field<KernelCache.Guest>] = [
    Field("target", .text("TARGET")) { .string($0.name) },
    Field("bytes", .number("BYTES")) { JSON($0.bytes) },
    Field("last_used") { JSON($0.lastUsed) },
    .onScreen(.text("LAST_USED")) { localTime($0.lastUsed) },
  ]

  var asksGuest: Bool { false }

  func answer(in session: Session) throws -> Answer {
    let cache = try session.neededCache
    let contents = try cache.contents()
    let tables = [Table(contents.kernels, Self.kernels), Table(contents.guests, Self.guests)]
    let head = Answer.Screen.lines(["\(cache.path): \(sizeText(UInt64(contents.bytes)))"])
    return Answer(
      [
        "folder": .string(cache.path), "bytes": JSON(contents.bytes),
        "kernels": .array(.init(contents.kernels, Self.kernels)),
        "guests": .array(.init(contents.guests, Self.guests)),
      ], .sections([head] + tables.filter { !$0.rows.isEmpty }.map { .table($0) }))
  }
}

/// `cache clear`: forgets all of it.
struct CacheClear: GuestCommand {
  static let configuration = CommandConfiguration(
    commandName: "clear", abstract: "Forget all that is known from earlier runs.",
    discussion: "Runs that use it now go on undisturbed. Asks no guest.")

  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  var asksGuest: Bool { false }

  func answer(in session: Session) throws -> Answer {
    let cache = try session.neededCache
    let removed = try cache.removeAll()
    let files = counted(removed.files, "file")
    return Answer(
      ["files": JSON(removed.files), "bytes": JSON(removed.bytes)],
      .lines(["removed \(files), \(sizeText(UInt64(removed.bytes)))"]))
  }
}

extension Session {
  /// The cache, for a command that is about nothing else.
  fileprivate var neededCache: KernelCache {
    get throws {
      if let cache { return cache }
      throw options.noCache
        ? UsageError("with --no-cache there is no cache to list or clear")
        : CommandError(
          "there is no folder for a cache: set HOME, or XDG_CACHE_HOME, to an absolute path")
    }
  }
}

extension KernelCache {
  fileprivate func contents() throws -> Contents {
    do { return try list() } catch { throw CommandError("\(error)") }
  }

  fileprivate func removeAll() throws -> (files: Int, bytes: Int) {
    do { return try clear() } catch { throw CommandError("\(error)") }
  }

  /// The cache in its usual folder; nil with `--no-cache`, and where neither HOME nor XDG_CACHE_HOME
  /// names a folder.
  convenience init?(_ options: SessionOptions, _ console: Console) {
    guard !options.noCache, let path = Self.usualPath(environment) else { return nil }
    self.init(path: path) { console.note($0) }
  }
}

/// A time of day here, as ls(1) shows it: `2026-11-26 15:27`.
private func localTime(_ seconds: Int) -> String {
  var time = time_t(seconds)
  var parts = tm()
  unsafe localtime_r(&time, &parts)
  var buffer = [CChar](repeating: 0, count: 64)
  let count = unsafe strftime(&buffer, buffer.count, "%Y-%m-%d %H:%M", &parts)
  return String(decoding: buffer.prefix(count).map(UInt8.init), as: UTF8.self)
}
