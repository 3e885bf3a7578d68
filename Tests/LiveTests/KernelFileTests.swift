import Foundation
import GuestScopeGDBStub
import TestSupport
import Testing

extension LiveTests {
  /// A kernel's file without a guest says what it says with the guest that runs it.
  @Suite(
    .timeLimit(.minutes(5)),
    .enabled(if: StubTarget.qemuDefault.isOpen == false, "something listens on port 1234"))
  struct KernelFileTests {
    private func alone(_ guest: LiveGuest, _ words: [String]) throws -> ChildProcess.Outcome {
      try Program(["-k", guest.kernel] + words).run()
    }

    @Test(arguments: LiveGuest.resting)
    func typesAreThoseOfTheGuest(guest: LiveGuest) throws {
      for words in [
        ["type", "task_struct"], ["-j", "type", "bpf_*"], ["-j", "btf", "dump", "kernel"],
      ] {
        let file = try alone(guest, words)
        #expect((file.status, file.err) == (0, ""))
        #expect(try file.out == Program(guest, words).run().out, "\(words)")
      }
    }

    /// The kernel's types have the id 1 after they were used; before 5.11 they have none.
    @Test(arguments: LiveGuest.withBpftool)
    func theKernelsTypesNeedNoID(guest: LiveGuest) throws {
      let list = try guest.bpftool("btf")
      let id = list.first { $0["name"] as? String == "vmlinux" }?["id"] as? Int
      #expect(id != nil || guest.label == "x86-5.10")
      let words = id.map { ["id", "\($0)"] } ?? ["kernel"]
      let ofGuest = try Program(guest, ["-j", "btf", "dump"] + words).run()
      #expect(ofGuest.status == 0)
      #expect(try alone(guest, ["-j", "btf", "dump", "kernel"]).out == ofGuest.out)
      #expect(try alone(guest, ["-j", "btf", "dump", "file", guest.kernel]).out == ofGuest.out)
    }

    /// KASLR has moved all of them alike.
    @Test(arguments: LiveGuest.resting)
    func addressesAreThoseThatKASLRMoves(guest: LiveGuest) throws {
      func addresses(_ result: ChildProcess.Outcome) throws -> [String: UInt64] {
        let rows = try result.objects().compactMap { row in
          (row["symbol"] as? String).flatMap { name in
            UInt64(hex: row["address"] as Any).map { (name, $0) }
          }
        }
        return Dictionary(rows, uniquingKeysWith: { first, _ in first })
      }
      let symbols = "bpf_*"
      let file = try addresses(try alone(guest, ["-j", "sym", symbols]))
      let live = try addresses(try Program(guest, ["-j", "sym", symbols]).run())
      try #require(file.count > 5)
      let info = try Program(guest, ["-j", "info"]).run().json() as? [String: Any]
      let offset = try #require(UInt64(hex: info?["kaslr_offset"] as Any))
      for (name, address) in file where address >> 63 == 1 {
        #expect(live[name] == address &+ offset, "\(name)")
      }
    }
  }
}
