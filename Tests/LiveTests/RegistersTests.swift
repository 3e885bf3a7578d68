import Foundation
import Testing

extension LiveTests {
  /// Registers of every vCPU against what the guest says of its CPUs and tables.
  @Suite struct RegistersTests {
    @Test(arguments: LiveGuest.resting.filter { !$0.hasCrashed })
    func theRegistersOfEachCPUEqualTheGuestsWord(guest: LiveGuest) throws {
      let kernel = try #require(try guest.truth("kernel").first)
      let result = try Program(guest, ["regs", "-j"]).run()
      #expect(result.status == 0, "\(result.err)")
      let listed = try result.objects()
      #expect(listed.map { $0["cpu"] as? Int } == Array(0..<(try guest.cpuCount)))
      let offsets = kernel["per_cpu_offset"] as? [String]
      for (cpu, entry) in listed.enumerated() {
        let registers = try #require(entry["registers"] as? [String: String])
        let names =
          kernel["machine"] as? String == "x86_64"
          ? ["cr3", "cr4", "efer", "gs_base", "k_gs_base"]
          : ["TTBR1_EL1", "TCR_EL1", "TPIDR_EL1", "ID_AA64MMFR0_EL1", "ID_AA64MMFR2_EL1"]
        for name in names { #expect(registers[name] != nil, "\(name)") }
        // HCR_EL2.E2H: the kernel runs at EL2.
        let isHost =
          (registers["HCR_EL2"].flatMap { UInt64($0.dropFirst(2), radix: 16) } ?? 0) >> 34 & 1
        let level = isHost == 1 ? "_EL2" : "_EL1"
        // A kernel without data symbols knows its offsets, but does not say them.
        // CPUs that were never online are still in the firmware.
        if let offset = offsets?[cpu], cpu < kernel["cpus"] as? Int ?? 0 {
          let bases = ["gs_base", "k_gs_base", "TPIDR" + level].compactMap { registers[$0] }
          #expect(bases.contains(offset), "\(bases)")
        }
        if let vectors = (kernel["symbols"] as? [String: String])?["vectors"] {
          // A vCPU in user mode, with page-table isolation, has the trampoline's.
          let base = try #require(registers["VBAR" + level] ?? registers["VBAR"])
          let symbol = try Program(guest, ["sym", base, "-j"]).run().out
          #expect(base == vectors || symbol.contains("vectors"), "\(symbol)")
        }
      }
    }
  }
}
