import Foundation
import TestSupport
import Testing

extension LiveTests {
  /// Guests of which nothing is known but the port, in the states in which there is no kernel to find, or
  /// not yet, or another one than a moment ago.
  @Suite struct NoFileTests {
    private func ask(_ target: String, _ words: String...) throws -> ChildProcess.Outcome {
      try Program(["-c", target, "--no-cache"] + words).run()
    }

    /// What is said of a guest that has no kernel: a sentence, and with `-j` the same as JSON.
    private func expectReason(_ result: ChildProcess.Outcome) throws {
      #expect(result.status == 1)
      let lines = result.err.split(separator: "\n")
      let reason = try #require(lines.first)
      #expect(lines.count == 1 && reason.hasPrefix("guestscope: "), "\(result.err)")
      guard !result.out.isEmpty else { return }
      let answer = try #require(try result.json() as? [String: String])
      #expect(answer.keys.sorted() == ["error"] && reason.hasSuffix(answer["error"] ?? "-"))
    }

    // MARK: No Linux

    @Test func aGuestInItsFirmwareIsNamed() throws {
      let qemu = try PlainQEMU()
      let result = try ask(qemu.target, "prog", "list")
      try expectReason(result)
      #expect(result.err.contains("firmware or a boot loader"), "\(result.err)")
      #expect(try qemu.qmp.status == "running")
    }

    /// A boot sector that goes into 64-bit mode and loops there.
    private static let system: [UInt8] = [
      0xfa, 0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0,  // cli; ds = es = 0
      // Zeros for the tables: rep stosb from 0x1000 on, 0x3000 bytes.
      0xbf, 0x00, 0x10, 0xb9, 0x00, 0x30, 0xfc, 0xf3, 0xaa,
      0xc7, 0x06, 0x00, 0x10, 0x03, 0x20,  // movw $0x2003, 0x1000: PML4[0]
      0xc7, 0x06, 0x00, 0x20, 0x03, 0x30,  // movw $0x3003, 0x2000: PDPT[0]
      0xc7, 0x06, 0x00, 0x30, 0x83, 0x00,  // movw $0x0083, 0x3000: PD[0], a page of 2 MiB
      0x0f, 0x01, 0x16, 0x70, 0x7c,  // lgdt 0x7c70
      0x66, 0xb8, 0x20, 0x00, 0x00, 0x00, 0x0f, 0x22, 0xe0,  // cr4 = PAE
      0x66, 0xb8, 0x00, 0x10, 0x00, 0x00, 0x0f, 0x22, 0xd8,  // cr3 = 0x1000
      0x66, 0xb9, 0x80, 0x00, 0x00, 0xc0, 0x0f, 0x32,  // rdmsr EFER
      0x66, 0x0d, 0x00, 0x01, 0x00, 0x00, 0x0f, 0x30,  // LME; wrmsr
      0x66, 0xb8, 0x01, 0x00, 0x00, 0x80, 0x0f, 0x22, 0xc0,  // cr0 = PG | PE
      0xea, 0x57, 0x7c, 0x08, 0x00,  // ljmp 8:0x7c57
      0xeb, 0xfe, 0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00,  // jmp .
      // The GDT: nothing, and code of 64 bits; its size and place.
      0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
      0x00, 0x00, 0x00, 0x00, 0x00, 0x9a, 0x20, 0x00,
      0x0f, 0x00, 0x60, 0x7c, 0x00, 0x00,
    ]

    @Test func aSystemThatIsNoLinuxIsRefused() throws {
      let sector = Self.system + [UInt8](repeating: 0, count: 510 - Self.system.count)
      let rest = [UInt8](repeating: 0, count: 1 << 20)
      try withFile(Data(sector + [0x55, 0xaa] + rest)) { disk in
        let qemu = try PlainQEMU(["-drive", "file=\(disk),format=raw"])
        var rip = ""
        for _ in 0..<600 where rip != "0x7c57" {
          let registers = try ask(qemu.target, "regs", "0", "-j").objects()
          rip = (registers.first?["registers"] as? [String: String])?["rip"] ?? ""
          usleep(50_000)
        }
        #expect(rip == "0x7c57")
        let result = try ask(qemu.target, "prog", "list")
        try expectReason(result)
        #expect(result.err.contains("a boot loader runs"), "\(result.err)")
        #expect(try qemu.qmp.status == "running")
      }
    }

    // MARK: Boots

    /// What distinguishes one program from another, in each answer.
    private func programs(_ result: ChildProcess.Outcome) throws -> Set<[String]> {
      Set(
        try result.objects().map { program in
          ["id", "type", "name", "tag"].map { "\(program[$0] ?? "")" }
        })
    }

    /// Asks until a boot has come to its end.
    ///
    /// - Parameter start: when it began, in seconds; no program can have been loaded before.
    /// - Returns: what programs were listed on the way, and the reasons why none were.
    private func askWhileItBoots(
      _ guest: BootingGuest, _ boot: Int, since start: Int
    ) throws -> (answers: [Set<[String]>], reasons: Set<String>) {
      var (answers, reasons): ([Set<[String]>], Set<String>) = ([], [])
      while guest.readyCount < boot {
        try guest.requireLife()
        let result = try ask(guest.target, "prog", "list", "-j")
        switch result.status {
        case 0, 2:
          answers.append(try programs(result))
          if let load = try firstLoad(result) { #expect(load >= start) }
        case 1:
          try expectReason(result)
          reasons.insert(result.err)
        default: Issue.record("exit status \(result.status): \(result.err)")
        }
      }
      return (answers, reasons)
    }

    /// When the program was loaded that was loaded first, in seconds of CLOCK_REALTIME.
    private func firstLoad(_ result: ChildProcess.Outcome) throws -> Int? {
      try result.objects().compactMap { $0["loaded_at"] as? Int }.min()
    }

    /// Before, while and after a guest boots, and once more after a reset, which leaves all memory of the
    /// boot before as it was.
    @Test(.timeLimit(.minutes(5)), arguments: ["x86-6.1", "arm64-6.12"])
    func noAnswerIsOfAnotherBootThanTheGuests(name: String) throws {
      let guest = try BootingGuest(
        name, append: "gs.objects=0", arguments: ["-action", "reboot=reset"])
      var start = now
      for boot in 1...2 {
        let (answers, reasons) = try askWhileItBoots(guest, boot, since: start)
        let truth = try Program([
          "-c", guest.target, "-k", LiveGuest(name).kernel, "prog", "list", "-j",
        ]).run()
        let found = try ask(guest.target, "prog", "list", "-j")
        #expect(found.status == 0, "\(found.err)")
        #expect(try programs(found) == programs(truth) && !(try programs(found)).isEmpty)
        // The loader of the guest takes nothing away that it has loaded, but for what it tries out.
        let all = try programs(found)
        let gone = answers.flatMap { $0.subtracting(all) }
        let tried = ["write_record", "libbpf_nametest", ""]
        #expect(gone.allSatisfy { tried.contains($0[2]) }, "\(gone)")
        #expect(!reasons.isEmpty, "it was never too early")
        #expect(try #require(try firstLoad(found)) >= start)
        guard boot == 1 else { continue }
        // So that no program of the first boot is as young as this.
        sleep(2)
        start = now
        try guest.qmp.execute("system_reset")
      }
    }

    /// In seconds, as the guest's clock shows it; that one may be slow by a second.
    private var now: Int { Int(Date().timeIntervalSince1970) - 1 }

    /// What people come for: the guest stands still, and says what it had loaded.
    @Test(.timeLimit(.minutes(4)))
    func aGuestThatPanickedIsAnswered() throws {
      let guest = try BootingGuest(
        "x86-6.1", append: "unknown_nmi_panic gs.objects=0", hasModules: true,
        arguments: ["-device", "pvpanic-pci", "-action", "panic=pause"])
      try guest.waitUntilReady()
      let before = try ask(guest.target, "prog", "list", "-j")
      #expect(before.status == 0, "\(before.err)")
      try guest.qmp.execute("inject-nmi")
      for _ in 0..<300 where try guest.qmp.status != "guest-panicked" { usleep(100_000) }
      #expect(try guest.qmp.status == "guest-panicked")
      let after = try ask(guest.target, "prog", "list", "-j")
      #expect(after.status == 0, "\(after.err)")
      #expect(try programs(after) == programs(before) && !(try programs(after)).isEmpty)
      let info = try ask(guest.target, "info", "-j")
      let facts = try #require(try info.json() as? [String: Any])
      #expect(facts["panic_cpu"] is Int, "\(info.out)")
      try expectReason(of: guest, facts)
      #expect(try guest.qmp.status == "guest-panicked")
    }

    /// The report says in its first lines why the kernel panicked. Its console does not: from an NMI
    /// nothing is printed there before the panic has stopped the guest.
    private func expectReason(of guest: BootingGuest, _ facts: [String: Any]) throws {
      let panic = try #require(facts["panic"] as? String)
      #expect(panic.hasPrefix("Kernel panic - not syncing: NMI"))
      let report = try ask(guest.target, "report")
      #expect(report.status == 0, "\(report.err)")
      let head = report.out.split(separator: "\n").prefix(4)
      #expect(head.contains { $0.hasPrefix("panic: \(panic)") })
      let document = try #require(try ask(guest.target, "report", "-j").json() as? [String: Any])
      #expect(document["panic"] as? String == panic)
      let log = try #require(document["log"] as? [[String: Any]])
      #expect(log.contains { $0["text"] as? String == panic && $0["level"] as? Int == 0 })
    }
  }
}
