import GuestScopeBytes
import GuestScopeGuestMemory

extension KernelLocation {
  static let bannerStart = "Linux version "

  /// The guest's own banner, searched for without any symbol.
  ///
  /// Since 6.1 (commit 2df8220cc511) an image has two. The first is of init/version.o, which is
  /// built before the build's number and time are known, and says `# SMP` where the other one, of
  /// init/version-timestamp.o, says `#1 SMP`.
  func banner(_ engine: SnapshotEngine) throws(KernelError) -> String? {
    guard let data = readOnlyData else { return nil }
    let needle = Array(Self.bannerStart.utf8)
    let chunk = 128 << 10
    // Another system's memory may be anything; a kernel's read-only data is smaller.
    let end = Int(min(data.count, 64 << 20))
    var unnumbered: String?
    for start in stride(from: 0, to: end, by: chunk) {
      let count = min(chunk + 512, end - start)
      let range = PhysicalRange(data.physical + start, count: count)
      let bytes: [UInt8]
      do {
        guard case .success(let found)? = try engine.readStatic([range]).first else { continue }
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
