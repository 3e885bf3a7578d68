import Foundation
import TestSupport
import Testing

/// The program itself: what its commands answer, alone and in one session.
@Suite final class ProgramTests: ProgramBench {
  @Test func everyCommandAnswersAndTheGuestRunsOn() throws {
    let list = try run("prog", "list", "-j")
    #expect((list.status, list.errors) == (0, ""))
    let rows = try #require(list.json as? [[String: Any]])
    #expect(rows.count == 2)
    #expect(rows[0]["name"] as? String == "lab")
    #expect(rows[0]["type"] as? String == "struct_ops")
    #expect(rows[0]["run_cnt"] as? Int == 100)
    #expect(rows[0]["loaded_at"] as? Int == 1_700_000_005)
    #expect(rows[0]["map_ids"] as? [Int] == [7])
    #expect(rows[1]["name"] as? String == "\u{1b}[31mevil")
    #expect(!list.output.contains("\u{1b}"))

    let stats = try run("prog", "stats")
    #expect(stats.errors == "")
    #expect(stats.output == "lab: cnt=100 nsecs=200 misses=3 ns/call=2.000 miss_rate=0.0291 id=3\n")
    let perCPU = try run("-j", "prog", "stats", "--per-cpu")
    #expect(
      perCPU.output == #"[{"name":"lab","cnt":100,"nsecs":200,"misses":3,"per_cpu":["#
        + #"{"cpu":0,"cnt":60,"nsecs":150,"misses":1},{"cpu":1,"cnt":40,"nsecs":50,"misses":2}]}]"#
        + "\n")
    let verifier = try run("prog", "verifier", "-j", "type", "all")
    #expect(
      verifier.output
        == #"[{"name":"lab","verified_insns":1234},{"name":"\u001b[31mevil","verified_insns":0}]"#
        + "\n")
    // What a list can be sorted by need not be shown.
    let sorted = try run("prog", "verifier", "-j", "type", "all", "--sort", "-id")
    #expect(
      sorted.output
        == #"[{"name":"\u001b[31mevil","verified_insns":0},{"name":"lab","verified_insns":1234}]"#
        + "\n")
    let screen = try run("prog", "list")
    #expect(screen.errors == "")
    #expect(!screen.output.contains("\u{1b}") && screen.output.contains("\u{fffd}[31mevil"))
    let info = try run("info", "-j")
    let facts = try #require(info.json as? [String: Any])
    #expect(facts["release"] as? String == "6.1.0-test")
    #expect(facts["run_state"] as? String == "running")
    #expect(facts["kernel_file"] as? String == kernel)
    for (key, count) in [("symbols", "count"), ("btf", "types")] {
      let source = try #require(facts[key] as? [String: Any])
      #expect(Set(source.keys) == [count, "source", "cached"])
      #expect(try #require(source[count] as? Int) > 0)
      #expect(source["source"] as? String == "vmlinux")
    }
    #expect(qemu.isRunning)
  }

  @Test func severalCommandsShareOneSession() throws {
    let one = try run("-e", "prog stats", "-e", "prog verifier -j")
    #expect(one.status == 0)
    #expect(one.output.hasSuffix("\n" + #"[{"name":"lab","verified_insns":1234}]"# + "\n"))
    let failing = try run("-e", "prog stats", "-e", "prog list id 77", "-e", "prog stats")
    #expect(failing.status == 1)
    #expect(failing.output.split(separator: "\n").count == 1)
    #expect(failing.errors.contains("no program with id 77") && failing.errors.contains("-e:2"))
    #expect(qemu.isRunning)
  }

  @Test func holdStopsTheGuestOnceForAllAndLetsItGo() throws {
    let held = try run(
      "--no-cache", "--hold", "-e", "prog stats", "-e", "report", "-e", "prog list")
    #expect(held.status == 0, "\(held.errors)")
    #expect(held.output.contains("guest: held, 2 CPUs\n"))
    // First contact and one hold: as for one command.
    let clients = qemu.clients.count
    #expect(try run("--no-cache", "--hold", "info").status == 0)
    #expect(qemu.clients.count == 2 * clients)
    #expect(qemu.isRunning)
  }

  @Test func aKernelWithoutBPFIsStillAKernel() throws {
    guest.symbols["prog_idr"] = nil
    let file = folder.path(of: "no-bpf")
    try Data(guest.imageFile()).write(to: URL(fileURLWithPath: file))
    for command in ["info", "report"] {
      let result = try run("-k", file, "-j", command, withKernel: false)
      #expect(result.status == 2)
      #expect(result.errors.contains("prog_idr"), "\(result.errors)")
      let facts = try #require(result.json as? [String: Any])
      let banner = facts["banner"] ?? (facts["kernel"] as? [String: Any])?["banner"]
      #expect(banner as? String == SyntheticGuest.banner)
      #expect(facts["cpus"] as? Int == 2)
    }
    let report = try run("-k", file, "report", withKernel: false)
    #expect(report.output.hasPrefix("kernel: \(SyntheticGuest.banner)\nguest: running, 2 CPUs\n"))
    #expect(try run("-k", file, "prog", "stats", withKernel: false).status == 1)
  }

  @Test func whetherTheGuestCountsMayNotBeKnown() throws {
    guest.symbols["bpf_stats_enabled_key"] = nil
    let file = folder.path(of: "no-key")
    try Data(guest.imageFile()).write(to: URL(fileURLWithPath: file))
    for command in ["info", "report"] {
      let result = try run("-k", file, "-j", command, withKernel: false)
      #expect((result.status, result.errors) == (0, ""))
      let facts = try #require(result.json as? [String: Any])
      #expect(facts["bpf_stats_enabled"] is NSNull)
    }
  }

  /// A machine with two clusters, of which QEMU's gdbserver shows the first.
  @Test func vCPUsThatQEMUDoesNotShowAreALineEach() throws {
    qemu.change { ($0.cpus, $0.clusterSize) = (4, 2) }
    let all = try run("regs")
    #expect(all.status == 2)
    let notes = all.errors.split(separator: "\n")
    #expect(notes.count == 2, "\(all.errors)")
    for (note, cpu) in zip(notes, 2...3) {
      #expect(note.hasPrefix("guestscope: vCPU \(cpu): QEMU's gdbserver does not give it"))
    }
    #expect(all.output.contains("CPU 1\n") && !all.output.contains("CPU 2"))
    let one = try run("regs", "2")
    #expect(one.status == 1 && one.output.isEmpty)
    #expect(one.errors.split(separator: "\n").count == 1)
    let info = try run("info")
    #expect(info.output.contains(/\ncpus +2 of 4 vCPUs\n/), "\(info.output)")
    let facts = try #require(try run("info", "-j").json as? [String: Any])
    #expect(facts["cpus"] as? Int == 4 && facts["cpus_readable"] as? Int == 2)
    #expect(try run("regs", "7").errors.contains("its vCPUs are 0, 1, 2, 3"))
  }

  @Test func statisticsTellEveryStop() throws {
    let alone = try run("--stats", "regs").errors
    #expect(try #require(alone.split(separator: "\n").last).contains(/stops=[1-9]/), "\(alone)")
    let held = try run("--stats", "--hold", "-e", "prog stats", "-e", "regs").errors
    for line in held.split(separator: "\n") { #expect(line.contains(/stops=[1-9]/), "\(held)") }
    let session = try run("--stats", "-e", "hold", "-e", "prog stats", "-e", "resume").errors
    for line in session.split(separator: "\n") { #expect(line.contains(/stops=[1-9]/)) }
  }

  @Test func aSourcedScriptRunsAsItsLineSays() throws {
    let script = folder.path(of: "script")
    try "prog list id 77\nprog verifier\n".write(toFile: script, atomically: false, encoding: .utf8)
    let answer = #"[{"name":"lab","verified_insns":1234}]"# + "\n"
    let source = "source \(script)"
    let error = #"{"error":"the guest has no program with id 77"}"# + "\n"
    #expect(try run("-j", "-e", source).output == error)
    for going in [
      ["-e", "--keep-going -j \(source)"], ["-j", "--keep-going", "-e", source],
      ["-e", "\(source) --keep-going --json"],
    ] {
      let result = try run(going)
      #expect(result.status == 1)
      #expect(result.output == error + answer)
    }
    for line in ["-c :1 \(source)", "--hold quit", "-k x history"] {
      let refused = try run("-e", line)
      #expect(refused.status == 64)
      #expect(refused.errors.contains("stands before the session's commands"))
    }
  }
}
