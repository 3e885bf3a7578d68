import Foundation
import GuestScopeBytes
import Testing

@testable import GuestScopeKernelCache
@testable import GuestScopeKernelImage

/// Folders that cannot be used, and what is shared with other processes.
@Suite struct FolderTests {
  let sample: CacheSample

  init() throws { sample = try CacheSample() }

  private func mode(_ path: String) -> UInt32? {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & 0o777 : nil
  }

  @Test func filesAreTheUsersAlone() throws {
    sample.cache().store(CacheSample.facts())
    #expect(mode(sample.folder) == 0o700)
    #expect(mode(sample.folder + "/kernels") == 0o700)
    #expect(mode(sample.kernelFile) == 0o600)
  }

  @Test(arguments: ["", "/kernels", "/kernels/" + CacheSample.buildID.hex])
  func whatOthersCanWriteIsNotTrusted(path: String) throws {
    sample.cache().store(CacheSample.facts())
    chmod(sample.folder + path, 0o777)
    let cache = sample.cache()
    #expect(cache.facts(buildID: CacheSample.buildID) == nil)
    #expect(cache.facts(buildID: CacheSample.buildID) == nil)
    let notice =
      "other users can write to \(sample.folder + path), so what it says is not trusted: "
    #expect(sample.notices.count == 1 && sample.notices[0].hasPrefix(notice))
  }

  @Test(.enabled(if: geteuid() == 0, "only root can give a file away"))
  func whatIsAnothersIsNotTrusted() throws {
    sample.cache().store(CacheSample.facts())
    chown(sample.kernelFile, 65534, 65534)
    #expect(sample.cache().facts(buildID: CacheSample.buildID) == nil)
    #expect(
      sample.takeNotices().first?.hasPrefix(
        "\(sample.kernelFile) belongs to another user (uid 65534)") == true)
  }

  @Test func aLinkInTheCacheIsNotFollowed() throws {
    sample.cache().store(CacheSample.facts())
    let elsewhere = sample.folder + "-elsewhere"
    try FileManager.default.moveItem(atPath: sample.kernelFile, toPath: elsewhere)
    symlink(elsewhere, sample.kernelFile)
    #expect(sample.cache().facts(buildID: CacheSample.buildID) == nil)
    #expect(sample.notices.count == 1)
    // The user's own choice of a place is another thing.
    symlink(sample.folder, sample.folder + "-link")
    sample.cache().store(CacheSample.facts())
    let linked = KernelCache(path: sample.folder + "-link") { Issue.record("\($0)") }
    #expect(linked.facts(buildID: CacheSample.buildID) != nil)
  }

  @Test func aFolderThatCannotBeMadeIsReportedOnce() throws {
    try sample.write([], sample.folder)
    let cache = sample.cache()
    cache.store(CacheSample.facts())
    cache.store(CacheSample.facts())
    cache.store(SharedBytes([1]), named: "guest")
    #expect(
      sample.notices == [
        "cannot open \(sample.folder): Not a directory; the answer comes without the cache"
      ])
  }

  @Test(.enabled(if: geteuid() != 0, "root may write everywhere"))
  func aReadOnlyFolderIsReadAllTheSame() throws {
    sample.cache().store(CacheSample.facts())
    for folder in ["/kernels", ""] { chmod(sample.folder + folder, 0o500) }
    defer { for folder in ["", "/kernels"] { chmod(sample.folder + folder, 0o700) } }
    let cache = sample.cache()
    #expect(cache.facts(buildID: CacheSample.buildID) != nil)
    #expect(sample.notices == [])
    cache.store(CacheSample.facts())
    cache.store(CacheSample.facts())
    #expect(sample.notices.count == 1 && sample.notices[0].contains("Permission denied"))
  }

  @Test func whatWasUsedLongestAgoGoesFirst() throws {
    // A kernel takes two files.
    let cache = sample.cache(limit: 6 * 4096)
    var known: Set<String> = []
    for name in 1...6 {
      cache.store(SharedBytes([UInt8(name)]), named: "\(name)")
      let newest = try #require(
        try sample.files().first { !known.contains($0) })
      known.insert(newest)
      sample.setAge(sample.folder + "/" + newest, seconds: 10_000 * (7 - name))
    }
    // To use one is to keep it.
    #expect(cache.record(named: "1") != nil)
    cache.store(SharedBytes([7]), named: "7")
    #expect(cache.record(named: "2") == nil)
    cache.store(CacheSample.facts())
    for name in ["3", "4"] { #expect(cache.record(named: name) == nil) }
    for name in ["1", "5", "6", "7"] { #expect(cache.record(named: name) != nil) }
    #expect(cache.facts(buildID: CacheSample.buildID) != nil)
    // One that is too large for itself takes all others with it, and stays.
    cache.store(SharedBytes([UInt8](repeating: 1, count: 100_000)), named: "large")
    #expect(try sample.files().count == 1)
    #expect(cache.record(named: "large")?.count == 100_000)
    #expect(sample.notices == [])
  }

  @Test func aUseIsNotedOnceAnHour() throws {
    sample.cache().store(CacheSample.facts())
    func age() -> Int {
      var status = stat()
      stat(sample.kernelFile, &status)
      return time(nil) - status.st_mtim.tv_sec
    }
    sample.setAge(sample.kernelFile, seconds: 1800)
    _ = sample.cache().facts(buildID: CacheSample.buildID)
    #expect(age() >= 1800)
    sample.setAge(sample.kernelFile, seconds: 7200)
    _ = try sample.cache().list()
    #expect(age() >= 7200)
    _ = sample.cache().facts(buildID: CacheSample.buildID)
    #expect(age() < 60)
  }

  @Test func whatAnEndedProcessLeftIsRemoved() throws {
    sample.cache().store(CacheSample.facts())
    for (name, age) in [("old", 4000), ("young", 10)] {
      try sample.write([1], sample.folder + "/kernels/.new-" + name)
      sample.setAge(sample.folder + "/kernels/.new-" + name, seconds: age)
    }
    sample.cache().store(CacheSample.facts())
    let left = Set(try sample.files().map { ($0 as NSString).lastPathComponent })
    #expect(left == [CacheSample.buildID.hex, ".new-young"])
    #expect(try sample.cache().list().kernels.count == 1)
  }

  @Test func tenAtOnceOnAnEmptyFolder() async throws {
    let folder = sample.folder
    let failures = await withTaskGroup(of: [String].self) { group in
      for task in 0..<10 {
        group.addTask {
          var failures: [String] = []
          let cache = KernelCache(path: folder) { failures.append($0) }
          for round in 0..<30 {
            cache.store(CacheSample.facts("task \(task)"))
            cache.store(SharedBytes([UInt8(task)]), named: "\(round % 3)")
            if summary(cache.facts(buildID: CacheSample.buildID)) != summary(CacheSample.facts()) {
              failures.append("other facts")
            }
            if cache.record(named: "\(round % 3)")?.count != 1 { failures.append("no record") }
          }
          return failures
        }
      }
      return await group.reduce(into: []) { $0 += $1 }
    }
    #expect(failures == [])
    // A kernel, its notes and three records.
    #expect(try sample.files().count == 5)
  }

  @Test func theUsualFolder() {
    func path(_ variables: [String: String]) -> String? {
      KernelCache.usualPath { variables[$0] ?? "" }
    }
    #expect(path(["XDG_CACHE_HOME": "/c", "HOME": "/h"]) == "/c/guestscope")
    #expect(path(["XDG_CACHE_HOME": "relative", "HOME": "/h"]) == "/h/.cache/guestscope")
    #expect(path(["HOME": "/h"]) == "/h/.cache/guestscope")
    #expect(path([:]) == nil)
  }
}
