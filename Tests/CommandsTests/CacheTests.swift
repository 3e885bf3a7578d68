import Foundation
import GuestScopeGDBStub
import GuestScopeKernelCache
import GuestScopeKernelImage
import TestSupport
import Testing

@testable import Commands

/// What the program keeps between runs. No guest is asked: a kernel file is read before.
@Suite struct CacheTests {
  let folder: TemporaryFolder
  private let kernel: String
  private var cache: String { folder.path(of: "cache/guestscope") }

  init() throws {
    folder = try TemporaryFolder()
    kernel = folder.path(of: "vmlinux")
    try Data(SyntheticGuest().imageFile()).write(to: URL(fileURLWithPath: kernel))
    // A file that has just changed is not kept.
    usleep(40_000)
  }

  private func start(
    _ command: String, _ arguments: [String]
  ) throws -> ChildProcess {
    try ChildProcess(
      "/bin/sh", ["-c", command + #"exec "$0" "$@""#, BuiltProgram.path] + arguments,
      environment: ["XDG_CACHE_HOME": folder.path(of: "cache")],
      inherits: false)
  }

  private func run(
    after command: String = "", _ arguments: String...
  ) throws -> ChildProcess.Outcome {
    try start(command, arguments).outcome()
  }

  /// A run that reads the kernel file, and finds no guest.
  private func readKernel(after command: String = "", _ more: String...) throws -> String {
    let outcome = try start(command, ["-c", ":1", "-k", kernel, "info"] + more).outcome()
    #expect(outcome.status == 1)
    return outcome.err
  }

  @Test func aKernelIsListedUntilItIsCleared() throws {
    let empty = #"{"folder":"\#(cache)","bytes":0,"kernels":[],"guests":[]}"# + "\n"
    #expect(try run("cache", "list", "-j").out == empty)
    _ = try readKernel("--no-cache")
    #expect(try run("cache", "list", "-j").out == empty)
    #expect(!(try readKernel()).contains("cache"))
    let list = try run("cache", "list")
    #expect(list.out.contains("BUILD_ID") && list.out.contains(kernel))
    let data = Data(try run("cache", "-j").out.utf8)
    let json = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let kernels = try #require(json["kernels"] as? [[String: Any]])
    #expect(kernels.count == 1)
    #expect(
      Set(kernels[0].keys) == [
        "build_id", "release", "architecture", "source", "symbols", "types", "bytes", "last_used",
      ])
    #expect(kernels[0]["release"] as? String == "6.1.0-test")
    #expect(try run("cache", "clear", "-j").out.hasPrefix(#"{"files":3,"#))
    #expect(try run("cache", "list", "-j").out == empty)
    #expect(try run("cache", "clear").out == "removed 0 files, 0 bytes\n")
  }

  @Test func withoutACacheThereIsNoneToList() throws {
    #expect(try run("--no-cache", "cache", "list").status == 64)
    let homeless = try run(after: "unset HOME XDG_CACHE_HOME; ", "cache", "list")
    #expect(homeless.status == 1)
    #expect(homeless.err.contains("set HOME, or XDG_CACHE_HOME, to an absolute path"))
  }

  @Test func aFullDiskIsReportedAndNothingIsLeft() throws {
    // In blocks of 512 bytes.
    let errors = try readKernel(after: "ulimit -f 1; ")
    let lines = errors.split(separator: "\n").filter { $0.contains("cache") }
    #expect(lines.count == 1)
    #expect(lines.first?.hasPrefix("guestscope: cannot write \(cache)/kernels/") == true)
    #expect(lines.first?.hasSuffix(": File too large; the answer comes without the cache") == true)
    // No record either of a kernel that is not there.
    #expect(try FileManager.default.subpathsOfDirectory(atPath: cache) == ["kernels"])
  }

  @Test func tenRunsAtOnceOnAnEmptyCache() throws {
    let runs = try (0..<10).map { _ in try start("", ["-c", ":1", "-k", kernel, "info"]) }
    for run in runs {
      #expect(!run.outcome().err.contains("cache"))
    }
    let files = try FileManager.default.subpathsOfDirectory(atPath: cache)
    // A folder and a file of each: the kernel, its notes, and what the file holds.
    #expect(files.count == 6, "\(files)")
    #expect(try run("cache", "list").err == "")
  }

  @Test func aKnownFileIsNotReadAgain() throws {
    let cache = KernelCache(path: cache) { Issue.record("\($0)") }
    func release() throws -> String? {
      let console = Console(output: STDOUT_FILENO, errors: open("/dev/null", O_WRONLY))
      let session = Session(
        try SessionOptions.parse(["-k", kernel]), console: console, debt: ResumeDebt(),
        cache: cache)
      return (try session.kernelFacts as? KernelFacts)?.release
    }
    #expect(try release() == "6.1.0-test")
    let file = try #require(FileIdentity(path: kernel))
    let known = try #require(cache.facts(of: file))
    #expect(known.release == "6.1.0-test")
    // What the cache says is believed, so another file's facts show that nothing else was asked.
    let image = Data(SyntheticGuest().imageFile())
    var other = Array(image)
    let text = Array("6.1.0-test".utf8)
    let places = (0..<other.count - text.count).filter {
      other[$0] == text[0] && other[$0..<$0 + text.count].elementsEqual(text)
    }
    for place in places { other[place + 6] = UInt8(ascii: "b") }
    cache.store(try KernelFacts(bytes: other, name: "other"), of: file)
    #expect(try release() == "6.1.0-best")
    // A file that has changed is read.
    try image.write(to: URL(fileURLWithPath: kernel))
    #expect(try release() == "6.1.0-test")
  }
}
