import Foundation
import GuestScopeGDBStub
import TestSupport
import Testing

@testable import Commands

/// What a kernel's file answers where no guest is.
@Suite(.enabled(if: StubTarget.qemuDefault.isOpen == false, "something listens on port 1234"))
final class WithoutGuestTests {
  private let file = FileManager.default.temporaryDirectory
    .appendingPathComponent("vmlinux-\(UUID().uuidString)").path
  private let guest = SyntheticGuest()

  init() throws { try Data(guest.imageFile()).write(to: URL(fileURLWithPath: file)) }

  deinit { try? FileManager.default.removeItem(atPath: file) }

  private func run(
    _ arguments: String..., variables: [String: String] = [:]
  ) throws -> BuiltProgram.Outcome {
    try BuiltProgram.run(["-k", file] + arguments, variables)
  }

  private func linked(_ symbol: String) -> UInt64 {
    SyntheticGuest.linkBase + guest.symbols[symbol]!
  }

  @Test func aSymbolHasTheAddressThatItWasLinkedTo() throws {
    let result = try run("sym", "prog_idr")
    #expect(result.status == 0, "\(result.err)")
    #expect(result.out.hasPrefix(String(linked("prog_idr"), radix: 16) + " "), "\(result.out)")
    #expect(result.err.contains("addresses are those that \(file) was linked to"), "\(result.err)")
    let row = try #require(try run("-j", "sym", "prog_idr+8").json() as? [[String: Any]]).first
    #expect(row?["address"] as? String == "0x" + String(linked("prog_idr") + 8, radix: 16))
    #expect(row?["symbol"] as? String == "prog_idr" && row?["offset"] as? Int == 8)
    #expect(row?.keys.sorted() == ["address", "module", "offset", "symbol", "type"])
    let nearest = try run("sym", "0x" + String(linked("prog_idr") + 1, radix: 16))
    #expect(nearest.out.hasSuffix("prog_idr+0x1\n"), "\(nearest.out)")
    #expect(try run("sym", "*_idr").out.split(separator: "\n").count == 2)
  }

  @Test func aSessionHearsOnceThatNoGuestIsAsked() throws {
    let result = try run("-e", "sym prog_idr", "-e", "sym map_idr", "-e", "type bpf_prog")
    #expect(result.status == 0)
    #expect(result.err.split(separator: "\n").count == 1, "\(result.err)")
  }

  @Test(
    arguments: [
      ("no_such", "has no symbol no_such"), ("no_such+1", "has no symbol no_such"),
      ("no_such_*", "matches no_such_*"), ("prog_idr@1", "only a guest knows"),
      ("prog:3", "only a guest knows"), ("0xffffffff9e000000", "is not among the addresses"),
      ("0x1000", "is not among the addresses"), ("1", "is not among the addresses"),
    ])
  func whatAFileDoesNotKnow(symbol: String, text: String) throws {
    let result = try run("sym", symbol)
    #expect(result.status == 1)
    #expect(result.err.contains(text), "\(result.err)")
    #expect(result.out == "")
  }

  @Test func aTypeIsThatOfTheFile() throws {
    let result = try run("type", "bpf_prog")
    #expect((result.status, result.err) == (0, ""))
    #expect(result.out.hasPrefix("struct bpf_prog {\n"), "\(result.out)")
    #expect(try run("type", "bpf_pro*").out.contains("struct bpf_prog;"))
  }

  @Test func theKernelsTypesAreListed() throws {
    let result = try run("btf", "dump", "kernel", "-j")
    #expect((result.status, result.err) == (0, ""))
    let types = (try result.json() as? [String: Any])?["types"] as? [[String: Any]] ?? []
    #expect(types.contains { $0["name"] as? String == "bpf_prog" })
    #expect(try run("-j", "btf", "dump", "file", file).out == result.out)
    let raw = file + ".btf"
    defer { try? FileManager.default.removeItem(atPath: raw) }
    try Data(guest.types.blob).write(to: URL(fileURLWithPath: raw))
    #expect(try run("-j", "btf", "dump", "file", raw).out == result.out)
    // A guest that is named is not asked for a file.
    let named = try run("-c", "unix:/no/such/socket", "-j", "btf", "dump", "file", raw)
    #expect(named.out == result.out)
    #expect(try run("btf", "dump", "kernel", "format", "c").out.contains("struct bpf_prog {"))
    try Data([0x9f, 0xeb, 1]).write(to: URL(fileURLWithPath: raw))
    let damaged = try run("btf", "dump", "file", raw)
    #expect(damaged.status == 1 && damaged.err.contains(raw), "\(damaged.err)")
  }

  @Test(arguments: [
    ["prog", "list"], ["btf", "list"], ["print", "bpf_prog", "prog_idr"], ["info"],
  ])
  func whatNeedsAGuestSaysSo(words: [String]) throws {
    let result = try BuiltProgram.run(["-k", file] + words)
    #expect(result.status == 1)
    #expect(
      result.err.contains("without a guest, \(file) answers type, sym and btf dump kernel"),
      "\(result.err)")
    #expect(!(try BuiltProgram.run(words).err.contains("without a guest")))
  }

  /// Who has named a guest, or waits for one, wants its addresses.
  @Test func aGuestThatIsMeantIsAsked() throws {
    let socket = "unix:/no/such/socket"
    #expect(try run("-c", socket, "sym", "prog_idr").status == 1)
    #expect(try run("sym", "prog_idr", variables: ["GUESTSCOPE_CONNECT": socket]).status == 1)
    #expect(try run("--wait", "0.01", "type", "bpf_prog").status == 1)
  }

  @Test func theFileOfTheEnvironmentAnswersAsWell() throws {
    let result = try BuiltProgram.run(["type", "bpf_prog"], ["GUESTSCOPE_KERNEL": file])
    #expect((result.status, result.err) == (0, ""))
    #expect(try BuiltProgram.run(["type", "bpf_prog"]).status == 1)
  }

  @Test(
    arguments: [
      ["kernel", "format"], ["kernel", "7"], ["file"], ["id", "x"], ["name", "x"],
      ["id", "1", "format", "d"], [],
    ])
  func wordsThatDumpDoesNotTake(words: [String]) throws {
    #expect(try BuiltProgram.run(["btf", "dump"] + words).status == 64)
  }

  @Test func tabOffersWhatTheFileHas() throws {
    func offered(_ line: String) throws -> [Substring] {
      try BuiltProgram.run(
        ["--complete-line", "guestscope -k \(file) " + line], isPatient: true
      ).out.split(separator: "\n")
    }
    #expect(try offered("sym prog_i") == ["words", "prog_idr"])
    #expect(try offered("type bpf_pro").contains("bpf_prog"))
    #expect(try offered("btf dump ") == ["words", "id", "kernel", "file"])
    #expect(try offered("btf dump kernel format ") == ["words", "raw", "c"])
    #expect(try offered("btf dump file ") == ["files"])
  }
}
