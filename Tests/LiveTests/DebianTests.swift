import Foundation
import Testing

extension LiveTests {
  /// What the guest with systemd has for the other suites to compare: scripts/test --debian runs
  /// those of their tests that compare with bpftool, and these.
  @Suite struct DebianTests {
    private static let guests = LiveGuest.all.filter(\.isDebian)

    private func names(_ guest: LiveGuest, _ kind: String) throws -> [String] {
      try guest.bpftool(kind).map { $0["name"] as? String ?? "" }
    }

    @Test(arguments: guests)
    func programsOfSystemdAndOfBpftraceAreThere(guest: LiveGuest) throws {
      let programs = try names(guest, "prog")
      // By the setting of a unit that makes systemd load them.
      let settings = [
        "IPAddressDeny": "sd_fw_egress", "DeviceAllow": "sd_devices",
        "RestrictFileSystems": "restrict_filesystems",
        "RestrictNetworkInterfaces": "sd_restrictif_i",
        "SocketBindDeny": "sd_bind4",
      ]
      for (setting, name) in settings {
        #expect(programs.contains { $0 == name }, "\(setting)")
      }
      for probe in ["BEGIN", "kprobe", "kretprobe", "fentry", "tracepoint", "uprobe", "profile"] {
        #expect(programs.contains { $0.hasPrefix(probe) }, "\(probe)")
      }
      let maps = try names(guest, "map")
      #expect(maps.contains("AT_pairs") && maps.contains("AT_stacks"))
    }

    /// Prints how much of each kind there is.
    @Test(arguments: guests)
    func everyMapProgramAndTypeIsCompared(guest: LiveGuest) throws {
      let maps = try guest.bpftool("map").compactMap { $0["id"] as? Int }
      let programs = try guest.bpftool("prog").compactMap { $0["id"] as? Int }
      let dumps = try guest.bpftoolDumps()
      #expect(Set(dumps.keys) == Set(maps.map(String.init)))
      let code = try BatchAnswer.all(guest, "xlated")
      #expect(code.compactMap { $0.words.dropFirst(4).first } == programs.map(String.init))
      let types = try BatchAnswer.all(guest, "btf-dump").compactMap { $0.words.last }
      let kernels = try guest.truth("types").map { "\($0["id"] ?? "")" }
      let objects = try guest.bpftool("btf").map { "\($0["id"] ?? "")" }
      #expect(Set(types + kernels) == Set(objects))
      let entries = dumps.values.map { ($0 as? [Any])?.count ?? 0 }.reduce(0, +)
      let instructions = code.map { ($0.output as? [Any])?.count ?? 0 }.reduce(0, +)
      let others = try ["link", "btf", "cgroup", "cgroup-effective", "perf"].map {
        "\(try guest.bpftool($0).count) \($0)"
      }
      print(
        "debian: \(programs.count) programs of \(instructions) instructions, "
          + "\(maps.count) maps of \(entries) entries; " + others.joined(separator: ", "))
    }
  }
}
