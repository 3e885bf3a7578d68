import Foundation
import GuestScopeBTF
import GuestScopeKernelImage
import TestSupport
import Testing

enum RealKernels {
  static let folder = ProcessInfo.processInfo.environment["GUESTSCOPE_GUESTS"]

  static let files: [String] = {
    guard let folder else { return [] }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.sorted().map { "\(folder)/\($0)/vmlinuz" }
      .filter(FileManager.default.fileExists(atPath:))
  }()
}

/// Every kernel file `$GUESTSCOPE_GUESTS/*/vmlinuz`.
@Suite(
  .enabled(
    if: RealKernels.folder != nil,
    "set GUESTSCOPE_GUESTS to a folder of kernels, each as NAME/vmlinuz"))
struct RealKernelTests {
  @Test func thereAreKernels() {
    #expect(!RealKernels.files.isEmpty)
  }

  @Test(arguments: RealKernels.files)
  func everythingIsRead(path: String) throws {
    let image = try KernelFacts(path: path)
    let symbols = try image.symbols
    let btf = try image.types()
    let release = try #require(image.release)

    #expect(image.banner?.hasPrefix("Linux version \(release) (") == true)
    #expect(image.buildID?.count == 20)
    #expect(symbols.count > 40_000)
    #expect(zip(symbols, symbols.dropFirst()).allSatisfy { $0.address <= $1.address })
    // CONFIG_KALLSYMS_ALL=n leaves only functions.
    for name in ["_stext", "bpf_prog_put", "do_exit"] {
      let address = try #require(symbols.address(of: name))
      #expect(address - image.baseAddress < 64 << 20)
      #expect(symbols.nearest(to: address)?.offset == 0)
    }
    if symbols.address(of: "linux_banner") != nil {
      #expect(try symbols.named("prog_idr").count == 1)
      #expect(symbols.address(of: "_text") == image.baseAddress)
      let root = image.architecture == .x86 ? "init_top_pgt" : "swapper_pg_dir"
      #expect(symbols.address(of: root).map { $0 % 4096 } == 0)
      let (start, stop) = (symbols.address(of: "__start_BTF"), symbols.address(of: "__stop_BTF"))
      #expect(try #require(stop) - #require(start) == UInt64(try #require(image.btf).count))
    }
    #expect(symbols.filter { $0.isAbsolute }.allSatisfy { $0.address < 1 << 32 })

    try btf.check()
    #expect(btf.endID.rawValue > 50_000)
    #expect(
      btf.enumerators(ofEnum: "bpf_prog_type")?.first { $0.value == 27 }?.name
        == "BPF_PROG_TYPE_STRUCT_OPS")
    #expect(try btf.requiredField("aux", of: "bpf_prog").size == 8)
    #expect(try btf.requiredField("jited", of: "bpf_prog").bits == 0..<1)
    #expect(try btf.requiredField("id", of: "bpf_prog_aux").size == 4)
    #expect(try btf.requiredField("name", of: "bpf_prog_aux").size == 16)
    #expect(try btf.requiredField("slots", of: "xa_node").size == 64 * 8)
    #expect(try btf.requiredField("idr_rt.xa_head", of: "idr").offset == 8)
    let inProg = try btf.field("stats", of: "bpf_prog")
    let inAux = try btf.field("stats", of: "bpf_prog_aux")
    #expect((inProg == nil) != (inAux == nil))
  }

  /// bpftool prints an enumerator as its enum's flag says, signed or unsigned; so do we.
  @Test(arguments: RealKernels.files)
  func everyEnumeratorIsBpftools(path: String) throws {
    let image = try KernelFacts(path: path)
    let btf = try image.types()
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: file) }
    try Data(try #require(image.btf)).write(to: file)
    let bpftool = try ChildProcess.run(
      "/usr/sbin/bpftool", ["btf", "dump", "file", file.path, "format", "raw"])
    try #require(bpftool.status == 0, "\(bpftool.err)")

    var count = 0
    var id: BTF.TypeID?
    var expected: [String] = []
    func compare() throws {
      guard let id else { return }
      let own = try #require(try btf.enumerators(of: id)).map { "'\($0.name)' val=\($0.value)" }
      #expect(own == expected, "type \(id)")
      count += own.count
    }
    for line in bpftool.out.split(separator: "\n") {
      if line.first == "[" {
        try compare()
        let words = line.split(separator: " ", maxSplits: 2)
        let isEnum = words[1].hasPrefix("ENUM")
        id = isEnum ? UInt32(words[0].dropFirst().dropLast()).map { BTF.TypeID($0) } : nil
        expected = []
      } else if id != nil {
        // A value of 64 bits has C's suffix.
        expected.append(line.trimmingCharacters(in: CharacterSet(charactersIn: "\tUL")))
      }
    }
    try compare()
    #expect(count > 10_000)
  }
}
